import { keepState } from '../decision.ts';
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
import { instanceOf, refuseHibernated } from './rest.ts';
import type { Workspace, WorkspaceIn } from './schemas.ts';

/** The most snapshots of a home that its owner can keep. A further one replaces the oldest. */
export const MAX_SNAPSHOTS = 3;

/** The owner's command for the home. */
export type HomeCommand = { do: 'restore'; by: WorkspacePerson; snapshot: string };

/** The workspace, if `person` may take a snapshot of its home now: it has a disk, and no change is in progress. */
export function requireHome(workspace: Workspace, person: WorkspacePerson): WorkspaceIn<'ready' | 'stopped'> {
  requireWorkspaceOwner(workspace, person);
  refuseHibernated(workspace);
  if (workspace.status === 'ready' || workspace.status === 'stopped') return workspace;
  throw new Refused(
    'conflict',
    `${workspace.id} is ${workspace.status}: you can take a snapshot only while it is ready or stopped.`,
  );
}

/** Who wants to see the snapshots of a home. */
export interface SnapshotReader {
  readonly id: string;
  readonly isLead: boolean;
  readonly isOperator: boolean;
}

/**
 * When a home was kept, and how often, says when a person worked. The owner may know it, a lead, whose project pays for the
 * snapshots, and an operator, who helps when a home is lost.
 */
export function requireSnapshotReader({ id, owner, ownerName }: Workspace, reader: SnapshotReader): void {
  if (owner === reader.id || reader.isLead || reader.isOperator) return;
  throw new Refused(
    'forbidden',
    `${id} belongs to ${ownerName}. Only the owner, a lead of the project or an operator may list its snapshots. Ask one of them.`,
  );
}

/** A call that is made again, because its answer was lost, starts the workflow that the first one may not have started. */
const isRestoredTo = (workspace: Workspace, snapshot: string): boolean =>
  (workspace.status === 'restoring' && workspace.snapshot === snapshot) ||
  (workspace.status === 'requested' && workspace.home === snapshot);

/**
 * Puts the home back to a snapshot. Broch stops the machine and gives it a new disk. A workspace without a machine starts at
 * once with the snapshot: if it stayed archived, it would lose its home when AWS Backup deletes the snapshot.
 */
export function restoreHome(
  state: WorkspaceState,
  { by: person, snapshot }: HomeCommand,
  now: string,
): WorkspaceDecision {
  const { workspace, desk } = state;
  requireWorkspaceOwner(workspace, person);
  refuseHibernated(workspace);
  if (isRestoredTo(workspace, snapshot)) return keepState(state, 'the restore is in progress');
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
      `${workspace.id} is ${workspace.status}: it can be restored only while it is ready, stopped, archived or failed.`,
    );
  const restoring: Workspace = {
    ...fieldsWithoutInstance(workspace),
    ...instanceOf(workspace),
    ...next,
    status: 'restoring',
    snapshot,
    restart: workspace.status === 'ready',
    reason: `${person.name} asked for it.`,
  };
  return replaceWorkspace(state, restoring, `its home becomes that of ${snapshot}`);
}
