import { randomInt } from 'node:crypto';
import { BatchClient, GetJobQueueSnapshotCommand } from '@aws-sdk/client-batch';
import { ECRClient } from '@aws-sdk/client-ecr';
import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { readDataTier } from '../data-tier.ts';
import { startExecution } from '../executions.ts';
import { type Caller, http } from '../http/http.ts';
import { outcomeStore } from '../http/idempotency.ts';
import { hasProject, readMembership, wasMemberSince } from '../membership.ts';
import { readGroups } from '../people.ts';
import { Refused } from '../refused.ts';
import type { Submission, SubmissionContext } from './admission.ts';
import { createJobId, decideJob, type JobCommand } from './batch.ts';
import { type ContainerCommand, decideContainer } from './containers.ts';
import { logFolder } from './definition.ts';
import { accruedCost, estimateJob } from './estimate.ts';
import { nodesOfTier, TierNodes } from './machines.ts';
import { buildHeadRequest, buildParameters, listImages, locateReports } from './pipeline.ts';
import { type QueueKind, queueKindOf } from './queue-kinds.ts';
import { decideQueue, type QueueCommand } from './queues.ts';
import { explainMissingImage } from './registry.ts';
import { batchRoutes } from './routes.ts';
import type { ComputeJob, ComputeQueue, ContainerImage, JobDataset, JobRequest } from './schemas.ts';
import {
  changeContainer,
  changeJob,
  changeQueue,
  countLiveJobs,
  findJob,
  pageContainers,
  pageJobs,
  pageQueues,
  readBudget,
  readContainer,
  readJob,
  readProjectGrants,
  readQueue,
  requireReadyProject,
} from './store.ts';

export const env = z.object({
  TABLE_NAME: z.string(),
  MACHINE: z.string(),
  POOL_ID: z.string(),
  REGION: z.string(),
  ENVIRONMENT: z.string(),
  REGISTRY: z.string(),
  /** The most nodes of a job by tier, as JSON, and the tier of projects that set none. */
  NODES: z.string(),
  TIER: z.coerce.number(),
});
const { TABLE_NAME, MACHINE, POOL_ID, REGION, ENVIRONMENT, REGISTRY, NODES, TIER } = env.parse(process.env);
const nodesByTier = TierNodes.parse(JSON.parse(NODES));
const batch = new BatchClient({});
const ecr = new ECRClient({});

const personOf = ({ id, name }: Caller) => ({ id, name });

async function isPastMember(user: Caller, start: string): Promise<boolean> {
  const membership = await user.membership();
  return wasMemberSince(membership ? [membership] : [], user.id, start);
}

async function changeQueueBy(
  place: { project: string; kind: QueueKind },
  command: QueueCommand,
): Promise<ComputeQueue> {
  const now = currentTime();
  const { state } = await changeQueue(TABLE_NAME, place, read => decideQueue(read, command, now), now);
  if (!state.queue) throw new Error('a queue that was just decided is missing');
  return state.queue;
}

/** One execution for each attempt to build or delete the stack of a queue. */
async function startAttempt(queue: ComputeQueue): Promise<ComputeQueue> {
  const { project, kind, attempt, status } = queue;
  if (status === 'opening' || status === 'closing')
    await startExecution(MACHINE, `${project}-${kind}-${attempt}`, { project, kind, attempt });
  return queue;
}

async function changeContainerBy(
  place: { project: string; image: string },
  command: ContainerCommand,
): Promise<ContainerImage> {
  const now = currentTime();
  const { state } = await changeContainer(TABLE_NAME, place, read => decideContainer(read, command, now), now);
  if (!state.container) throw new Error('an image that was just decided is missing');
  return state.container;
}

async function changeJobBy(place: { project: string; id: string }, command: JobCommand): Promise<ComputeJob> {
  const now = currentTime();
  const { state } = await changeJob(TABLE_NAME, place, read => decideJob(read, command, now), now);
  if (!state.job) throw new Error('a job that was just decided is missing');
  return state.job;
}

