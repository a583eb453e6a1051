import type { Decision } from '../decision.ts';
import type { ProjectRole } from '../http/route.ts';
import { Refused } from '../refused.ts';
import type { Desk, Workspace } from './schemas.ts';

/** The most workspaces that a person may have in a project. Archived and failed ones do not count. */
export const MAX_WORKSPACES = 3;

export interface WorkspacePerson {
  readonly id: string;
  readonly name: string;
}

/** A workspace and its owner's desk. Both change in one write, so that simultaneous requests cannot exceed the limit. */
export interface WorkspaceState {
  readonly workspace: Workspace;
  readonly desk: Desk;
}
export type WorkspaceDecision = Decision<WorkspaceState>;

export const replaceWorkspace = (
  { desk }: WorkspaceState,
  workspace: Workspace,
  reason: string,
): WorkspaceDecision => ({ state: { workspace, desk }, events: [], reason });

/** The desk with a place for this workspace. */
export function seatWorkspace(desk: Desk, id: string): Desk {
  const otherIds = desk.live.filter(liveId => liveId !== id);
  if (otherIds.length >= MAX_WORKSPACES)
    throw new Refused(
      'conflict',
      `You already have ${MAX_WORKSPACES} workspaces in this project (${otherIds.join(', ')}), which is the limit. Use one of them, or archive one: broch workspace archive`,
    );
  return { live: [...otherIds, id] };
}

export const unseatWorkspace = (desk: Desk, id: string): Desk =>
  desk.live.includes(id) ? { live: desk.live.filter(liveId => liveId !== id) } : desk;

/** The fields that a workspace keeps in every status. */
export function lastingFields(workspace: Workspace) {
  const { id, project, owner, ownerName, kind, size, requestedAt, attempt, attemptedAt } = workspace;
  const { ephemeral, awakeUntil, earlierInstance, home, timetable, timetableUntil } = workspace;
  return {
    ...{ id, project, owner, ownerName, kind, size, requestedAt, attempt, attemptedAt },
    ...(ephemeral && { ephemeral }),
    ...(awakeUntil !== undefined && { awakeUntil }),
    ...(earlierInstance && { earlierInstance }),
    ...(home !== undefined && { home }),
    ...(timetable && { timetable }),
    ...(timetableUntil !== undefined && { timetableUntil }),
  };
}

/** The fields for a status without a machine that could be started again. */
export function fieldsWithoutInstance(workspace: Workspace) {
  const { earlierInstance: _, ...fields } = lastingFields(workspace);
  return fields;
}

/** What identifies a workspace in events. */
export const subjectOfWorkspace = ({ id, project, owner, ownerName, kind, size, attempt }: Workspace) => ({
  project,
  workspace: id,
  owner,
  ownerName,
  kind,
  size,
  attempt,
});

/** Only the owner may do this. Members see all workspaces of a project, but may only open their own. */
export function requireWorkspaceOwner(workspace: Workspace, person: WorkspacePerson): void {
  if (workspace.owner !== person.id)
    throw new Refused('forbidden', `${workspace.id} belongs to ${workspace.ownerName}. Only the owner may do this.`);
}

/**
 * Why a lead deletes a workspace whose owner is no longer a member: nobody else could, and the project pays for its
 * snapshots. Undefined if the person is no lead. Refuses a lead while the owner is a member.
 */
export function explainHeir(
  workspace: Workspace,
  person: WorkspacePerson,
  roles: readonly ProjectRole[],
  ownerRoles: readonly ProjectRole[],
): string | undefined {
  const { id, owner, ownerName } = workspace;
  if (owner === person.id || !roles.includes('lead')) return undefined;
  if (ownerRoles.length === 0)
    return `${person.name}, a lead, asked for it, because ${ownerName} has left the project.`;
  throw new Refused(
    'forbidden',
    `${id} belongs to ${ownerName}. Only the owner may do this. A lead can delete it once ${ownerName} has left the project.`,
  );
}

/** Whether the workflow of the current attempt cannot be running any more. */
export const isOverdueAttempt = ({ attemptedAt }: Workspace, deadlineSeconds: number, now: string): boolean =>
  Date.parse(now) > Date.parse(attemptedAt) + deadlineSeconds * 1000;
