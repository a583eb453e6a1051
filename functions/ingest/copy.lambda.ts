import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { stepHandler } from '../handler.ts';
import { Sha256 } from '../identifiers.ts';
import { announceLakeWriter } from '../lake-writers.ts';
import { copyLargeObject, copyLimits, copyObject, copyObjectInParts } from '../storage/object-copy.ts';
import { mapInParallel, OBJECT_PARALLELISM } from '../storage/parallel.ts';
import { Chunk, getScratch } from '../storage/scratch-store.ts';
import { landingPrefix } from './ingest.ts';
import { DatasetId, lakePrefix } from './schemas.ts';
import { DeliveryCheck } from './steps.ts';
import { findWithdrawal } from './store.ts';

export const env = z.object({
  TABLE_NAME: z.string(),
  LANDING_BUCKET: z.string(),
  LAKE_BUCKET: z.string(),
  WORK_BUCKET: z.string(),
  STREAM_BYTES: z.coerce.number().int().min(1),
});
// The bundle exceeds 450 KB because it needs the clients of S3 and DynamoDB.
const { TABLE_NAME, LANDING_BUCKET, LAKE_BUCKET, WORK_BUCKET, STREAM_BYTES } = env.parse(process.env);

const Input = DeliveryCheck.extend({
  dataset: DatasetId,
  version: Sha256,
  chunk: z.string(),
  parts: z.string().nullable(),
});
const Parts = z.record(z.string(), z.array(z.string()));

/** Copies the verified versions of a chunk's files into the lake, unless the dataset is withdrawn. Idempotent. */
export const handler = stepHandler(Input, async ({ chunk, parts, dataset, version, partner, delivery, check }) => {
  await announceLakeWriter(TABLE_NAME, dataset, check, currentTime());
  // The next step ends the delivery and says why.
  if ((await findWithdrawal(TABLE_NAME, dataset)) !== undefined) return { copied: 0, withdrawn: true };
  const files = Chunk.parse(JSON.parse(await getScratch(WORK_BUCKET, chunk)));
  const hashes = parts === null ? {} : Parts.parse(JSON.parse(await getScratch(WORK_BUCKET, parts)));
  const [source, target] = [landingPrefix(partner, delivery), `${lakePrefix(dataset, version)}data/`];
  await mapInParallel(files, OBJECT_PARALLELISM, async file => {
    if (file.target === undefined) return;
    const landedFile = { bucket: LANDING_BUCKET, key: source + file.path, version: file.version };
    const destination = { bucket: LAKE_BUCKET, key: target + file.target };
    const partHashes = hashes[file.path];
    if (file.size > STREAM_BYTES) await copyLargeObject(landedFile, destination, file.size);
    else if (file.size <= copyLimits.whole) await copyObject(landedFile, destination, file);
    else if (partHashes)
      await copyObjectInParts(landedFile, destination, file, { part: copyLimits.part, hashes: partHashes });
    else throw new Error(`${file.path} was verified without its parts`);
  });
  return { copied: files.length, withdrawn: false };
});
