import { PutObjectCommand } from '@aws-sdk/client-s3';
import * as z from 'zod';
import { eventHandler } from '../handler.ts';
import { s3 } from '../storage/s3.ts';
import { deliveryOutcomes } from './events.ts';
import { receiptPrefix } from './sftp.ts';
import { readDelivery } from './store.ts';

export const env = z.object({ TABLE_NAME: z.string(), LANDING_BUCKET: z.string() });
// Larger than 450 KB: the clients of S3 and DynamoDB.
const { TABLE_NAME, LANDING_BUCKET } = env.parse(process.env);

/**
 * Writes the receipt of a delivery to the folder in which its partner reads it by SFTP. The receipt holds what the API shows
 * the partner. Events arrive in any order, so this writes the newest state, and writes again if it changed meanwhile.
 */
export const handler = eventHandler(deliveryOutcomes, async ({ partner, delivery: id }) => {
  for (let receiptRevision: number | undefined; ; ) {
    const delivery = await readDelivery(TABLE_NAME, partner, id);
    if (!delivery || delivery.revision === receiptRevision) return;
    const { revision, ...receipt } = delivery;
    await s3.send(
      new PutObjectCommand({
        Bucket: LANDING_BUCKET,
        Key: `${receiptPrefix(partner)}${delivery.dataset}-${id}.json`,
        Body: JSON.stringify(receipt, null, 2),
        ContentType: 'application/json',
        ChecksumAlgorithm: 'SHA256',
      }),
    );
    receiptRevision = revision;
  }
});
