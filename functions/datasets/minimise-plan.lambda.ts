import { stepHandler } from '../handler.ts';
import { Refused } from '../refused.ts';
import { packChunks } from '../storage/chunks.ts';
import { listObjects, readObject } from '../storage/object-read.ts';
import { toPathPattern } from '../storage/paths.ts';
import { putScratch } from '../storage/scratch-store.ts';
import { parseManifestHashes } from './manifest-hashes.ts';
import { minimisationEnv, minimisationFolder, type SourceTable } from './minimise-steps.ts';
import type { MinimisationRecipe } from './recipe.ts';
import { Minimisation } from './schemas.ts';
import { readTerms, readUse } from './store.ts';

export const env = minimisationEnv;
// The bundle exceeds 450 KB because it needs the clients of S3 and DynamoDB.
const { TABLE_NAME, LAKE_BUCKET, LISTS_BUCKET, WORK_BUCKET } = env.parse(process.env);

/** One call of a function reads a table of this size within its 15 minutes. */
const MAX_TABLE_BYTES = 8 * 1024 ** 3;
const MAX_TABLES = 1000;

interface VersionFiles {
  readonly files: readonly Omit<SourceTable, 'recipe'>[];
}

/** The files of the version, each with the object version that every step reads. */
async function listFiles({ dataset, version, prefix }: { dataset: string; version: string; prefix: string }) {
  const list = await readObject({ bucket: LISTS_BUCKET, key: `manifests/${dataset}/${version}` });
  const hashes = parseManifestHashes(Buffer.from(list).toString('utf8'));
  const objects = await listObjects(LAKE_BUCKET, `${prefix}data/`);
  if (!objects) throw new Error(`the version ${version} of ${dataset} has too many objects`);
  const files = objects.flatMap(({ path, version: objectVersion, size }) => {
    const sha256 = hashes.get(path);
    return sha256 === undefined ? [] : [{ path, version: objectVersion, size, sha256 }];
  });
  if (files.length < hashes.size) throw new Error(`files of the version ${version} of ${dataset} are missing`);
  return files;
}

/** The tables that the recipe names. Refuses a recipe that does not fit the version. */
function selectTables({ tables }: MinimisationRecipe, { files }: VersionFiles): SourceTable[] {
  const patterns = tables.map(recipe => ({ recipe, pattern: toPathPattern(recipe.path) }));
  const unmatched = patterns.find(({ pattern }) => !files.some(({ path }) => pattern.test(path)));
  if (unmatched)
    throw new Refused(
      'conflict',
      `The version has no file ${unmatched.recipe.path}, which the recipe names. Ask again with a corrected recipe.`,
    );
  const selection = files.flatMap(file => {
    const match = patterns.find(({ pattern }) => pattern.test(file.path));
    return match ? [{ ...file, recipe: match.recipe }] : [];
  });
  if (selection.length > MAX_TABLES)
    throw new Refused(
      'conflict',
      `The recipe names ${selection.length} tables, and the limit is ${MAX_TABLES}. Ask again with narrower paths.`,
    );
  const large = selection.find(({ size }) => size > MAX_TABLE_BYTES);
  if (large)
    throw new Refused(
      'conflict',
      `The table ${large.path} has ${large.size} bytes, and the limit for a recipe is ${MAX_TABLE_BYTES}. Ask the data partner to deliver it in several files.`,
    );
  return selection;
}

/** Pins the tables that the recipe names, and packs them into chunks. Returns a reason instead if the recipe does not fit. */
export const handler = stepHandler(Minimisation, async ({ project, use: id }) => {
  const use = await readUse(TABLE_NAME, project, id);
  if (use?.status !== 'approved' || !use.recipe || use.minimised) return { outcome: 'over' };
  const { dataset, version: source, prefix, recipe } = use;
  if ((await readTerms(TABLE_NAME, dataset))?.withdrawn)
    return { outcome: 'refused', reason: 'The dataset was withdrawn.' };
  try {
    const files = await listFiles({ dataset, version: source, prefix });
    const tables = selectTables(recipe, { files });
    const folder = minimisationFolder({ project, use: id });
    const chunks: string[] = [];
    for (const chunk of packChunks(tables)) chunks.push(await putScratch(WORK_BUCKET, folder, JSON.stringify(chunk)));
    return { outcome: 'ready', dataset, source, chunks, filesLeftOut: files.length - tables.length };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { outcome: 'refused', reason: error.message };
  }
});
