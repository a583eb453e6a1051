import { outgoingEvent } from '../contract.ts';
import { type Decision, ignoreStaleStep, keepState } from '../decision.ts';
import { Refused } from '../refused.ts';
import { type AcceptanceCommand, decideAcceptance } from './acceptance.ts';
import { deliveryIdentity } from './delivery-identity.ts';
import { DatasetRegistered, DeliveryCancelled, DeliveryHeld, DeliveryReceived, DeliveryRejected } from './events.ts';
import {
  type DatasetVersion,
  type Delivery,
  type DeliveryFinding,
  DeliveryId,
  type DeliverySummary,
  type FileIdentifiers,
  type HeldDelivery,
  ManifestName,
  PartnerId,
  type ProofCounts,
} from './schemas.ts';

/** What lists for staff show of a delivery. */
export const summariseDelivery = (delivery: Delivery): DeliverySummary => ({
  ...deliveryIdentity(delivery),
  status: delivery.status,
  ...(delivery.status === 'held' && { found: delivery.found }),
});

/** The id of a delivery opened at `now`; `chance` is a whole number below 2^20. */
export const createDeliveryId = (now: string, chance: number): string =>
  `dl-${Date.parse(now).toString(16).padStart(11, '0')}${chance.toString(16).padStart(5, '0')}`;

/** The prefix of a delivery in the landing bucket; the credentials for it reach nothing else. */
export const landingPrefix = (partner: string, delivery: string): string =>
  `in/${PartnerId.parse(partner)}/${DeliveryId.parse(delivery)}/`;

const landingKeyPattern = /^in\/([A-Za-z0-9-]{1,128})\/(dl-[0-9a-f]{16})\/(SHA256SUMS|manifest-sha256\.txt)$/;

/** The delivery that an uploaded manifest completes; undefined for other objects, such as a manifest in a subfolder. */
export function parseManifestKey(
  key: string,
): { partner: string; delivery: string; manifest: ManifestName } | undefined {
  const [, partner, delivery, manifest] = landingKeyPattern.exec(key) ?? [];
  return partner && delivery && manifest ? { partner, delivery, manifest: ManifestName.parse(manifest) } : undefined;
}

/** Why a partner cannot deliver to a dataset that another partner delivers. */
export const foreignDataset = (dataset: string): string =>
  `The dataset ${dataset} belongs to another partner. Deliver to a dataset with another name, or ask your data steward.`;

/** Why nothing can be delivered to a withdrawn dataset. */
export const withdrawnDataset = (dataset: string, time: string): string =>
  `The dataset ${dataset} was withdrawn at ${time}, and nothing can be delivered to it. Ask your data steward.`;

/** Refuses uploads to a delivery that is closed or awaits approval. */
export function refuseUnlessUploadable(delivery: Delivery): void {
  if (delivery.status === 'cancelled')
    throw new Refused('conflict', `Delivery ${delivery.id} was cancelled. Open a new delivery.`);
  if (delivery.status === 'rejected' || delivery.status === 'expired')
    throw new Refused('conflict', `Delivery ${delivery.id} is ${delivery.status}. Open a new delivery.`);
  if (delivery.status === 'awaitingApproval')
    throw new Refused(
      'conflict',
      `Delivery ${delivery.id} awaits the decision of a data steward. Cancel it to deliver other files.`,
    );
  if (delivery.status === 'registered')
    throw new Refused(
      'conflict',
      `Delivery ${delivery.id} is registered and accepts no more files. Open a new delivery.`,
    );
}

/** What the steps of a check report, and what its partner may do. */
export type DeliveryCommand =
  | { do: 'beginCheck'; manifest: ManifestName; check: string }
  | { do: 'noteManifest'; digest: string | undefined }
  | {
      do: 'recordFindings';
      check: string;
      since: string;
      findings: readonly DeliveryFinding[];
      upload?: { manifest: ManifestName; manifestVersion: string };
    }
  | {
      do: 'recordVersion';
      check: string;
      digest: string;
      version: DatasetVersion;
      identifiers?: FileIdentifiers;
      proofs?: ProofCounts;
    }
  /** The dataset of the delivery is withdrawn. */
  | { do: 'refuseWithdrawn'; check: string; reason: string }
  | AcceptanceCommand
  | { do: 'cancel' };
