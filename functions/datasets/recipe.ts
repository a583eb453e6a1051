import * as z from 'zod';
import { Refused } from '../refused.ts';

/** The largest recipe, in characters of its JSON: it is kept with the use, of which a page of lists holds many. */
const MAX_RECIPE_LENGTH = 16 * 1024;
/** More stars in one path would make it slow to compare with names of files. */
const MAX_STARS = 3;

const ColumnName = z
  .string()
  .min(1)
  .max(200)
  .refine(name => !/\p{Cc}/u.test(name), 'a name without control characters');
const column = {
  /** The column of the version's table. */
  name: ColumnName,
  /** Its name in the project's table, if it is to have another. */
  as: ColumnName.optional(),
};

/** What becomes of one column. A column that the recipe does not name is left out. */
const RecipeColumn = z.discriminatedUnion('do', [
  z.strictObject({ ...column, do: z.literal('keep') }),
  /** A pseudonym, made with the project's own key: the same value is the same pseudonym in this project only. */
  z.strictObject({ ...column, do: z.literal('hash') }),
  z.strictObject({
    ...column,
    do: z.literal('date'),
    to: z.enum(['month', 'quarter', 'year']),
    format: z.enum(['yyyy-mm-dd', 'dd/mm/yyyy', 'mm/dd/yyyy', 'yyyymmdd']).default('yyyy-mm-dd'),
  }),
  /** A postcode of the United Kingdom: its outward code (DD1) or its area (DD). */
  z.strictObject({ ...column, do: z.literal('postcode'), to: z.enum(['outward', 'area']) }),
  /** Rounds down to multiples of `step`; what is below `min` or above `max` becomes that. */
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
      'the path of a table of lines: .csv, .tsv or .tab. Ask the data partner for other tables in one of these formats',
    )
    .refine(path => path.split('*').length - 1 <= MAX_STARS, `a path with ${MAX_STARS} stars at most`),
  columns: z
    .array(RecipeColumn)
    .min(1)
    .max(500)
    .refine(
      columns => new Set(columns.map(({ name, as: label = name }) => label)).size === columns.length,
      'columns of different names: give one of two another name with `as`',
    ),
  /** Keeps this share of the values of a column, with all their rows, the same values in every table of the project. */
  sample: z.strictObject({ by: ColumnName, share: z.number().gt(0).lt(1) }).optional(),
});
export type RecipeTable = z.infer<typeof RecipeTable>;

/** How a version becomes less identifying on its way into a project. It lists what stays; all else is left out. */
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
