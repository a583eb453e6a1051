import { createHash } from 'node:crypto';
import * as z from 'zod';
import { stepHandler } from '../handler.ts';
import { Sha256 } from '../identifiers.ts';
import { lakePrefix } from '../ingest/schemas.ts';
import { Refused } from '../refused.ts';
import { Tampered } from '../storage/immutable-objects.ts';
import { streamObject } from '../storage/object-read.ts';
import { putObjectStream } from '../storage/object-write.ts';
import { mapInParallel } from '../storage/parallel.ts';
import { getScratch, putScratch } from '../storage/scratch-store.ts';
import { openLinkageKey } from './linkage-key.ts';
import { expectsMinimised } from './minimisation.ts';
import {
  MinimisationStep,
  type MinimisedTable,
  MinimisedTables,
  minimisationFolder,
  type SourceTable,
  SourceTables,
} from './minimise-steps.ts';
import type { TableCounts } from './schemas.ts';
import { readUse } from './store.ts';
import { TableMinimiser } from './table-minimiser.ts';

export const env = z.object({
  TABLE_NAME: z.string(),
  LAKE_BUCKET: z.string(),
  WORK_BUCKET: z.string(),
  /** Only this function may decrypt linkage keys with it. */
  LINKAGE_KEY: z.string(),
});
// The bundle exceeds 450 KB because it needs the clients of S3, DynamoDB and KMS.
const { TABLE_NAME, LAKE_BUCKET, WORK_BUCKET, LINKAGE_KEY } = env.parse(process.env);

/** The tables that are made at the same time: small ones wait for S3, large ones for the processor. */
const TABLE_PARALLELISM = 4;

const Input = MinimisationStep.extend({
  chunk: z.string(),
  /** Where the tables are written; without it they are only measured. */
  write: z.object({ version: Sha256, measures: z.string() }).optional(),
});

/** Yields the bytes of the minimised table while it reads the delivered one. Throws if that differs from its manifest. */
async function* minimise(
  { dataset, source }: z.infer<typeof MinimisationStep>,
  table: SourceTable,
  key: Uint8Array,
): AsyncGenerator<Uint8Array, TableCounts> {
  const place = {
    bucket: LAKE_BUCKET,
    key: `${lakePrefix(dataset, source)}data/${table.path}`,
    version: table.version,
  };
  const minimiser = new TableMinimiser(table.path, table.recipe, key);
  const hash = createHash('sha256');
  if (table.size > 0)
    for await (const bytes of streamObject(place)) {
      hash.update(bytes);
      yield minimiser.take(bytes);
    }
  if (hash.digest('hex') !== table.sha256) throw new Tampered(`${place.key} differs from what its manifest says`);
  const { bytes, counts } = minimiser.end();
  yield bytes;
  return counts;
}

/** Makes a table and keeps only its size, its SHA-256 and its counts, from which the name of the version follows. */
async function measure(stream: AsyncGenerator<Uint8Array, TableCounts>, path: string): Promise<MinimisedTable> {
  const hash = createHash('sha256');
  for (let size = 0; ; ) {
    const { done: isDone, value } = await stream.next();
    if (isDone) return { path, size, sha256: hash.digest('hex'), counts: value };
    hash.update(value);
    size += value.length;
  }
}

/**
 * Makes the minimised tables of a chunk. The first pass measures them. The second pass writes them to the lake, under the
 * version that follows from the measures. The lake is locked, so nothing is written until every table was made once
 * without a failure. Idempotent.
 */
export const handler = stepHandler(Input, async ({ chunk, write: target, ...step }) => {
  const tables = SourceTables.parse(JSON.parse(await getScratch(WORK_BUCKET, chunk)));
  const key = await openLinkageKey(TABLE_NAME, LINKAGE_KEY, step.project);
  if (target) {
    // The deletion of a dataset relies on this: nothing new is written after the end of a use.
    if (!expectsMinimised(await readUse(TABLE_NAME, step.project, step.use))) return { written: 0 };
    const measures = MinimisedTables.parse(JSON.parse(await getScratch(WORK_BUCKET, target.measures)));
    await mapInParallel(tables, TABLE_PARALLELISM, async table => {
      const content = measures.find(({ path }) => path === table.path);
      if (!content) throw new Error(`${table.path} was not measured`);
      const place = { bucket: LAKE_BUCKET, key: `${lakePrefix(step.dataset, target.version)}data/${table.path}` };
      await putObjectStream(place, content, () => minimise(step, table, key));
    });
    return { written: tables.length };
  }
  try {
    const measures = await mapInParallel(tables, TABLE_PARALLELISM, table =>
      measure(minimise(step, table, key), table.path),
    );
    return { measures: await putScratch(WORK_BUCKET, minimisationFolder(step), JSON.stringify(measures)) };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { reason: error.message };
  }
});
