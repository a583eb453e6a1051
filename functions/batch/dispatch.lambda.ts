import { setTimeout as sleep } from 'node:timers/promises';
import {
  BatchClient,
  ClientException,
  DescribeJobDefinitionsCommand,
  ListJobsCommand,
  RegisterJobDefinitionCommand,
  SubmitJobCommand,
  TerminateJobCommand,
} from '@aws-sdk/client-batch';
import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { eventHandler } from '../handler.ts';
import { Refused } from '../refused.ts';
import { decideJob, JobClaimed, type JobCommand } from './batch.ts';
import { buildDefinition, buildSubmission, definitionName } from './definition.ts';
import { endpointEnvironment, wakeForJobs } from './endpoints.ts';
import { JobStopped, JobSubmitted } from './events.ts';
import type { ComputeJob, JobIn, QueuePlace } from './schemas.ts';
import { changeJob, readJob, readQueue, requireReadyProject } from './store.ts';

export const env = z.object({
  ...endpointEnvironment,
  REGISTRY: z.string(),
  REGION: z.string(),
});
const values = env.parse(process.env);
const { TABLE_NAME, ENVIRONMENT, REGISTRY, REGION } = values;
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

/** Jobs with one image on one queue share a definition. */
const definitions = new Map<string, string>();

async function findDefinition(job: ComputeJob, { logGroup }: QueuePlace, role: string): Promise<string> {
  const place = { environment: ENVIRONMENT, registry: REGISTRY, role, logGroup, region: REGION };
  const name = definitionName(place, job.project, job.request);
  const cachedArn = definitions.get(name);
  if (cachedArn !== undefined) return cachedArn;
  const { jobDefinitions = [] } = await batch.send(
    new DescribeJobDefinitionsCommand({ jobDefinitionName: name, status: 'ACTIVE' }),
  );
  const arn =
    jobDefinitions[0]?.jobDefinitionArn ??
    (await batch.send(new RegisterJobDefinitionCommand(buildDefinition(place, job.project, job.request))))
      .jobDefinitionArn;
  if (arn === undefined) throw new Error(`AWS Batch gave the definition ${name} no ARN`);
  definitions.set(name, arn);
  return arn;
}

/** The job of a submission whose answer was lost. */
async function findSubmission({ id }: ComputeJob, { queueArn }: QueuePlace): Promise<string | undefined> {
  const { jobSummaryList = [] } = await batch.send(
    new ListJobsCommand({ jobQueue: queueArn, filters: [{ name: 'JOB_NAME', values: [id] }] }),
  );
  return jobSummaryList[0]?.jobId;
}

async function submit(job: ComputeJob): Promise<string> {
  const { project: id, request } = job;
  const [project, queue] = await Promise.all([
    requireReadyProject(TABLE_NAME, id),
    readQueue(TABLE_NAME, id, request.kind),
  ]);
  if (queue?.status !== 'open') throw new ClientException({ $metadata: {}, message: 'The queue is closed.' });
  const isRepetition = job.status === 'submitted' && job.claim !== undefined;
  const earlier = isRepetition ? await findSubmission(job, queue.place) : undefined;
  if (earlier !== undefined) return earlier;
  await wakeForJobs(values, project, WAKE_SECONDS);
  const { bucket, datasets } = project.network;
  const definition = await findDefinition(job, queue.place, datasets?.role ?? '');
  const predecessors = await Promise.all(request.after.map(predecessor => readJob(TABLE_NAME, id, predecessor)));
  const batchIds = predecessors.flatMap(predecessor =>
    'batchId' in predecessor && predecessor.batchId !== '' ? [predecessor.batchId] : [],
  );
  const place = { environment: ENVIRONMENT, queueArn: queue.place.queueArn, bucket, datasets: datasets?.alias };
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
