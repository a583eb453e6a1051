import * as z from 'zod';
import { PlainText } from '../plain-text.ts';
import { DatasetId, PartnerId } from './schemas.ts';

/** A dataset, or the beginning of its name followed by `*`. */
const DatasetPattern = z
  .string()
  .max(40)
  .regex(/^([a-z][a-z0-9-]*)?\*?$/, 'the name of a dataset, or its beginning and `*`')
  .min(1);

/** What a data partner has agreed to deliver, from where and how often. Without it nobody delivers. */
export const PartnerTerms = z.object({
  organisation: PlainText.min(1).max(200).describe('the organisation that delivers'),
  contact: PlainText.min(1).max(200).describe('who answers questions about deliveries, and how'),
  agreement: PlainText.min(1).max(200).describe('the reference of the data sharing agreement'),
  startsAt: z.iso.datetime().describe('the beginning of the agreement'),
  endsAt: z.iso.datetime().describe('the end of the agreement; later deliveries are refused'),
  datasets: z
    .array(DatasetPattern)
    .min(1)
    .max(50)
    .describe('the datasets that it covers; `visits-*` covers all that begin with visits-'),
  everyDays: z.number().int().min(1).max(3650).optional().describe('days between two deliveries of a dataset'),
  graceDays: z.number().int().min(0).max(365).default(2).describe('days of delay after which a delivery is overdue'),
  networks: z
    .array(z.union([z.cidrv4(), z.cidrv6()]))
    .max(20)
    .default([])
    .describe('the networks that it delivers from, such as 192.0.2.0/24; all if none is given'),
  acceptance: z
    .enum(['steward', 'automatic'])
    .default('steward')
    .describe('whether a data steward accepts each delivery, or one without findings is accepted at once'),
});
export type PartnerTerms = z.infer<typeof PartnerTerms>;

/** A public key that a partner signs in with by SFTP, without its comment. */
export const SshKey = z.object({ key: z.string(), fingerprint: z.string(), comment: z.string().optional() });
export type SshKey = z.infer<typeof SshKey>;

/** All keys of a partner: the list replaces the one before. */
export const PartnerKeys = z.object({
  keys: z
    .array(z.string().min(1).max(2048))
    .max(10)
    .default([])
    .describe('all public keys of the partner, as OpenSSH writes them; without a key the partner cannot sign in'),
});

/** A dataset whose delivery did not come in time. */
const OverdueDataset = z.object({ dataset: DatasetId, dueAt: z.iso.datetime() });
export type OverdueDataset = z.infer<typeof OverdueDataset>;

export const PartnerRecord = z.object({
  name: z.string(),
  partner: PartnerId,
  ...PartnerTerms.shape,
  changedBy: z.string(),
  changedAt: z.iso.datetime(),
  /** As the last daily check found them. */
  overdue: z.array(OverdueDataset).default([]),
  /** The keys with which the partner signs in by SFTP. */
  keys: z.array(SshKey).default([]),
});
export type PartnerRecord = z.infer<typeof PartnerRecord>;
