import type { WorkspaceEstimate, WorkspaceView } from '../../functions/workspaces/schemas.ts';
import { formatFields, hangingText, narrowWidth, section } from './layout.ts';
import { escapeForTerminal, formatCount, formatDollars, formatRecords, type OutputScreen } from './output.ts';
import type { OutputShape } from './shape.ts';

/** Workspaces, and the versions of images that their machines were made from. */
export function formatWorkspaces(
  workspaces: readonly WorkspaceView[],
  shape: OutputShape,
  screen: OutputScreen,
): string {
  const lines = workspaces.flatMap(({ id, project, image }) => {
    if (!image) return [];
    const age = `${id}: ${image.name} ${image.version}, ${formatCount(image.ageDays)} days old`;
    const news =
      image.advice === undefined
        ? ''
        : `; new machines get version ${image.published}: broch workspace show ${project} ${id}`;
    return [hangingText(`${age}${news}`, narrowWidth(screen.width, 2))];
  });
  const table = formatRecords(workspaces, shape, screen);
  return lines.length > 0 ? `${table}\n\n${section('images', lines.join('\n'))}` : table;
}

/** What a workspace would cost, and whether it could start now. */
export function formatWorkspaceEstimate(estimate: WorkspaceEstimate, { width }: OutputScreen): string {
  const { kind, size, types, hourlyMicros, homeGigabytes, hibernates, running, runningLimit, projectHourlyMicros } =
    estimate;
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
      ...(hibernates ? [['hibernation', 'possible; the memory is kept on the disk of the machine'] as const] : []),
      [
        'project now',
        `${running} of ${runningLimit} workspaces, ${formatDollars(projectHourlyMicros)}${limit} an hour`,
      ],
      ['start now', refusal === undefined ? 'possible' : `refused. ${escapeForTerminal(refusal)}`],
    ],
    narrowWidth(width, 0),
  );
}
