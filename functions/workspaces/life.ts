import { outgoingEvent } from '../contract.ts';
import { ignoreStaleStep, keepState } from '../decision.ts';
import { Refused } from '../refused.ts';
import {
  fieldsWithoutInstance,
  isOverdueAttempt,
  lastingFields,
  replaceWorkspace,
  requireWorkspaceOwner,
  seatWorkspace,
  subjectOfWorkspace,
  unseatWorkspace,
  type WorkspaceDecision,
  type WorkspacePerson,
  type WorkspaceState,
} from './desk.ts';
import { WorkspaceArchived, WorkspaceDeleted, WorkspaceFailed } from './events.ts';
import { type HomeCommand, restoreHome } from './homes.ts';
import { decideHours, type HoursCommand } from './hours.ts';
import { finishRest, instanceOf, type MemoryWish, machineToStart, refuseHibernated, restWorkspace } from './rest.ts';
import type { Workspace, WorkspaceIn } from './schemas.ts';

/** Who asks: the owner, or Broch itself with a reason. */
type LifeCaller = { readonly by: WorkspacePerson } | { readonly because: string };

/** Commands about the life of a workspace after its launch. */
export type LifeCommand =
  | ({ do: 'start'; deadlineSeconds: number } & { by: WorkspacePerson })
  | ({ do: 'stop'; memory?: MemoryWish } & LifeCaller)
  | { do: 'resize'; by: WorkspacePerson; size: Workspace['size'] }
  | { do: 'archive'; by: WorkspacePerson }
  | ({ do: 'delete' } & LifeCaller)
  | HoursCommand
  | HomeCommand
  | { do: 'finishChange'; attempt: number; home?: string; hibernated?: boolean }
  | { do: 'recordProblem'; attempt: number; problem: string }
  | { do: 'recordEnd'; reason: string; instanceId?: string };
type LifeCommandOf<Name extends LifeCommand['do']> = Extract<LifeCommand, { do: Name }>;

/** A workspace that a workflow is changing. */
export type ChangingWorkspace = WorkspaceIn<'stopping' | 'resizing' | 'restoring' | 'archiving' | 'deleting'>;
export const isChangingWorkspace = (workspace: Workspace): workspace is ChangingWorkspace =>
  ['stopping', 'resizing', 'restoring', 'archiving', 'deleting'].includes(workspace.status);

/** Decides the next state in the life of a workspace. */
export function decideLife(state: WorkspaceState, command: LifeCommand, now: string): WorkspaceDecision {
  switch (command.do) {
    case 'start':
      return startWorkspace(state, command, now);
    case 'stop':
      return stopWorkspace(state, command, now);
    case 'resize':
      return resizeWorkspace(state, command, now);
    case 'archive':
      return archiveWorkspace(state, command, now);
    case 'delete':
      return deleteWorkspace(state, command, now);
    case 'restore':
      return restoreHome(state, command, now);
    case 'keepAwake':
    case 'setTimetable':
      return decideHours(state, command, now);
    case 'finishChange':
      return finishChange(state, command, now);
    case 'recordProblem':
      return recordProblem(state, command);
    case 'recordEnd':
      return recordEnd(state, command, now);
  }
}

const nextAttempt = (workspace: Workspace, now: string) => ({ attempt: workspace.attempt + 1, attemptedAt: now });

const refuseWhileChanging = (workspace: Workspace): never => {
  throw new Refused(
    'conflict',
    `${workspace.id} is ${workspace.status}. Look in a minute: broch workspace show ${workspace.project} ${workspace.id}`,
  );
};