/** The versions of the datasets, as the project may read them now. */
async function selectDatasets(project: string, names: readonly string[]): Promise<JobDataset[]> {
  if (names.length === 0) return [];
  const [grants, now] = [await readProjectGrants(TABLE_NAME, project), currentTime()];
  return names.map(name => {
    const grant = grants.find(({ dataset, endsAt }) => dataset === name && Date.parse(endsAt) > Date.parse(now));
    if (!grant)
      throw new Refused(
        'forbidden',
        `${project} may not use the dataset ${name}. A lead asks for it: broch dataset request.`,
      );
    const { dataset, version, prefix, endsAt } = grant;
    return { dataset, version, prefix: `${prefix}data/`, endsAt };
  });
}

const readMostNodes = async (project: string, { nodes }: JobRequest): Promise<number> =>
  nodes === 1 ? 1 : nodesOfTier(await readDataTier(TABLE_NAME, project, TIER), nodesByTier);

async function submit(user: Caller, submission: Submission): Promise<ComputeJob> {
  const { project, request } = submission;
  await requireReadyProject(TABLE_NAME, project);
  const images = submission.pipeline ? listImages(submission.pipeline) : [];
  const [queue, container, predecessors, taskImages, mostNodes] = await Promise.all([
    readQueue(TABLE_NAME, project, queueKindOf(request)),
    readContainer(TABLE_NAME, project, request.image),
    Promise.all(request.after.map(id => findJob(TABLE_NAME, project, id))),
    Promise.all(images.map(async image => ({ image, container: await readContainer(TABLE_NAME, project, image) }))),
    readMostNodes(project, request),
  ]);
  const context: SubmissionContext = { queue, container, taskImages, predecessors, region: REGION, mostNodes };
  return changeJobBy({ project, id: submission.id }, { do: 'submit', submission, by: personOf(user), context });
}

/** An earlier run of the same pipeline, which a new run continues. */
async function readPipelineRun(project: string, pipeline: string, id: string): Promise<void> {
  const job = await readJob(TABLE_NAME, project, id);
  if (job.pipeline?.pipeline !== pipeline)
    throw new Refused(
      'conflict',
      `${id} is no run of ${pipeline}, so it cannot be continued. Name a run of this pipeline: broch job list ${project}.`,
    );
}

