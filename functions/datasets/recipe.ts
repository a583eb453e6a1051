import * as z from 'zod';
import { Refused } from '../refused.ts';

/** The longest recipe, in characters of JSON. It is stored with its use, and one page of a list holds many uses. */
const MAX_RECIPE_LENGTH = 16 * 1024;
/** A path with more stars would be slow to compare with the names of files. */
const MAX_STARS = 3;

const ColumnName = z
  .string()
  .min(1)
  .max(200)
  .refine(name => !/\p{Cc}/u.test(name), 'a name without control characters');
const column = {
  /** The name of the column in the delivered table. */
  name: ColumnName,
  /** The name of the column in the minimised table, if it is another. */
  as: ColumnName.optional(),
};

/** What becomes of one column. A column that the recipe does not name is left out. */
const RecipeColumn = z.discriminatedUnion('do', [
  z.strictObject({ ...column, do: z.literal('keep') }),
  /** A pseudonym, made with the project's linkage key. The same value gets the same pseudonym in this project only. */
  z.strictObject({ ...column, do: z.literal('hash') }),
  z.strictObject({
    ...column,
    do: z.literal('date'),
    to: z.enum(['month', 'quarter', 'year']),
    format: z.enum(['yyyy-mm-dd', 'dd/mm/yyyy', 'mm/dd/yyyy', 'yyyymmdd']).default('yyyy-mm-dd'),
  }),
  /** A postcode of the United Kingdom: its outward code (DD1) or its area (DD). */
  z.strictObject({ ...column, do: z.literal('postcode'), to: z.enum(['outward', 'area']) }),
  /** Rounds down to a multiple of `step`. A number below `min` becomes `min`, and a number above `max` becomes `max`. */
  z.strictObject({
    ...column,
    do: z.literal('number'),
    step: z.number().min(1e-6).max(1e12).optional(),
    min: z.number().min(-1e15).max(1e15).optional(),
    max: z.number().min(-1e15).max(1e15).optional(),
  }),
]);
export type RecipeColumn = z.infer<typeof RecipeColumn>;

export const RecipeTable = z.strictObject({
  /** The path of the file in the version; a star stands for any part of a name. */
  path: z
    .string()
    .min(1)
    .max(500)
    .regex(
      /\.(csv|tsv|tab)$/i,
      'the path of a CSV or TSV table (.csv, .tsv or .tab). Ask the data partner for other tables in one of these formats',
    )
    .refine(path => path.split('*').length - 1 <= MAX_STARS, `a path with ${MAX_STARS} stars at most`),
  columns: z
    .array(RecipeColumn)
    .min(1)
    .max(500)
    .refine(
      columns => new Set(columns.map(({ name, as: label = name }) => label)).size === columns.length,
      'columns with different names: if two have the same, give one of them another name with `as`',
    ),
  /** Keeps this share of the values of a column, with all their rows. Every table of the project keeps the same values. */
  sample: z.strictObject({ by: ColumnName, share: z.number().gt(0).lt(1) }).optional(),
});
export type RecipeTable = z.infer<typeof RecipeTable>;

/** How a minimised version is made. The recipe lists the columns that stay; everything else is left out. */
export const MinimisationRecipe = z
  .strictObject({
    /** The version of this format. */
    recipe: z.literal(1),
    tables: z.array(RecipeTable).min(1).max(50),
  })
  .refine(
    recipe => JSON.stringify(recipe).length <= MAX_RECIPE_LENGTH,
    `a recipe of ${MAX_RECIPE_LENGTH} characters at most`,
  );
export type MinimisationRecipe = z.infer<typeof MinimisationRecipe>;

/** Refuses an approval that does not name exactly the recipe of the request. */
export function requireRecipe(
  { id, project, recipeDigest }: { id: string; project: string; recipeDigest?: string | undefined },
  recipe: string | undefined,
): void {
  if (recipeDigest === recipe) return;
  if (recipeDigest === undefined)
    throw new Refused(
      'conflict',
      `The use ${id} has no recipe: the project asks for the version itself. Leave --recipe out.`,
    );
  throw new Refused(
    'conflict',
    `The use ${id} has the recipe ${recipeDigest}. Read it with \`broch dataset uses ${project} --json\`, then approve exactly this one with --recipe ${recipeDigest}`,
  );
}
