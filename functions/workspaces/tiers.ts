import * as z from 'zod';
import { familiesOf, type TierFamilies, typesOfFamilies } from '../data-tier.ts';
import { Refused } from '../refused.ts';
import type { Workspace } from './schemas.ts';

/** The environment of a function that decides which instance types a project may use. */
export const tierEnvironment = {
  /** The instance types for each kind and size in the order of preference, as JSON. */
  SIZES: z.string(),
  /** The instance families of tiers, as JSON. */
  FAMILIES: z.string(),
  /** The tier of projects without a setting of their own. */
  TIER: z.coerce.number(),
};

/** The types that a project of the tier may use, in the given order. Refuses if there are none. */
export function permitTypes(
  types: readonly string[],
  tier: number,
  families: TierFamilies,
  { kind, size }: Pick<Workspace, 'kind' | 'size'>,
): string[] {
  const permitted = familiesOf(tier, families);
  if (!permitted) return [...types];
  const rest = typesOfFamilies(types, permitted);
  if (rest.length > 0) return rest;
  throw new Refused(
    'conflict',
    `A ${size} ${kind} workspace runs on ${types.join(' or ')}, and projects of tier ${tier} may use only the families ${permitted.join(', ')}. Choose another size or kind, or ask your operator (workspaces.families).`,
  );
}
