import * as z from 'zod';
import { ProjectRole } from './http/route.ts';
import { rowKey } from './keys.ts';
import { readRow } from './table.ts';

/** A person in a project, by the user pool's `sub`: a name can later be given to another person, an id cannot. */
export const Member = z.object({
  user: z.string().min(1),
  name: z.string().min(1),
  roles: z.array(ProjectRole).min(1),
  since: z.iso.datetime(),
});
export type Member = z.infer<typeof Member>;

/** Members are rows in the partition of their project. */
export const MEMBER_PREFIX = 'MEMBER#';

export const memberKey = (project: string, user: string) => rowKey('project', project, `${MEMBER_PREFIX}${user}`);

/** The roles that a person holds in a project now; none if the person or the project does not exist. */
export async function readRoles(table: string, project: string, user: string): Promise<readonly ProjectRole[]> {
  return (await readRow(table, Member, memberKey(project, user)))?.roles ?? [];
}
