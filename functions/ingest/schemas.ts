import * as z from 'zod';
import { Finding, Sha256 } from '../identifiers.ts';
import { proofKinds } from '../storage/proof-kinds.ts';

export const DatasetId = z
  .string()
  .regex(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/, 'lower-case letters, digits and single hyphens, starting with a letter')
  .min(3)
  .max(40);
/** Eleven hexadecimal digits of the opening time and five random ones, so that ids sort by age. */
export const DeliveryId = z.string().regex(/^dl-[0-9a-f]{16}$/, 'an id such as dl-0011223344556677');
/** A person's id in the user pool. It is checked strictly because it becomes part of keys and policies. */
export const PartnerId = z.string().regex(/^[A-Za-z0-9-]{1,128}$/);

/** The manifests, one of which is uploaded last and completes a delivery: of sha256sum, or of a bag. */
export const manifestNames = ['SHA256SUMS', 'manifest-sha256.txt'] as const;
export const ManifestName = z.enum(manifestNames);
export type ManifestName = z.infer<typeof ManifestName>;

/** The check of one upload of the manifest. The execution has the same name, so that it runs only once. */
export const CheckId = z.string().regex(/^dl-[0-9a-f]{16}-[0-9a-f]{32}$/);

const common = {
  id: DeliveryId,
  dataset: DatasetId,
  partner: PartnerId,
  partnerName: z.string(),
  openedAt: z.iso.datetime(),
};

/** Who accepted a delivery, and when. */
const Accepted = z.object({ by: z.string(), byName: z.string(), at: z.iso.datetime() });
/** Who accepted files without a result of the malware scan, and why: those of this version of the manifest. */
const Unscanned = Accepted.extend({ reason: z.string(), manifestVersion: z.string() });
const Open = z.object({ status: z.literal('open'), ...common });
const Checking = z.object({
  status: z.literal('checking'),
  ...common,
  manifest: ManifestName,
  check: CheckId,
  checkingSince: z.iso.datetime(),
  accepted: Accepted.optional(),
  unscanned: Unscanned.optional(),
});
/** How the SHA-256 of each file of a version is known, by its path. */
export const FileProofs = z.record(z.string(), z.enum(proofKinds));
export type FileProofs = z.infer<typeof FileProofs>;
/** How many files of a version are proven in which way. */
export const ProofCounts = z.partialRecord(z.enum(proofKinds), z.number().int());
export type ProofCounts = z.infer<typeof ProofCounts>;
/** A finding that says only what nothing could scan or read says so: a data steward may accept it. */
export const DeliveryFinding = Finding.extend({ unscanned: z.literal(true).optional() });
export type DeliveryFinding = z.infer<typeof DeliveryFinding>;
/** Direct identifiers in a column of a file: how many of which kind, never which. */
export const IdentifierCount = z.object({ column: z.string(), kind: z.string(), count: z.number().int() });
export type IdentifierCount = z.infer<typeof IdentifierCount>;
export const FileIdentifiers = z.array(z.object({ path: z.string(), identifiers: z.array(IdentifierCount) }));
export type FileIdentifiers = z.infer<typeof FileIdentifiers>;

