import { mirroredFormats, type PackageFormat, type PackageTier, packageTiers } from './schemas.ts';

/** The repository that desktops of a tier install from. */
export const tierRepository = (tier: PackageTier): string => `tier-${tier}`;

/** The repository that fetches packages of a format for a tier from the public registry. */
export const sourceRepository = (format: PackageFormat, tier: PackageTier): string => `${format}-${tier}`;

export const isMirrored = (format: PackageFormat): boolean => (mirroredFormats as readonly string[]).includes(format);

/** Registries treat some spellings as the same name: https://packaging.python.org/en/latest/specifications/name-normalization/ */
export const normaliseName = (format: PackageFormat, name: string): string =>
  format === 'pypi' ? name.toLowerCase().replace(/[-_.]+/g, '-') : name;

/**
 * The package group that holds this package alone:
 * https://docs.aws.amazon.com/codeartifact/latest/ug/package-group-definition-syntax-matching-behavior.html
 */
export function packagePattern(format: PackageFormat, name: string): string {
  const [, scope, scoped] = /^@([^/]+)\/(.+)$/.exec(name) ?? /^([^:]+):(.+)$/.exec(name) ?? [];
  return scope ? `/${format}/${scope}/${scoped}$` : `/${format}//${name}$`;
}

/** The repositories that may fetch a package: those of the tiers that have approved it, and of the tiers without a list. */
export const listSources = (
  format: PackageFormat,
  approvedTiers: readonly PackageTier[],
  openTiers: readonly PackageTier[],
): string[] =>
  packageTiers.flatMap(tier =>
    approvedTiers.includes(tier) || openTiers.includes(tier) ? [sourceRepository(format, tier)] : [],
  );