/** Brings a stopped or an archived workspace back, and tries a failed one again. */
function startWorkspace(
  state: WorkspaceState,
  { by: person, deadlineSeconds }: LifeCommandOf<'start'>,
  now: string,
): WorkspaceDecision {
  const { workspace, desk } = state;
  requireWorkspaceOwner(workspace, person);
  if (workspace.status === 'ready') return keepState(state, 'the workspace runs');
  const late = isOverdueAttempt(workspace, deadlineSeconds, now);
  if ((workspace.status === 'requested' || workspace.status === 'starting') && !late)
    return keepState(state, 'the attempt is in progress');
  if (workspace.status === 'deleted')
    throw new Refused('conflict', `${workspace.id} was deleted. Ask for another: broch workspace ask`);
  if (isChangingWorkspace(workspace)) return refuseWhileChanging(workspace);
  const earlierInstance = machineToStart(workspace);
  const next: Workspace = {
    ...lastingFields(workspace),
    ...nextAttempt(workspace, now),
    ...(earlierInstance && { earlierInstance }),
    status: 'requested',
  };
  return {
    state: { workspace: next, desk: seatWorkspace(desk, workspace.id) },
    events: [],
    reason: 'the owner wants to use it',
  };
}

function requireCaller(workspace: Workspace, caller: LifeCaller): string {
  if ('because' in caller) return caller.because;
  requireWorkspaceOwner(workspace, caller.by);
  return `${caller.by.name} asked for it.`;
}

function stopWorkspace(state: WorkspaceState, command: LifeCommandOf<'stop'>, now: string): WorkspaceDecision {
  const { workspace } = state;
  const reason = requireCaller(workspace, command);
  const isPerson = 'by' in command;
  const rest = restWorkspace(state, { memory: command.memory, isPerson, reason }, now);
  if (workspace.ephemeral && rest.state.workspace.status === 'stopping' && workspace.status === 'ready')
    return deleteWorkspace(state, { do: 'delete', because: reason }, now);
  return rest;
}

function resizeWorkspace(
  state: WorkspaceState,
  { by: person, size }: LifeCommandOf<'resize'>,
  now: string,
): WorkspaceDecision {
  const { workspace } = state;
  requireWorkspaceOwner(workspace, person);
  if (workspace.size === size && (workspace.status === 'resizing' || !isChangingWorkspace(workspace)))
    return keepState(state, 'the workspace has this size, or gets it');
  refuseHibernated(workspace);
  if (workspace.status === 'archived') return replaceWorkspace(state, { ...workspace, size }, 'the next start uses it');
  if (workspace.status !== 'ready' && workspace.status !== 'stopped')
    throw new Refused(
      'conflict',
      `${workspace.id} is ${workspace.status}: only a workspace that is ready, stopped or archived can be resized.`,
    );
  const next: Workspace = {
    ...fieldsWithoutInstance(workspace),
    ...nextAttempt(workspace, now),
    ...instanceOf(workspace),
    size,
    status: 'resizing',
    restart: workspace.status === 'ready',
    reason: `${person.name} asked for it.`,
  };
  return replaceWorkspace(state, next, `from ${workspace.size} to ${size}`);
}

function archiveWorkspace(
  state: WorkspaceState,
  { by: person }: LifeCommandOf<'archive'>,
  now: string,
): WorkspaceDecision {
  const { workspace } = state;
  requireWorkspaceOwner(workspace, person);
  if (workspace.status === 'archiving' || workspace.status === 'archived')
    return keepState(state, 'the workspace is archived or being archived');
  refuseHibernated(workspace);
  if (workspace.status !== 'ready' && workspace.status !== 'stopped')
    throw new Refused(
      'conflict',
      `${workspace.id} is ${workspace.status}: only a workspace that is ready or stopped can be archived.`,
    );
  const next: Workspace = {
    ...fieldsWithoutInstance(workspace),
    ...nextAttempt(workspace, now),
    ...instanceOf(workspace),
    status: 'archiving',
    firstAttempt: workspace.attempt + 1,
    reason: `${person.name} asked for it.`,
  };
  return replaceWorkspace(state, next, 'its home is kept in a snapshot');
}

/** Possible in every status: the workflow of a launch that is in progress finds its attempt replaced, and cleans up. */
function deleteWorkspace(state: WorkspaceState, command: LifeCommandOf<'delete'>, now: string): WorkspaceDecision {
  const { workspace } = state;
  const reason = requireCaller(workspace, command);
  if (workspace.status === 'deleting' || workspace.status === 'deleted')
    return keepState(state, 'the workspace is deleted or being deleted');
  const instanceId = 'instanceId' in workspace ? workspace.instanceId : workspace.earlierInstance?.instanceId;
  const next: Workspace = {
    ...fieldsWithoutInstance(workspace),
    ...nextAttempt(workspace, now),
    ...(instanceId !== undefined && { lastInstance: instanceId }),
    status: 'deleting',
    reason,
  };
  return replaceWorkspace(state, next, reason);
}

