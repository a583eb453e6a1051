import * as z from 'zod';
import { changeRows } from '../change.ts';
import type { Decision } from '../decision.ts';
import { outboxRow } from '../events/outbox.ts';
import { rowKey } from '../keys.ts';
import { Refused } from '../refused.ts';
import { createRow, type Page, pageRows, type Row, type RowWrite, readRow } from '../table.ts';
import type { WorkspaceState } from './desk.ts';
import { Desk, Workspace, WorkspaceId } from './schemas.ts';

/** Identifies an attempt at a workspace; the workflow passes it from step to step. */
export const LaunchAttempt = z.object({
  project: z.string(),
  workspace: WorkspaceId,
  attempt: z.number().int().min(1),
});

const workspaceKey = (project: string, id: string) => rowKey('workspace', project, id);
const deskKey = (project: string, person: string) => rowKey('workspace', project, `DESK#${person}`);
const instanceKey = (instance: string) => rowKey('instance', instance);

/** The workspace of an instance. The row is kept after the instance is terminated, to recognise late reports. */
const Instance = z.object({ project: z.string(), workspace: WorkspaceId });

export async function readWorkspace(table: string, project: string, id: string): Promise<Row<Workspace>> {
  const row = await readRow(table, Workspace, workspaceKey(project, id));
  if (!row) throw new Refused('missing', `There is no workspace ${id} in project ${project}.`);
  return row;
}

export async function pageWorkspaces(
  table: string,
  project: string,
  page: { limit?: number | undefined; next?: string | undefined },
): Promise<Page<Row<Workspace>>> {
  return pageRows(table, Workspace, workspaceKey(project, '').pk, { ...page, prefix: 'ws-' });
}

export const readInstance = async (table: string, instance: string) => readRow(table, Instance, instanceKey(instance));

/** Records the workspace of an instance, which never changes. */
export async function claimInstance(table: string, instance: string, claim: z.infer<typeof Instance>): Promise<void> {
  if (await createRow(table, instanceKey(instance), claim)) return;
  const currentClaim = await readInstance(table, instance);
  if (currentClaim?.workspace !== claim.workspace) throw new Error(`${instance} belongs to ${currentClaim?.workspace}`);
}

/** The rows that a decision changes: the workspace, its owner's desk, and the events. */
function stateRows(
  project: string,
  { state: { workspace, desk }, events }: Decision<WorkspaceState>,
  read: { workspace?: Row<Workspace> | undefined; desk?: Row<Desk> | undefined },
  now: string,
): RowWrite[] {
  return [
    ...(workspace === read.workspace
      ? []
      : [{ key: workspaceKey(project, workspace.id), read: read.workspace, item: workspace }]),
    ...(desk === (read.desk ?? EMPTY_DESK)
      ? []
      : [{ key: deskKey(project, workspace.owner), read: read.desk, item: desk }]),
    ...(events.length > 0 ? [outboxRow(workspaceKey(project, '').pk, events, now)] : []),
  ];
}

const EMPTY_DESK: Desk = { live: [] };
export const readDesk = (table: string, project: string, owner: string) =>
  readRow(table, Desk, deskKey(project, owner));

/** Reads a workspace with its owner's desk, decides, and writes the changes with their events. */
export function changeWorkspace(
  table: string,
  project: string,
  id: string,
  decide: (state: WorkspaceState) => Decision<WorkspaceState>,
  now: string,
): Promise<Decision<WorkspaceState>> {
  return changeRows(
    table,
    id,
    async () => {
      const workspace = await readWorkspace(table, project, id);
      return { workspace, desk: await readDesk(table, project, workspace.owner) };
    },
    ({ workspace, desk = EMPTY_DESK }) => decide({ workspace, desk }),
    (decision, read) => stateRows(project, decision, read, now),
  );
}

/** Writes a new workspace with its owner's desk. `id` must be new. */
export function createWorkspace(
  table: string,
  { project, id, owner }: Pick<Workspace, 'project' | 'id' | 'owner'>,
  decide: (desk: Desk) => Decision<WorkspaceState>,
  now: string,
): Promise<Decision<WorkspaceState>> {
  return changeRows(
    table,
    id,
    () => readDesk(table, project, owner),
    desk => decide(desk ?? EMPTY_DESK),
    (decision, desk) => stateRows(project, decision, { desk }, now),
  );
}
