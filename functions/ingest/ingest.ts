import type { Finding } from '../identifiers.ts';
import { Refused } from '../refused.ts';
import {
  type CheckingDelivery,
  type DatasetVersion,
  type Delivery,
  DeliveryId,
  type HeldDelivery,
  ManifestName,
  PartnerId,
  type RegisteredDelivery,
} from './schemas.ts';

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
