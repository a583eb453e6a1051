import * as z from 'zod';
import { rowKey } from './keys.ts';
import { readRow } from './table.ts';

/** The instance families that machines of a tier may have. A tier that is not named may use all of the configuration. */
export const TierFamilies = z.partialRecord(z.enum(['1', '2', '3']), z.array(z.string()));
export type TierFamilies = z.infer<typeof TierFamilies>;

const ProjectTier = z.object({ settings: z.object({ tier: z.number().optional() }) });

/** How sensitive the data of a project are. */
export async function readDataTier(table: string, project: string, defaultTier: number): Promise<number> {
  const row = await readRow(table, ProjectTier, rowKey('airlocks', project, 'SETTINGS'));
  return row?.settings.tier ?? defaultTier;
}

/** The families that a project of the tier may use; undefined if it may use all. */
export const familiesOf = (tier: number, families: TierFamilies): readonly string[] | undefined =>
  families[String(tier) as keyof TierFamilies];

/** Those of the types that belong to one of the families, in their order. */
export const typesOfFamilies = (types: readonly string[], families: readonly string[]): string[] =>
  types.filter(type => families.includes(type.split('.')[0] ?? ''));
