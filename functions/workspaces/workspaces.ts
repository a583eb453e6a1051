import type { Project, ProjectNetwork } from '../projects/schemas.ts';
import { Refused } from '../refused.ts';
import type { Desk, Desktop, Workspace, WorkspaceIn } from './schemas.ts';

/** As many workspaces may one person have in one project. */
export const MAX_WORKSPACES = 3;

export interface WorkspacePerson {
  readonly id: string;
  readonly name: string;
}

export interface WorkspaceRequest {
  readonly id: string;
  readonly kind: Workspace['kind'];
  readonly size: Workspace['size'];
}

/** What an attempt needs of its project. Asking and launching are apart in time, so both ask again. */
export function requireProjectNetwork(project: Project | undefined): ProjectNetwork {
  if (project?.status === 'ready') return project.network;
  throw new Refused(
    'conflict',
    project
      ? `Project ${project.id} is ${project.status}; a workspace needs it ready. See broch project show ${project.id}.`
      : 'There is no such project.',
  );
}

function seat(desk: Desk, id: string): Desk {
  const others = desk.live.filter(held => held !== id);
  if (others.length >= MAX_WORKSPACES)
    throw new Refused(
      'conflict',
      `You have ${MAX_WORKSPACES} workspaces in this project (${others.join(', ')}), and that is the limit. Use one of those.`,
    );
  return { live: [...others, id] };
}

export function requestWorkspace(
  project: Project | undefined,
  desk: Desk,
  person: WorkspacePerson,
  { id, kind, size }: WorkspaceRequest,
  now: string,
): { workspace: WorkspaceIn<'requested'>; desk: Desk } {
  requireProjectNetwork(project);
  return {
    desk: seat(desk, id),
    workspace: {
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
    },
  };
}

function plain({ id, project, owner, ownerName, kind, size, requestedAt, attempt, attemptedAt }: Workspace) {
  return { id, project, owner, ownerName, kind, size, requestedAt, attempt, attemptedAt };
}

/**
 * A new attempt for a failed workspace, or for one whose workflow must be over (`deadline` seconds after it began)
 * without having said so. One that was asked for and never started keeps its attempt: its execution has a name of its
 * own, so starting it twice starts it once.
 */
export function retryWorkspace(
  workspace: Workspace,
  desk: Desk,
  person: WorkspacePerson,
  deadline: number,
  now: string,
): { workspace: WorkspaceIn<'requested'>; desk: Desk } {
  requireWorkspaceOwner(workspace, person);
  const over = Date.parse(now) > Date.parse(workspace.attemptedAt) + deadline * 1000;
  if (workspace.status === 'requested' && !over) return { workspace, desk };
  if (workspace.status === 'ready') throw new Refused('conflict', `${workspace.id} is ready: there is nothing to try.`);
  if (workspace.status === 'starting' && !over)
    throw new Refused('conflict', `${workspace.id} is still starting. If it does not succeed, it says so by itself.`);
  return {
    desk: seat(desk, workspace.id),
    workspace: { ...plain(workspace), status: 'requested', attempt: workspace.attempt + 1, attemptedAt: now },
  };
}

/** Only the owner may do this: members of a project see each other's workspaces, and enter only their own. */
export function requireWorkspaceOwner(workspace: Workspace, person: WorkspacePerson): void {
  if (workspace.owner !== person.id)
    throw new Refused('forbidden', `${workspace.id} is ${workspace.ownerName}'s: only they may do this.`);
}

/** The workspace that `person` may open now. */
export function requireReadyWorkspace(workspace: Workspace, person: WorkspacePerson): WorkspaceIn<'ready'> {
  requireWorkspaceOwner(workspace, person);
  if (workspace.status === 'ready') return workspace;
  throw new Refused(
    'conflict',
    workspace.status === 'failed'
      ? `${workspace.id} failed: ${workspace.reason}`
      : `${workspace.id} is ${workspace.status}; it takes some minutes. Ask again when it is ready.`,
  );
}

