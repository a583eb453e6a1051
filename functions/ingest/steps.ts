import * as z from 'zod';
import { CheckId, DeliveryId, ManifestName, PartnerId } from './schemas.ts';

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
export const deliveryCheckFolder = ({ delivery, check }: { delivery: string; check: string }): string =>
  `${delivery}/${check}`;
