import * as z from 'zod';
import { contract } from '../contract.ts';
import { ProjectId } from '../projects/schemas.ts';
import { QueueKind } from './queue-kinds.ts';
import { ImageReference, JobId } from './schemas.ts';

const person = { by: z.string(), byName: z.string() };
const queue = { project: ProjectId, kind: QueueKind, attempt: z.number().int(), at: z.iso.datetime() };
const job = { project: ProjectId, job: JobId, at: z.iso.datetime() };
const container = { project: ProjectId, image: ImageReference, at: z.iso.datetime(), ...person };

/** A lead asks for a queue. */
export const QueueRequested = contract(
  'broch.batch',
  'QueueRequested',
  z.object({ ...queue, reason: z.string(), ...person }),
);

/** An operator approved a queue and set what the project's jobs may cost. */
export const QueueApproved = contract(
  'broch.batch',
  'QueueApproved',
  z.object({ ...queue, limitMicros: z.number(), ...person }),
);
export const QueueOpened = contract('broch.batch', 'QueueOpened', z.object(queue));
export const QueueFailed = contract('broch.batch', 'QueueFailed', z.object({ ...queue, reason: z.string() }));
export const QueueClosed = contract('broch.batch', 'QueueClosed', z.object(queue));

/** A member asks that jobs may run a container image. */
export const ContainerRequested = contract(
  'broch.batch',
  'ContainerRequested',
  z.object({ ...container, reason: z.string() }),
);
/** Somebody outside the project approved it. */
export const ContainerApproved = contract('broch.batch', 'ContainerApproved', z.object(container));
export const ContainerWithdrawn = contract('broch.batch', 'ContainerWithdrawn', z.object(container));

/** A job fits the budget and is to be given to AWS. */
export const JobSubmitted = contract(
  'broch.batch',
  'JobSubmitted',
  z.object({ ...job, mostMicros: z.number(), ...person }),
);
/** Somebody asked to stop a job that AWS has. */
export const JobStopped = contract('broch.batch', 'JobStopped', z.object({ ...job, reason: z.string(), ...person }));
/** A job ended; its reservation is settled. */
export const JobEnded = contract(
  'broch.batch',
  'JobEnded',
  z.object({
    ...job,
    status: z.enum(['succeeded', 'failed', 'cancelled']),
    costMicros: z.number(),
    reason: z.string(),
  }),
);

const Time = z.number().int().optional();
const AttemptContainer = z
  .object({
    exitCode: z.number().int().optional(),
    reason: z.string().optional(),
  })
  .optional();

/** What AWS Batch says of a job, as it is now: at least once, and in any order. */
export const BatchJobState = z.object({
  jobId: z.string(),
  jobName: z.string(),
  jobQueue: z.string(),
  status: z.enum(['SUBMITTED', 'PENDING', 'RUNNABLE', 'STARTING', 'RUNNING', 'SUCCEEDED', 'FAILED']),
  statusReason: z.string().optional(),
  startedAt: Time,
  stoppedAt: Time,
  attempts: z
    .array(
      z.object({ startedAt: Time, stoppedAt: Time, statusReason: z.string().optional(), container: AttemptContainer }),
    )
    .default([]),
  container: AttemptContainer,
  tags: z.record(z.string(), z.string()).default({}),
});
export type BatchJobState = z.infer<typeof BatchJobState>;

export const BatchJobChanged = contract('aws.batch', 'Batch Job State Change', BatchJobState);

/** What CloudFormation says of a stack of the account. */
export const StackStatusChanged = contract(
  'aws.cloudformation',
  'CloudFormation Stack Status Change',
  z.object({ 'stack-id': z.string(), 'status-details': z.object({ status: z.string() }) }),
);
