import { changeRows } from '../change.ts';
import type { Decision } from '../decision.ts';
import { outboxRow } from '../events/outbox.ts';
import { rowKey } from '../keys.ts';
import { MEMBER_PREFIX, Membership, memberKey, ownProjectKey, pageOwnProjects, readMembership } from '../membership.ts';
import { Refused } from '../refused.ts';
import { type Page, pageRows, type Row, type RowWrite, readRow, writeRows } from '../table.ts';
import { NetworkBlock } from './block.ts';
import type { MembershipState } from './members.ts';
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

/** A page of the projects that a person belongs to, by id. */
export async function pageProjectsOf(
  table: string,
  user: string,
  paging: { limit?: number; next?: string | undefined },
): Promise<Page<Project>> {
  const { items, next } = await pageOwnProjects(table, user, paging);
  const projects = await Promise.all(items.map(({ project }) => readProject(table, project)));
  return { items: projects.filter(project => project !== undefined), next };
}

/** A second row for each membership, to find the projects of a person. It has no roles once the person is removed. */
const membershipRows = (project: string, next: Membership, read: Row<Membership> | undefined): RowWrite[] => {
  const { changes: _, ...current } = next;
  return [
    { key: memberKey(project, next.user), item: next, read },
    { key: ownProjectKey(next.user, project), item: { ...current, project } },
  ];
};

/** Reads a membership, decides, and writes the change with its event. */
export function changeMembership(
  table: string,
  project: string,
  person: { user: string; name: string },
  decide: (state: MembershipState) => Decision<MembershipState>,
  now: string,
): Promise<Decision<MembershipState>> {
  return changeRows(
    table,
    `the membership of ${person.name}`,
    async (): Promise<MembershipState & { membership: Row<Membership> | undefined }> => ({
      project,
      membership: await readMembership(table, project, person.user),
    }),
    decide,
    ({ state: { membership }, events }, read) =>
      membership === undefined || membership === read.membership
        ? []
        : [
            ...membershipRows(project, membership, read.membership),
            ...(events.length > 0 ? [outboxRow(projectKey(project).pk, events, now)] : []),
          ],
  );
}

/** Memberships of a project, also those that ended. */
export const pageMemberships = (table: string, project: string, page: { limit?: number; next?: string | undefined }) =>
  pageRows(table, Membership, projectKey(project).pk, { ...page, prefix: MEMBER_PREFIX });

/**
 * The membership of a person by name or id. It asks the project and not the user pool, because somebody must be removable
 * whose account is disabled or deleted.
 */
export async function findMembership(table: string, project: string, nameOrId: string): Promise<Row<Membership>> {
  const matches: Row<Membership>[] = [];
  for (let next: string | undefined, hasMore = true; hasMore; hasMore = next !== undefined) {
    const page = await pageMemberships(table, project, { limit: 100, next });
    matches.push(
      ...page.items.filter(({ user, name }) => user === nameOrId || name.toLowerCase() === nameOrId.toLowerCase()),
    );
    next = page.next;
  }
  const current = matches.filter(({ roles }) => roles.length > 0);
  const candidates = current.length > 0 ? current : matches;
  const [membership] = candidates;
  if (!membership)
    throw new Refused('missing', `${nameOrId} was never a member of ${project}. See broch member list ${project}.`);
  if (candidates.length > 1)
    throw new Refused(
      'conflict',
      `Several people named ${nameOrId} have a membership. Use an id instead: ${candidates.map(({ user }) => user).join(', ')}.`,
    );
  return membership;
}