/** The place of a job among the first 100 that could start, or undefined. */
async function findPosition(project: string, kind: QueueKind, batchId: string): Promise<number | undefined> {
  const queue = await readQueue(TABLE_NAME, project, kind);
  if (queue?.status !== 'open') return undefined;
  const { frontOfQueue } = await batch.send(new GetJobQueueSnapshotCommand({ jobQueue: queue.place.queueArn }));
  // An array job is there by its tasks, and perhaps a multi-node job by its nodes. Their ids begin with that of the job.
  const index = (frontOfQueue?.jobs ?? []).findIndex(
    ({ jobArn }) => jobArn?.split('/').at(-1)?.split(/[:#]/)[0] === batchId,
  );
  return index < 0 ? undefined : index + 1;
}

/** A job with where its log is, and what changes by the minute: its place in the queue, or what it has cost so far. */
async function viewJob(row: ComputeJob): Promise<ComputeJob> {
  const job = { ...row, log: logFolder(row.id), ...(row.pipeline && { reports: locateReports(row.id) }) };
  if (job.status === 'running') return { ...job, accruedMicros: accruedCost(job, currentTime()) };
  if (job.status !== 'queued') return job;
  const position = await findPosition(job.project, queueKindOf(job.request), job.batchId);
  return { ...job, ...(position !== undefined && { position }) };
}

export const handler = http(
  batchRoutes,
  'batch',
  {
    requestQueue: async ({ user, params: { project, kind }, body: { reason } }) => {
      await requireReadyProject(TABLE_NAME, project);
      return changeQueueBy({ project, kind }, { do: 'request', project, kind, reason, by: personOf(user) });
    },
    approveQueue: async ({ user, params: place, body: { dollars } }) => {
      const read = await readQueue(TABLE_NAME, place.project, place.kind);
      const isMember = await isPastMember(user, read?.requested.at ?? currentTime());
      const command = { do: 'approve', limitMicros: dollars * 1_000_000, by: personOf(user), isMember } as const;
      return startAttempt(await changeQueueBy(place, command));
    },
    closeQueue: async ({ user, params: place }) => {
      const liveJobs = await countLiveJobs(TABLE_NAME, place.project, place.kind);
      return startAttempt(await changeQueueBy(place, { do: 'close', by: personOf(user), liveJobs }));
    },
    listQueues: ({ params: { project }, query }) => pageQueues(TABLE_NAME, project, query),
    showBudget: async ({ params: { project } }) => {
      const budget = await readBudget(TABLE_NAME, project);
      if (!budget)
        throw new Refused(
          'missing',
          `${project} has no budget for jobs, because no queue was approved. A lead asks for a queue: broch queue open.`,
        );
      return budget;
    },
    requestContainer: ({ user, params: { project }, body: { image, reason } }) =>
      changeContainerBy({ project, image }, { do: 'request', project, image, reason, by: personOf(user) }),
    approveContainer: async ({ user, params: { project }, body: { image } }) => {
      const read = await readContainer(TABLE_NAME, project, image);
      const isMember = await isPastMember(user, read?.requested.at ?? currentTime());
      const obstacle = await explainMissingImage(ecr, { environment: ENVIRONMENT, address: REGISTRY }, image);
      return changeContainerBy({ project, image }, { do: 'approve', by: personOf(user), isMember, obstacle });
    },
    withdrawContainer: ({ user, params: { project }, body: { image } }) =>
      changeContainerBy({ project, image }, { do: 'withdraw', by: personOf(user) }),
    listContainers: ({ params: { project }, query }) => pageContainers(TABLE_NAME, project, query),
    estimateJob: async ({ params: { project }, body }) => {
      const queue = await readQueue(TABLE_NAME, project, queueKindOf(body));
      return estimateJob(body, REGION, queue?.status === 'open' ? queue.place.machines : undefined);
    },
    submitJob: async ({ user, params: { project }, body: request }) => {
      const datasets = await selectDatasets(project, request.datasets);
      return submit(user, { id: createJobId(currentTime(), randomInt(2 ** 20)), project, request, datasets });
    },
    runPipeline: async ({ user, params: { project, pipeline }, body }) => {
      if (body.resumes !== undefined) await readPipelineRun(project, pipeline, body.resumes);
      const request = { pipeline, ...body };
      const id = createJobId(currentTime(), randomInt(2 ** 20));
      const [{ network }, datasets] = await Promise.all([
        requireReadyProject(TABLE_NAME, project),
        selectDatasets(project, request.datasets),
      ]);
      // Refuses paths of datasets that the run does not have.
      buildParameters({ id, datasets }, request, { bucket: network.bucket, alias: network.datasets?.alias });
      return submit(user, { id, project, request: buildHeadRequest(request), datasets, pipeline: request });
    },
    listJobs: ({ params: { project }, query }) => pageJobs(TABLE_NAME, project, query),
    showJob: async ({ params: { project, job } }) => viewJob(await readJob(TABLE_NAME, project, job)),
    cancelJob: async ({ user, params: { project, job: id }, body: { reason } }) => {
      const isLead = (await user.membership())?.roles.includes('lead') ?? false;
      return changeJobBy({ project, id }, { do: 'stop', by: personOf(user), reason, isLead });
    },
    rerunJob: async ({ user, params: { project, job } }) => {
      const { request, datasets, pipeline } = await readJob(TABLE_NAME, project, job);
      const grants = await selectDatasets(
        project,
        datasets.map(({ dataset }) => dataset),
      );
      const lostDataset = datasets.find(
        ({ dataset, version }) => !grants.some(grant => grant.dataset === dataset && grant.version === version),
      );
      if (lostDataset)
        throw new Refused(
          'conflict',
          `${project} no longer has version ${lostDataset.version.slice(0, 12)} of ${lostDataset.dataset}, which the job read. Submit a new job with a version that the project may use: broch dataset uses ${project}.`,
        );
      const id = createJobId(currentTime(), randomInt(2 ** 20));
      return submit(user, { id, project, request: { ...request, after: [] }, datasets, pipeline, repeats: job });
    },
  },
  {
    membership: (project, user) => readMembership(TABLE_NAME, project, user),
    hasProject: project => hasProject(TABLE_NAME, project),
    groups: person => readGroups(POOL_ID, person),
    once: outcomeStore(TABLE_NAME),
  },
);
