import type { Delivery } from './schemas.ts';

/** The fields that a delivery has in every status. */
export const deliveryIdentity = ({ id, dataset, partner, partnerName, openedAt }: Delivery) => ({
  id,
  dataset,
  partner,
  partnerName,
  openedAt,
});
