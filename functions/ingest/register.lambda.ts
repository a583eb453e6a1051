import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { stepHandler } from '../handler.ts';
import { Sha256 } from '../identifiers.ts';
import { announceLakeWriter } from '../lake-writers.ts';
import { putObjectOnce } from '../storage/object-copy.ts';
import { getScratch } from '../storage/scratch-store.ts';
import { countProofs, fileListKey, fileProofsKey, tableShapesKey } from './catalogue.ts';
import { readIdentifiers } from './identifier-counts.ts';
import { decideDelivery } from './ingest.ts';
import { FileProofs, lakePrefix, TableShapes } from './schemas.ts';
import { DeliveryCheck, digestOfKey } from './steps.ts';
import { claimDataset, findWithdrawal, readDelivery, registerDelivery } from './store.ts';

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
  /** The keys of how the SHA-256 of each file is known. */
  proofs: z.array(z.string()).default([]),
  contract: z.string().nullable().default(null),
});

type Registration = z.infer<typeof Input>;

/** How the SHA-256 of each file is known. */
async function readProofs({ proofs: keys }: Registration): Promise<FileProofs> {
  const proofs: FileProofs = {};
  for (const key of keys) Object.assign(proofs, FileProofs.parse(JSON.parse(await getScratch(WORK_BUCKET, key))));
  return proofs;
}

/** Writes what describes the version beside its data. */
async function writeLists(
  dataset: string,
  { version, sorted, tables }: Registration,
  proofs: FileProofs,
): Promise<void> {
  const list = await getScratch(WORK_BUCKET, sorted);
  await putObjectOnce({ bucket: LAKE_BUCKET, key: `${lakePrefix(dataset, version)}SHA256SUMS` }, list);
  await putObjectOnce({ bucket: LISTS_BUCKET, key: fileListKey(dataset, version) }, list);
  const shapes: TableShapes = {};
  for (const key of tables) Object.assign(shapes, TableShapes.parse(JSON.parse(await getScratch(WORK_BUCKET, key))));
  await putObjectOnce({ bucket: LISTS_BUCKET, key: tableShapesKey(dataset, version) }, JSON.stringify(shapes));
  await putObjectOnce({ bucket: LISTS_BUCKET, key: fileProofsKey(dataset, version) }, JSON.stringify(proofs));
}

/**
 * Adds the version to the catalogue and writes the receipt, or ends the delivery if its dataset was withdrawn. Idempotent after
 * a crash at any point.
 */
export const handler = stepHandler(Input, async input => {
  const { partner, delivery: id, check, version: name, digest, files, bytes, contract } = input;
  const delivery = await readDelivery(TABLE_NAME, partner, id);
  if (!delivery || !('check' in delivery) || delivery.check !== check || delivery.status === 'held')
    return { outcome: 'superseded' };
  const { dataset, partnerName } = delivery;
  const now = currentTime();
  await announceLakeWriter(TABLE_NAME, dataset, check, now);
  const fileProofs = await readProofs(input);
  if ((await findWithdrawal(TABLE_NAME, dataset)) === undefined) {
    await writeLists(dataset, input, fileProofs);
    await claimDataset(TABLE_NAME, delivery, now);
  }
  const version = {
    dataset,
    version: name,
    files,
    bytes,
    delivery: id,
    partnerName,
    prefix: lakePrefix(dataset, name),
    registeredAt: now,
    ...(contract !== null && { contract: digestOfKey(contract) }),
  };
  const proofs = countProofs(fileProofs);
  const identifiers = await readIdentifiers(WORK_BUCKET, input.identifiers);
  const { superseded: isStale, state } = await registerDelivery(
    TABLE_NAME,
    { partner, id, check },
    version,
    ({ delivery: read, first = version, withdrawal: reason }) =>
      reason === undefined
        ? decideDelivery(read, { do: 'recordVersion', check, digest, version: first, identifiers, proofs }, now)
        : decideDelivery(read, { do: 'refuseWithdrawn', check, reason }, now),
    now,
  );
  return { outcome: isStale ? 'superseded' : state.status };
});