/** The workflow has done what the status says. */
function finishChange(
  state: WorkspaceState,
  { attempt, home, hibernated: isHibernated = false }: LifeCommandOf<'finishChange'>,
  now: string,
): WorkspaceDecision {
  const { workspace, desk } = state;
  if (workspace.attempt !== attempt || !isChangingWorkspace(workspace)) return ignoreStaleStep(state);
  const { problem: _, ...change } = workspace;
  const event = { ...subjectOfWorkspace(workspace), at: now, reason: workspace.reason };
  const leave = unseatWorkspace(desk, workspace.id);
  switch (change.status) {
    case 'stopping':
      return finishRest(state, change, isHibernated, now);
    case 'resizing':
      return finishPause(state, { ...change }, 'it has its new size', now);
    case 'restoring': {
      const { snapshot: _, ...fields } = change;
      return finishPause(state, fields, 'its home is restored', now);
    }
    case 'archiving': {
      if (home === undefined) throw new Error(`${workspace.id} has no snapshot of its home`);
      const { instanceId: _, address: __, imageId: ___, hibernation: ____, firstAttempt: _____, ...fields } = change;
      return {
        state: { workspace: { ...fields, home, status: 'archived' as const, archivedAt: now }, desk: leave },
        events: [outgoingEvent(WorkspaceArchived, { ...event, home })],
        reason: 'its home is in a snapshot',
      };
    }
    case 'deleting': {
      const { lastInstance: _, home: __, ...fields } = change;
      return {
        state: { workspace: { ...fields, status: 'deleted' as const, deletedAt: now }, desk: leave },
        events: [outgoingEvent(WorkspaceDeleted, event)],
        reason: 'nothing of it is left',
      };
    }
  }
}

type Paused = Omit<WorkspaceIn<'resizing'>, 'status'>;

/** The machine was stopped for the change. It starts again if it ran before. */
function finishPause(state: WorkspaceState, workspace: Paused, change: string, now: string): WorkspaceDecision {
  const { restart, ...fields } = workspace;
  if (!restart) return replaceWorkspace(state, { ...fields, status: 'stopped', stoppedAt: now }, change);
  const { instanceId: _, address: __, imageId: ___, hibernation: ____, reason: _____, ...lasting } = fields;
  const next: Workspace = {
    ...lasting,
    attempt: workspace.attempt + 1,
    attemptedAt: now,
    earlierInstance: instanceOf(workspace),
    status: 'requested',
  };
  return replaceWorkspace(state, next, `${change} and starts again`);
}

/** The workflow gave up. The sweeper continues the change, and the owner sees why it takes long. */
function recordProblem(state: WorkspaceState, { attempt, problem }: LifeCommandOf<'recordProblem'>) {
  const { workspace } = state;
  if (workspace.attempt !== attempt || !isChangingWorkspace(workspace)) return ignoreStaleStep(state);
  return replaceWorkspace(state, { ...workspace, problem }, 'a change did not succeed');
}

/** The machine is gone or has to go, whatever was planned for it. */
function recordEnd(state: WorkspaceState, { instanceId, reason }: LifeCommandOf<'recordEnd'>, now: string) {
  const { workspace, desk } = state;
  if (['failed', 'archived', 'deleted'].includes(workspace.status))
    return keepState(state, 'the workspace has no machine');
  const current = 'instanceId' in workspace ? workspace.instanceId : undefined;
  if (instanceId !== undefined && instanceId !== current) return keepState(state, 'the workspace has another machine');
  return {
    state: {
      workspace: { ...fieldsWithoutInstance(workspace), status: 'failed' as const, reason, failedAt: now },
      desk: unseatWorkspace(desk, workspace.id),
    },
    events: [outgoingEvent(WorkspaceFailed, { ...subjectOfWorkspace(workspace), at: now, reason })],
    reason: 'its machine is gone',
  };
}
