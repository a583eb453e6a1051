import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { stepHandler } from '../handler.ts';
import { changeWorkspace, LaunchAttempt } from './store.ts';
import { decideWorkspace } from './workspaces.ts';

export const env = z.object({ TABLE_NAME: z.string() });
const { TABLE_NAME } = env.parse(process.env);

export const handler = stepHandler(LaunchAttempt, async ({ project, workspace: id, attempt }): Promise<void> => {
  const now = currentTime();
  const command = { do: 'recordReady', attempt } as const;
  await changeWorkspace(TABLE_NAME, project, id, state => decideWorkspace(state, command, now), now);
});
