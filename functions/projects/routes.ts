import * as z from 'zod';
import {
  memberGrants,
  operatorAndMemberGrants,
  PagingQuery,
  ProjectRole,
  pageOf,
  type Route,
  staffGrants,
} from '../http/route.ts';
import { UserName } from '../identifiers.ts';
import { MembershipChange } from '../membership.ts';
import { PlainText } from '../plain-text.ts';
import { MemberView, Project, ProjectId } from './schemas.ts';

const project = z.object({ project: ProjectId });
const member = z.object({ project: ProjectId, name: UserName });
const Reason = PlainText.min(1).max(500);

export const projectsRoutes = {
  createProject: {
    method: 'POST',
    path: '/projects',
    capability: 'projects',
    cli: 'project create',
    status: 202,
    callers: [{ group: 'operator' }],
    summary: 'Create a project with its own network, key and bucket',
    example: "project create --id asthma --title 'Asthma in Tayside'",
    body: z.object({ id: ProjectId, title: PlainText.min(1).max(200).describe('a title for people') }),
    returns: Project,
  },
  listProjects: {
    method: 'GET',
    path: '/projects',
    capability: 'projects',
    cli: 'project list',
    status: 200,
    callers: [...staffGrants, { group: 'researcher' }],
    summary: 'List your projects; as operator or data steward all projects',
    example: 'project list',
    query: PagingQuery,
    returns: pageOf(Project),
  },
  showProject: {
    method: 'GET',
    path: '/projects/{project}',
    capability: 'projects',
    cli: 'project show',
    status: 200,
    callers: [...staffGrants, ...memberGrants],
    summary: 'Show a project',
    example: 'project show asthma',
    params: project,
    returns: Project,
  },
  retryProject: {
    method: 'POST',
    path: '/projects/{project}/retry',
    capability: 'projects',
    cli: 'project retry',
    status: 202,
    callers: [{ group: 'operator' }],
    summary: 'Retry a failed project',
    example: 'project retry asthma',
    params: project,
    returns: Project,
  },
  addMember: {
    method: 'PUT',
    path: '/projects/{project}/members/{name}',
    capability: 'projects',
    cli: 'member add',
    status: 200,
    callers: [{ group: 'operator' }],
    summary: 'Add a person to a project, or change their roles',
    example: 'member add asthma rana --roles researcher',
    params: member,
    body: z.object({
      roles: z.array(ProjectRole).min(1).max(2),
      reason: Reason.optional().describe('why'),
      confirm: z
        .boolean()
        .default(false)
        .describe('confirm adding a reviewer, who then cannot review requests of the project'),
    }),
    returns: MemberView,
  },
  removeMember: {
    method: 'POST',
    path: '/projects/{project}/members/{name}/remove',
    capability: 'projects',
    cli: 'member remove',
    status: 200,
    callers: [{ group: 'operator' }],
    summary: 'Remove a person, by name or id, from a project',
    example: "member remove asthma rana --reason 'left the university'",
    params: member,
    body: z.object({ reason: Reason.describe('why') }),
    returns: MemberView,
  },
  listMembers: {
    method: 'GET',
    path: '/projects/{project}/members',
    capability: 'projects',
    cli: 'member list',
    status: 200,
    callers: operatorAndMemberGrants,
    summary: 'List the members of a project, with the date and the reason of each',
    example: 'member list asthma',
    params: project,
    query: PagingQuery.extend({
      status: z.enum(['current', 'former', 'all']).default('current').describe('which members'),
    }),
    returns: pageOf(MemberView),
  },
  showMemberHistory: {
    method: 'GET',
    path: '/projects/{project}/members/{name}/history',
    capability: 'projects',
    cli: 'member history',
    status: 200,
    callers: [{ group: 'operator' }],
    summary: 'Show every change of a membership: by whom, when and why',
    example: 'member history asthma rana',
    params: member,
    returns: z.object({ items: z.array(MembershipChange) }),
  },
} as const satisfies Record<string, Route>;
