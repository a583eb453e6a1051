import * as z from 'zod';
import { http } from '../http/http.ts';
import { type OwnProject, pageOwnProjects } from '../membership.ts';
import { readGroups } from '../people.ts';
import { buildOpenApi } from './openapi.ts';
import { routes } from './routes.ts';

export const env = z.object({ SERVER: z.string(), TABLE_NAME: z.string(), POOL_ID: z.string() });
const { SERVER, TABLE_NAME, POOL_ID } = env.parse(process.env);
const document = buildOpenApi(routes, SERVER);

async function readOwnProjects(user: string): Promise<OwnProject[]> {
  const projects: OwnProject[] = [];
  let next: string | undefined;
  do {
    const page = await pageOwnProjects(TABLE_NAME, user, { limit: 100, next });
    projects.push(...page.items);
    next = page.next;
  } while (next !== undefined);
  return projects;
}

export const handler = http(
  routes,
  'api',
  {
    showApi: async () => document,
    showMe: async ({ user }) => ({ ...user, groups: [...user.groups], projects: await readOwnProjects(user.id) }),
  },
  { groups: person => readGroups(POOL_ID, person) },
);
