import * as z from 'zod';
import { rowKey } from '../keys.ts';
import { Refused } from '../refused.ts';
import { readRow } from '../table.ts';
import type { Workspace } from './schemas.ts';

/** The instance families that workspaces of a tier may use. A tier without an entry may use every configured type. */
export const TierFamilies = z.partialRecord(z.enum(['1', '2', '3']), z.array(z.string()));
export type TierFamilies = z.infer<typeof TierFamilies>;

/** The environment of a function that decides which instance types a project may use. */
export const tierEnvironment = {
  /** The instance types for each kind and size in the order of preference, as JSON. */
  SIZES: z.string(),
  /** The instance families of tiers, as JSON. */
  FAMILIES: z.string(),
  /** The tier of projects without a setting of their own. */
  TIER: z.coerce.number(),
};

const ProjectTier = z.object({ settings: z.object({ tier: z.number().optional() }) });

/** The tier of a project: how sensitive its data are. */
export async function readDataTier(table: string, project: string, defaultTier: number): Promise<number> {
  const row = await readRow(table, ProjectTier, rowKey('airlocks', project, 'SETTINGS'));
  return row?.settings.tier ?? defaultTier;
}

/** The types that a project of the tier may use, in the given order. Refuses if there are none. */
export function permitTypes(
  types: readonly string[],
  tier: number,
  families: TierFamilies,
  { kind, size }: Pick<Workspace, 'kind' | 'size'>,
): string[] {
  const permitted = families[String(tier) as keyof TierFamilies];
  if (!permitted) return [...types];
  const rest = types.filter(type => permitted.includes(type.split('.')[0] ?? ''));
  if (rest.length > 0) return rest;
  throw new Refused(
    'conflict',
    `A ${size} ${kind} workspace runs on ${types.join(' or ')}, and projects of tier ${tier} may use only the families ${permitted.join(', ')}. Choose another size or kind, or ask your operator (workspaces.families).`,
  );
}
