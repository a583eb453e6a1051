import * as z from 'zod';
import { airlockRoutes } from '../airlock/routes.ts';
import { batchRoutes } from '../batch/routes.ts';
import { costsRoutes } from '../costs/routes.ts';
import { datasetsRoutes } from '../datasets/routes.ts';
import { enclavesRoutes } from '../enclaves/routes.ts';
import { type Route, userGroups } from '../http/route.ts';
import { packagesRoutes } from '../images/packages/routes.ts';
import { imagesRoutes } from '../images/routes.ts';
import { ingestRoutes } from '../ingest/routes.ts';
import { OwnProject } from '../membership.ts';
import { projectsRoutes } from '../projects/routes.ts';
import { workspacesRoutes } from '../workspaces/routes.ts';

/**
 * The whole API as data. The gateway's routes, their permissions, the types of the handlers, the command line and
 * GET /openapi.json are derived from it. Each operation is defined only in the routes of its capability.
 */
export const routes = {
  showApi: {
    method: 'GET',
    path: '/openapi.json',
    capability: 'api',
    cli: 'api show',
    status: 200,
    callers: 'anyone',
    summary: 'Show the API as an OpenAPI 3.1 document',
    example: 'api show',
    returns: z.looseObject({}),
  },
  showMe: {
    method: 'GET',
    path: '/me',
    capability: 'api',
    cli: 'whoami',
    status: 200,
    callers: userGroups.map(group => ({ group })),
    summary: 'Show your id, name, groups and projects',
    example: 'whoami',
    returns: z.object({
      id: z.string(),
      name: z.string(),
      groups: z.array(z.enum(userGroups)),
      projects: z.array(OwnProject),
    }),
  },
  ...projectsRoutes,
  ...ingestRoutes,
  ...datasetsRoutes,
  ...enclavesRoutes,
  ...workspacesRoutes,
  ...imagesRoutes,
  ...packagesRoutes,
  ...batchRoutes,
  ...airlockRoutes,
  ...costsRoutes,
} as const satisfies Record<string, Route>;

export type Routes = typeof routes;
export type RouteName = keyof Routes;
