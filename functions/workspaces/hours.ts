import { Refused } from '../refused.ts';
import {
  replaceWorkspace,
  requireWorkspaceOwner,
  type WorkspaceDecision,
  type WorkspacePerson,
  type WorkspaceState,
} from './desk.ts';
import type { Timetable } from './schemas.ts';

/** The longest time for which a person may keep a machine awake. */
const MAX_AWAKE_DAYS = 14;

/** What the owner wants of the hours at which a workspace runs. */
export type HoursCommand =
  | { do: 'keepAwake'; by: WorkspacePerson; until: string }
  | { do: 'setTimetable'; by: WorkspacePerson; timetable?: Timetable | undefined };
type HoursCommandOf<Name extends HoursCommand['do']> = Extract<HoursCommand, { do: Name }>;

export const decideHours = (state: WorkspaceState, command: HoursCommand, now: string): WorkspaceDecision =>
  command.do === 'keepAwake' ? keepAwake(state, command, now) : setTimetable(state, command, now);

function keepAwake(
  state: WorkspaceState,
  { by: person, until: deadline }: HoursCommandOf<'keepAwake'>,
  now: string,
): WorkspaceDecision {
  const { workspace } = state;
  requireWorkspaceOwner(workspace, person);
  if (workspace.status !== 'ready')
    throw new Refused(
      'conflict',
      `${workspace.id} is ${workspace.status}: only a workspace that is ready can be kept awake. Start it first: broch workspace start.`,
    );
  const days = (Date.parse(deadline) - Date.parse(now)) / 86_400_000;
  if (days <= 0) throw new Refused('invalid', 'This time is in the past. Name a later one.');
  if (days > MAX_AWAKE_DAYS)
    throw new Refused(
      'invalid',
      `A workspace can be kept awake for at most ${MAX_AWAKE_DAYS} days. Name an earlier time.`,
    );
  return replaceWorkspace(state, { ...workspace, awakeUntil: deadline }, 'the owner keeps it awake');
}

function setTimetable(
  state: WorkspaceState,
  { by: person, timetable }: HoursCommandOf<'setTimetable'>,
  now: string,
): WorkspaceDecision {
  const { timetable: _, timetableUntil: __, ...workspace } = state.workspace;
  requireWorkspaceOwner(state.workspace, person);
  // It begins to count now: a start that is half an hour ago is not made up for.
  const fields = timetable ? { timetable, timetableUntil: now } : {};
  return replaceWorkspace(state, { ...workspace, ...fields }, timetable ? 'a timetable' : 'no timetable any more');
}
