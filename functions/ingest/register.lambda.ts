import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { stepHandler } from '../handler.ts';
import { Sha256 } from '../identifiers.ts';
import { putObjectOnce } from '../storage/object-copy.ts';
import { getScratch } from '../storage/scratch-store.ts';
import { fileListKey, tableShapesKey } from './catalogue.ts';
import { readIdentifiers } from './identifier-counts.ts';
import { decideDelivery } from './ingest.ts';
import { lakePrefix, TableShapes } from './schemas.ts';
import { DeliveryCheck, digestOfKey } from './steps.ts';
import { changeDelivery, claimDataset, createDatasetVersion, readDelivery } from './store.ts';

export const env = z.object({
  TABLE_NAME: z.string(),
  LAKE_BUCKET: z.string(),
  LISTS_BUCKET: z.string(),
  WORK_BUCKET: z.string(),
});
// The bundle exceeds 450 KB because it needs the clients of S3 and DynamoDB.
const { TABLE_NAME, LAKE_BUCKET, LISTS_BUCKET, WORK_BUCKET } = env.parse(process.env);

const Input = DeliveryCheck.extend({
  version: Sha256,
  sorted: z.string(),
  digest: Sha256,
  files: z.number().int(),
  bytes: z.number().int(),
  /** The keys of what the check counted in tables, one for each chunk that has any. */
  tables: z.array(z.string()).default([]),
  /** The keys of the direct identifiers that the check counted. */
  identifiers: z.array(z.string()).default([]),
  contract: z.string().nullable().default(null),
});

/** Adds the version to the catalogue, then writes the receipt. Idempotent after a crash at any point. */
export const handler = stepHandler(
  Input,
  async ({ partner, delivery: id, check, version, sorted, digest, files, bytes, tables, identifiers, contract }) => {
    const delivery = await readDelivery(TABLE_NAME, partner, id);
    if (!delivery || !('check' in delivery) || delivery.check !== check || delivery.status === 'held')
      return { outcome: 'superseded' };
    const { dataset, partnerName } = delivery;
    const prefix = lakePrefix(dataset, version);
    const list = await getScratch(WORK_BUCKET, sorted);
    await putObjectOnce({ bucket: LAKE_BUCKET, key: `${prefix}SHA256SUMS` }, list);
    await putObjectOnce({ bucket: LISTS_BUCKET, key: fileListKey(dataset, version) }, list);
    const shapes: TableShapes = {};
    for (const key of tables) Object.assign(shapes, TableShapes.parse(JSON.parse(await getScratch(WORK_BUCKET, key))));
    await putObjectOnce({ bucket: LISTS_BUCKET, key: tableShapesKey(dataset, version) }, JSON.stringify(shapes));
    const now = currentTime();
    await claimDataset(TABLE_NAME, delivery, now);
    const datasetVersion = await createDatasetVersion(TABLE_NAME, {
      dataset,
      version,
      files,
      bytes,
      delivery: id,
      partnerName,
      prefix,
      registeredAt: now,
      ...(contract !== null && { contract: digestOfKey(contract) }),
    });
    const counts = await readIdentifiers(WORK_BUCKET, identifiers);
    const command = { do: 'recordVersion', check, digest, version: datasetVersion, identifiers: counts } as const;
    const { superseded: isStale } = await changeDelivery(
      TABLE_NAME,
      partner,
      id,
      read => decideDelivery(read, command, now),
      now,
    );
    return { outcome: isStale ? 'superseded' : 'registered' };
  },
);
