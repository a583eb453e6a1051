import { type AwakeHolder, type AwakeLimits, type AwakeProject, acquireLease } from '../awake/lease.ts';
import { findHourlyMicros, type HourlyPrices } from '../awake/prices.ts';
import { Refused } from '../refused.ts';
import { workspaceProviders } from './kinds.ts';
import type { Workspace, WorkspaceEstimate } from './schemas.ts';

export interface EstimateInput extends Pick<Workspace, 'kind' | 'size'> {
  readonly types: readonly string[];
  readonly prices: HourlyPrices;
  readonly limits: AwakeLimits;
  /** What keeps the project awake now. */
  readonly project: AwakeProject;
  /** Whether the operator wants machines of this kind that can hibernate. */
  readonly hibernates: boolean;
}

/** What a workspace would cost, and why it could not start now, if so. */
export function estimateWorkspace({
  kind,
  size,
  types,
  prices,
  limits,
  project,
  hibernates,
}: EstimateInput): WorkspaceEstimate {
  const hourlyMicros = findHourlyMicros(types, prices);
  const holder: AwakeHolder = { id: 'estimate', use: 'workspace', hourlyMicros: hourlyMicros ?? 0 };
  const refusal = explainRefusal(() => acquireLease(project, holder, limits));
  return {
    kind,
    size,
    types: [...types],
    ...(hourlyMicros !== undefined && { hourlyMicros }),
    homeGigabytes: workspaceProviders[kind].homeGigabytes,
    hibernates: hibernates && types.every(type => workspaceProviders[kind].hibernates?.test(type)),
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
