import * as z from 'zod';
import { WriteConflict } from '../change.ts';
import { currentTime } from '../clock.ts';
import { startExecution } from '../executions.ts';
import { http } from '../http/http.ts';
import { outcomeStore } from '../http/idempotency.ts';
import { readRoles } from '../membership.ts';
import { findPerson } from '../people.ts';
import { Refused } from '../refused.ts';
import { decideProject, isRepeatedRequest, requestProject } from './projects.ts';
import { projectsRoutes } from './routes.ts';
import type { Project } from './schemas.ts';
import {
  changeProject,
  createProject,
  pageMembers,
  pageProjects,
  readMember,
  readProject,
  saveMember,
} from './store.ts';

export const env = z.object({ TABLE_NAME: z.string(), MACHINE: z.string(), POOL_ID: z.string() });
const { TABLE_NAME, MACHINE, POOL_ID } = env.parse(process.env);

const startAttempt = ({ id, attempt }: Project) =>
  startExecution(MACHINE, `${id}-${attempt}`, { project: id, attempt });

async function existing(id: string) {
  const project = await readProject(TABLE_NAME, id);
  if (!project) throw new Refused('missing', `There is no project ${id}.`);
  return project;
}

export const handler = http(
  projectsRoutes,
  'projects',
  {
    async createProject({ user, body }) {
      const wanted = requestProject(body, user.id, currentTime());
      let project: Project = wanted;
      if (!(await createProject(TABLE_NAME, wanted))) {
        project = await existing(body.id);
        if (!isRepeatedRequest(project, body, user.id))
          throw new Refused('conflict', `The project ${body.id} already exists. Choose another id.`);
      }
      if (project.status === 'provisioning') await startAttempt(project);
      return project;
    },
    listProjects: ({ query }) => pageProjects(TABLE_NAME, query),
    showProject: ({ params }) => existing(params.project),
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
    async addMember({ params, body }) {
      const { id } = await existing(params.project);
      const person = await findPerson(POOL_ID, params.name);
      const read = await readMember(TABLE_NAME, id, person.user);
      const member = { ...person, roles: [...new Set(body.roles)], since: read?.since ?? currentTime() };
      if (!(await saveMember(TABLE_NAME, id, read, member)))
        throw new WriteConflict(`the membership of ${person.name}`);
      return member;
    },
    async listMembers({ params, query }) {
      const { id } = await existing(params.project);
      return pageMembers(TABLE_NAME, id, query);
    },
  },
  { roles: (project, user) => readRoles(TABLE_NAME, project, user), once: outcomeStore(TABLE_NAME) },
);
