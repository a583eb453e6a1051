import * as z from 'zod';
import { eventHandler } from '../handler.ts';
import { endpointEnvironment, hasLiveJobs, wakeForJobs } from './endpoints.ts';
import { StackStatusChanged } from './events.ts';
import { requireReadyProject } from './store.ts';

export const env = z.object(endpointEnvironment);
const values = env.parse(process.env);
const { TABLE_NAME, AWAKE_STACKS } = values;
const WAKE_SECONDS = 200;

/** The project whose endpoints a stack holds, by its name: the prefix, the project and the generation. */
export function projectOfStack(stackId: string, prefix: string): string | undefined {
  const [, name = ''] = stackId.split('/');
  return name.startsWith(prefix) ? /^(.+)-\d+$/.exec(name.slice(prefix.length))?.[1] : undefined;
}

/** Requests the endpoints of a project again if their stack is gone or failed while jobs live, which would wait for ever. */
export const handler = eventHandler(StackStatusChanged, async ({ 'stack-id': stackId }) => {
  const project = projectOfStack(stackId, AWAKE_STACKS);
  if (project === undefined || !(await hasLiveJobs(values, project))) return;
  await wakeForJobs(values, await requireReadyProject(TABLE_NAME, project), WAKE_SECONDS);
});
