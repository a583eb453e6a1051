import { createHash } from 'node:crypto';
import { datasetFolder } from '../datasets/schemas.ts';
import { environmentName } from '../names.ts';
import { attemptsOf } from './estimate.ts';
import { queueKindOf } from './queue-kinds.ts';
import type { ComputeJob, JobRequest } from './schemas.ts';

/** Where a job finds what belongs to it, in its container. */
export const JOB_PROGRAM = '/opt/broch/job.sh';
const WORK_FOLDER = '/work';
const DATA_FOLDER = '/data';
/** Nobody in particular: jobs never run as root. */
const JOB_USER = '1000:1000';

/** The folder of a job in the project's bucket. */
const jobFolder = (id: string): string => `batch/${id}/`;
/** What Broch writes about a run. Nobody in the project can change it. */
export const runFolder = (id: string): string => `${jobFolder(id)}run/`;
export const RUN_FOLDERS = 'batch/*/run/*';
/** What the job's program prints, a file for each attempt of each task. */
export const logFolder = (id: string): string => `${jobFolder(id)}log/`;
export const outputsFolder = (id: string): string => `${jobFolder(id)}outputs/`;

/** Counts the changes of `buildDefinition`: a definition that was registered in an earlier form is not used again. */
const DEFINITION_FORM = 2;

/** What a definition is for: jobs, the heads of pipelines, or the tasks that a head submits. */
export type JobUse = 'job' | 'head' | 'task';

export interface DefinitionPlace {
  readonly environment: string;
  /** The registry, such as 111122223333.dkr.ecr.eu-west-2.amazonaws.com. */
  readonly registry: string;
  readonly role: string;
  readonly logGroup: string;
  readonly region: string;
}

/** The repository of an approved image in the registry. */
export const repositoryName = (environment: string, image: string): string =>
  `${environmentName(environment, 'jobs')}/${image.slice(0, image.indexOf('@'))}`;

/** What a definition is registered for. */
export type DefinitionRequest = Pick<JobRequest, 'kind' | 'image'> & Partial<Pick<JobRequest, 'nodes'>>;

/** One definition for each image of a project on each queue. What differs between jobs is given with each job. */
export function definitionName(
  { environment, logGroup }: Pick<DefinitionPlace, 'environment' | 'logGroup'>,
  project: string,
  request: DefinitionRequest,
  use: JobUse = 'job',
): string {
  // A queue that was opened again has another log group.
  const digest = createHash('sha256')
    .update(`${DEFINITION_FORM} ${request.image} ${logGroup}`)
    .digest('hex')
    .slice(0, 16);
  return environmentName(environment, `${project}-${use === 'job' ? queueKindOf(request) : use}-${digest}`);
}

interface LogTarget {
  readonly logDriver: 'json-file' | 'awslogs';
  readonly options: Record<string, string>;
}
const machineLog: LogTarget = { logDriver: 'json-file', options: { 'max-size': '1m' } };
const groupLog = (group: string, region: string): LogTarget => ({
  logDriver: 'awslogs',
  options: { 'awslogs-group': group, 'awslogs-region': region, 'awslogs-stream-prefix': 'job' },
});

/** All nodes of a job: a range without an end, so that each job can say how many it has. The first is the main node. */
const ALL_NODES = '0:';

/** The container: one fixed program, no root, no privilege, no way to change its own file system. */
function buildContainer(
  { environment, registry, role, logGroup, region }: DefinitionPlace,
  image: string,
  use: JobUse,
) {
  const digest = image.slice(image.indexOf('@'));
  return {
    image: `${registry}/${repositoryName(environment, image)}${digest}`,
    command: [JOB_PROGRAM],
    jobRoleArn: role,
    user: JOB_USER,
    privileged: false,
    // Nextflow's own lines write to the folder in which a task starts, which belongs to the image.
    readonlyRootFilesystem: use !== 'task',
    resourceRequirements: [
      { type: 'VCPU' as const, value: '1' },
      { type: 'MEMORY' as const, value: '2048' },
    ],
    linuxParameters: {
      initProcessEnabled: true,
      // An empty folder in memory, which everybody may write. job.sh links there what it has copied, as desktops show it.
      ...(use === 'job' && { tmpfs: [{ containerPath: DATA_FOLDER, size: 1 }] }),
    },
    volumes: [
      { name: 'program', host: { sourcePath: '/opt/broch' } },
      { name: 'work', host: { sourcePath: '/var/lib/broch/work' } },
    ],
    mountPoints: [
      { sourceVolume: 'program', containerPath: '/opt/broch', readOnly: true },
      { sourceVolume: 'work', containerPath: WORK_FOLDER, readOnly: false },
    ],
    // What a task prints is kept in its work folder. On the machine it ends with the machine.
    logConfiguration: use === 'task' ? machineLog : groupLog(logGroup, region),
  };
}

