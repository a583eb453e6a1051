import * as z from 'zod';
import { Sha256 } from '../identifiers.ts';
import { DatasetId } from '../ingest/schemas.ts';
import { PlainText } from '../plain-text.ts';
import { ProjectId } from '../projects/schemas.ts';
import { MachineKind, QueueKind } from './queue-kinds.ts';

/** An amount of money in millionths of a US dollar: AWS prices in dollars. */
const DollarMicros = z.number().int().min(0);

export const BatchPerson = z.object({ id: z.string(), name: z.string() });
export type BatchPerson = z.infer<typeof BatchPerson>;
/** Who did something, and when. */
const Act = z.object({ by: BatchPerson, at: z.iso.datetime() });

/** The outputs of a queue's stack. */
export const QueuePlace = z.object({
  queueArn: z.string().min(1),
  logGroup: z.string().min(1),
  /** The small queue of heads of pipelines, and their role. Missing of a queue that was opened before there were any. */
  headQueueArn: z.string().min(1).optional(),
  headRole: z.string().min(1).optional(),
  /** The machine types that the queue may start. Missing of a queue that was opened before they were recorded: all. */
  machines: z.array(z.string()).optional(),
  /** The most vCPUs at once. Missing of a queue that was opened before they were recorded. */
  maxVcpus: z.number().int().optional(),
  /** The published image of its machines; missing if they start from Amazon's. */
  image: z.string().optional(),
});
export type QueuePlace = z.infer<typeof QueuePlace>;

const queue = {
  project: ProjectId,
  kind: QueueKind,
  reason: z.string(),
  requested: Act,
  /** The number of the attempt to build or to delete its stack. It is part of the execution's name. */
  attempt: z.number().int().min(0),
};

/** A queue of a project: requested → opening → open → closing → closed; an attempt that fails can be approved again. */
export const ComputeQueue = z.discriminatedUnion('status', [
  z.object({ status: z.literal('requested'), ...queue }),
  z.object({ status: z.literal('opening'), ...queue, approved: Act }),
  z.object({ status: z.literal('open'), ...queue, approved: Act, place: QueuePlace, openedAt: z.iso.datetime() }),
  z.object({ status: z.literal('failed'), ...queue, failure: z.string(), failedAt: z.iso.datetime() }),
  z.object({ status: z.literal('closing'), ...queue, place: QueuePlace.optional(), ending: Act }),
  z.object({ status: z.literal('closed'), ...queue, closedAt: z.iso.datetime() }),
]);
export type ComputeQueue = z.infer<typeof ComputeQueue>;

/** What all jobs of a project may cost together. One row, to which every submission adds: two that fit alone cannot both pass. */
export const JobBudget = z.object({
  project: ProjectId,
  limitMicros: DollarMicros,
  /** Held for the jobs that have not ended, at the most that they can cost. */
  reservedMicros: DollarMicros,
  spentMicros: DollarMicros,
  /** What is left: the limit without what is reserved and spent. */
  roomMicros: z.number().int(),
});
export type JobBudget = z.infer<typeof JobBudget>;

/** A container image by its repository in the registry and its digest. A tag such as `latest` can change, so none is accepted. */
export const ImageReference = z
  .string()
  .max(255)
  .regex(
    /^[a-z0-9]+(?:[._-][a-z0-9]+)*(?:\/[a-z0-9]+(?:[._-]{1,2}[a-z0-9]+)*)*@sha256:[0-9a-f]{64}$/,
    'a repository and a digest, such as quay/biocontainers/samtools@sha256:…',
  );

/** An image that the jobs of a project may run: requested by a member, approved by somebody else. */
export const ContainerImage = z.object({
  status: z.enum(['requested', 'approved', 'withdrawn']),
  project: ProjectId,
  image: ImageReference,
  reason: z.string(),
  requested: Act,
  approved: Act.optional(),
  withdrawn: Act.optional(),
});
export type ContainerImage = z.infer<typeof ContainerImage>;

/** Eleven hexadecimal digits of the time of submission and five random ones, so that ids sort by age. */
export const JobId = z.string().regex(/^job-[0-9a-f]{16}$/, 'an id such as job-019a0b1c2d3e4f50');

const hiddenText = /\p{Cc}/u;
/** One word of a command. It reaches the program as it is: no shell reads it. */
const CommandWord = z
  .string()
  .max(4000)
  .refine(word => !hiddenText.test(word.replace(/[\n\t]/g, '')), 'text without control characters');
const CommandWords = z.array(CommandWord).min(1).max(100);

const variableName = /^(?!AWS|BROCH|ECS|LD_|PATH$)[A-Z][A-Z0-9_]{0,63}$/;
const VariableName = z
  .string()
  .regex(variableName, 'a name of capital letters, digits and _, that AWS, Broch, ECS and the loader do not use');
