import type { Contract, OutgoingEvent } from '../contract.ts';
import { outgoingEvent } from '../contract.ts';
import type { Decision } from '../decision.ts';
import { Refused } from '../refused.ts';
import type { ImageApproved } from './events.ts';
import type { FindingPolicy } from './policy.ts';
import { countAgeDays, type Image, type ImageSummary, type ImageVersion, type ImageVersionIn } from './schemas.ts';

export interface ImagePerson {
  readonly id: string;
  readonly name: string;
}
/** The rules of the organisation that decisions about images follow. */
export interface ImageRules {
  readonly policy: FindingPolicy;
  /** The names of the people who change recipes. They approve no image. */
  readonly authors: readonly string[];
  /** The age in days after which the platform builds an image again. */
  readonly buildDays: number;
}

export type ImageDecision = Decision<Image>;

type ImageFact = typeof ImageApproved extends Contract<infer Fact> ? Fact : never;

/** How the row of an image names a version: `linux-desktop 3`. */
export const versionTitle = ({ image }: Pick<Image, 'image'>, version: number): string => `${image} ${version}`;

export function findVersion(image: Image, number: number): ImageVersion {
  const version = image.versions.find(candidate => candidate.version === number);
  if (version) return version;
  throw new Refused(
    'missing',
    `There is no version ${number} of ${image.image}. See them with broch image show ${image.image}.`,
  );
}

/** What a version keeps in every state. */
export const plainVersion = ({ version, startedBy, startedAt, recipe, attempt, attemptedAt }: ImageVersion) => ({
  version,
  startedBy,
  startedAt,
  recipe,
  attempt,
  attemptedAt,
});

const statusTexts: Readonly<Record<ImageVersion['status'], string>> = {
  building: 'is being built',
  testing: 'is being tested',
  scanning: 'is being scanned',
  awaitingApproval: 'awaits approval',
  approved: 'is approved and not published',
  published: 'is published',
  deprecated: 'is deprecated',
  retired: 'is retired',
  rejected: 'was rejected',
  failed: 'failed',
};

/** The version, which must have one of these states. */
export function requireStatus<S extends ImageVersion['status']>(
  image: Image,
  number: number,
  ...states: readonly S[]
): ImageVersionIn<S> {
  const version = findVersion(image, number);
  if ((states as readonly string[]).includes(version.status)) return version as ImageVersionIn<S>;
  throw new Refused(
    'conflict',
    `${versionTitle(image, number)} ${statusTexts[version.status]}. This needs a version that ${states.map(state => statusTexts[state]).join(' or ')}.`,
  );
}

export const publishedWith = (
  image: Image,
  reach: ImageVersionIn<'published'>['reach'],
): ImageVersionIn<'published'>[] =>
  image.versions.filter(
    (version): version is ImageVersionIn<'published'> => version.status === 'published' && version.reach === reach,
  );

const replaceVersions = (image: Image, ...versions: readonly ImageVersion[]): Image => ({
  ...image,
  versions: image.versions.map(version => versions.find(next => next.version === version.version) ?? version),
});

/** The decision that replaces versions and publishes one event about the first. */
export const decideVersions = (
  image: Image,
  versions: readonly [ImageVersion, ...ImageVersion[]],
  reason: string,
  fact?: { readonly contract: Contract<ImageFact>; readonly detail: Omit<ImageFact, 'image' | 'version'> },
): ImageDecision => {
  const [{ version, ...first }] = versions;
  const ami = 'build' in first ? first.build?.ami : undefined;
  const events: OutgoingEvent[] = fact
    ? [outgoingEvent(fact.contract, { image: image.image, version, ...(ami && { ami }), ...fact.detail })]
    : [];
  return { state: replaceVersions(image, ...versions), events, reason };
};

/** A version as the API shows it, with its age. */
export const withAge = (version: ImageVersion, now: string): ImageVersion =>
  'build' in version && version.build ? { ...version, ageDays: countAgeDays(version.build, now) } : version;

/** What owners of desktops need to know about an image: how old it is and what comes next. */
export function summariseImage(image: Image, now: string): ImageSummary {
  const [current] = publishedWith(image, 'everyone');
  const [canary] = publishedWith(image, 'canary');
  const describe = ({ version, build, publishedAt }: ImageVersionIn<'published'>) => ({
    version,
    ami: build.ami,
    publishedAt,
    ageDays: countAgeDays(build, now),
  });
  const pending = image.versions.filter(
    ({ version, status }) =>
      version > (current?.version ?? 0) && !['failed', 'rejected', 'retired', 'deprecated'].includes(status),
  );
  return {
    image: image.image,
    ...(current && { current: describe(current) }),
    ...(canary && { canary: { ...describe(canary), project: canary.project } }),
    pending: pending.map(({ version }) => version),
    ...(image.check && { check: image.check }),
  };
}

/** Separation of duties: neither who started the build nor who changes recipes approves it. */
export function requireIndependent(
  image: Image,
  version: ImageVersion,
  person: ImagePerson,
  authors: readonly string[],
): void {
  const title = versionTitle(image, version.version);
  if (version.startedBy.id === person.id)
    throw new Refused('forbidden', `You started the build of ${title}, so somebody else must approve it.`);
  if (authors.includes(person.name))
    throw new Refused(
      'forbidden',
      `You are an author of recipes (images.authors), so somebody else must approve ${title}.`,
    );
}
