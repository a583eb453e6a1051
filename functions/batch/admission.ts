import { Refused } from '../refused.ts';
import { vcpusOf } from './estimate.ts';
import { queueKindOf } from './queue-kinds.ts';
import type {
  ComputeJob,
  ComputeQueue,
  ContainerImage,
  JobDataset,
  JobEstimate,
  JobRequest,
  PipelineRequest,
} from './schemas.ts';

/** What a submission depends on, as it is at the decision. */
export interface SubmissionContext {
  readonly queue: ComputeQueue | undefined;
  readonly container: ContainerImage | undefined;
  /** For a pipeline: the images of its tasks. */
  readonly taskImages?: readonly { readonly image: string; readonly container: ContainerImage | undefined }[];
  /** The jobs that it waits for; undefined if there is no such job. */
  readonly predecessors: readonly (ComputeJob | undefined)[];
  readonly region: string;
  /** The most nodes of a job in a project of this tier. */
  readonly mostNodes: number;
}

export interface Submission {
  readonly id: string;
  readonly project: string;
  readonly request: JobRequest;
  readonly datasets: readonly JobDataset[];
  readonly pipeline?: PipelineRequest | undefined;
  readonly repeats?: string | undefined;
}

function requireApproved(project: string, image: string, container: ContainerImage | undefined): void {
  if (container?.status === 'approved') return;
  throw new Refused(
    'forbidden',
    `The image ${image} is not approved for ${project}. Request it: broch container request ${project}.`,
  );
}

/** Refuses a job without an open queue, approved images, and jobs that it can wait for. */
export function requirePlace({ project, request, pipeline }: Submission, context: SubmissionContext): void {
  const { queue, container, taskImages = [], predecessors } = context;
  const kind = queueKindOf(request);
  if (queue?.status !== 'open')
    throw new Refused(
      'conflict',
      queue
        ? `The ${kind} queue of ${project} is ${queue.status}. See broch queue list ${project}.`
        : `${project} has no ${kind} queue. A lead requests one: broch queue open ${project} ${kind}.`,
    );
  if (pipeline && queue.place.headQueueArn === undefined)
    throw new Refused(
      'conflict',
      `The cpu queue of ${project} was opened before there were pipelines. Close it and open it again.`,
    );
  for (const entry of [{ image: request.image, container }, ...taskImages])
    requireApproved(project, entry.image, entry.container);
  const missingJob = request.after.find((_, index) => predecessors[index] === undefined);
  if (missingJob)
    throw new Refused(
      'missing',
      `There is no job ${missingJob} in ${project}, so no job can wait for it. See broch job list ${project}.`,
    );
  const failedJob = predecessors.find(job => job?.status === 'failed' || job?.status === 'cancelled');
  if (failedJob)
    throw new Refused(
      'conflict',
      `${failedJob.id} ${failedJob.status}, so the job would never start. Leave it out of --after, or run it again first: broch job rerun.`,
    );
  const unplacedJob = predecessors.find(job => job?.status === 'submitted');
  if (unplacedJob) throw new Refused('conflict', `${unplacedJob.id} is not in the queue yet. Try again in a moment.`);
}

/** A multi-node job starts only when all its machines have. AWS Batch would wait for ever for those beyond a limit. */
export function requireMachines({ nodes }: JobRequest, { machine }: JobEstimate, context: SubmissionContext): void {
  if (nodes === 1) return;
  if (nodes > context.mostNodes)
    throw new Refused(
      'forbidden',
      context.mostNodes > 1
        ? `The tier of the project lets a job have at most ${context.mostNodes} nodes. Ask for fewer, or ask your operator for more (batch.nodes).`
        : 'The tier of the project lets a job have one machine only. Submit an array job with --tasks, or ask your operator (batch.nodes).',
    );
  const maxVcpus = context.queue?.status === 'open' ? context.queue.place.maxVcpus : undefined;
  const vcpus = nodes * vcpusOf(machine);
  if (maxVcpus !== undefined && vcpus > maxVcpus)
    throw new Refused(
      'conflict',
      `${nodes} nodes on ${machine} have ${vcpus} vCPUs, and the queue may have ${maxVcpus} at once. Ask for fewer nodes, or for smaller ones.`,
    );
}