const Variables = z
  .record(VariableName, CommandWord)
  .refine(variables => Object.keys(variables).length <= 50, 'at most 50 variables');

/** A folder of the project's data that is copied to the job. */
const InputFolder = z
  .string()
  .max(500)
  .regex(/^data\/(?:[A-Za-z0-9][A-Za-z0-9._-]*\/)+$/, 'a folder such as data/cohort/');

/** The code that the job runs, for the record. */
const CodeReference = z.object({
  repository: z
    .string()
    .max(300)
    .regex(/^[A-Za-z0-9][A-Za-z0-9._:/@-]*$/, 'the address of a repository'),
  commit: z.string().regex(/^[0-9a-f]{40}$/, 'a commit: 40 hexadecimal digits'),
});

/** What a person asks for. */
export const JobRequest = z.object({
  kind: MachineKind.default('cpu').describe('machines with CPUs only or with GPUs'),
  image: ImageReference.describe('an approved image: repository@sha256:digest'),
  command: CommandWords.describe('the program and its arguments; nothing is read by a shell'),
  vcpus: z.number().int().min(1).max(64).default(1),
  memory: z.number().int().min(512).max(500_000).default(2048).describe('MiB of memory'),
  gpu: z.number().int().min(0).max(8).default(0).describe('whole GPUs'),
  minutes: z
    .number()
    .int()
    .min(1)
    .max(14 * 24 * 60)
    .default(60)
    .describe('the time limit of an attempt, in minutes'),
  attempts: z.number().int().min(1).max(5).default(3).describe('attempts, if AWS takes back a Spot machine'),
  tasks: z.number().int().min(1).max(1000).default(1).describe('tasks of an array job'),
  nodes: z
    .number()
    .int()
    .min(1)
    .max(100)
    .default(1)
    .describe('machines (nodes) that run the command together; more than one needs a queue for multi-node jobs'),
  after: z.array(JobId).max(10).default([]).describe('jobs that must succeed first'),
  inputs: z.array(InputFolder).max(20).default([]).describe('folders of the project to copy to the job'),
  datasets: z.array(DatasetId).max(10).default([]).describe('datasets of the project to copy to the job'),
  variables: Variables.default({}).describe('environment variables'),
  code: CodeReference.optional().describe('the code that it runs, for the record'),
});
export type JobRequest = z.infer<typeof JobRequest>;

const PathName = z
  .string()
  .max(60)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'letters, digits, dots, - and _');
const ParameterValue = z.union([PlainText.max(4000), z.number().min(-1e15).max(1e15), z.boolean()]);
const ParameterName = z
  .string()
  .max(60)
  .regex(/^(?!outdir$|input$)[A-Za-z][A-Za-z0-9_]*$/, 'a name of letters, digits and _, but not input or outdir');
const ProcessName = z
  .string()
  .max(100)
  .regex(/^[A-Za-z][A-Za-z0-9_:]*$/, 'the name of a process');

/** What a person asks of a pipeline. */
export const PipelineRequest = z.object({
  pipeline: PathName,
  revision: PathName.describe(
    'the version of the pipeline: its folder in the project is data/pipelines/<pipeline>/<revision>/',
  ),
  profiles: z
    .array(z.string().regex(/^[A-Za-z0-9_]{1,60}$/, 'the name of a profile'))
    .max(10)
    .default([])
    .describe('profiles of the pipeline'),
  input: z
    .string()
    .max(500)
    .regex(
      /^\/?data\/(?:[A-Za-z0-9][A-Za-z0-9._-]*\/)*[A-Za-z0-9][A-Za-z0-9._-]*$/,
      'a file such as data/cohort/samples.csv',
    )
    .optional()
    .describe('the parameter `input`: a file of the project, or of a dataset'),
  datasets: z
    .array(DatasetId)
    .max(10)
    .default([])
    .describe(
      'the datasets that the run reads. Parameters name their files as on desktops: /data/<dataset>/<version>/…',
    ),
  params: z
    .record(ParameterName, ParameterValue)
    .refine(params => Object.keys(params).length <= 200, 'at most 200 parameters')
    .default({})
    .describe('other parameters, as JSON or @file'),
  image: ImageReference.describe('the approved image of Nextflow'),
  taskImage: ImageReference.optional().describe('the approved image of tasks, if it is another one'),
  containers: z.record(ProcessName, ImageReference).default({}).describe('other approved images, by process'),
  places: z.number().int().min(1).max(100).default(4).describe('tasks that run at the same time'),
  taskVcpus: z.number().int().min(1).max(32).default(4).describe('the most vCPUs of a task'),
  taskMemory: z.number().int().min(512).max(120_000).default(8192).describe('the most MiB of a task'),
  taskMinutes: z.number().int().min(1).max(1440).default(60).describe('the time limit of a task, in minutes'),
  minutes: z.number().int().min(1).max(10_080).default(240).describe('the time limit of the run, in minutes'),
  resumes: JobId.optional().describe('an earlier run whose finished tasks are not repeated'),
});
export type PipelineRequest = z.infer<typeof PipelineRequest>;

