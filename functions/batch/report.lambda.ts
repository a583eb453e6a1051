import { BatchClient, ListJobsCommand } from '@aws-sdk/client-batch';
import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { eventHandler } from '../handler.ts';
import { decideJob } from './batch.ts';
import { BatchJobChanged } from './events.ts';
import { type JobAttempt, JobId } from './schemas.ts';
import { changeJob, findJob } from './store.ts';

/** `QUEUES` is what the ARNs of all queues of this environment begin with. */
export const env = z.object({ TABLE_NAME: z.string(), QUEUES: z.string() });
const { TABLE_NAME, QUEUES } = env.parse(process.env);
const batch = new BatchClient({});

/** The last attempt of each task of an array job that ended. */
async function listTasks(arrayJobId: string): Promise<JobAttempt[]> {
  const tasks: JobAttempt[] = [];
  for (const jobStatus of ['SUCCEEDED', 'FAILED'] as const) {
    let nextToken: string | undefined;
    do {
      const page = await batch.send(new ListJobsCommand({ arrayJobId, jobStatus, nextToken }));
      for (const { startedAt, stoppedAt, container, statusReason } of page.jobSummaryList ?? [])
        tasks.push({
          ...(startedAt !== undefined && { startedAt }),
          ...(stoppedAt !== undefined && { stoppedAt }),
          ...(container?.exitCode !== undefined && { exitCode: container.exitCode }),
          ...(jobStatus === 'FAILED' && { reason: container?.reason ?? statusReason ?? 'It failed.' }),
        });
      nextToken = page.nextToken;
    } while (nextToken !== undefined);
  }
  return tasks;
}

/** The id of a node is that of its job with a number: https://docs.aws.amazon.com/batch/latest/userguide/multi-node-parallel-jobs.html */
const isNode = (jobId: string): boolean => jobId.includes('#');

/** Adds what AWS Batch reports of a job to what the table knows of it. Reports of other jobs, and of single nodes, change nothing. */
export const handler = eventHandler(BatchJobChanged, async report => {
  const [project, id] = [report.tags['broch:project'], JobId.safeParse(report.jobName).data];
  if (project === undefined || id === undefined || !report.jobQueue.startsWith(QUEUES) || isNode(report.jobId)) return;
  const job = await findJob(TABLE_NAME, project, id);
  if (!job) return;
  const isEnd = report.status === 'SUCCEEDED' || report.status === 'FAILED';
  const tasks = isEnd && job.request.tasks > 1 ? await listTasks(report.jobId) : undefined;
  const now = currentTime();
  await changeJob(
    TABLE_NAME,
    { project, id },
    read => decideJob(read, { do: 'recordReport', report, ...(tasks && { tasks }) }, now),
    now,
  );
});