/** A step of an attempt that has been superseded must not touch what the next one made. */
function current(workspace: Workspace, attempt: number): void {
  if (workspace.attempt !== attempt)
    throw new Refused('conflict', `Attempt ${attempt} at ${workspace.id} is over: attempt ${workspace.attempt} is on.`);
}

/** The workspace that an attempt may launch an instance for; again, too, as what is there is found. */
export function requireLaunchable(workspace: Workspace, attempt: number): Workspace {
  current(workspace, attempt);
  if (workspace.status === 'requested' || workspace.status === 'starting') return workspace;
  throw new Refused('conflict', `${workspace.id} is ${workspace.status}: nothing is launched for it.`);
}

export type LaunchedInstance = Pick<WorkspaceIn<'starting'>, 'instanceId' | 'address' | 'imageId'>;

export function recordLaunch(
  workspace: Workspace,
  attempt: number,
  instance: LaunchedInstance,
): WorkspaceIn<'starting'> {
  current(workspace, attempt);
  if (workspace.status === 'starting' && workspace.instanceId === instance.instanceId) return workspace;
  if (workspace.status === 'requested') return { ...plain(workspace), ...instance, status: 'starting' };
  throw new Refused('conflict', `${workspace.id} is ${workspace.status}: nothing is launched for it.`);
}

/** Thrown at the workflow instead of leaving it to wait for what is already there. */
export class Reported extends Error {
  override readonly name = 'Reported';
}

/** What became of a half of the handshake: `answer` is the token of the waiting task, once both halves are there. */
export interface Handshake {
  readonly workspace: Workspace;
  readonly answer?: string;
}

const met = (workspace: WorkspaceIn<'starting'>): Handshake => ({
  workspace,
  ...(workspace.token && workspace.desktop && { answer: workspace.token }),
});

/** The workflow waits, under `token`, for the desktop. A task that is run again has a new token: the last one counts. */
export function recordWaitingTask(workspace: Workspace, attempt: number, token: string): Handshake {
  current(workspace, attempt);
  if (workspace.status === 'starting') return met({ ...workspace, token });
  throw new Refused('conflict', `${workspace.id} is ${workspace.status}: nothing waits for it.`);
}

/** Whether a report of that instance can still change anything. */
export const acceptsReport = (workspace: Workspace, instanceId: string): boolean =>
  (workspace.status === 'starting' || workspace.status === 'ready') && workspace.instanceId === instanceId;

/**
 * The instance `instanceId` reported. Undefined where that changes nothing: it is not this workspace's instance (any
 * more), or a later report was heard. A desktop that reports again, after a reboot, has a new password and nothing else.
 */
export function recordDesktopReport(workspace: Workspace, instanceId: string, desktop: Desktop): Handshake | undefined {
  if (workspace.status !== 'starting' && workspace.status !== 'ready') return undefined;
  if (!acceptsReport(workspace, instanceId)) return undefined;
  if (workspace.desktop && workspace.desktop.reportedAt > desktop.reportedAt) return undefined;
  return workspace.status === 'starting' ? met({ ...workspace, desktop }) : { workspace: { ...workspace, desktop } };
}

export function markWorkspaceReady(workspace: Workspace, attempt: number, now: string): WorkspaceIn<'ready'> {
  current(workspace, attempt);
  if (workspace.status === 'ready') return workspace;
  if (workspace.status !== 'starting' || !workspace.desktop)
    throw new Refused('conflict', `${workspace.id} is ${workspace.status}, and its desktop has not reported.`);
  const { token: _, desktop, ...starting } = workspace;
  return { ...starting, desktop, status: 'ready', readyAt: now };
}

/** Ends an attempt, and gives its seat back. Undefined where a newer attempt is on: this one is nobody's concern. */
export function failWorkspace(
  workspace: Workspace,
  desk: Desk,
  attempt: number,
  reason: string,
  now: string,
): { workspace: WorkspaceIn<'failed'>; desk: Desk } | undefined {
  if (workspace.attempt !== attempt) return undefined;
  const free = { live: desk.live.filter(id => id !== workspace.id) };
  if (workspace.status === 'failed') return { workspace, desk: free };
  return { desk: free, workspace: { ...plain(workspace), status: 'failed', reason, failedAt: now } };
}
