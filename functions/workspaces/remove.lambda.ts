import * as z from 'zod';
import { stepHandler } from '../handler.ts';
import { stopInstance, terminateInstances } from './instances.ts';
import { LaunchAttempt, readWorkspace } from './store.ts';

export const env = z.object({ TABLE_NAME: z.string(), ENVIRONMENT: z.string() });
const { TABLE_NAME } = env.parse(process.env);

/**
 * Removes what an attempt launched. A machine that was only to be started again is stopped, because a person's disks are
 * on it; so is no machine of a later attempt removed.
 */
export const handler = stepHandler(LaunchAttempt, async ({ project, workspace: id, attempt }) => {
  const workspace = await readWorkspace(TABLE_NAME, project, id);
  const { earlierInstance } = workspace;
  const isCurrent = workspace.attempt === attempt;
  const current = 'instanceId' in workspace && !isCurrent ? workspace.instanceId : undefined;
  const count = await terminateInstances(id, attempt, earlierInstance?.instanceId ?? current);
  if (earlierInstance && isCurrent) await stopInstance(earlierInstance.instanceId);
  return { removed: count };
});
