import * as z from 'zod';
import { Sha256 } from '../identifiers.ts';
import { DatasetId } from '../ingest/schemas.ts';
import { ProjectId } from '../projects/schemas.ts';
import { MinimisationRecipe } from './recipe.ts';
import { TableCounts } from './schemas.ts';

/**
 * What a recipe did, as counts and never as values. The record is a file of the minimised version. So the minimised version
 * has another name than the delivered one, even if the recipe keeps everything, and researchers can read how their data came
 * about. The record holds no time: the same recipe, version and project always give the same minimised version.
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

/** The path of the record in the minimised version. No table can have this name. */
export const RECORD_PATH = 'minimisation.json';

export const formatMinimisationRecord = (record: MinimisationRecord): string => `${JSON.stringify(record, null, 2)}\n`;

/** The sums over all tables: rows read, rows written, cells emptied. */
export const sumCounts = ({ tables }: Pick<MinimisationRecord, 'tables'>): [number, number, number] => [
  tables.reduce((sum, table) => sum + table.read, 0),
  tables.reduce((sum, table) => sum + table.written, 0),
  tables.reduce((sum, { columns }) => sum + columns.reduce((cells, { emptied }) => cells + emptied, 0), 0),
];
