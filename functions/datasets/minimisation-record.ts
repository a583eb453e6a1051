import * as z from 'zod';
import { Sha256 } from '../identifiers.ts';
import { DatasetId } from '../ingest/schemas.ts';
import { ProjectId } from '../projects/schemas.ts';
import { MinimisationRecipe } from './recipe.ts';
import { TableCounts } from './schemas.ts';

/**
 * What a recipe did, as counts and never as values. It is a file of the project's version, so the version has a name of its
 * own even if the recipe keeps everything, and researchers can read how their data came about. It has no time in it: the
 * same recipe, version and project always make the same version.
 */
export const MinimisationRecord = z.strictObject({
  v: z.literal(1),
  project: ProjectId,
  dataset: DatasetId,
  /** The version that was delivered. */
  source: Sha256,
  recipeDigest: Sha256,
  recipe: MinimisationRecipe,
  tables: z.array(TableCounts),
  filesLeftOut: z.number().int(),
});
export type MinimisationRecord = z.infer<typeof MinimisationRecord>;

/** Where it lies in the version. No table can have this name. */
export const RECORD_PATH = 'minimisation.json';

export const formatMinimisationRecord = (record: MinimisationRecord): string => `${JSON.stringify(record, null, 2)}\n`;

/** The rows read, the rows written and the cells that became empty, of all tables. */
export const sumCounts = ({ tables }: Pick<MinimisationRecord, 'tables'>): [number, number, number] => [
  tables.reduce((sum, table) => sum + table.read, 0),
  tables.reduce((sum, table) => sum + table.written, 0),
  tables.reduce((sum, { columns }) => sum + columns.reduce((cells, { emptied }) => cells + emptied, 0), 0),
];
