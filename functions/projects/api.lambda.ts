import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { startExecution } from '../executions.ts';
import { http } from '../http/http.ts';
import { outcomeStore } from '../http/idempotency.ts';
import { hasProject, readMembership } from '../membership.ts';
import { findPerson, readGroups } from '../people.ts';
import { Refused } from '../refused.ts';
import { decideMembership, viewMember } from './members.ts';
import { decideProject, isRepeatedRequest, requestProject } from './projects.ts';
import { projectsRoutes } from './routes.ts';
import type { Project } from './schemas.ts';
import {
  changeMembership,
  changeProject,
  createProject,
  findMembership,
  pageMemberships,
  pageProjects,
  pageProjectsOf,
  readProject,
} from './store.ts';

export const env = z.object({ TABLE_NAME: z.string(), MACHINE: z.string(), POOL_ID: z.string() });
const { TABLE_NAME, MACHINE, POOL_ID } = env.parse(process.env);

const startAttempt = ({ id, attempt }: Project) =>
  startExecution(MACHINE, `${id}-${attempt}`, { project: id, attempt });

async function requireProject(id: string) {
  const project = await readProject(TABLE_NAME, id);
  if (!project) throw new Refused('missing', `There is no project ${id}.`);
  return project;
}

export const handler = http(
  projectsRoutes,
  'projects',
  {
    async createProject({ user, body }) {
      const request = requestProject(body, user, currentTime());
      let project: Project = request;
      if (!(await createProject(TABLE_NAME, request))) {
        project = await requireProject(body.id);
        if (!isRepeatedRequest(project, body, user.id))
          throw new Refused('conflict', `The project ${body.id} already exists. Choose another id.`);
      }
      if (project.status === 'provisioning') await startAttempt(project);
      return project;
    },
    listProjects: ({ user, query }) =>
      user.groups.some(group => group === 'operator' || group === 'steward')
        ? pageProjects(TABLE_NAME, query)
        : pageProjectsOf(TABLE_NAME, user.id, query),
    showProject: ({ params }) => requireProject(params.project),
    async retryProject({ params }) {
      const now = currentTime();
      const { state } = await changeProject(
        TABLE_NAME,
        params.project,
        read => decideProject(read, { do: 'retry' }, now),
        now,
      );
      await startAttempt(state.project);
      return state.project;
    },
    async addMember({ user, params, body }) {
      const { id } = await requireProject(params.project);
      const person = await findPerson(POOL_ID, params.name);
      const now = currentTime();
      const command = {
        do: 'add',
        person: { id: person.user, name: person.name },
        roles: body.roles,
        by: user,
        reason: body.reason,
        unconfirmedReviewer:
          !body.confirm && (await readGroups(POOL_ID, { id: person.user, name: person.name })).includes('reviewer'),
      } as const;
      const { state } = await changeMembership(
        TABLE_NAME,
        id,
        person,
        read => decideMembership(read, command, now),
        now,
      );
      return viewMember(state.membership);
    },
    async removeMember({ user, params, body }) {
      const { id } = await requireProject(params.project);
      const person = await findMembership(TABLE_NAME, id, params.name);
      const now = currentTime();
      const command = { do: 'remove', by: user, reason: body.reason } as const;
      const { state } = await changeMembership(
        TABLE_NAME,
        id,
        person,
        read => decideMembership(read, command, now),
        now,
      );
      return viewMember(state.membership);
    },
    async listMembers({ params, query: { status, ...page } }) {
      const { id } = await requireProject(params.project);
      const { items, next } = await pageMemberships(TABLE_NAME, id, page);
      return {
        items: items
          .filter(({ roles }) => status === 'all' || roles.length > 0 === (status === 'current'))
          .map(viewMember),
        next,
      };
    },
    async showMemberHistory({ params }) {
      const { id } = await requireProject(params.project);
      const { changes } = await findMembership(TABLE_NAME, id, params.name);
      return { items: changes };
    },
  },
  {
    membership: (project, user) => readMembership(TABLE_NAME, project, user),
    hasProject: project => hasProject(TABLE_NAME, project),
    groups: person => readGroups(POOL_ID, person),
    once: outcomeStore(TABLE_NAME),
  },
);
