import * as z from 'zod';
import { stepHandler } from '../handler.ts';
import { sha256 } from '../hash.ts';
import { formatSortedManifest } from '../storage/chunks.ts';
import { getScratch, putScratch } from '../storage/scratch-store.ts';
import { formatMinimisationRecord, MinimisationRecord, RECORD_PATH } from './minimisation-record.ts';
import { MinimisationStep, type MinimisedTable, MinimisedTables, minimisationFolder } from './minimise-steps.ts';
import { readUse } from './store.ts';

export const env = z.object({ TABLE_NAME: z.string(), WORK_BUCKET: z.string() });
// The bundle exceeds 450 KB because it needs the clients of S3 and DynamoDB.
const { TABLE_NAME, WORK_BUCKET } = env.parse(process.env);

const Input = MinimisationStep.extend({
  filesLeftOut: z.number().int(),
  /** The result of the first pass for each chunk: the key of its measures, or the reason why there are none. */
  passes: z.array(z.union([z.object({ measures: z.string() }), z.object({ reason: z.string() })])),
});

/** Names the minimised version by the SHA-256 of its sorted manifest, which also lists the record of the minimisation. */
export const handler = stepHandler(Input, async ({ passes, filesLeftOut, ...step }) => {
  const { project, dataset, source } = step;
  const refusal = passes.find(pass => 'reason' in pass);
  if (refusal) return { outcome: 'refused', reason: refusal.reason };
  const use = await readUse(TABLE_NAME, project, step.use);
  if (!use?.recipe || use.recipeDigest === undefined) throw new Error(`the use ${step.use} has no recipe`);
  const tables: MinimisedTable[] = [];
  for (const pass of passes)
    if ('measures' in pass)
      tables.push(...MinimisedTables.parse(JSON.parse(await getScratch(WORK_BUCKET, pass.measures))));
  tables.sort((a, b) => (a.path < b.path ? -1 : 1));
  const record = formatMinimisationRecord(
    MinimisationRecord.parse({
      v: 1,
      project,
      dataset,
      source,
      recipeDigest: use.recipeDigest,
      recipe: use.recipe,
      tables: tables.map(({ counts }) => counts),
      filesLeftOut,
    }),
  );
  const files = [...tables, { path: RECORD_PATH, sha256: sha256(record) }];
  const manifest = formatSortedManifest(files.map(({ path, sha256: hash }) => ({ path, target: path, sha256: hash })));
  const folder = minimisationFolder(step);
  return {
    outcome: 'named',
    version: sha256(manifest),
    manifest: await putScratch(WORK_BUCKET, folder, manifest),
    record: await putScratch(WORK_BUCKET, folder, record),
    measures: await putScratch(WORK_BUCKET, folder, JSON.stringify(tables)),
  };
});
