import { outgoingEvent } from '../contract.ts';
import { keepState } from '../decision.ts';
import { replaceWorkspace, subjectOfWorkspace, type WorkspaceDecision, type WorkspaceState } from './desk.ts';
import { WorkspaceUnused } from './events.ts';
import { isChangingWorkspace } from './life.ts';
import { recordRest } from './rest.ts';

/** What the sweeper records. */
export type UpkeepCommand =
  | { do: 'recordUse'; instanceId: string; usedAt: string }
  | { do: 'warnUnused'; days: number }
  | { do: 'recordRest'; instanceId: string; isHibernated: boolean }
  | { do: 'recordTimetable'; at: string }
  | { do: 'continueChange' };

/** Decides what the sweeper records. It sees rows that are some minutes old, so it asks for the current state. */
export function decideUpkeep(state: WorkspaceState, command: UpkeepCommand, now: string): WorkspaceDecision {
  const { workspace } = state;
  switch (command.do) {
    case 'recordUse': {
      if (workspace.status !== 'ready' || workspace.instanceId !== command.instanceId)
        return keepState(state, 'the workspace has another machine');
      return replaceWorkspace(state, { ...workspace, usedAt: command.usedAt }, 'somebody used it');
    }
    case 'recordRest':
      return recordRest(state, command);
    case 'recordTimetable':
      return replaceWorkspace(state, { ...workspace, timetableUntil: command.at }, 'its timetable was followed');
    case 'warnUnused': {
      if (workspace.status !== 'stopped' || (workspace.warnedDays ?? 0) >= command.days)
        return keepState(state, 'the owner was warned, or uses it again');
      const event = { ...subjectOfWorkspace(workspace), at: now, days: command.days };
      return {
        ...replaceWorkspace(state, { ...workspace, warnedDays: command.days }, 'it was not used for a long time'),
        events: [outgoingEvent(WorkspaceUnused, event)],
      };
    }
    case 'continueChange': {
      if (!isChangingWorkspace(workspace)) return keepState(state, 'the change is done');
      const { problem: _, ...change } = workspace;
      return replaceWorkspace(
        state,
        { ...change, attempt: workspace.attempt + 1, attemptedAt: now },
        'its workflow ended before the change was done',
      );
    }
  }
}
