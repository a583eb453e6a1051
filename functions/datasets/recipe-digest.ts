import canonicalize from 'canonicalize';
import { sha256 } from '../hash.ts';
import { MinimisationRecipe } from './recipe.ts';

/** The version of a recipe: the SHA-256 of its canonical form after RFC 8785. Any change gives another. */
export function recipeDigest(recipe: MinimisationRecipe): string {
  const text = canonicalize(MinimisationRecipe.parse(recipe));
  if (text === undefined) throw new TypeError('a recipe has no canonical form');
  return sha256(text);
}
