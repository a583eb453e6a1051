import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { stepHandler } from '../handler.ts';
import { completeProject, isCurrentAttempt } from './projects.ts';
import { ProjectId, ProjectNetwork } from './schemas.ts';
import { readProject, saveProject } from './store.ts';

export const env = z.object({ TABLE_NAME: z.string() });
const { TABLE_NAME } = env.parse(process.env);

const Input = z.object({ project: ProjectId, attempt: z.number().int(), network: ProjectNetwork });

/** Writes down that the project is ready. */
export const handler = stepHandler(Input, async ({ project: id, attempt, network }): Promise<{ status: string }> => {
  const project = await readProject(TABLE_NAME, id);
  if (project?.status === 'ready' && project.attempt === attempt) return { status: 'ready' };
  if (!project || !isCurrentAttempt(project, attempt)) return { status: 'overtaken' };
  if (!(await saveProject(TABLE_NAME, project, completeProject(project, network, currentTime()))))
    throw new Error(`project ${id} was changed at the same time`);
  return { status: 'ready' };
});