/** What arrived, for the decision of a data steward: how it differs from the newest version of the dataset, if there is one. */
export const Arrival = z.object({
  version: Sha256,
  files: z.number().int(),
  bytes: z.number().int(),
  changes: z.object({ added: z.number().int(), changed: z.number().int(), removed: z.number().int() }).optional(),
  /** Columns with direct identifiers, of the first files that have any. */
  identifiers: FileIdentifiers.optional(),
});
export type Arrival = z.infer<typeof Arrival>;
const Held = z.object({
  status: z.literal('held'),
  ...common,
  check: CheckId,
  /** The first findings; `found` is the number of all. */
  findings: z.array(DeliveryFinding),
  found: z.number().int(),
  heldAt: z.iso.datetime(),
  /** Nothing was found but that the malware scan gave no result: the upload that a data steward may accept. */
  unscanned: z.object({ manifest: ManifestName, manifestVersion: z.string().min(1) }).optional(),
});
const Registered = z.object({
  status: z.literal('registered'),
  ...common,
  check: CheckId,
  version: Sha256,
  /** SHA-256 of the uploaded manifest. */
  digest: Sha256,
  files: z.number().int(),
  bytes: z.number().int(),
  /** The earlier delivery of the same files, if any; then this one added only its receipt. */
  sameAs: DeliveryId.optional(),
  registeredAt: z.iso.datetime(),
  accepted: Accepted.optional(),
  unscanned: Unscanned.optional(),
  identifiers: FileIdentifiers.optional(),
  /** How the SHA-256 of its files is known. A version from before that has none. */
  proofs: ProofCounts.optional(),
  /** Why a manifest that was uploaded after the receipt changed nothing. */
  ignored: z.object({ reason: z.string(), at: z.iso.datetime() }).optional(),
});
const AwaitingApproval = z.object({
  status: z.literal('awaitingApproval'),
  ...common,
  manifest: ManifestName,
  check: CheckId,
  checkingSince: z.iso.datetime(),
  arrival: Arrival,
  unscanned: Unscanned.optional(),
  awaitingSince: z.iso.datetime(),
  /** When it expires if nobody decides. */
  endsAt: z.iso.datetime(),
});
const Rejected = z.object({
  status: z.literal('rejected'),
  ...common,
  rejectedBy: z.string(),
  rejectedByName: z.string(),
  reason: z.string(),
  rejectedAt: z.iso.datetime(),
});
const Expired = z.object({ status: z.literal('expired'), ...common, expiredAt: z.iso.datetime() });
const Cancelled = z.object({ status: z.literal('cancelled'), ...common, cancelledAt: z.iso.datetime() });
export type HeldDelivery = z.infer<typeof Held>;

/**
 * open → checking → held, or awaitingApproval → registered, rejected or expired. A held delivery is checked again when its
 * manifest is uploaded again. With automatic acceptance, a correct delivery is registered at once. Its partner can cancel it
 * while it is open, held or awaits approval.
 */
export const Delivery = z.discriminatedUnion('status', [
  Open,
  Checking,
  Held,
  AwaitingApproval,
  Registered,
  Rejected,
  Expired,
  Cancelled,
]);
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
  /** The SHA-256 of the data contract that its tables were checked against. */
  contract: Sha256.optional(),
});
export type DatasetVersion = z.infer<typeof DatasetVersion>;

/** The prefix of a version in the lake, where nothing is ever changed. */
export const lakePrefix = (dataset: string, version: string): string => `datasets/${dataset}/${version}/`;

/** A version in a request: its name, the first characters of it (six or more), or `latest`. */
export const VersionChoice = z
  .string()
  .regex(/^(latest|[0-9a-f]{6,64})$/, '`latest`, or the first 6 to 64 characters of a version');

/** One file of a version. */
export const DatasetFile = z.object({ path: z.string(), sha256: Sha256 });
export type DatasetFile = z.infer<typeof DatasetFile>;

/** The columns of a table, of which at most 200 are named, and how many rows follow its header. */
export const TableShape = z.object({
  columns: z.array(z.string()),
  columnCount: z.number().int(),
  rows: z.number().int(),
});
export type TableShape = z.infer<typeof TableShape>;

/** The tables of a version by path. Files that are no tables are not in it. */
export const TableShapes = z.record(z.string(), TableShape);
export type TableShapes = z.infer<typeof TableShapes>;

/** One difference between two versions; for a table with its shape in each. */
export const FileChange = z.object({
  path: z.string(),
  change: z.enum(['added', 'changed', 'removed']),
  before: TableShape.optional(),
  after: TableShape.optional(),
});
export type FileChange = z.infer<typeof FileChange>;

/** What staff see of a delivery in lists. `found` is the number of findings of a held delivery. */
export const DeliverySummary = z.object({
  id: DeliveryId,
  dataset: DatasetId,
  partner: PartnerId,
  partnerName: z.string(),
  status: z.enum(['open', 'checking', 'held', 'awaitingApproval', 'registered', 'rejected', 'expired', 'cancelled']),
  found: z.number().int().optional(),
  openedAt: z.iso.datetime(),
});
export type DeliverySummary = z.infer<typeof DeliverySummary>;
