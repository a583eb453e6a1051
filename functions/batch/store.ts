import { changeRows } from '../change.ts';
import { DatasetUse, ProjectGrants } from '../datasets/schemas.ts';
import type { Decision } from '../decision.ts';
import { outboxRow } from '../events/outbox.ts';
import { rowKey } from '../keys.ts';
import { Project, type ReadyProject } from '../projects/schemas.ts';
import { Refused } from '../refused.ts';
import { pageRows, type Row, type RowWrite, readRow } from '../table.ts';
import { isLiveJob, type JobState } from './batch.ts';
import type { ContainerState } from './containers.ts';
import { type QueueKind, queueKindOf } from './queue-kinds.ts';
import type { QueueState } from './queues.ts';
import { ComputeJob, ComputeQueue, ContainerImage, JobBudget } from './schemas.ts';

type Paging = { readonly limit?: number; readonly next?: string | undefined };

const JOB_PREFIX = 'job-';
const QUEUE_PREFIX = 'kind-';
const IMAGE_PREFIX = 'image-';
const queueKey = (project: string, kind: string) => rowKey('queue', project, QUEUE_PREFIX + kind);
const jobKey = (project: string, id: string) => rowKey('job', project, id);
const budgetKey = (project: string) => rowKey('job', project, 'BUDGET');
const containerKey = (project: string, image: string) => rowKey('container', project, IMAGE_PREFIX + image);

export const readQueue = (table: string, project: string, kind: QueueKind) =>
  readRow(table, ComputeQueue, queueKey(project, kind));
export const pageQueues = (table: string, project: string, paging: Paging) =>
  pageRows(table, ComputeQueue, queueKey(project, '').pk, { ...paging, prefix: QUEUE_PREFIX, ascending: true });

export const readBudget = (table: string, project: string) => readRow(table, JobBudget, budgetKey(project));

export const findJob = (table: string, project: string, id: string) => readRow(table, ComputeJob, jobKey(project, id));
export async function readJob(table: string, project: string, id: string): Promise<Row<ComputeJob>> {
  const job = await findJob(table, project, id);
  if (!job) throw new Refused('missing', `There is no job ${id} in project ${project}. See broch job list ${project}.`);
  return job;
}
/** The jobs of a project, the newest first. */
export const pageJobs = (table: string, project: string, paging: Paging) =>
  pageRows(table, ComputeJob, jobKey(project, '').pk, { ...paging, prefix: JOB_PREFIX });

/** The jobs that have not ended, the newest first: all, or those among so many hundreds of the newest jobs. */
export async function listLiveJobs(table: string, project: string, hundreds = Infinity): Promise<ComputeJob[]> {
  const jobs: ComputeJob[] = [];
  let next: string | undefined;
  for (let pages = 0; pages < hundreds; pages += 1) {
    const page = await pageJobs(table, project, { limit: 100, next });
    jobs.push(...page.items.filter(isLiveJob));
    next = page.next;
    if (next === undefined) break;
  }
  return jobs;
}

/** How many jobs of a queue have not ended, among the newest thousand. */
export async function countLiveJobs(table: string, project: string, kind: QueueKind): Promise<number> {
  const jobs = await listLiveJobs(table, project, 10);
  return jobs.filter(job => queueKindOf(job.request) === kind).length;
}

export const readContainer = (table: string, project: string, image: string) =>
  readRow(table, ContainerImage, containerKey(project, image));
export const pageContainers = (table: string, project: string, paging: Paging) =>
  pageRows(table, ContainerImage, containerKey(project, '').pk, { ...paging, prefix: IMAGE_PREFIX, ascending: true });

/** The projects with an approved use of the dataset. */
export async function listProjectsWithUse(table: string, dataset: string): Promise<Set<string>> {
  const projects = new Set<string>();
  for (let next: string | undefined; ; ) {
    const page = await pageRows(table, DatasetUse, rowKey('datasetUses', dataset).pk, { limit: 100, next });
    for (const { project, status } of page.items) if (status === 'approved') projects.add(project);
    next = page.next;
    if (next === undefined) return projects;
  }
}

/** The datasets that the project may read now. */
export async function readProjectGrants(table: string, project: string) {
  const row = await readRow(table, ProjectGrants, rowKey('use', project, 'GRANTS'));
  return row?.grants ?? [];
}

export async function requireReadyProject(table: string, id: string): Promise<ReadyProject> {
  const project = await readRow(table, Project, rowKey('project', id));
  if (project?.status === 'ready') return project;
  throw new Refused('conflict', `The project ${id} is not ready. See broch project show ${id}.`);
}

/** Reads a queue with the project's budget, decides, and writes both with the events. */
export function changeQueue(
  table: string,
  { project, kind }: { project: string; kind: QueueKind },
  decide: (state: QueueState) => Decision<QueueState>,
  now: string,
): Promise<Decision<QueueState>> {
  return changeRows(
    table,
    `the ${kind} queue of ${project}`,
    async () => {
      const [queue, budget] = await Promise.all([readQueue(table, project, kind), readBudget(table, project)]);
      return { queue, budget };
    },
    decide,
    ({ state: { queue, budget }, events }, read) => [
      ...(queue && queue !== read.queue ? [{ key: queueKey(project, kind), item: queue, read: read.queue }] : []),
      ...(budget && budget !== read.budget ? [{ key: budgetKey(project), item: budget, read: read.budget }] : []),
      ...(events.length > 0 ? [outboxRow(queueKey(project, '').pk, events, now)] : []),
    ],
  );
}

/** Adds to a budget what a decision changed, so that many jobs can change it at the same moment. */
function budgetWrite(next: JobBudget, read: JobBudget): RowWrite {
  const names = ['reservedMicros', 'spentMicros', 'roomMicros'] as const;
  const add = Object.fromEntries(names.map(name => [name, next[name] - read[name]]));
  return { key: budgetKey(next.project), add, floor: 'roomMicros' };
}

/** Reads a job with the project's budget, decides, and writes both with the events. */
export function changeJob(
  table: string,
  { project, id }: { project: string; id: string },
  decide: (state: JobState) => Decision<JobState> | Promise<Decision<JobState>>,
  now: string,
): Promise<Decision<JobState>> {
  return changeRows(
    table,
    id,
    async () => {
      const [job, budget] = await Promise.all([findJob(table, project, id), readBudget(table, project)]);
      return { job, budget };
    },
    decide,
    ({ state: { job, budget }, events }, read) => [
      ...(job && job !== read.job ? [{ key: jobKey(project, id), item: job, read: read.job }] : []),
      ...(budget && read.budget && budget !== read.budget ? [budgetWrite(budget, read.budget)] : []),
      ...(events.length > 0 ? [outboxRow(jobKey(project, '').pk, events, now)] : []),
    ],
  );
}

/** Reads an image of a project's list, decides, and writes it with its events. */
export function changeContainer(
  table: string,
  { project, image }: { project: string; image: string },
  decide: (state: ContainerState) => Decision<ContainerState>,
  now: string,
): Promise<Decision<ContainerState>> {
  return changeRows(
    table,
    `the image ${image}`,
    async () => ({ container: await readContainer(table, project, image) }),
    decide,
    ({ state: { container }, events }, read) => [
      ...(container && container !== read.container
        ? [{ key: containerKey(project, image), item: container, read: read.container }]
        : []),
      ...(events.length > 0 ? [outboxRow(containerKey(project, '').pk, events, now)] : []),
    ],
  );
}
