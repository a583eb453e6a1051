import * as z from 'zod';
import { http } from '../http/http.ts';
import { buildOpenApi } from './openapi.ts';
import { routes } from './routes.ts';

export const env = z.object({ SERVER: z.string() });
const { SERVER } = env.parse(process.env);
const document = buildOpenApi(routes, SERVER);

export const handler = http(
  routes,
  'api',
  {
    showApi: async () => document,
    showMe: async ({ user }) => ({ ...user, groups: [...user.groups] }),
  },
  { roles: async () => [] },
);
