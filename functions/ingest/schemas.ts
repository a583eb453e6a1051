import * as z from 'zod';
import { Finding, Sha256 } from '../identifiers.ts';

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
export type HeldDelivery = z.infer<typeof Held>;

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
