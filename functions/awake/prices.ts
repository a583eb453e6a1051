import * as z from 'zod';
import type { AwakeLimits } from './lease.ts';

/** Dollars an hour for instance types, and the most dollars an hour that everything that runs in a project may cost. */
export const HourlyPrices = z.object({ hourly: z.record(z.string(), z.number()), budget: z.number().optional() });
export type HourlyPrices = z.infer<typeof HourlyPrices>;

const toMicros = (dollars: number) => Math.round(dollars * 1_000_000);

/** The limits on what may run in a project at the same time. */
export const awakeLimits = (perProject: number, { budget }: HourlyPrices): AwakeLimits => ({
  workspaces: perProject,
  ...(budget !== undefined && { hourlyMicros: toMicros(budget) }),
});

/**
 * What a machine costs in an hour, in millionths of a dollar: the dearest of the types, as AWS may have none of the others.
 * Undefined if one of them has no price.
 */
export function findHourlyMicros(types: readonly string[], { hourly }: HourlyPrices): number | undefined {
  const dollars = types.map(type => hourly[type] ?? Number.NaN);
  const dearest = Math.max(...dollars);
  return Number.isNaN(dearest) ? undefined : toMicros(dearest);
}
