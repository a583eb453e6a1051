import * as z from 'zod';
import { rowKey } from '../keys.ts';
import { Refused } from '../refused.ts';
import { createRow, type Page, pageRows, type Row, readRow, replaceRow, writeRows } from '../table.ts';
import { Desk, Workspace, WorkspaceId } from './schemas.ts';

/** Names one workspace, and one attempt at it: what the workflow hands from step to step. */
export const LaunchAttempt = z.object({
  project: z.string(),
  workspace: WorkspaceId,
  attempt: z.number().int().min(1),
});

const workspaceKey = (project: string, id: string) => rowKey('workspace', project, id);
const deskKey = (project: string, person: string) => rowKey('workspace', project, `DESK#${person}`);
const instanceKey = (instance: string) => rowKey('instance', instance);

/** Which workspace an instance belongs to. Stays after the instance is gone, so that late reports are known for that. */
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

/** Says whose an instance is; it is nobody else's ever after. */
export async function claimInstance(table: string, instance: string, of: z.infer<typeof Instance>): Promise<void> {
  if (await createRow(table, instanceKey(instance), of)) return;
  const held = await readInstance(table, instance);
  if (held?.workspace !== of.workspace) throw new Error(`${instance} belongs to ${held?.workspace}`);
}

const tries = 8;

/**
 * Reads a workspace, lets `decide` say what becomes of it, and writes that unless somebody was faster: then all over
 * again. Undefined means that nothing changes, and nothing is written.
 */
export async function changeWorkspace<R extends { workspace: Workspace } | undefined>(
  table: string,
  project: string,
  id: string,
  decide: (workspace: Row<Workspace>) => R,
): Promise<R> {
  for (let tried = 0; tried < tries; tried++) {
    const read = await readWorkspace(table, project, id);
    const decided = decide(read);
    if (decided === undefined || decided.workspace === read) return decided;
    if (await replaceRow(table, workspaceKey(project, id), read, decided.workspace)) return decided;
  }
  throw new Error(`${id} was changed by others ${tries} times in a row`);
}

/**
 * The same for a workspace together with its owner's desk: both are written or neither, so that what a person has and
 * what is counted can't come apart, and two asks at once can't both take the last seat.
 */
export async function changeWorkspaceAndDesk<R extends { workspace: Workspace; desk: Desk } | undefined>(
  table: string,
  project: string,
  id: string,
  owner: string | undefined,
  decide: (workspace: Row<Workspace> | undefined, desk: Desk) => R,
): Promise<R> {
  for (let tried = 0; tried < tries; tried++) {
    const read = await readRow(table, Workspace, workspaceKey(project, id));
    const desk = deskKey(project, owner ?? read?.owner ?? '');
    const held = await readRow(table, Desk, desk);
    const decided = decide(read, held ?? { live: [] });
    if (decided === undefined || (decided.workspace === read && decided.desk === held)) return decided;
    const written = await writeRows(table, [
      { key: workspaceKey(project, id), read, item: decided.workspace },
      { key: desk, read: held, item: decided.desk },
    ]);
    if (written) return decided;
  }
  throw new Error(`${id} or its owner's desk was changed by others ${tries} times in a row`);
}