/** The files that Nextflow writes about a run, by their paths in the project's bucket. */
export const PipelineReports = z.record(z.enum(['trace', 'report', 'timeline', 'dag']), z.string());
export type PipelineReports = z.infer<typeof PipelineReports>;

/** A version of a dataset that a job was given, and when its use ends. */
export const JobDataset = z.object({
  dataset: DatasetId,
  version: Sha256,
  prefix: z.string(),
  endsAt: z.iso.datetime(),
});
export type JobDataset = z.infer<typeof JobDataset>;

/** One attempt of a job on one machine, as AWS Batch reports it. */
export const JobAttempt = z.object({
  startedAt: z.number().int().optional(),
  stoppedAt: z.number().int().optional(),
  exitCode: z.number().int().optional(),
  reason: z.string().optional(),
});
export type JobAttempt = z.infer<typeof JobAttempt>;

export const JobEstimate = z.object({
  /** The smallest machine type that the job fits on. */
  machine: z.string(),
  /** One attempt of every task, on Spot, to the time limit. */
  expectedMicros: DollarMicros,
  /** Every attempt of every task, On-Demand, to the time limit: the job cannot cost more. */
  mostMicros: DollarMicros,
  /** For a pipeline: an hour of its head and of all tasks that it may run at once. */
  hourlyMicros: DollarMicros.optional(),
  spotSavingPercent: z.number().int(),
  /** The day and the region of the prices. */
  pricedAt: z.iso.date(),
  pricedFor: z.string(),
});
export type JobEstimate = z.infer<typeof JobEstimate>;

const job = {
  id: JobId,
  project: ProjectId,
  owner: BatchPerson,
  submittedAt: z.iso.datetime(),
  request: JobRequest,
  datasets: z.array(JobDataset),
  estimate: JobEstimate,
  /** The job that this one repeats. */
  repeats: JobId.optional(),
  /** For the head of a pipeline: what Nextflow runs in it. */
  pipeline: PipelineRequest.optional(),
  /** Somebody asked to stop it. It ends when AWS says so. */
  stop: Act.extend({ reason: z.string() }).optional(),
  /** The folder of the project's bucket with what it prints. Added when somebody looks. */
  log: z.string().optional(),
  /** Of a pipeline: where Nextflow leaves what it writes about the run. Added when somebody looks; read on a desktop. */
  reports: PipelineReports.optional(),
};
/** What AWS said last, and every attempt so far. `rank` grows with each state of each attempt. */
const progress = {
  batchId: z.string(),
  rank: z.number().int(),
  attempts: z.array(JobAttempt),
  wait: z.string().optional(),
};
const end = { endedAt: z.iso.datetime(), costMicros: DollarMicros, reason: z.string() };

/** Where a run's outputs and description lie. Their number and hashes could carry data, so they stay in the project. */
export const JobOutputs = z.object({
  folder: z.string(),
  crate: z.string(),
  /** For a repetition: whether it left the same files as the job that it repeats. */
  repetition: z.enum(['equal', 'different']).optional(),
});
export type JobOutputs = z.infer<typeof JobOutputs>;

/** A job: submitted → queued → running → succeeded, failed or cancelled. */
export const ComputeJob = z.discriminatedUnion('status', [
  /** `claim` is the time until which one function alone may submit it to AWS. */
  z.object({ status: z.literal('submitted'), ...job, claim: z.iso.datetime().optional() }),
  /** `position` is its place among the jobs that could start: 1 is the next. It is read when somebody looks. */
  z.object({ status: z.literal('queued'), ...job, ...progress, position: z.number().int().min(1).optional() }),
  /** `accruedMicros` is what it has cost until somebody looks. */
  z.object({ status: z.literal('running'), ...job, ...progress, accruedMicros: DollarMicros.optional() }),
  z.object({ status: z.literal('succeeded'), ...job, ...progress, ...end, outputs: JobOutputs.optional() }),
  z.object({ status: z.literal('failed'), ...job, ...progress, ...end, outputs: JobOutputs.optional() }),
  z.object({ status: z.literal('cancelled'), ...job, ...end, attempts: z.array(JobAttempt) }),
]);
export type ComputeJob = z.infer<typeof ComputeJob>;
export type JobIn<S extends ComputeJob['status']> = Extract<ComputeJob, { status: S }>;
export type LiveJob = JobIn<'submitted' | 'queued' | 'running'>;

export const JobReason = PlainText.min(1).max(1000);
