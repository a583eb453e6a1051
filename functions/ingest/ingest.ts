import * as z from 'zod';

export const DatasetId = z
  .string()
  .regex(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/, 'lower-case letters, digits and single hyphens, starting with a letter')
  .min(3)
  .max(40);
export const DeliveryId = z.string().regex(/^dl-[0-9a-f]{16}$/);

/** Why one file, or (path empty) the whole delivery, could not be taken. */
export const Finding = z.object({ path: z.string(), reason: z.string() });
export type Finding = z.infer<typeof Finding>;

const common = {
  id: DeliveryId,
  dataset: DatasetId,
  partner: z.string(),
  partnerName: z.string(),
  openedAt: z.iso.datetime(),
};

export const Delivery = z.discriminatedUnion('status', [
  z.object({ status: z.literal('open'), ...common }),
  z.object({ status: z.literal('checking'), ...common, manifest: z.string(), checkingSince: z.iso.datetime() }),
  z.object({
    status: z.literal('held'),
    ...common,
    findings: z.array(Finding),
    found: z.number().int(),
    heldAt: z.iso.datetime(),
  }),
  z.object({
    status: z.literal('registered'),
    ...common,
    version: z.string(),
    files: z.number().int(),
    bytes: z.number().int(),
    registeredAt: z.iso.datetime(),
  }),
]);
export type Delivery = z.infer<typeof Delivery>;

/** One immutable version of a dataset. `version` is the SHA-256 of its sorted manifest. */
export const DatasetVersion = z.object({
  dataset: DatasetId,
  version: z.string().regex(/^[0-9a-f]{64}$/),
  files: z.number().int(),
  bytes: z.number().int(),
  delivery: DeliveryId,
  partnerName: z.string(),
  prefix: z.string(),
  registeredAt: z.iso.datetime(),
});
export type DatasetVersion = z.infer<typeof DatasetVersion>;
