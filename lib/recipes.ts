import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { sha256 } from '../functions/hash.ts';
import { ImageName } from '../functions/images/schemas.ts';

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

/** The owner and the name of the images that a recipe builds on, as its HCL has them; a test compares this with a parser. */
export function readBaseFilter(image: ImageName): { owner: string; name: string } {
  const files = listFiles(image).filter(file => file.endsWith('.pkr.hcl'));
  const text = files.map(file => readFileSync(join(recipesFolder, file), 'utf8')).join('\n');
  const value = (pattern: RegExp) => pattern.exec(text)?.[1] ?? '';
  const owner = value(/^ *owners += \["([^"]+)"\]$/m);
  const name = value(/^ *name += "([^"]+\*[^"]*)"$/m) || value(/^ *base += "([^"]+)"$/m);
  if (!owner || !name) throw new Error(`the recipe of ${image} does not say what it is built on`);
  return { owner, name };
}

export const recipeDigests = (): Record<string, string> =>
  Object.fromEntries(ImageName.options.map(image => [image, digestRecipe(image)]));

export const recipeBases = (): Record<string, { owner: string; name: string }> =>
  Object.fromEntries(ImageName.options.map(image => [image, readBaseFilter(image)]));
