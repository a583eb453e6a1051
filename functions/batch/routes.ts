import * as z from 'zod';
import { memberGrants, operatorAndMemberGrants, PagingQuery, pageOf, type Route } from '../http/route.ts';
import { ProjectId } from '../projects/schemas.ts';
import {
  ComputeJob,
  ComputeQueue,
  ContainerImage,
  ImageReference,
  JobBudget,
  JobEstimate,
  JobId,
  JobReason,
  JobRequest,
  QueueKind,
} from './schemas.ts';

const project = z.object({ project: ProjectId });
const queue = z.object({ project: ProjectId, kind: QueueKind });
const job = z.object({ project: ProjectId, job: JobId });
const defaults = { capability: 'batch', status: 200 } as const;
const leadGrants = [{ group: 'researcher', member: ['lead'] }] as const;
const image = ImageReference.describe('the image: repository@sha256:digest');

const queueRoutes = {
  requestQueue: {
    ...defaults,
    method: 'POST',
    path: '/projects/{project}/queues/{kind}',
    status: 201,
    cli: 'queue open',
    callers: leadGrants,
    summary: 'Ask for a queue of batch jobs in your project',
    example: "queue open asthma gpu --reason 'We train a model on the admissions.'",
    params: queue,
    body: z.object({ reason: JobReason }),
    returns: ComputeQueue,
  },
  approveQueue: {
    ...defaults,
    method: 'POST',
    path: '/projects/{project}/queues/{kind}/approve',
    status: 202,
    cli: 'queue approve',
    callers: [{ group: 'operator' }],
    summary: "Approve a queue, and set what all of the project's jobs may cost",
    example: 'queue approve asthma gpu --dollars 200',
    params: queue,
    body: z.object({
      dollars: z.number().int().min(1).max(1_000_000).describe('what the jobs of the project may cost together'),
    }),
    returns: ComputeQueue,
  },
  closeQueue: {
    ...defaults,
    method: 'POST',
    path: '/projects/{project}/queues/{kind}/close',
    status: 202,
    cli: 'queue close',
    callers: [{ group: 'operator' }, ...leadGrants],
    summary: 'Close a queue: all that AWS holds for it is deleted',
    example: 'queue close asthma gpu',
    params: queue,
    returns: ComputeQueue,
  },
  listQueues: {
    ...defaults,
    method: 'GET',
    path: '/projects/{project}/queues',
    cli: 'queue list',
    callers: operatorAndMemberGrants,
    summary: 'List the queues of a project',
    example: 'queue list asthma',
    params: project,
    query: PagingQuery,
    returns: pageOf(ComputeQueue),
  },
  showBudget: {
    ...defaults,
    method: 'GET',
    path: '/projects/{project}/budget',
    cli: 'queue budget',
    callers: operatorAndMemberGrants,
    summary: "Show what the project's jobs may cost, and what they have cost",
    example: 'queue budget asthma',
    params: project,
    returns: JobBudget,
  },
} as const satisfies Record<string, Route>;

const containerRoutes = {
  requestContainer: {
    ...defaults,
    method: 'POST',
    path: '/projects/{project}/containers',
    status: 201,
    cli: 'container request',
    callers: memberGrants,
    summary: 'Ask that jobs of your project may run a container image',
    example:
      "container request asthma --image quay/biocontainers/samtools@sha256:3f786850e387550fdab836ed7e6dc881de23001b4e3d1f5a2b6c7d8e9f001122 --reason 'To sort reads.'",
    params: project,
    body: z.object({ image, reason: JobReason }),
    returns: ContainerImage,
  },
  approveContainer: {
    ...defaults,
    method: 'POST',
    path: '/projects/{project}/containers/approve',
    cli: 'container approve',
    callers: [{ group: 'operator' }, { group: 'steward' }],
    summary: 'Approve a container image for the jobs of a project',
    example:
      'container approve asthma --image quay/biocontainers/samtools@sha256:3f786850e387550fdab836ed7e6dc881de23001b4e3d1f5a2b6c7d8e9f001122',
    params: project,
    body: z.object({ image }),
    returns: ContainerImage,
  },
  withdrawContainer: {
    ...defaults,
    method: 'POST',
    path: '/projects/{project}/containers/withdraw',
    cli: 'container withdraw',
    callers: [{ group: 'operator' }, { group: 'steward' }],
    summary: 'Let no further job of a project run a container image',
    example:
      'container withdraw asthma --image quay/biocontainers/samtools@sha256:3f786850e387550fdab836ed7e6dc881de23001b4e3d1f5a2b6c7d8e9f001122',
    params: project,
    body: z.object({ image }),
    returns: ContainerImage,
  },
  listContainers: {
    ...defaults,
    method: 'GET',
    path: '/projects/{project}/containers',
    cli: 'container list',
    callers: [{ group: 'operator' }, { group: 'steward' }, ...memberGrants],
    summary: 'List the container images that jobs of a project may run',
    example: 'container list asthma',
    params: project,
    query: PagingQuery,
    returns: pageOf(ContainerImage),
  },
} as const satisfies Record<string, Route>;

