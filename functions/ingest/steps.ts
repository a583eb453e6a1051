import * as z from 'zod';
import { CheckId, DeliveryId, ManifestName, PartnerId } from './ingest.ts';

/** What an execution is about; every step gets it. */
export const DeliveryCheck = z.object({
  partner: PartnerId,
  delivery: DeliveryId,
  manifest: ManifestName,
  /** The uploaded manifest's object version. */
  manifestVersion: z.string().min(1),
  check: CheckId,
});
export type DeliveryCheck = z.infer<typeof DeliveryCheck>;

/** Where the steps of a check leave texts for each other. */
export const checkFolder = ({ delivery, check }: { delivery: string; check: string }): string => `${delivery}/${check}`;

/** How many objects a Lambda handles at once: enough to hide S3's latency, fewer than its sockets. */
export const COPY_PARALLELISM = 32;

/** CopyObject takes up to 5 GiB; beyond it, parts of 1 GiB are copied. Verify hashes the same parts. */
export const copyLimits = { whole: 5 * 1024 ** 3, part: 1024 ** 3 } as const;
