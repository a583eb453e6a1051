import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { publishEvent } from '../events.ts';
import { stepHandler } from '../handler.ts';
import { Sha256 } from '../identifiers.ts';
import { putObjectOnce } from '../storage/object-copy.ts';
import { getScratch } from '../storage/scratch-store.ts';
import { DatasetRegistered, DeliveryReceived } from './events.ts';
import { lakePrefix, registerDelivery } from './ingest.ts';
import { DeliveryCheck } from './steps.ts';
import { createDatasetVersion, readDelivery, replaceDelivery } from './store.ts';

export const env = z.object({
  TABLE_NAME: z.string(),
  LAKE_BUCKET: z.string(),
  WORK_BUCKET: z.string(),
  BUS_NAME: z.string(),
});
// Larger than 450 KB: the clients of S3, DynamoDB and EventBridge.
const { TABLE_NAME, LAKE_BUCKET, WORK_BUCKET, BUS_NAME } = env.parse(process.env);

const Input = DeliveryCheck.extend({
  version: Sha256,
  sorted: z.string(),
  digest: Sha256,
  files: z.number().int(),
  bytes: z.number().int(),
});

/** Puts the version into the catalogue, then writes the receipt. Every part may be repeated, after a crash at any point. */
export const handler = stepHandler(
  Input,
  async ({ partner, delivery: id, check, version, sorted, digest, files, bytes }) => {
    const delivery = await readDelivery(TABLE_NAME, partner, id);
    if (!delivery || !('check' in delivery) || delivery.check !== check || delivery.status === 'held')
      return { outcome: 'superseded' };
    const { dataset, partnerName } = delivery;
    const prefix = lakePrefix(dataset, version);
    await putObjectOnce({ bucket: LAKE_BUCKET, key: `${prefix}SHA256SUMS` }, await getScratch(WORK_BUCKET, sorted));
    const at = currentTime();
    const made = await createDatasetVersion(TABLE_NAME, {
      dataset,
      version,
      files,
      bytes,
      delivery: id,
      partnerName,
      prefix,
      registeredAt: at,
    });
    const registered = registerDelivery(delivery, { check, digest, version: made }, at);
    if (!registered) return { outcome: 'superseded' };
    if (registered !== delivery) await replaceDelivery(TABLE_NAME, delivery, registered);
    const first = made.delivery === id;
    if (first)
      await publishEvent(BUS_NAME, DatasetRegistered, {
        dataset,
        version,
        files,
        bytes,
        delivery: id,
        prefix,
        at: made.registeredAt,
      });
    await publishEvent(BUS_NAME, DeliveryReceived, {
      delivery: id,
      dataset,
      partner,
      partnerName,
      version,
      files,
      bytes,
      first,
      at: registered.registeredAt,
    });
    return { outcome: 'registered' };
  },
);
