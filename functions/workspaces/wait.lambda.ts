import * as z from 'zod';
import { stepHandler } from '../handler.ts';
import { changeWorkspace, LaunchAttempt } from './store.ts';
import { Reported, recordWaitingTask } from './workspaces.ts';

export const env = z.object({ TABLE_NAME: z.string() });
const { TABLE_NAME } = env.parse(process.env);

/** Leaves the token where the desktop's report finds it. Where the report was faster, there is nothing to wait for. */
export const handler = stepHandler(
  LaunchAttempt.extend({ token: z.string().min(1).max(2048) }),
  async ({ project, workspace, attempt, token }) => {
    const { answer } = await changeWorkspace(TABLE_NAME, project, workspace, read =>
      recordWaitingTask(read, attempt, token),
    );
    if (answer) throw new Reported();
  },
);