type CommandOf<Name extends DeliveryCommand['do']> = Extract<DeliveryCommand, { do: Name }>;
type DeliveryDecision = Decision<Delivery>;

/** Decides the next state of a delivery. Steps of a check that a newer one replaced are ignored. */
export function decideDelivery(delivery: Delivery, command: DeliveryCommand, now: string): DeliveryDecision {
  switch (command.do) {
    case 'beginCheck':
      return beginCheck(delivery, command, now);
    case 'noteManifest':
      return noteManifest(delivery, command, now);
    case 'recordFindings':
      return recordFindings(delivery, command, now);
    case 'recordVersion':
      return recordVersion(delivery, command, now);
    case 'refuseWithdrawn':
      return refuseWithdrawn(delivery, command, now);
    case 'cancel':
      return cancelDelivery(delivery, now);
    default:
      return decideAcceptance(delivery, command, now);
  }
}

/** Whether nothing can happen to the delivery any more. */
const isClosed = ({ status }: Delivery): boolean =>
  status === 'registered' || status === 'cancelled' || status === 'rejected' || status === 'expired';

/** Cancels a delivery whose files are not wanted. They stay in the landing bucket until they expire there. */
function cancelDelivery(delivery: Delivery, now: string): DeliveryDecision {
  if (delivery.status === 'cancelled') return keepState(delivery, 'it is cancelled');
  if (delivery.status === 'registered')
    throw new Refused('conflict', `Delivery ${delivery.id} is registered, and a version cannot be taken back.`);
  if (delivery.status === 'rejected' || delivery.status === 'expired')
    throw new Refused('conflict', `Delivery ${delivery.id} is ${delivery.status} already.`);
  if (delivery.status === 'checking')
    throw new Refused('conflict', `Delivery ${delivery.id} is being checked. Wait for the result, then cancel it.`);
  const { id, dataset, partner, partnerName } = delivery;
  return {
    state: { ...deliveryIdentity(delivery), status: 'cancelled', cancelledAt: now },
    events: [outgoingEvent(DeliveryCancelled, { delivery: id, dataset, partner, partnerName, at: now })],
    reason: 'its partner cancelled it',
  };
}

/** Starts a check. It replaces a check in progress, because its manifest is newer. */
function beginCheck(delivery: Delivery, { manifest, check }: CommandOf<'beginCheck'>, now: string): DeliveryDecision {
  if (isClosed(delivery) || delivery.status === 'awaitingApproval') return ignoreStaleStep(delivery);
  const repetition = delivery.status === 'checking' && delivery.check === check ? delivery : undefined;
  return {
    state: {
      ...deliveryIdentity(delivery),
      status: 'checking',
      manifest,
      check,
      // A repeated step continues its own work.
      checkingSince: repetition?.checkingSince ?? now,
      ...(repetition?.unscanned && { unscanned: repetition.unscanned }),
    },
    events: [],
    reason: 'a manifest was uploaded',
  };
}

/** A manifest was uploaded after the receipt. The same manifest changes nothing; another is noted. */
function noteManifest(delivery: Delivery, { digest }: CommandOf<'noteManifest'>, now: string): DeliveryDecision {
  if (delivery.status !== 'registered') return ignoreStaleStep(delivery);
  if (delivery.digest === digest) return keepState(delivery, 'the same manifest was uploaded again');
  return {
    state: {
      ...delivery,
      ignored: {
        at: now,
        reason:
          'A manifest that was uploaded after the registration was ignored, because a version never changes. Open a new delivery for the new files.',
      },
    },
    events: [],
    reason: 'another manifest was uploaded after the delivery was registered',
  };
}

/** The number of findings in a delivery's row, and the length of their paths: a row has at most 400 KB. */
const FINDING_LIMITS = { findings: 200, path: 300 };

/**
 * Holds the delivery with the findings of a check. Ignored if a newer check has started or ended, or if the delivery is
 * registered. A check that failed before it started is also recorded if the delivery was open.
 */
