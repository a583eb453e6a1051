import {
  type ListedPackage,
  type MirroredFormat,
  mirroredFormats,
  type PackageFormat,
  type PackageTier,
  packageTiers,
} from './schemas.ts';

/** The other partitions have no CodeArtifact. */
export const hasPackageMirror = (region: string): boolean => !/^(cn|us-gov|us-iso[a-z]?|eu-isoe)-/.test(region);

/** The repository that desktops of a tier install from. */
export const tierRepository = (tier: PackageTier): string => `tier-${tier}`;

/** The repository that fetches packages of a format for a tier from the public registry. */
export const sourceRepository = (format: PackageFormat, tier: PackageTier): string => `${format}-${tier}`;

export const isMirrored = (format: PackageFormat): format is MirroredFormat =>
  (mirroredFormats as readonly string[]).includes(format);

/** Registries treat some spellings as the same name: https://packaging.python.org/en/latest/specifications/name-normalization/ */
export const normaliseName = (format: PackageFormat, name: string): string =>
  format === 'pypi' ? name.toLowerCase().replace(/[-_.]+/g, '-') : name;

/** A package as CodeArtifact names it. The namespace is npm's scope or Maven's group. */
export interface MirroredPackage {
  readonly format: MirroredFormat;
  readonly namespace?: string;
  readonly package: string;
}

export function toMirrored(format: MirroredFormat, name: string): MirroredPackage {
  const [, namespace, part = ''] = /^@([^/]+)\/(.+)$/.exec(name) ?? /^([^:]+):(.+)$/.exec(name) ?? [];
  return namespace ? { format, namespace, package: part } : { format, package: normaliseName(format, name) };
}

/**
 * The package group that holds this package alone:
 * https://docs.aws.amazon.com/codeartifact/latest/ug/package-group-definition-syntax-matching-behavior.html
 */
export const packagePattern = ({ format, namespace = '', package: name }: MirroredPackage): string =>
  `/${format}/${namespace}/${name}$`;

/**
 * The tiers whose desktops may install a package: those that have approved it, and those without a list that have not taken
 * it back.
 */
export const listTiers = (
  statuses: ReadonlyMap<PackageTier, ListedPackage['status']>,
  openTiers: readonly PackageTier[],
): PackageTier[] =>
  packageTiers.filter(tier => {
    const status = statuses.get(tier);
    return status === 'approved' || (openTiers.includes(tier) && status !== 'revoked');
  });
