import * as z from 'zod';
import { Finding, Sha256 } from '../identifiers.ts';
import { Refused } from '../refused.ts';

export const DatasetId = z
  .string()
  .regex(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/, 'lower-case letters, digits and single hyphens, starting with a letter')
  .min(3)
  .max(40);
/** Eleven hexadecimal digits of the time it was opened and five of chance, so that ids sort by age. */
export const DeliveryId = z.string().regex(/^dl-[0-9a-f]{16}$/);
/** A person's id as the user pool gives it; it becomes a part of keys and of policies, so nothing else may pass. */
export const PartnerId = z.string().regex(/^[A-Za-z0-9-]{1,128}$/);

/** The files that complete a delivery: they are uploaded last. A list as sha256sum writes it, or the one of a bag. */
export const manifestNames = ['SHA256SUMS', 'manifest-sha256.txt'] as const;
export const ManifestName = z.enum(manifestNames);
export type ManifestName = z.infer<typeof ManifestName>;

/** One check of one upload of the manifest. Its name is also the execution's, so that it can run only once. */
export const CheckId = z.string().regex(/^dl-[0-9a-f]{16}-[0-9a-f]{32}$/);

const common = {
  id: DeliveryId,
  dataset: DatasetId,
  partner: PartnerId,
  partnerName: z.string(),
  openedAt: z.iso.datetime(),
};

const Open = z.object({ status: z.literal('open'), ...common });
const Checking = z.object({
  status: z.literal('checking'),
  ...common,
  manifest: ManifestName,
  check: CheckId,
  checkingSince: z.iso.datetime(),
});
const Held = z.object({
  status: z.literal('held'),
  ...common,
  check: CheckId,
  /** The first of them; `found` counts them all. */
  findings: z.array(Finding),
  found: z.number().int(),
  heldAt: z.iso.datetime(),
});
const Registered = z.object({
  status: z.literal('registered'),
  ...common,
  check: CheckId,
  version: Sha256,
  /** SHA-256 of the manifest as it was uploaded. */
  digest: Sha256,
  files: z.number().int(),
  bytes: z.number().int(),
  /** The delivery that brought the same files before; this one then added nothing but its receipt. */
  sameAs: DeliveryId.optional(),
  registeredAt: z.iso.datetime(),
  /** Why a manifest that came after the receipt changed nothing. */
  ignored: z.object({ reason: z.string(), at: z.iso.datetime() }).optional(),
});
export type CheckingDelivery = z.infer<typeof Checking>;
export type HeldDelivery = z.infer<typeof Held>;
export type RegisteredDelivery = z.infer<typeof Registered>;

/** open → checking → registered or held. Held is not final: another upload of the manifest starts another check. */
export const Delivery = z.discriminatedUnion('status', [Open, Checking, Held, Registered]);
export type Delivery = z.infer<typeof Delivery>;

/** One immutable version of a dataset. `version` is the SHA-256 of its sorted manifest. */
export const DatasetVersion = z.object({
  dataset: DatasetId,
  version: Sha256,
  files: z.number().int(),
  bytes: z.number().int(),
  delivery: DeliveryId,
  partnerName: z.string(),
  prefix: z.string(),
  registeredAt: z.iso.datetime(),
});
export type DatasetVersion = z.infer<typeof DatasetVersion>;

const identity = ({ id, dataset, partner, partnerName, openedAt }: Delivery) => ({
  id,
  dataset,
  partner,
  partnerName,
  openedAt,
});

/** The id of a delivery opened at `now`; `chance` is a whole number below 2^20. */
export const createDeliveryId = (now: string, chance: number): string =>
  `dl-${Date.parse(now).toString(16).padStart(11, '0')}${chance.toString(16).padStart(5, '0')}`;

/** Where a delivery's files land; its partner's credentials reach nothing else. */
export const landingPrefix = (partner: string, delivery: string): string =>
  `in/${PartnerId.parse(partner)}/${DeliveryId.parse(delivery)}/`;

/** Where a version lives in the lake; nothing there is ever changed. */
export const lakePrefix = (dataset: string, version: string): string => `datasets/${dataset}/${version}/`;

