import * as z from 'zod';
import { Tier } from '../../disclosure/policy.ts';
import { Sha256 } from '../identifiers.ts';
import { rowKey } from '../keys.ts';
import { ProjectId } from '../projects/schemas.ts';
import { Refused } from '../refused.ts';

/** The images that Broch builds: the folders of amis/ that hold a recipe. */
export const ImageName = z.enum([
  'batch-gpu',
  'enclave-parent',
  'gateway',
  'linux-desktop',
  'linux-gpu',
  'linux-notebook',
  'windows-desktop',
]);
export type ImageName = z.infer<typeof ImageName>;

/** The parameter that holds the id of an image's current version. */
export const imageParameter = (image: ImageName): string => `/broch/images/${image}/current`;

export const AmiId = z.string().regex(/^ami-[0-9a-f]{8,17}$/);
const Person = z.object({ id: z.string().min(1), name: z.string().min(1) });
const Instant = z.iso.datetime();
export const VersionNumber = z.number().int().min(1).max(99_999);

/** Identifies a run of the workflow; it is passed from step to step. */
export const ImageRun = z.object({ image: ImageName, version: VersionNumber, attempt: z.number().int().min(1) });
export type ImageRun = z.infer<typeof ImageRun>;

export const FindingSeverity = z.enum(['critical', 'high', 'medium', 'low']);
export type FindingSeverity = z.infer<typeof FindingSeverity>;

/** A known vulnerability of a package of an image, as the scanner reports it. */
export const ImageFinding = z.object({
  id: z.string().max(100),
  severity: FindingSeverity,
  package: z.string().max(300),
  /** When the vulnerability became known. */
  since: Instant,
});
export type ImageFinding = z.infer<typeof ImageFinding>;

/** The id of the finding that malware was not searched for everywhere. It can be accepted only with a reason. */
export const UNSCANNED = 'malware.unscanned';

export const explainGap = (reason: string, start: string): ImageFinding => ({
  id: UNSCANNED,
  severity: 'high',
  package: reason.slice(0, 300),
  since: start,
});

/** The outcome of a scan: how many findings there are, the digest of them all, and those that the policy judges. */
export const ScanResult = z.object({
  digest: Sha256,
  scannedAt: Instant,
  counts: z.record(FindingSeverity, z.number().int()),
  findings: z.array(ImageFinding),
});
export type ScanResult = z.infer<typeof ScanResult>;

/** A measurement of an enclave: SHA-384. Zero is what an enclave in debug mode has, so it measures nothing. */
export const Measurement = z
  .string()
  .regex(/^[0-9a-f]{96}$/)
  .refine(hex => /[1-9a-f]/.test(hex), 'a measurement that is not zero');
/** The measurements of the loader's image, which both parties of a run agree on. */
export const LoaderMeasurements = z.strictObject({ pcr0: Measurement, pcr1: Measurement, pcr2: Measurement });
export type LoaderMeasurements = z.infer<typeof LoaderMeasurements>;

/** What a build made. `bill` is the SHA-256 of the bill of materials. */
export const ImageBuild = z.object({
  ami: AmiId,
  base: z.string(),
  bill: Sha256,
  builtAt: Instant,
  /** Of the enclave's image in it, if it has one. Whoever approves the version approves them. */
  measurements: LoaderMeasurements.optional(),
});
export type ImageBuild = z.infer<typeof ImageBuild>;

const Approval = z.object({
  by: Person,
  at: Instant,
  digest: Sha256,
  /** Why the person accepts what GuardDuty did not scan. */
  reason: z.string().optional(),
});

const DAY = 86_400_000;
/** Whole days since an image was built. */
export const countAgeDays = ({ builtAt: start }: Pick<ImageBuild, 'builtAt'>, now: string): number =>
  Math.floor((Date.parse(now) - Date.parse(start)) / DAY);

const startFields = {
  version: VersionNumber,
  /** Whole days since it was built. Only the API answers it, and it is not stored. */
  ageDays: z.number().int().optional(),
  startedBy: Person,
  startedAt: Instant,
  /** The digest of the recipe's files. */
  recipe: Sha256,
  /** The number of the workflow run. A later run tests a version that exists again. */
  attempt: z.number().int().min(1),
  attemptedAt: Instant,
};
const buildFields = { ...startFields, build: ImageBuild };
const scanFields = { ...buildFields, scan: ScanResult, digest: Sha256 };
const approvalFields = { ...scanFields, approval: Approval };

