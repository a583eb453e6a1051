import type {
  ComputeJob,
  ComputeQueue,
  ContainerImage,
  JobBudget,
  JobEstimate,
  QueuePlace,
} from '../../functions/batch/schemas.ts';
import { formatFields, hangingText, narrowWidth } from './layout.ts';
import {
  escapeForTerminal,
  formatCount,
  formatDollars,
  formatStatusWords,
  formatTime,
  type OutputScreen,
} from './output.ts';

const formatAct = ({ by: person, at: time }: { by: { name: string }; at: string }): string =>
  `${escapeForTerminal(person.name)}, ${formatTime(time)}`;

/** What the machines of a queue are, and what they start from. */
const placeFields = (place: QueuePlace | undefined): [string, string][] =>
  place?.machines
    ? [
        ['machines', place.machines.join(', ')],
        ['start from', place.image ?? "Amazon's ECS image"],
      ]
    : [];

/** A queue, who asked for it and who approved it. */
export function formatQueue(queue: ComputeQueue, { width }: OutputScreen): string {
  const fields: [string, string][] = [
    ['status', formatStatusWords(queue.status)],
    ['reason', escapeForTerminal(queue.reason)],
    ['requested', formatAct(queue.requested)],
    ...('approved' in queue ? ([['approved', formatAct(queue.approved)]] as [string, string][]) : []),
    ...placeFields('place' in queue ? queue.place : undefined),
    ...('openedAt' in queue ? ([['open since', formatTime(queue.openedAt)]] as [string, string][]) : []),
    ...('failure' in queue
      ? ([['failed', `${formatTime(queue.failedAt)}: ${escapeForTerminal(queue.failure)}`]] as [string, string][])
      : []),
    ...('ending' in queue ? ([['closed', formatAct(queue.ending)]] as [string, string][]) : []),
    ...('closedAt' in queue ? ([['closed', formatTime(queue.closedAt)]] as [string, string][]) : []),
  ];
  return `${queue.kind} queue of ${queue.project}\n${formatFields(fields, narrowWidth(width, 0))}`;
}

export const formatQueues = (queues: readonly ComputeQueue[], screen: OutputScreen): string =>
  queues.length === 0
    ? 'There are no queues. A lead asks for one: broch queue open'
    : queues.map(queue => formatQueue(queue, screen)).join('\n\n');

export const formatBudget = ({ project, limitMicros, reservedMicros, spentMicros, roomMicros }: JobBudget): string =>
  [
    `${project}: ${formatDollars(limitMicros)} for batch jobs`,
    `${formatDollars(spentMicros)} spent, ${formatDollars(reservedMicros)} reserved, ${formatDollars(roomMicros)} left`,
  ].join('\n');

export function formatContainer(container: ContainerImage, { width }: OutputScreen): string {
  const { image, project, status, reason, requested: request, approved: approval, withdrawn: withdrawal } = container;
  const fields: [string, string][] = [
    ['project', project],
    ['status', status],
    ['reason', escapeForTerminal(reason)],
    ['requested', formatAct(request)],
    ...(approval ? ([['approved', formatAct(approval)]] as [string, string][]) : []),
    ...(withdrawal ? ([['withdrawn', formatAct(withdrawal)]] as [string, string][]) : []),
  ];
  return `${hangingText(image, width)}\n${formatFields(fields, narrowWidth(width, 0))}`;
}

export const formatContainers = (containers: readonly ContainerImage[], screen: OutputScreen): string =>
  containers.length === 0
    ? 'No image may be run yet. Ask for one: broch container request'
    : containers.map(container => formatContainer(container, screen)).join('\n\n');

const estimateFields = (estimate: JobEstimate): [string, string][] => [
  ['machine', estimate.machine],
  [
    'expected',
    `${formatDollars(estimate.expectedMicros)}, ${estimate.spotSavingPercent > 0 ? `as Spot saves ${estimate.spotSavingPercent}%` : 'On-Demand'}`,
  ],
  ['at most', formatDollars(estimate.mostMicros)],
  ['prices', `of ${formatTime(estimate.pricedAt)}, for ${estimate.pricedFor}`],
];

export const formatEstimate = (estimate: JobEstimate, { width }: OutputScreen): string =>
  formatFields(estimateFields(estimate), narrowWidth(width, 0));

/** A word of a command as a person would type it. */
const quoteWord = (word: string): string => escapeForTerminal(/^[\w./:=-]+$/.test(word) ? word : JSON.stringify(word));

const repetitionTexts = { equal: 'it left the same files', different: 'it left other files' } as const;