const landed = /^in\/([A-Za-z0-9-]{1,128})\/(dl-[0-9a-f]{16})\/(SHA256SUMS|manifest-sha256\.txt)$/;

/** The delivery that an uploaded object completes; undefined where it is data, such as a manifest in a folder. */
export function parseManifestKey(
  key: string,
): { partner: string; delivery: string; manifest: ManifestName } | undefined {
  const [, partner, delivery, manifest] = landed.exec(key) ?? [];
  return partner && delivery && manifest ? { partner, delivery, manifest: ManifestName.parse(manifest) } : undefined;
}

/** Where the partner may still upload. */
export function refuseUnlessUploadable(delivery: Delivery): void {
  if (delivery.status === 'registered')
    throw new Refused(
      'conflict',
      `Delivery ${delivery.id} is registered and takes no more files. Open a new delivery for what comes next.`,
    );
}

/** A check begins. A check under way gives way to it: the caller knows that its manifest is the newer one. */
export const beginCheck = (
  delivery: Exclude<Delivery, RegisteredDelivery>,
  { manifest, check }: { manifest: ManifestName; check: string },
  now: string,
): CheckingDelivery => ({
  ...identity(delivery),
  status: 'checking',
  manifest,
  check,
  // A repeated step continues its own work.
  checkingSince: delivery.status === 'checking' && delivery.check === check ? delivery.checkingSince : now,
});

/** A manifest came after the receipt: nothing, where it is the same one, or a note that it changed nothing. */
export function noteIgnoredManifest(
  delivery: RegisteredDelivery,
  digest: string | undefined,
  now: string,
): RegisteredDelivery | undefined {
  if (delivery.digest === digest) return undefined;
  return {
    ...delivery,
    ignored: {
      at: now,
      reason:
        'Another manifest was uploaded after this delivery was registered, and was ignored: a version never changes. Open a new delivery for the new files.',
    },
  };
}

/** How many findings a delivery itself tells, and how long a path may be in them: a table row has 400 KB at most. */
const told = { findings: 200, path: 300 };

/** A finding on the whole delivery when the fault is ours and not the partner's. */
export const internalFaultFinding: Finding = {
  path: '',
  reason:
    'Something failed on our side during the check. Your files are safe. Upload the manifest again to start a new check; if this repeats, tell your operator the delivery id.',
};

/**
 * A check ends in findings. Undefined where it has no say any more: a newer check is under way or ended, or the delivery
 * is registered. A check that failed before it began reports too, if the delivery was open then.
 */
export function holdDelivery(
  delivery: Delivery,
  { check, since, findings }: { check: string; since: string; findings: readonly Finding[] },
  now: string,
): HeldDelivery | undefined {
  if (delivery.status === 'registered') return undefined;
  if (delivery.status === 'held' && delivery.check === check) return delivery;
  if (delivery.status === 'checking' && delivery.check !== check) return undefined;
  if (delivery.status === 'held' && delivery.heldAt > since) return undefined;
  return {
    ...identity(delivery),
    status: 'held',
    check,
    findings: findings
      .slice(0, told.findings)
      .map(({ path, reason }) => ({ path: path.slice(0, told.path), reason: reason.slice(0, 2 * told.path) })),
    found: findings.length,
    heldAt: now,
  };
}

/** A check ends well. Undefined where it has no say any more. */
export function registerDelivery(
  delivery: Delivery,
  { check, digest, version }: { check: string; digest: string; version: DatasetVersion },
  now: string,
): RegisteredDelivery | undefined {
  if (delivery.status === 'registered' && delivery.check === check) return delivery;
  if (delivery.status !== 'checking' || delivery.check !== check) return undefined;
  return {
    ...identity(delivery),
    status: 'registered',
    check,
    digest,
    version: version.version,
    files: version.files,
    bytes: version.bytes,
    ...(version.delivery !== delivery.id && { sameAs: version.delivery }),
    registeredAt: now,
  };
}

/** The catalogue shows the version registered last; of two at once, the same one whoever writes last. */
export const isNewerVersion = (head: DatasetVersion | undefined, version: DatasetVersion): boolean =>
  head === undefined || `${head.registeredAt} ${head.version}` < `${version.registeredAt} ${version.version}`;
