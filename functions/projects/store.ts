import { changeRows } from '../change.ts';
import type { Decision } from '../decision.ts';
import { outboxRow } from '../events/outbox.ts';
import { rowKey } from '../keys.ts';
import { MEMBER_PREFIX, Member, memberKey } from '../membership.ts';
import { Refused } from '../refused.ts';
import { pageRows, type Row, type RowWrite, readRow, writeRows } from '../table.ts';
import { NetworkBlock } from './block.ts';
import type { ProjectState } from './projects.ts';
import { Project } from './schemas.ts';

const projectKey = (id: string) => rowKey('project', id);
const blockKey = (cidr: string) => rowKey('block', cidr);
/** A second row for each project, all in one partition by age, for lists. */
const listKey = ({ id, requestedAt }: Project) => rowKey('projects', '', `${requestedAt}#${id}`);

/** Both rows of a project are always written together and have the same revision. */
const projectRows = (next: Project, read?: Row<Project>): RowWrite[] => [
  { key: projectKey(next.id), item: next, read },
  { key: listKey(next), item: next, read },
];

export const readProject = (table: string, id: string) => readRow(table, Project, projectKey(id));

export const createProject = (table: string, project: Project) => writeRows(table, projectRows(project));

/**
 * Reads a project, decides, and writes the changes with their events. `blockOf` names the block that the decision needs,
 * if any: the project and its lease change in one write.
 */
export function changeProject(
  table: string,
  id: string,
  decide: (state: ProjectState) => Decision<ProjectState>,
  now: string,
  blockOf: (project: Project) => string | undefined = () => undefined,
): Promise<Decision<ProjectState>> {
  return changeRows(
    table,
    `project ${id}`,
    async () => {
      const project = await readProject(table, id);
      if (!project) throw new Refused('missing', `There is no project ${id}.`);
      const cidr = blockOf(project);
      const block = cidr === undefined ? undefined : await readRow(table, NetworkBlock, blockKey(cidr));
      return { project, block };
    },
    decide,
    ({ state, events }, read) => [
      ...(state.project === read.project ? [] : projectRows(state.project, read.project)),
      ...(state.block && state.block !== read.block
        ? [{ key: blockKey(state.block.cidr), item: state.block, read: read.block }]
        : []),
      ...(events.length > 0 ? [outboxRow(projectKey(id).pk, events, now)] : []),
    ],
  );
}

export const pageProjects = (table: string, page: { limit?: number; next?: string | undefined }) =>
  pageRows(table, Project, rowKey('projects', '').pk, page);

export const readMember = (table: string, project: string, user: string) =>
  readRow(table, Member, memberKey(project, user));

/** A second row for each membership, to find the projects of a person. */
export const saveMember = (table: string, project: string, read: Row<Member> | undefined, next: Member) =>
  writeRows(table, [
    { key: memberKey(project, next.user), item: next, read },
    { key: rowKey('person', next.user, `PROJECT#${project}`), item: { ...next, project }, read },
  ]);

export const pageMembers = (table: string, project: string, page: { limit?: number; next?: string | undefined }) =>
  pageRows(table, Member, projectKey(project).pk, { ...page, prefix: MEMBER_PREFIX });
