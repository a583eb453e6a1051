import type { WorkspaceEstimate } from '../../functions/workspaces/schemas.ts';
import { formatFields, narrowWidth } from './layout.ts';
import { escapeForTerminal, formatDollars, type OutputScreen } from './output.ts';

/** What a workspace would cost, and whether it could start now. */
export function formatWorkspaceEstimate(estimate: WorkspaceEstimate, { width }: OutputScreen): string {
  const { kind, size, types, hourlyMicros, homeGigabytes, running, runningLimit, projectHourlyMicros } = estimate;
  const { limitHourlyMicros, refusal } = estimate;
  const limit = limitHourlyMicros === undefined ? '' : ` of ${formatDollars(limitHourlyMicros)}`;
  const price =
    hourlyMicros === undefined
      ? 'unknown: your operator has set no prices (workspaces.hourlyPrices)'
      : `at most ${formatDollars(hourlyMicros)} an hour while it runs`;
  return formatFields(
    [
      ['machine', `${types.join(', else ')} (${size} ${kind})`],
      ['costs', price],
      ['disk', `${homeGigabytes} GB, paid for until the workspace is archived or deleted`],
      [
        'project now',
        `${running} of ${runningLimit} workspaces, ${formatDollars(projectHourlyMicros)}${limit} an hour`,
      ],
      ['start now', refusal === undefined ? 'possible' : `refused. ${escapeForTerminal(refusal)}`],
    ],
    narrowWidth(width, 0),
  );
}
