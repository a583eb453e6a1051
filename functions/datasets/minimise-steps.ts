import * as z from 'zod';
import { Sha256 } from '../identifiers.ts';
import { DatasetId } from '../ingest/schemas.ts';
import { RecipeTable } from './recipe.ts';
import { Minimisation, TableCounts } from './schemas.ts';

/** A table of the version, the object version that the plan pinned, and what the recipe says about it. */
export const SourceTable = z.object({
  path: z.string(),
  version: z.string(),
  size: z.number().int(),
  /** The SHA-256 in the manifest of the version. */
  sha256: Sha256,
  recipe: RecipeTable,
});
export type SourceTable = z.infer<typeof SourceTable>;
export const SourceTables = z.array(SourceTable);

/** A minimised table. */
export const MinimisedTable = z.object({
  path: z.string(),
  size: z.number().int(),
  sha256: Sha256,
  counts: TableCounts,
});
export type MinimisedTable = z.infer<typeof MinimisedTable>;
export const MinimisedTables = z.array(MinimisedTable);

/** The subject of every step: the use, and the version that it is for. */
export const MinimisationStep = Minimisation.extend({ dataset: DatasetId, source: Sha256 });

/** The environment of the steps that read the delivered version and write the minimised one. */
export const minimisationEnv = z.object({
  TABLE_NAME: z.string(),
  LAKE_BUCKET: z.string(),
  LISTS_BUCKET: z.string(),
  WORK_BUCKET: z.string(),
});

/** The prefix for texts that the steps exchange. They have names, sizes, hashes and counts, and no values. */
export const minimisationFolder = ({ project, use }: z.infer<typeof Minimisation>): string =>
  `minimisation/${project}/${use}`;
