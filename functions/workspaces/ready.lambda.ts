import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { publishEvent } from '../events.ts';
import { stepHandler } from '../handler.ts';
import { WorkspaceReady } from './events.ts';
import { changeWorkspace, LaunchAttempt } from './store.ts';
import { markWorkspaceReady } from './workspaces.ts';

export const env = z.object({ TABLE_NAME: z.string(), BUS_NAME: z.string() });
const { TABLE_NAME, BUS_NAME } = env.parse(process.env);

export const handler = stepHandler(LaunchAttempt, async ({ project, workspace: id, attempt }) => {
  const { workspace } = await changeWorkspace(TABLE_NAME, project, id, read => ({
    workspace: markWorkspaceReady(read, attempt, currentTime()),
  }));
  const { owner, ownerName, kind, size, instanceId, imageId, readyAt } = workspace;
  const about = { project, workspace: id, owner, ownerName, kind, size, attempt, at: readyAt };
  await publishEvent(BUS_NAME, WorkspaceReady, { ...about, instanceId, imageId });
});
