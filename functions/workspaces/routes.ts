import * as z from 'zod';
import { memberGrants, operatorAndMemberGrants, PagingQuery, pageOf, type Route } from '../http/route.ts';
import { ProjectId } from '../projects/schemas.ts';
import { WorkspaceId, WorkspaceKind, WorkspaceSize, WorkspaceView } from './schemas.ts';

const project = z.object({ project: ProjectId });
const workspace = z.object({ project: ProjectId, workspace: WorkspaceId });

export const workspacesRoutes = {
  askWorkspace: {
    method: 'POST',
    path: '/projects/{project}/workspaces',
    capability: 'workspaces',
    cli: 'workspace ask',
    status: 202,
    callers: memberGrants,
    summary: 'Request a desktop in a project',
    example: 'workspace ask asthma --kind linux',
    params: project,
    body: z.object({ kind: WorkspaceKind, size: WorkspaceSize.default('small') }),
    returns: WorkspaceView,
  },
  listWorkspaces: {
    method: 'GET',
    path: '/projects/{project}/workspaces',
    capability: 'workspaces',
    cli: 'workspace list',
    status: 200,
    callers: operatorAndMemberGrants,
    summary: 'List the workspaces of a project',
    example: 'workspace list asthma',
    params: project,
    query: PagingQuery,
    returns: pageOf(WorkspaceView),
  },
  showWorkspace: {
    method: 'GET',
    path: '/projects/{project}/workspaces/{workspace}',
    capability: 'workspaces',
    cli: 'workspace show',
    status: 200,
    callers: operatorAndMemberGrants,
    summary: 'Show a workspace',
    example: 'workspace show asthma ws-001122334455',
    params: workspace,
    returns: WorkspaceView,
  },
  retryWorkspace: {
    method: 'POST',
    path: '/projects/{project}/workspaces/{workspace}/retry',
    capability: 'workspaces',
    cli: 'workspace retry',
    status: 202,
    callers: memberGrants,
    summary: 'Retry a failed workspace',
    example: 'workspace retry asthma ws-001122334455',
    params: workspace,
    returns: WorkspaceView,
  },
  linkWorkspace: {
    method: 'POST',
    path: '/projects/{project}/workspaces/{workspace}/link',
    capability: 'workspaces',
    cli: 'workspace link',
    status: 200,
    mints: true,
    callers: memberGrants,
    summary: 'Get a link to your desktop that works once, within a minute',
    example: 'workspace link asthma ws-001122334455',
    params: workspace,
    returns: z.object({ url: z.url(), expires: z.iso.datetime() }),
  },
} as const satisfies Record<string, Route>;
