import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { stepHandler } from '../handler.ts';
import { changeWorkspace, LaunchAttempt } from './store.ts';
import { decideWorkspace, Reported } from './workspaces.ts';

export const env = z.object({ TABLE_NAME: z.string() });
const { TABLE_NAME } = env.parse(process.env);

/** Stores the task's token for the desktop's report. If the report has already arrived, the workflow does not wait. */
export const handler = stepHandler(
  LaunchAttempt.extend({ token: z.string().min(1).max(2048) }),
  async ({ project, workspace, attempt, token }) => {
    const now = currentTime();
    const command = { do: 'recordTask', attempt, token } as const;
    const { wake } = await changeWorkspace(
      TABLE_NAME,
      project,
      workspace,
      state => decideWorkspace(state, command, now),
      now,
    );
    if (wake !== undefined) throw new Reported();
  },
);
