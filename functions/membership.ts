import * as z from 'zod';
import { ProjectRole } from './http/route.ts';
import { rowKey } from './keys.ts';
import { readRow } from './table.ts';

/** A person in a project. The person is the user pool's `sub`: names can be given to somebody else later, ids cannot. */
export const Member = z.object({
  user: z.string().min(1),
  name: z.string().min(1),
  roles: z.array(ProjectRole).min(1),
  since: z.iso.datetime(),
});
export type Member = z.infer<typeof Member>;

/** All members of a project are rows of its partition. */
export const MEMBER_PREFIX = 'MEMBER#';

export const memberKey = (project: string, user: string) => rowKey('project', project, `${MEMBER_PREFIX}${user}`);

/** The roles a person holds in a project, as of now; none where either does not exist. */
export async function readRoles(table: string, project: string, user: string): Promise<readonly ProjectRole[]> {
  return (await readRow(table, Member, memberKey(project, user)))?.roles ?? [];
}
