import { outgoingEvent } from '../contract.ts';
import { ignoreStaleStep, keepState } from '../decision.ts';
import type { Project, ProjectNetwork } from '../projects/schemas.ts';
import { Refused } from '../refused.ts';
import {
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
import { WorkspaceFailed, WorkspaceReady } from './events.ts';
import { decideLife, isChangingWorkspace, type LifeCommand } from './life.ts';
import type { Desk, Desktop, Workspace, WorkspaceIn } from './schemas.ts';
import { decideUpkeep, type UpkeepCommand } from './upkeep.ts';

/** The commands of people, of the steps of an attempt, and of the desktop. */
export type WorkspaceCommand =
  | LifeCommand
  | UpkeepCommand
  | { do: 'retry'; by: WorkspacePerson; deadlineSeconds: number }
  | { do: 'recordLink'; by: WorkspacePerson; link: NonNullable<WorkspaceIn<'ready'>['link']> }
  | { do: 'recordLaunch'; attempt: number; instance: LaunchedInstance }
  | { do: 'recordTask'; attempt: number; token: string }
  | { do: 'recordReport'; instanceId: string; desktop: Desktop }
  | { do: 'recordReady'; attempt: number }
  | { do: 'recordFailure'; attempt: number; reason: string };
type CommandOf<Name extends WorkspaceCommand['do']> = Extract<WorkspaceCommand, { do: Name }>;

export type LaunchedInstance = Pick<WorkspaceIn<'starting'>, 'instanceId' | 'address' | 'imageId' | 'hibernation'>;

/** Decides the next state of a workspace. */
export function decideWorkspace(state: WorkspaceState, command: WorkspaceCommand, now: string): WorkspaceDecision {
  switch (command.do) {
    case 'retry':
      return retryWorkspace(state, command, now);
    case 'recordLink':
      return replaceWorkspace(
        state,
        { ...requireReadyWorkspace(state.workspace, command.by), link: command.link, usedAt: now },
        'a new link',
      );
    case 'recordLaunch':
      return recordLaunch(state, command);
    case 'recordTask':
      return recordTask(state, command);
    case 'recordReport':
      return recordReport(state, command);
    case 'recordReady':
      return recordReady(state, command, now);
    case 'recordFailure':
      return recordFailure(state, command, now);
    case 'recordUse':
    case 'warnUnused':
    case 'recordRest':
    case 'recordTimetable':
    case 'continueChange':
      return decideUpkeep(state, command, now);
    default:
      return decideLife(state, command, now);
  }
}

/** Requires a ready project. Checked for the request and again for the launch, because the project may change between. */
export function requireProjectNetwork(project: Project | undefined): ProjectNetwork {
  if (project?.status === 'ready') return project.network;
  throw new Refused(
    'conflict',
    project
      ? `Project ${project.id} is ${project.status}; a workspace needs a ready project. See broch project show ${project.id}.`
      : 'The project does not exist.',
  );
}

/** A new workspace on the desk of its owner. */
export function requestWorkspace(
  project: Project | undefined,
  desk: Desk,
  person: WorkspacePerson,
  { id, kind, size, ephemeral = false }: Pick<Workspace, 'id' | 'kind' | 'size' | 'ephemeral'>,
  now: string,
): WorkspaceDecision {
  requireProjectNetwork(project);
  const workspace: Workspace = {
    status: 'requested',
    id,
    project: project?.id ?? '',
    owner: person.id,
    ownerName: person.name,
    kind,
    size,
    requestedAt: now,
    attempt: 1,
    attemptedAt: now,
    ...(ephemeral && { ephemeral }),
  };
  return { state: { workspace, desk: seatWorkspace(desk, id) }, events: [], reason: 'a member requested it' };
}

/**
 * A new attempt for a failed workspace, or for one whose workflow passed its deadline. A workspace that was requested and
 * never started keeps its attempt: its execution is named after the attempt, so that it cannot start twice.
 */
function retryWorkspace(
  state: WorkspaceState,
  { by: person, deadlineSeconds }: CommandOf<'retry'>,
  now: string,
): WorkspaceDecision {
  const { workspace, desk } = state;
  requireWorkspaceOwner(workspace, person);
  const overdue = isOverdueAttempt(workspace, deadlineSeconds, now);
  if (workspace.status === 'requested' && !overdue) return keepState(state, 'the attempt has not started');
  if (isChangingWorkspace(workspace) && overdue)
    return replaceWorkspace(
      state,
      { ...workspace, attempt: workspace.attempt + 1, attemptedAt: now },
      'the change passed its deadline',
    );
  if (workspace.status !== 'failed' && workspace.status !== 'requested' && workspace.status !== 'starting')
    throw new Refused('conflict', `${workspace.id} is ${workspace.status} and needs no retry.`);
  if (workspace.status === 'starting' && !overdue)
    throw new Refused('conflict', `${workspace.id} is still starting. Wait until it is ready or has failed.`);
  const next: Workspace = {
    ...lastingFields(workspace),
    status: 'requested',
    attempt: workspace.attempt + 1,
    attemptedAt: now,
  };
  return {
    state: { workspace: next, desk: seatWorkspace(desk, workspace.id) },
    events: [],
    reason: 'the previous attempt failed or passed its deadline',
  };
}

/** The workspace that `person` may open now. */
export function requireReadyWorkspace(workspace: Workspace, person: WorkspacePerson): WorkspaceIn<'ready'> {
  requireWorkspaceOwner(workspace, person);
  if (workspace.status === 'ready') return workspace;
  const { id, project, status } = workspace;
  if (status === 'failed') throw new Refused('conflict', `${id} failed: ${workspace.reason}`);
  if (['stopped', 'hibernated', 'archived'].includes(status))
    throw new Refused('conflict', `${id} is ${status}. Start it first: broch workspace start ${project} ${id}`);
  throw new Refused('conflict', `${id} is ${status}; this takes some minutes. Try again when it is ready.`);
}

/** A step of an attempt that was replaced must not touch what the next attempt made. */
function requireCurrentAttempt(workspace: Workspace, attempt: number): void {
  if (workspace.attempt !== attempt)
    throw new Refused(
      'conflict',
      `Attempt ${attempt} at ${workspace.id} was replaced by attempt ${workspace.attempt}.`,
    );
}

/** The workspace that an attempt may launch an instance for. A repeated call finds the instance of the first. */
export function requireLaunchable(workspace: Workspace, attempt: number): Workspace {
  requireCurrentAttempt(workspace, attempt);
  if (workspace.status === 'requested' || workspace.status === 'starting') return workspace;
  throw new Refused('conflict', `${workspace.id} is ${workspace.status}: nothing is launched for it.`);
}

function recordLaunch(state: WorkspaceState, { attempt, instance }: CommandOf<'recordLaunch'>): WorkspaceDecision {
  const { workspace } = state;
  requireCurrentAttempt(workspace, attempt);
  if (workspace.status === 'starting' && workspace.instanceId === instance.instanceId)
    return keepState(state, 'the launch is on record');
  if (workspace.status === 'requested')
    return replaceWorkspace(
      state,
      { ...lastingFields(workspace), ...instance, status: 'starting' },
      'an instance was launched',
    );
  throw new Refused('conflict', `${workspace.id} is ${workspace.status}: nothing is launched for it.`);
}

/** Thrown at the workflow instead of letting it wait for a report that has arrived. */
export class Reported extends Error {
  override readonly name = 'Reported';
}

/** The workflow's task and the desktop's report arrive in either order. Once both are there, the task is completed. */
const handshake = (state: WorkspaceState, workspace: WorkspaceIn<'starting'>, reason: string): WorkspaceDecision => ({
  ...replaceWorkspace(state, workspace, reason),
  ...(workspace.token !== undefined && workspace.desktop && { wake: workspace.token }),
});

/** The workflow waits for the desktop under `token`. A task that is run again has a new token, which replaces the old one. */
function recordTask(state: WorkspaceState, { attempt, token }: CommandOf<'recordTask'>): WorkspaceDecision {
  const { workspace } = state;
  requireCurrentAttempt(workspace, attempt);
  if (workspace.status === 'starting') return handshake(state, { ...workspace, token }, 'the workflow waits');
  throw new Refused('conflict', `${workspace.id} is ${workspace.status}: the workflow cannot wait for it.`);
}

/** Whether a report of that instance can still change anything. */
export const acceptsReport = (workspace: Workspace, instanceId: string): boolean =>
  (workspace.status === 'starting' || workspace.status === 'ready') && workspace.instanceId === instanceId;

/**
 * A desktop reported. Reports of other instances, and reports older than the one on record, change nothing. A desktop
 * that reports again, after a restart, has a new password and nothing else.
 */
function recordReport(state: WorkspaceState, { instanceId, desktop }: CommandOf<'recordReport'>): WorkspaceDecision {
  const { workspace } = state;
  if (workspace.status !== 'starting' && workspace.status !== 'ready')
    return keepState(state, 'the workspace expects no report');
  if (!acceptsReport(workspace, instanceId)) return keepState(state, 'the instance does not belong to this workspace');
  if (workspace.desktop && workspace.desktop.reportedAt > desktop.reportedAt)
    return keepState(state, 'a later report is on record');
  // S3 counts whole seconds. The report of an earlier start has an earlier password.
  if (Date.parse(desktop.reportedAt) < Math.floor(Date.parse(workspace.attemptedAt) / 1000) * 1000)
    return keepState(state, 'the report is of an earlier start');
  return workspace.status === 'starting'
    ? handshake(state, { ...workspace, desktop }, 'the desktop reported')
    : replaceWorkspace(state, { ...workspace, desktop }, 'the desktop reported again');
}

function recordReady(state: WorkspaceState, { attempt }: CommandOf<'recordReady'>, now: string): WorkspaceDecision {
  const { workspace } = state;
  requireCurrentAttempt(workspace, attempt);
  if (workspace.status === 'ready') return keepState(state, 'the workspace is ready');
  if (workspace.status !== 'starting' || !workspace.desktop)
    throw new Refused('conflict', `${workspace.id} is ${workspace.status}, and its desktop has not reported.`);
  const { token: _, desktop, ...starting } = workspace;
  const { instanceId, imageId } = starting;
  return {
    ...replaceWorkspace(state, { ...starting, desktop, status: 'ready', readyAt: now }, 'the desktop reported'),
    events: [outgoingEvent(WorkspaceReady, { ...subjectOfWorkspace(workspace), at: now, instanceId, imageId })],
  };
}

/** Ends an attempt. A machine that was to be started again stays, stopped, with its place on the desk. */
function recordFailure(
  state: WorkspaceState,
  { attempt, reason }: CommandOf<'recordFailure'>,
  now: string,
): WorkspaceDecision {
  const { workspace, desk } = state;
  if (workspace.attempt !== attempt) return ignoreStaleStep(state);
  if (workspace.status !== 'requested' && workspace.status !== 'starting' && workspace.status !== 'ready')
    return keepState(state, 'the failure is on record');
  const { earlierInstance, ...fields } = lastingFields(workspace);
  const event = outgoingEvent(WorkspaceFailed, { ...subjectOfWorkspace(workspace), at: now, reason });
  if (earlierInstance) {
    const { hibernatedAt, ...instance } = earlierInstance;
    const common = { ...fields, ...instance, reason: 'It could not be started.', problem: reason };
    // Before the launch is on record, the machine was not started: its memory is still there.
    const next: Workspace =
      hibernatedAt !== undefined && workspace.status === 'requested'
        ? { ...common, status: 'hibernated', hibernatedAt }
        : { ...common, status: 'stopped', stoppedAt: now };
    return { ...replaceWorkspace(state, next, 'the machine did not start again'), events: [event] };
  }
  return {
    state: {
      workspace: { ...fields, status: 'failed', reason, failedAt: now },
      desk: unseatWorkspace(desk, workspace.id),
    },
    events: [event],
    reason: 'the attempt failed',
  };
}
