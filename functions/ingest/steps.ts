import * as z from 'zod';
import { CheckId, DeliveryId, ManifestName, PartnerId } from './schemas.ts';

/** The subject of an execution, which every step receives. */
export const DeliveryCheck = z.object({
  partner: PartnerId,
  delivery: DeliveryId,
  manifest: ManifestName,
  /** The object version of the uploaded manifest. */
  manifestVersion: z.string().min(1),
  check: CheckId,
});
export type DeliveryCheck = z.infer<typeof DeliveryCheck>;

/** The prefix for texts that the steps of a check exchange. */
export const deliveryCheckFolder = ({ delivery, check }: { delivery: string; check: string }): string =>
  `${delivery}/${check}`;

/** The last part of a key is the SHA-256 of what is stored there (functions/storage/scratch-store.ts). */
export const digestOfKey = (key: string): string => key.slice(key.lastIndexOf('/') + 1);
