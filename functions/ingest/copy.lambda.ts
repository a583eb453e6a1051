import * as z from 'zod';
import { stepHandler } from '../handler.ts';
import { Sha256 } from '../identifiers.ts';
import { copyLimits, copyObject, copyObjectInParts } from '../storage/object-copy.ts';
import { mapInParallel, OBJECT_PARALLELISM } from '../storage/parallel.ts';
import { Chunk, getScratch } from '../storage/scratch-store.ts';
import { landingPrefix } from './ingest.ts';
import { DatasetId, lakePrefix } from './schemas.ts';
import { DeliveryCheck } from './steps.ts';

export const env = z.object({
  LANDING_BUCKET: z.string(),
  LAKE_BUCKET: z.string(),
  WORK_BUCKET: z.string(),
});
const { LANDING_BUCKET, LAKE_BUCKET, WORK_BUCKET } = env.parse(process.env);

const Input = DeliveryCheck.extend({
  dataset: DatasetId,
  version: Sha256,
  chunk: z.string(),
  parts: z.string().nullable(),
});
const Parts = z.record(z.string(), z.array(z.string()));

/** Copies the verified versions of a chunk's files into the lake. Idempotent. */
export const handler = stepHandler(Input, async ({ chunk, parts, dataset, version, partner, delivery }) => {
  const files = Chunk.parse(JSON.parse(await getScratch(WORK_BUCKET, chunk)));
  const hashes = parts === null ? {} : Parts.parse(JSON.parse(await getScratch(WORK_BUCKET, parts)));
  const [source, target] = [landingPrefix(partner, delivery), `${lakePrefix(dataset, version)}data/`];
  await mapInParallel(files, OBJECT_PARALLELISM, async file => {
    if (file.target === undefined) return;
    const landedFile = { bucket: LANDING_BUCKET, key: source + file.path, version: file.version };
    const destination = { bucket: LAKE_BUCKET, key: target + file.target };
    const partHashes = hashes[file.path];
    if (file.size <= copyLimits.whole) await copyObject(landedFile, destination, file);
    else if (partHashes)
      await copyObjectInParts(landedFile, destination, file, { part: copyLimits.part, hashes: partHashes });
    else throw new Error(`${file.path} was verified without its parts`);
  });
  return { copied: files.length };
});
