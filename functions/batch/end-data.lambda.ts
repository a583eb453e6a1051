import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { DatasetSuspended, UseEnded } from '../datasets/events.ts';
import { keepState } from '../decision.ts';
import { eventHandler } from '../handler.ts';
import { decideJob, isLiveJob } from './batch.ts';
import type { ComputeJob } from './schemas.ts';
import { changeJob, listLiveJobs, listProjectsWithUse, readProjectGrants } from './store.ts';

export const env = z.object({ TABLE_NAME: z.string() });
const { TABLE_NAME } = env.parse(process.env);
const broch = { id: '', name: 'Broch' };

async function stop({ project, id }: ComputeJob, reason: string): Promise<void> {
  const now = currentTime();
  const command = { do: 'stop', by: broch, reason, isLead: true } as const;
  await changeJob(
    TABLE_NAME,
    { project, id },
    read => (read.job && isLiveJob(read.job) ? decideJob(read, command, now) : keepState(read, 'it ended before')),
    now,
  );
}

/** Stops every job of a project that has a copy of a version that the project may no longer read. */
async function endCopies(project: string, dataset: string, isSuspended: boolean, reason: string): Promise<void> {
  const now = currentTime();
  const grants = isSuspended ? [] : await readProjectGrants(TABLE_NAME, project);
  const isGranted = (version: string) =>
    grants.some(
      grant => grant.dataset === dataset && grant.version === version && Date.parse(grant.endsAt) > Date.parse(now),
    );
  for (const job of await listLiveJobs(TABLE_NAME, project))
    if (job.datasets.some(copy => copy.dataset === dataset && !isGranted(copy.version))) await stop(job, reason);
}

/**
 * Stops jobs that have copies of a dataset when a use of it ends early or the dataset is suspended. The copies go with the
 * machines' containers. When a use ends on its day, job.sh ends the job itself.
 */
export const handler = eventHandler(
  [UseEnded, DatasetSuspended] as const,
  async ({ project, dataset, reason }: { project?: string; dataset: string; reason: string }) => {
    const isSuspended = project === undefined;
    const projects = isSuspended ? await listProjectsWithUse(TABLE_NAME, dataset) : [project];
    const words = isSuspended ? `The dataset ${dataset} is suspended` : `The use of the dataset ${dataset} ended`;
    for (const id of projects) await endCopies(id, dataset, isSuspended, `${words}: ${reason}`);
  },
);