const jobExample = '--image quay/python@sha256:3f786850e387550fdab836ed7e6dc881de23001b4e3d1f5a2b6c7d8e9f001122';

export const batchRoutes = {
  ...queueRoutes,
  ...containerRoutes,
  estimateJob: {
    ...defaults,
    method: 'POST',
    path: '/projects/{project}/jobs/estimate',
    cli: 'job estimate',
    callers: memberGrants,
    summary: 'Show what a job would cost, without submitting it',
    example: `job estimate asthma --kind gpu --gpu 1 --minutes 120 ${jobExample} -- python train.py`,
    params: project,
    body: JobRequest,
    returns: JobEstimate,
  },
  submitJob: {
    ...defaults,
    method: 'POST',
    path: '/projects/{project}/jobs',
    status: 202,
    cli: 'job submit',
    callers: memberGrants,
    summary: 'Submit a batch job, if it fits the budget',
    example: `job submit asthma --kind gpu --gpu 1 ${jobExample} -- python train.py`,
    params: project,
    body: JobRequest,
    returns: ComputeJob,
  },
  listJobs: {
    ...defaults,
    method: 'GET',
    path: '/projects/{project}/jobs',
    cli: 'job list',
    callers: operatorAndMemberGrants,
    summary: 'List the batch jobs of a project, the newest first',
    example: 'job list asthma',
    params: project,
    query: PagingQuery,
    returns: pageOf(ComputeJob),
  },
  showJob: {
    ...defaults,
    method: 'GET',
    path: '/projects/{project}/jobs/{job}',
    cli: 'job show',
    callers: operatorAndMemberGrants,
    summary: 'Show a batch job with its attempts and its cost',
    example: 'job show asthma job-019a0b1c2d3e4f50',
    params: job,
    returns: ComputeJob,
  },
  showLogs: {
    ...defaults,
    method: 'GET',
    path: '/projects/{project}/jobs/{job}/logs',
    cli: 'job logs',
    callers: memberGrants,
    summary: 'Show what a batch job printed',
    example: 'job logs asthma job-019a0b1c2d3e4f50',
    params: job,
    query: z.object({
      next: z
        .string()
        .max(300)
        .regex(/^[A-Za-z0-9/_=+-]+$/, 'a page token of this API')
        .optional()
        .describe('the `next` value of the previous page'),
    }),
    returns: z.object({
      lines: z.array(z.object({ at: z.iso.datetime(), text: z.string() })),
      next: z.string().optional(),
    }),
  },
  cancelJob: {
    ...defaults,
    method: 'POST',
    path: '/projects/{project}/jobs/{job}/cancel',
    status: 202,
    cli: 'job cancel',
    callers: memberGrants,
    summary: 'Cancel a batch job of your own; leads may cancel every job of the project',
    example: "job cancel asthma job-019a0b1c2d3e4f50 --reason 'The input was wrong.'",
    params: job,
    body: z.object({ reason: JobReason }),
    returns: ComputeJob,
  },
  rerunJob: {
    ...defaults,
    method: 'POST',
    path: '/projects/{project}/jobs/{job}/rerun',
    status: 202,
    cli: 'job rerun',
    callers: memberGrants,
    summary: 'Submit a job again with the same image, command and versions of datasets',
    example: 'job rerun asthma job-019a0b1c2d3e4f50',
    params: job,
    returns: ComputeJob,
  },
} as const satisfies Record<string, Route>;
