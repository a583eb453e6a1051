import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { stepHandler } from '../handler.ts';
import { changeWorkspace, LaunchAttempt } from './store.ts';
import { decideWorkspace } from './workspaces.ts';

export const env = z.object({ TABLE_NAME: z.string() });
const { TABLE_NAME } = env.parse(process.env);

const Caught = z.object({ Error: z.string().default('unknown') }).prefault({});

/** Says at the workspace that a change takes longer. The sweeper continues it. */
export const handler = stepHandler(
  LaunchAttempt.extend({ caught: Caught }),
  async ({ project, workspace: id, attempt, caught: { Error: error } }): Promise<void> => {
    const problem = `It takes longer than usual (${/^[\w.]{1,80}$/.test(error) ? error : 'unknown'}). Broch tries again every quarter of an hour.`;
    const now = currentTime();
    const command = { do: 'recordProblem', attempt, problem } as const;
    await changeWorkspace(TABLE_NAME, project, id, state => decideWorkspace(state, command, now), now);
  },
);