/** What a pipeline runs and may use. */
function pipelineFields({ pipeline }: ComputeJob): [string, string][] {
  if (!pipeline) return [];
  const {
    profiles,
    input,
    params,
    image,
    taskImage = image,
    containers,
    places,
    taskVcpus,
    taskMemory,
    taskMinutes,
  } = pipeline;
  const parameters = Object.entries({ ...(input !== undefined && { input }), ...params });
  const lists: [string, readonly string[]][] = [
    ['profiles', profiles],
    ['parameters', parameters.map(([name, value]) => `${name}=${quoteWord(String(value))}`)],
    ['images', [taskImage, ...Object.entries(containers).map(([name, image]) => `${name}: ${image}`)]],
    ['continues', pipeline.resumes === undefined ? [] : [pipeline.resumes]],
  ];
  return [
    ['pipeline', `${pipeline.pipeline} ${pipeline.revision}`],
    [
      'tasks',
      `${places} at once, ${taskVcpus} vCPUs, ${formatCount(taskMemory)} MiB and ${taskMinutes} minutes each at most; the run ${pipeline.minutes} minutes`,
    ],
    ...lists.filter(([, items]) => items.length > 0).map(([name, items]): [string, string] => [name, items.join(', ')]),
  ];
}

/** A job with all that a person must know of it. */
export function formatJob(job: ComputeJob, { width }: OutputScreen): string {
  const { request, datasets } = job;
  const lists: [string, readonly string[]][] = [
    ['after', request.after],
    ['inputs', request.inputs],
    ['datasets', datasets.map(({ dataset, version, endsAt }) => `${dataset} ${version}, until ${formatTime(endsAt)}`)],
    ['variables', Object.entries(request.variables).map(([name, value]) => `${name}=${quoteWord(value)}`)],
  ];
  const attempts = 'attempts' in job ? job.attempts : [];
  const fields: [string, string][] = [
    ['status', formatStatusWords(job.status)],
    ['project', job.project],
    ['submitted', `${escapeForTerminal(job.owner.name)}, ${formatTime(job.submittedAt)}`],
    ['image', request.image],
    ['command', request.command.map(quoteWord).join(' ')],
    [
      'asks for',
      `${request.kind}, ${request.vcpus} vCPUs, ${formatCount(request.memory)} MiB, ${request.gpu} GPUs, ${request.minutes} minutes, ${request.nodes > 1 ? `${request.nodes} nodes` : `${request.attempts} attempts, ${request.tasks} tasks`}`,
    ],
    ...lists.filter(([, items]) => items.length > 0).map(([name, items]): [string, string] => [name, items.join(', ')]),
    ...pipelineFields(job),
    ...estimateFields(job.estimate),
    ...attempts.map(({ exitCode, reason }, index): [string, string] => [
      `attempt ${index + 1}`,
      [exitCode === undefined ? '' : `exit code ${exitCode}`, escapeForTerminal(reason ?? '')]
        .filter(Boolean)
        .join(', '),
    ]),
    ...(job.log ? ([['log', job.log]] as [string, string][]) : []),
    ...Object.entries(job.reports ?? {}),
    ...('wait' in job && job.wait ? ([['waits', escapeForTerminal(job.wait)]] as [string, string][]) : []),
    ...('position' in job && job.position ? ([['place', `${job.position} in the queue`]] as [string, string][]) : []),
    ...('accruedMicros' in job && job.accruedMicros !== undefined
      ? ([['cost so far', formatDollars(job.accruedMicros)]] as [string, string][])
      : []),
    ...('costMicros' in job
      ? ([
          ['ended', `${formatTime(job.endedAt)}: ${escapeForTerminal(job.reason)}`],
          ['cost', formatDollars(job.costMicros)],
        ] as [string, string][])
      : []),
    ...('outputs' in job && job.outputs
      ? ([
          ['outputs', job.outputs.folder],
          ['description', job.outputs.crate],
          ...(job.outputs.repetition ? [[`as ${job.repeats}`, repetitionTexts[job.outputs.repetition]]] : []),
        ] as [string, string][])
      : []),
  ];
  return `${job.id}\n${formatFields(fields, narrowWidth(width, 0))}`;
}

/** Jobs, a line each. */
export const formatJobs = (jobs: readonly ComputeJob[], { width }: OutputScreen): string =>
  jobs.length === 0
    ? 'There are no jobs yet. Submit one: broch job submit'
    : jobs
        .map(job => {
          const cost = 'costMicros' in job ? `, ${formatDollars(job.costMicros)}` : '';
          const command = job.request.command.map(quoteWord).join(' ');
          return hangingText(
            `${job.id}  ${formatStatusWords(job.status)}, ${job.request.kind}, ${escapeForTerminal(job.owner.name)}, ${formatTime(job.submittedAt)}${cost}: ${command}`,
            width,
          );
        })
        .join('\n');
