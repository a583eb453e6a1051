import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { findGatewayDoor, findPlace } from '../awake/doorway.ts';
import { releaseProject, requestEndpoints } from '../awake/room.ts';
import type { ReadyProject } from '../projects/schemas.ts';
import { readBudget, requireReadyProject } from './store.ts';

/** What functions need that wake projects for their jobs. */
export const endpointEnvironment = {
  TABLE_NAME: z.string(),
  ENVIRONMENT: z.string(),
  AWAKE_STACKS: z.string(),
  AWAKE_ROLE: z.string(),
  AWAKE_TEMPLATE: z.string(),
};
const EndpointEnvironment = z.object(endpointEnvironment);
type EndpointEnvironment = z.infer<typeof EndpointEnvironment>;

/** All jobs of a project have one lease, so that a thousand of them do not write the same row. Their budget says if any live. */
const holder = { id: 'jobs', use: 'job', hourlyMicros: 0 } as const;
const PAUSE_MS = 10_000;

const roomOf = (values: EndpointEnvironment) => ({
  table: values.TABLE_NAME,
  environment: values.ENVIRONMENT,
  prefix: values.AWAKE_STACKS,
  templateUrl: values.AWAKE_TEMPLATE,
  serviceRole: values.AWAKE_ROLE,
});

/**
 * Lets the project have the endpoints by which machines of AWS Batch reach ECS, the registry and the logs. Waits only while
 * the project falls asleep or wakes for something else; the job itself waits in its queue until the endpoints exist.
 */
export async function wakeForJobs(values: EndpointEnvironment, project: ReadyProject, seconds: number): Promise<void> {
  const { id, cidr, network } = project;
  const place = await findPlace({ project: id, cidr, network }, await findGatewayDoor(values.ENVIRONMENT));
  // The limits are those of workspaces. The budget limits jobs.
  const limits = { workspaces: 0 };
  for (let pauses = 0; ; pauses += 1) {
    if (await requestEndpoints(roomOf(values), place, holder, limits)) return;
    if (pauses * PAUSE_MS >= seconds * 1000)
      throw new Error(`the endpoints of ${id} could not be requested in ${seconds} s`);
    await sleep(PAUSE_MS);
  }
}

export const hasLiveJobs = async ({ TABLE_NAME }: EndpointEnvironment, project: string): Promise<boolean> =>
  ((await readBudget(TABLE_NAME, project))?.reservedMicros ?? 0) > 0;

/**
 * Gives the lease of a project's jobs back if none lives. A job that was submitted meanwhile found the lease, so the budget
 * is read again afterwards.
 */
export async function sleepAfterJobs(values: EndpointEnvironment, project: string): Promise<void> {
  if (await hasLiveJobs(values, project)) return;
  await releaseProject(roomOf(values), project, holder.id);
  if (await hasLiveJobs(values, project))
    await wakeForJobs(values, await requireReadyProject(values.TABLE_NAME, project), 240);
}
