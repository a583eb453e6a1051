import { rowKey } from '../keys.ts';
import { MEMBER_PREFIX, Member, memberKey } from '../membership.ts';
import { pageRows, type Row, type RowWrite, readRow, writeRows } from '../table.ts';
import { NetworkBlock } from './block.ts';
import { Project } from './schemas.ts';

const projectKey = (id: string) => rowKey('project', id);
const blockKey = (cidr: string) => rowKey('block', cidr);
/** All projects once more, in one partition and by age, so that they can be listed. */
const listKey = ({ id, requestedAt }: Project) => rowKey('projects', '', `${requestedAt}#${id}`);

/** Both rows of a project are always written together, so one revision speaks for both. */
const writes = (next: Project, read?: Row<Project>): RowWrite[] => [
  { key: projectKey(next.id), item: next, read },
  { key: listKey(next), item: next, read },
];

export const readProject = (table: string, id: string) => readRow(table, Project, projectKey(id));

export const createProject = (table: string, project: Project) => writeRows(table, writes(project));

export const saveProject = (table: string, read: Row<Project>, next: Project) => writeRows(table, writes(next, read));

export const pageProjects = (table: string, page: { limit?: number; next?: string | undefined }) =>
  pageRows(table, Project, rowKey('projects', '').pk, page);

export const readBlock = (table: string, cidr: string) => readRow(table, NetworkBlock, blockKey(cidr));

/** Changes a project and its hold on a block in one write: at no time does one say otherwise than the other. */
export const saveProjectAndBlock = (
  table: string,
  project: { read: Row<Project>; next: Project },
  block: { read: Row<NetworkBlock> | undefined; next: NetworkBlock },
) =>
  writeRows(table, [
    ...writes(project.next, project.read),
    { key: blockKey(block.next.cidr), item: block.next, read: block.read },
  ]);

export const readMember = (table: string, project: string, user: string) =>
  readRow(table, Member, memberKey(project, user));

/** A person's projects can be found from the person too. */
export const saveMember = (table: string, project: string, read: Row<Member> | undefined, next: Member) =>
  writeRows(table, [
    { key: memberKey(project, next.user), item: next, read },
    { key: rowKey('person', next.user, `PROJECT#${project}`), item: { ...next, project }, read },
  ]);

export const pageMembers = (table: string, project: string, page: { limit?: number; next?: string | undefined }) =>
  pageRows(table, Member, projectKey(project).pk, { ...page, prefix: MEMBER_PREFIX });
