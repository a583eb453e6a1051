import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { stepHandler } from '../handler.ts';
import { decideProject } from './projects.ts';
import { ProjectId, ProjectNetwork } from './schemas.ts';
import { changeProject } from './store.ts';

export const env = z.object({ TABLE_NAME: z.string() });
const { TABLE_NAME } = env.parse(process.env);

const Input = z.object({ project: ProjectId, attempt: z.number().int(), network: ProjectNetwork });

/** Records that the project is ready. */
export const handler = stepHandler(Input, async ({ project: id, attempt, network }): Promise<{ status: string }> => {
  const now = currentTime();
  const { superseded: isStale } = await changeProject(
    TABLE_NAME,
    id,
    state => decideProject(state, { do: 'recordNetwork', attempt, network }, now),
    now,
  );
  return { status: isStale ? 'overtaken' : 'ready' };
});
