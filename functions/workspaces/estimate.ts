import * as z from 'zod';
import { type AwakeHolder, type AwakeLimits, type AwakeProject, acquireLease } from '../awake/lease.ts';
import { Refused } from '../refused.ts';
import { workspaceProviders } from './kinds.ts';
import type { Workspace, WorkspaceEstimate } from './schemas.ts';

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

export interface EstimateInput extends Pick<Workspace, 'kind' | 'size'> {
  readonly types: readonly string[];
  readonly prices: HourlyPrices;
  readonly limits: AwakeLimits;
  /** What keeps the project awake now. */
  readonly project: AwakeProject;
}

/** What a workspace would cost, and why it could not start now, if so. */
export function estimateWorkspace({ kind, size, types, prices, limits, project }: EstimateInput): WorkspaceEstimate {
  const hourlyMicros = findHourlyMicros(types, prices);
  const holder: AwakeHolder = { id: 'estimate', use: 'workspace', hourlyMicros: hourlyMicros ?? 0 };
  const refusal = explainRefusal(() => acquireLease(project, holder, limits));
  return {
    kind,
    size,
    types: [...types],
    ...(hourlyMicros !== undefined && { hourlyMicros }),
    homeGigabytes: workspaceProviders[kind].homeGigabytes,
    running: project.holders.filter(({ use }) => use === 'workspace').length,
    runningLimit: limits.workspaces,
    projectHourlyMicros: project.holders.reduce((total, { hourlyMicros: micros }) => total + micros, 0),
    ...(limits.hourlyMicros !== undefined && { limitHourlyMicros: limits.hourlyMicros }),
    ...(refusal !== undefined && { refusal }),
  };
}

function explainRefusal(attempt: () => unknown): string | undefined {
  try {
    attempt();
    return undefined;
  } catch (error) {
    if (error instanceof Refused) return error.message;
    throw error;
  }
}