const Building = z.object({ status: z.literal('building'), ...startFields });
const Testing = z.object({ status: z.literal('testing'), ...buildFields });
const Scanning = z.object({ status: z.literal('scanning'), ...buildFields });
const AwaitingApproval = z.object({ status: z.literal('awaitingApproval'), ...scanFields });
const Approved = z.object({ status: z.literal('approved'), ...approvalFields });
const Published = z.object({
  status: z.literal('published'),
  ...approvalFields,
  /** Who starts from it: one project, everyone, or only projects that pinned it because a later version replaced it. */
  reach: z.enum(['canary', 'everyone', 'former']),
  /** The project of a canary. */
  project: ProjectId.optional(),
  publishedAt: Instant,
});
const Deprecated = z.object({ status: z.literal('deprecated'), ...approvalFields, deprecatedAt: Instant });
const Retired = z.object({ status: z.literal('retired'), ...buildFields, retiredAt: Instant });
const Rejected = z.object({
  status: z.literal('rejected'),
  ...scanFields,
  reason: z.string(),
  /** Left out if the policy rejected it. */
  rejectedBy: Person.optional(),
  rejectedAt: Instant,
});
const Failed = z.object({
  status: z.literal('failed'),
  ...startFields,
  build: ImageBuild.optional(),
  reason: z.string(),
  failedAt: Instant,
});
const settledSchemas = [AwaitingApproval, Approved, Published, Deprecated, Retired, Rejected] as const;

/** A version of an image as the API returns it. */
export const ImageVersionView = z.discriminatedUnion('status', [
  Building,
  Testing,
  Scanning,
  ...settledSchemas,
  Failed,
]);

/** An approval that a repeated test confirms or makes void. */
const earlierApproval = { approval: Approval.optional() };
const waitingTask = { token: z.string().optional() };
/** A version as stored, with the token of the workflow that waits for its build, which the API must not return. */
export const ImageVersion = z.discriminatedUnion('status', [
  Building.extend(waitingTask),
  // Kept after the build, because the first try to wake the workflow may fail.
  Testing.extend({ ...earlierApproval, ...waitingTask }),
  Scanning.extend(earlierApproval),
  ...settledSchemas,
  Failed.extend(waitingTask),
]);
export type ImageVersion = z.infer<typeof ImageVersion>;
export type ImageVersionIn<S extends ImageVersion['status']> = Extract<ImageVersion, { status: S }>;

/** A project keeps a version until a date. */
const ImagePin = z.object({
  project: ProjectId,
  version: VersionNumber,
  until: Instant,
  by: Person,
  at: Instant,
  reason: z.string(),
});

/** What the last daily look found: why the image should be built again. */
const ImageCheck = z.object({ at: Instant, causes: z.array(z.string()) });

/** An image with all its versions, oldest first: one row, so that every rule holds in one write. */
export const Image = z.object({
  image: ImageName,
  versions: z.array(ImageVersion),
  pins: z.array(ImagePin),
  check: ImageCheck.optional(),
  /** The call of a person that changed it last. */
  mark: z.string().optional(),
});
export type Image = z.infer<typeof Image>;

export const ImageView = Image.omit({ mark: true }).extend({ versions: z.array(ImageVersionView) });

const PublishedVersion = z.object({
  version: VersionNumber,
  ami: AmiId,
  publishedAt: Instant,
  /** Whole days since it was built. */
  ageDays: z.number().int(),
});

/** An image in a list. */
export const ImageSummary = z.object({
  image: ImageName,
  current: PublishedVersion.optional(),
  canary: PublishedVersion.extend({ project: ProjectId.optional() }).optional(),
  /** Versions that are newer than the current one and neither failed nor rejected. */
  pending: z.array(VersionNumber),
  /** Why the image should be built again, as of the last daily look. */
  check: ImageCheck.optional(),
});
export type ImageSummary = z.infer<typeof ImageSummary>;

/** The tier of a project's packages. Without a row it is the strictest. */
export const ProjectTier = z.object({
  project: ProjectId,
  tier: Tier,
  by: Person.optional(),
  at: Instant.optional(),
});
export type ProjectTier = z.infer<typeof ProjectTier>;

/** Also read by what wakes projects: a project without a tier needs no way to the mirror of packages. */
export const projectTierKey = (project: string) => rowKey('packages', '', `TIER#${project}`);

/** All images are rows of their own partitions. */
export const imageKey = (image: ImageName) => rowKey('image', image);

/** The version that a project's machine starts from: the one that it pinned, its canary, or the one that everyone has. */
export function findPublished(
  image: Image | undefined,
  project: string,
  now: string,
): ImageVersionIn<'published'> | undefined {
  const versions = (image?.versions ?? []).filter(version => version.status === 'published');
  const pin = image?.pins.find(
    candidate => candidate.project === project && Date.parse(candidate.until) > Date.parse(now),
  );
  if (pin) return versions.find(({ version }) => version === pin.version);
  const canary = versions.find(version => version.reach === 'canary' && version.project === project);
  return canary ?? versions.find(({ reach }) => reach === 'everyone');
}

/** As findPublished. All others are refused: unapproved, replaced, deprecated and foreign images. */
export function selectVersion(
  name: ImageName,
  image: Image | undefined,
  project: string,
  now: string,
): ImageVersionIn<'published'> {
  const selection = findPublished(image, project, now);
  if (selection) return selection;
  throw new Refused(
    'conflict',
    `No version of the image ${name} is published. Ask your operator to publish one: broch image list.`,
  );
}
