import canonicalize from 'canonicalize';
import { sha256 } from '../hash.ts';
import { MinimisationRecipe } from './recipe.ts';

/** The SHA-256 of a recipe in its canonical form (RFC 8785). Any change of the recipe gives another SHA-256. */
export function recipeDigest(recipe: MinimisationRecipe): string {
  const text = canonicalize(MinimisationRecipe.parse(recipe));
  if (text === undefined) throw new TypeError('a recipe has no canonical form');
  return sha256(text);
}