/** The definition. All nodes of a multi-node job have the same container: https://docs.aws.amazon.com/batch/latest/APIReference/API_NodeProperties.html */
export function buildDefinition(
  place: DefinitionPlace,
  project: string,
  request: DefinitionRequest,
  use: JobUse = 'job',
) {
  const { environment } = place;
  const { image, nodes = 1 } = request;
  const container = buildContainer(place, image, use);
  return {
    jobDefinitionName: definitionName(place, project, request, use),
    platformCapabilities: ['EC2' as const],
    propagateTags: true,
    tags: { 'broch:environment': environment, 'broch:project': project },
    type: nodes > 1 ? ('multinode' as const) : ('container' as const),
    containerProperties: nodes > 1 ? undefined : container,
    // Each job says how many nodes it has. Two are the fewest.
    nodeProperties:
      nodes > 1
        ? { numNodes: 2, mainNode: 0, nodeRangeProperties: [{ targetNodes: ALL_NODES, container }] }
        : undefined,
  };
}

export interface JobPlace {
  readonly environment: string;
  readonly queueArn: string;
  readonly bucket: string;
  /** The access point by which the project reads datasets. */
  readonly datasets: string | undefined;
}

const readEndSeconds = ({ endsAt }: ComputeJob['datasets'][number]) => Math.floor(Date.parse(endsAt) / 1000);

/** Fair shares are between people. An identifier has letters and digits only, which a person's id has not. */
export const shareOf = (person: string): string => createHash('sha256').update(person).digest('hex').slice(0, 32);

/** All nodes have the machine type of the estimate, so that the price is known. AWS Batch takes one type for all nodes. */
const buildNodes = <T extends object>(numNodes: number, container: T, instanceType: string) => ({
  numNodes,
  nodePropertyOverrides: [{ targetNodes: ALL_NODES, containerOverrides: { ...container, instanceType } }],
});

/**
 * What AWS Batch is asked for one job. The command is a list of words from end to end: AWS Batch, the container and job.sh
 * pass them on as they are, and no shell reads them.
 */
export function buildSubmission(job: ComputeJob, definition: string, place: JobPlace, predecessors: readonly string[]) {
  const { id, project, owner, request, datasets } = job;
  const variables = {
    ...request.variables,
    BROCH_JOB: id,
    BROCH_PROJECT: project,
    BROCH_BUCKET: place.bucket,
    BROCH_WORK: WORK_FOLDER,
    ...(job.pipeline && { BROCH_PIPELINE: 'yes', BROCH_RESUMES: job.pipeline.resumes ?? '' }),
    BROCH_INPUTS_LIST: request.inputs.join('\n'),
    // The tasks of a pipeline read datasets from the lake, so nothing copies them to the head.
    BROCH_DATASETS_LIST: (job.pipeline ? [] : datasets)
      .map(({ prefix, ...dataset }) => `${datasetFolder(dataset)} s3://${place.datasets}/${prefix}`)
      .join('\n'),
    // The end of the first use that ends, in seconds since 1970. Nothing if the job reads no dataset.
    BROCH_DATA_UNTIL: datasets.length > 0 ? String(Math.min(...datasets.map(readEndSeconds))) : '',
  };
  const tags = { 'broch:environment': place.environment, 'broch:project': project, 'broch:job': id };
  const container = {
    command: [JOB_PROGRAM, ...request.command],
    environment: Object.entries(variables).map(([name, value]) => ({ name, value })),
    resourceRequirements: [
      { type: 'VCPU' as const, value: String(request.vcpus) },
      { type: 'MEMORY' as const, value: String(request.memory) },
      ...(request.gpu > 0 ? [{ type: 'GPU' as const, value: String(request.gpu) }] : []),
    ],
  };
  return {
    // The name is how a job is found again whose answer was lost.
    jobName: id,
    jobQueue: place.queueArn,
    jobDefinition: definition,
    // The queue of heads is in the order of arrival.
    ...(job.pipeline ? {} : { shareIdentifier: shareOf(owner.id), schedulingPriorityOverride: 0 }),
    propagateTags: true,
    tags,
    ...(request.tasks > 1 && { arrayProperties: { size: request.tasks } }),
    ...(predecessors.length > 0 && { dependsOn: predecessors.map(jobId => ({ jobId })) }),
    timeout: { attemptDurationSeconds: request.minutes * 60 },
    retryStrategy: {
      attempts: attemptsOf(request),
      // Without the last rule every failure would be repeated, also that of the program itself.
      evaluateOnExit: [
        { onStatusReason: 'Host EC2*', action: 'RETRY' as const },
        { onReason: '*', action: 'EXIT' as const },
      ],
    },
    containerOverrides: request.nodes > 1 ? undefined : container,
    nodeOverrides: request.nodes > 1 ? buildNodes(request.nodes, container, job.estimate.machine) : undefined,
  };
}
