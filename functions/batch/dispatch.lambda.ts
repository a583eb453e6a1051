import { setTimeout as sleep } from 'node:timers/promises';
import {
  BatchClient,
  ClientException,
  ListJobsCommand,
  SubmitJobCommand,
  TerminateJobCommand,
} from '@aws-sdk/client-batch';
import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { eventHandler } from '../handler.ts';
import type { ReadyProject } from '../projects/schemas.ts';
import { Refused } from '../refused.ts';
import { decideJob, JobClaimed, type JobCommand } from './batch.ts';
import { buildSubmission } from './definition.ts';
import { findDefinition } from './definition-store.ts';
import { endpointEnvironment, wakeForJobs } from './endpoints.ts';
import { JobStopped, JobSubmitted } from './events.ts';
import { listImages } from './pipeline.ts';
import { writePipelineFiles } from './pipeline-store.ts';
import { queueKindOf } from './queue-kinds.ts';
import type { ComputeJob, JobIn, QueuePlace } from './schemas.ts';
import { changeJob, readJob, readQueue, requireReadyProject } from './store.ts';

export const env = z.object({
  ...endpointEnvironment,
  REGISTRY: z.string(),
  REGION: z.string(),
  /** What the names of all projects' buckets begin with. */
  BUCKETS: z.string(),
});
const values = env.parse(process.env);
const { TABLE_NAME, ENVIRONMENT, REGISTRY, REGION, BUCKETS } = values;
// A thousand jobs at once meet the limit of 50 submissions a second, so a call is tried for longer than usual.
const batch = new BatchClient({ maxAttempts: 8 });
const submitter = new BatchClient({ maxAttempts: 1 });
const SUBMISSION_TRIES = 6;

/** Longer than this function may run, so that whoever finds an old claim is alone. */
const CLAIM_SECONDS = 310;
/** How long a job waits for a project that falls asleep. */
const WAKE_SECONDS = 200;

async function change({ project, id }: ComputeJob, command: JobCommand): Promise<ComputeJob> {
  const now = currentTime();
  const { state } = await changeJob(TABLE_NAME, { project, id }, read => decideJob(read, command, now), now);
  if (!state.job) throw new Error('a job that was just decided is missing');
  return state.job;
}

/** The job of a submission whose answer was lost. */
async function findSubmission({ id, pipeline }: ComputeJob, place: QueuePlace): Promise<string | undefined> {
  const queueArn = pipeline ? place.headQueueArn : place.queueArn;
  const { jobSummaryList = [] } = await batch.send(
    new ListJobsCommand({ jobQueue: queueArn, filters: [{ name: 'JOB_NAME', values: [id] }] }),
  );
  return jobSummaryList[0]?.jobId;
}

/** The queue and the definition of a job. For a pipeline also what its head needs: its files, and definitions of its tasks. */
async function placeJob(job: ComputeJob, { network }: ReadyProject, queue: QueuePlace) {
  const { project, request, pipeline } = job;
  const { bucket, datasets } = network;
  const roleOf = (role: string | undefined) => ({
    ...{ environment: ENVIRONMENT, registry: REGISTRY, region: REGION, logGroup: queue.logGroup },
    role: role ?? '',
  });
  const place = roleOf(datasets?.role);
  if (!pipeline) {
    const definition = await findDefinition(batch, place, project, request, 'job');
    return { definition, queueArn: queue.queueArn };
  }
  if (!bucket.startsWith(BUCKETS)) throw new Error(`the bucket of ${project} is not a project's`);
  await writePipelineFiles(job, pipeline, { ...place, bucket, alias: datasets?.alias, queueArn: queue.queueArn });
  for (const image of listImages(pipeline)) await findDefinition(batch, place, project, { kind: 'cpu', image }, 'task');
  const definition = await findDefinition(batch, roleOf(queue.headRole), project, request, 'head');
  return { definition, queueArn: queue.headQueueArn ?? '' };
}

async function submit(job: ComputeJob): Promise<string> {
  const { project: id, request } = job;
  const [project, queue] = await Promise.all([
    requireReadyProject(TABLE_NAME, id),
    readQueue(TABLE_NAME, id, queueKindOf(request)),
  ]);
  if (queue?.status !== 'open') throw new ClientException({ $metadata: {}, message: 'The queue is closed.' });
  const isRepetition = job.status === 'submitted' && job.claim !== undefined;
  const earlier = isRepetition ? await findSubmission(job, queue.place) : undefined;
  if (earlier !== undefined) return earlier;
  await wakeForJobs(values, project, WAKE_SECONDS);
  const { definition, queueArn } = await placeJob(job, project, queue.place);
  const predecessors = await Promise.all(request.after.map(predecessor => readJob(TABLE_NAME, id, predecessor)));
  const batchIds = predecessors.flatMap(predecessor =>
    'batchId' in predecessor && predecessor.batchId !== '' ? [predecessor.batchId] : [],
  );
  const { bucket, datasets } = project.network;
  const place = { environment: ENVIRONMENT, queueArn, bucket, datasets: datasets?.alias };
  return sendSubmission(buildSubmission(job, definition, place, batchIds));
}

/**
 * Submits once. SubmitJob has no client token, so a try whose answer was lost is not repeated here: the event is delivered
 * again, and then the job is looked for first. Only what AWS surely did not carry out is repeated.
 */
async function sendSubmission(submission: ReturnType<typeof buildSubmission>): Promise<string> {
  for (let tries = 1; ; tries += 1)
    try {
      const { jobId = '' } = await submitter.send(new SubmitJobCommand(submission));
      return jobId;
    } catch (error) {
      // https://repost.aws/knowledge-center/aws-batch-requests-error
      const isThrottled = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode === 429;
      if (!isThrottled || tries === SUBMISSION_TRIES) throw error;
      await sleep(Math.random() * 500 * 2 ** tries);
    }
}

/** The event is delivered again, and must not wait for this claim. That there was one says: look for the job first. */
const endClaim = (job: ComputeJob) => change(job, { do: 'endClaim' }).catch(() => undefined);

async function claimJob(job: ComputeJob): Promise<ComputeJob> {
  const end = new Date(Date.parse(currentTime()) + CLAIM_SECONDS * 1000).toISOString();
  try {
    return await change(job, { do: 'claim', until: end });
  } catch (error) {
    // Another function has it: its claim is not this function's to end.
    if (!(error instanceof JobClaimed || error instanceof Refused)) await endClaim(job);
    throw error;
  }
}

/** Gives a job to AWS once. The claim keeps repeated deliveries of the event apart. */
async function dispatch(job: JobIn<'submitted'>): Promise<ComputeJob> {
  const next = await claimJob(job);
  if (next.status !== 'submitted') return next;
  try {
    return await change(job, { do: 'recordPlacement', batchId: await submit(job) });
  } catch (error) {
    if (error instanceof ClientException)
      return change(job, { do: 'recordRefusal', reason: `AWS Batch refused the job: ${error.message}` });
    await endClaim(job);
    throw error;
  }
}

/** Makes AWS do what the table says of a job: submits it once, and ends it when somebody asked for that. */
export const handler = eventHandler(
  [JobSubmitted, JobStopped] as const,
  async (event: { project: string; job: string }) => {
    const job = await readJob(TABLE_NAME, event.project, event.job);
    const current = job.status === 'submitted' ? await dispatch(job) : job;
    if ((current.status === 'queued' || current.status === 'running') && current.stop)
      await batch.send(new TerminateJobCommand({ jobId: current.batchId, reason: current.stop.reason }));
  },
);
