import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { sha256 } from '../functions/hash.ts';
import { ImageName } from '../functions/images/schemas.ts';
import type { Config } from './config.ts';

export const recipesFolder = join(import.meta.dirname, '../amis');

/** Files that belong to one account or one machine, and not to the recipe. */
export const privateRecipeFiles = ['*.auto.pkrvars.hcl', '*.md', '__pycache__'];
const isPrivate = (name: string) => privateRecipeFiles.some(pattern => name.endsWith(pattern.replace('*', '')));

/** The files below a folder, links followed, as paths from the folder of all recipes. */
const listFiles = (path: string): string[] =>
  readdirSync(join(recipesFolder, path)).flatMap(name => {
    const file = `${path}/${name}`;
    if (isPrivate(name)) return [];
    return statSync(join(recipesFolder, file)).isDirectory() ? listFiles(file) : [file];
  });

/** The digest of a recipe with all files that it shares. The build computes it again: see lib/image-builder.ts. */
export function digestRecipe(image: ImageName): string {
  const files = [...listFiles(image), ...listFiles('shared')].sort();
  return sha256(files.map(file => `${sha256(readFileSync(join(recipesFolder, file)))}  ${file}\n`).join(''));
}

/** Values of recipes' variables, by their names. */
export type RecipeValues = Readonly<Record<string, string>>;

/** A text of HCL with the values of the variables that it names. */
export const fillVariables = (text: string, values: RecipeValues): string =>
  text.replaceAll(/\$\{var\.(\w+)\}/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`nobody says what the variable ${name} of a recipe is`);
    return value;
  });

/** What the configuration says about recipes, by the names of their variables. */
export const recipeValues = ({ windowsServer }: Pick<Config['images'], 'windowsServer'>): RecipeValues => ({
  windows_version: String(windowsServer),
});

/** The owner and the name of the images that a recipe builds on, as its HCL has them; a test compares this with a parser. */
export function readBaseFilter(image: ImageName, values: RecipeValues): { owner: string; name: string } {
  const files = listFiles(image).filter(file => file.endsWith('.pkr.hcl'));
  const text = files.map(file => readFileSync(join(recipesFolder, file), 'utf8')).join('\n');
  const value = (pattern: RegExp) => pattern.exec(text)?.[1] ?? '';
  const owner = value(/^ *owners += \["([^"]+)"\]$/m);
  const name = value(/^ *name += "([^"]+\*[^"]*)"$/m) || value(/^ *base += "([^"]+)"$/m);
  if (!owner || !name) throw new Error(`the recipe of ${image} does not say what it is built on`);
  return { owner, name: fillVariables(name, values) };
}

export const recipeDigests = (): Record<string, string> =>
  Object.fromEntries(ImageName.options.map(image => [image, digestRecipe(image)]));

export const recipeBases = (values: RecipeValues): Record<string, { owner: string; name: string }> =>
  Object.fromEntries(ImageName.options.map(image => [image, readBaseFilter(image, values)]));
