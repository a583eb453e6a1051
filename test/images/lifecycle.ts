import { sha256 } from '../../functions/hash.ts';
import { decideImage, emptyImage, type ImageCommand } from '../../functions/images/images.ts';
import { FindingPolicy } from '../../functions/images/policy.ts';
import type { Image, ImageFinding, ImageVersion, ImageVersionIn } from '../../functions/images/schemas.ts';
import { findVersion, type ImageRules } from '../../functions/images/versions.ts';

export const noon = '2026-11-28T12:00:00.000Z';
export const daysAfterNoon = (days: number): string => new Date(Date.parse(noon) + days * 86_400_000).toISOString();

export const operatorOlga = { id: 'sub-olga', name: 'olga' };
export const stella = { id: 'sub-stella', name: 'stella' };
/** Changes recipes. */
export const arno = { id: 'sub-arno', name: 'arno' };
export const imageRules: ImageRules = { policy: FindingPolicy.parse({}), authors: ['arno'], buildDays: 30 };

export const findingOf = (id: string, severity: ImageFinding['severity'], days = 0): ImageFinding => ({
  id,
  severity,
  package: 'openssl',
  since: daysAfterNoon(-days),
});

/** Applies commands one after the other. */
export const follow = (image: Image, commands: readonly ImageCommand[], now = noon, rules = imageRules): Image =>
  commands.reduce((state, command) => decideImage(state, command, rules, now).state, image);

const amiOf = (version: number) => `ami-${version.toString(16).padStart(8, '0')}`;
export const buildOf = (version: number) => ({
  ami: amiOf(version),
  base: 'ami-0debian',
  bill: sha256(`bill ${version}`),
  builtAt: noon,
});

export const buildImage = { do: 'build', by: operatorOlga, recipe: sha256('recipe') } as const;
/** The steps of a run up to its findings. */
export const runOf = (version: number, findings: readonly ImageFinding[] = [], attempt = 1): ImageCommand[] => [
  ...(attempt === 1 ? [{ do: 'recordBuild', version, attempt, build: buildOf(version) } as const] : []),
  { do: 'recordSmokeTests', version, attempt },
  { do: 'recordFindings', version, attempt, findings },
];

const digestOf = (version: ImageVersion): string => ('digest' in version ? version.digest : '');
export const approveVersion = (image: Image, version: number, person = stella) =>
  ({ do: 'approve', by: person, version, digest: digestOf(findVersion(image, version)) }) as const;

/** An image with `count` approved versions. */
export function withApproved(count: number, image = emptyImage('linux-desktop')): Image {
  if (count === 0) return image;
  const version = image.versions.length + 1;
  const candidate = follow(image, [buildImage, ...runOf(version)]);
  return withApproved(count - 1, follow(candidate, [approveVersion(candidate, version)]));
}

export const publishVersion = (version: number, project?: string) =>
  ({ do: 'publish', by: operatorOlga, version, ...(project && { project }) }) as const;
/** To one project, then to everyone. */
export const publishWidely = (version: number) => [publishVersion(version, 'asthma'), publishVersion(version)];

export const currentOf = ({ versions }: Image): ImageVersionIn<'published'>[] =>
  versions.filter(
    (version): version is ImageVersionIn<'published'> => version.status === 'published' && version.reach === 'everyone',
  );
