import * as z from 'zod';
import { now } from '../clock.ts';
import { publish } from '../events.ts';
import { step } from '../handler.ts';
import { WorkspaceReady } from './events.ts';
import { changeWorkspace, LaunchAttempt } from './store.ts';
import { readied } from './workspaces.ts';

export const env = z.object({ TABLE_NAME: z.string(), BUS_NAME: z.string() });
const { TABLE_NAME, BUS_NAME } = env.parse(process.env);

export const handler = step(LaunchAttempt, async ({ project, workspace: id, attempt }) => {
  const { workspace } = await changeWorkspace(TABLE_NAME, project, id, read => ({
    workspace: readied(read, attempt, now()),
  }));
  const { owner, ownerName, kind, size, instanceId, imageId, readyAt } = workspace;
  const about = { project, workspace: id, owner, ownerName, kind, size, attempt, at: readyAt };
  await publish(BUS_NAME, WorkspaceReady, { ...about, instanceId, imageId });
});
