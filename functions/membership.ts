import * as z from 'zod';
import { ProjectRole } from './http/route.ts';
import { rowKey } from './keys.ts';
import { type Page, pageRows, type Row, readRow } from './table.ts';

/** One change of a membership: what, by whom, when and why. */
export const MembershipChange = z.object({
  change: z.enum(['added', 'changed', 'removed']),
  /** The roles after the change. */
  roles: z.array(ProjectRole),
  by: z.string().min(1),
  byName: z.string().min(1),
  at: z.iso.datetime(),
  reason: z.string().optional(),
});
export type MembershipChange = z.infer<typeof MembershipChange>;

/**
 * The membership of a person in a project with all of its changes, oldest first. The person is known by the user pool's
 * `sub`: a name can later be given to another person, an id cannot. A removed person keeps the record, without roles.
 */
export const Membership = z.object({
  user: z.string().min(1),
  name: z.string().min(1),
  roles: z.array(ProjectRole),
  /** When the person was last added. */
  since: z.iso.datetime(),
  changes: z.array(MembershipChange).default([]),
});
export type Membership = z.infer<typeof Membership>;

/** Memberships are rows in the partition of their project. */
export const MEMBER_PREFIX = 'MEMBER#';

export const memberKey = (project: string, user: string) => rowKey('project', project, `${MEMBER_PREFIX}${user}`);

export const readMembership = (table: string, project: string, user: string): Promise<Row<Membership> | undefined> =>
  readRow(table, Membership, memberKey(project, user));

/** The roles that a person holds in a project now; none if the person or the project does not exist. */
export async function readRoles(table: string, project: string, user: string): Promise<readonly ProjectRole[]> {
  return (await readMembership(table, project, user))?.roles ?? [];
}

/** Whether a project exists, in any state. */
export const hasProject = async (table: string, project: string): Promise<boolean> =>
  (await readRow(table, z.object({}), rowKey('project', project))) !== undefined;

/** A project of a person, as its membership is kept with the person. */
export const OwnProject = z.object({
  project: z.string(),
  /** None once the person was removed. */
  roles: z.array(ProjectRole),
  since: z.iso.datetime(),
});
export type OwnProject = z.infer<typeof OwnProject>;

export const ownProjectKey = (user: string, project: string) => rowKey('person', user, `PROJECT#${project}`);

/** A page of the projects that a person belongs to, by id; a page may be short, because former memberships are left out. */
export async function pageOwnProjects(
  table: string,
  user: string,
  page: { limit?: number; next?: string | undefined },
): Promise<Page<OwnProject>> {
  const { pk, sk } = ownProjectKey(user, '');
  const { items, next } = await pageRows(table, OwnProject, pk, { ...page, prefix: sk, ascending: true });
  return { items: items.filter(({ roles }) => roles.length > 0), next };
}

/** Whether the person was a member of the project at any time since `instant`, also if they were removed after it. */
export const wasMemberSince = (history: readonly Membership[], person: string, instant: string): boolean =>
  history.some(
    ({ user, roles, changes }) =>
      user === person && (roles.length > 0 || changes.some(({ at: time }) => Date.parse(time) >= Date.parse(instant))),
  );