function recordFindings(
  delivery: Delivery,
  { check, since: startedAt, findings, upload }: CommandOf<'recordFindings'>,
  now: string,
): DeliveryDecision {
  if (isClosed(delivery)) return ignoreStaleStep(delivery);
  if (delivery.status === 'held' && delivery.check === check) return keepState(delivery, 'the findings are on record');
  if ((delivery.status === 'checking' || delivery.status === 'awaitingApproval') && delivery.check !== check)
    return ignoreStaleStep(delivery);
  if (delivery.status === 'held' && delivery.heldAt > startedAt) return ignoreStaleStep(delivery);
  const heldDelivery: HeldDelivery = {
    ...deliveryIdentity(delivery),
    status: 'held',
    check,
    findings: findings.slice(0, FINDING_LIMITS.findings).map(({ path, reason, unscanned }) => ({
      path: path.slice(0, FINDING_LIMITS.path),
      reason: reason.slice(0, 2 * FINDING_LIMITS.path),
      ...(unscanned && { unscanned }),
    })),
    found: findings.length,
    heldAt: now,
    ...(upload && findings.every(({ unscanned }) => unscanned) && { unscanned: upload }),
  };
  const { id, dataset, partner, partnerName, found: findingCount } = heldDelivery;
  const subject = { delivery: id, dataset, partner, partnerName };
  return {
    state: heldDelivery,
    events: [
      outgoingEvent(DeliveryHeld, {
        ...subject,
        findings: heldDelivery.findings.slice(0, 20),
        found: findingCount,
        at: now,
      }),
    ],
    reason: 'the check found something',
  };
}

/** Registers the delivery as a version of its dataset. */
function recordVersion(
  delivery: Delivery,
  { check, digest, version: datasetVersion, identifiers = [], proofs }: CommandOf<'recordVersion'>,
  now: string,
): DeliveryDecision {
  if (delivery.status === 'registered' && delivery.check === check)
    return keepState(delivery, 'the version is on record');
  if (delivery.status !== 'checking' || delivery.check !== check) return ignoreStaleStep(delivery);
  const { id, dataset, partner, partnerName } = delivery;
  const { version, files, bytes, prefix, registeredAt } = datasetVersion;
  const first = datasetVersion.delivery === id;
  return {
    state: {
      ...deliveryIdentity(delivery),
      status: 'registered',
      check,
      digest,
      version,
      files,
      bytes,
      ...(!first && { sameAs: datasetVersion.delivery }),
      registeredAt: now,
      ...(delivery.accepted && { accepted: delivery.accepted }),
      ...(delivery.unscanned && { unscanned: delivery.unscanned }),
      ...(identifiers.length > 0 && { identifiers }),
      ...(proofs && { proofs }),
    },
    events: [
      ...(first
        ? [outgoingEvent(DatasetRegistered, { dataset, version, files, bytes, delivery: id, prefix, at: registeredAt })]
        : []),
      outgoingEvent(DeliveryReceived, {
        delivery: id,
        dataset,
        partner,
        partnerName,
        version,
        files,
        bytes,
        first,
        at: now,
      }),
    ],
    reason: 'every file is in the lake',
  };
}

/** Ends a delivery whose dataset was withdrawn after its check began. Nothing of it can become a version any more. */
function refuseWithdrawn(
  delivery: Delivery,
  { check, reason }: CommandOf<'refuseWithdrawn'>,
  now: string,
): DeliveryDecision {
  if (delivery.status === 'registered' && delivery.check === check)
    return keepState(delivery, 'it was registered before the withdrawal');
  if (delivery.status !== 'checking' || delivery.check !== check) return ignoreStaleStep(delivery);
  const { id, dataset, partner, partnerName } = delivery;
  const decision = { by: 'broch', byName: 'Broch', reason, at: now };
  return {
    state: {
      ...deliveryIdentity(delivery),
      status: 'rejected',
      rejectedBy: decision.by,
      rejectedByName: decision.byName,
      reason,
      rejectedAt: now,
    },
    events: [outgoingEvent(DeliveryRejected, { delivery: id, dataset, partner, partnerName, ...decision })],
    reason: 'its dataset was withdrawn',
  };
}

/** The catalogue shows the version registered last; a tie is decided by the id, so that the order of writes has no effect. */
export const isNewerVersion = (head: DatasetVersion | undefined, version: DatasetVersion): boolean =>
  head === undefined || `${head.registeredAt} ${head.version}` < `${version.registeredAt} ${version.version}`;
