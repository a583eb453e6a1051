import { Refused } from '../refused.ts';
import {
  fieldsWithoutInstance,
  lastingFields,
  replaceWorkspace,
  requireWorkspaceOwner,
  seatWorkspace,
  type WorkspaceDecision,
  type WorkspacePerson,
  type WorkspaceState,
} from './desk.ts';
import type { Workspace, WorkspaceIn } from './schemas.ts';

/** How many snapshots of a home stay that its owner made. Another one replaces the oldest. */
export const MAX_SNAPSHOTS = 3;

/** What the owner wants of the home. */
export type HomeCommand = { do: 'restore'; by: WorkspacePerson; snapshot: string };

/** The workspace whose home `person` may keep in a snapshot now: one with a disk that no change touches. */
export function requireHome(workspace: Workspace, person: WorkspacePerson): WorkspaceIn<'ready' | 'stopped'> {
  requireWorkspaceOwner(workspace, person);
  if (workspace.status === 'ready' || workspace.status === 'stopped') return workspace;
  throw new Refused(
    'conflict',
    `${workspace.id} is ${workspace.status}: only the home of a workspace that is ready or stopped can be kept in a snapshot.`,
  );
}

/**
 * Puts the home back to a snapshot. A machine is stopped and gets a new disk. A workspace without a machine starts at once
 * with the snapshot: left archived, it would lose its home when AWS Backup deletes the snapshot.
 */
export function restoreHome(
  state: WorkspaceState,
  { by: person, snapshot }: HomeCommand,
  now: string,
): WorkspaceDecision {
  const { workspace, desk } = state;
  requireWorkspaceOwner(workspace, person);
  const next = { attempt: workspace.attempt + 1, attemptedAt: now };
  if (workspace.status === 'archived' || (workspace.status === 'failed' && !workspace.earlierInstance))
    return {
      state: {
        workspace: { ...lastingFields(workspace), ...next, home: snapshot, status: 'requested' },
        desk: seatWorkspace(desk, workspace.id),
      },
      events: [],
      reason: `it starts with the home of ${snapshot}`,
    };
  if (workspace.status !== 'ready' && workspace.status !== 'stopped')
    throw new Refused(
      'conflict',
      `${workspace.id} is ${workspace.status}: only a workspace that is ready, stopped, archived or failed can be restored.`,
    );
  const { instanceId, address, imageId } = workspace;
  const restoring: Workspace = {
    ...fieldsWithoutInstance(workspace),
    ...{ instanceId, address, imageId },
    ...next,
    status: 'restoring',
    snapshot,
    restart: workspace.status === 'ready',
    reason: `${person.name} asked for it.`,
  };
  return replaceWorkspace(state, restoring, `its home becomes that of ${snapshot}`);
}
