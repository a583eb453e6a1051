import { Refused } from '../refused.ts';
import priceList from './prices.json' with { type: 'json' };
import { type MachineKind, queueKindOf } from './queue-kinds.ts';
import type { JobAttempt, JobEstimate, JobRequest, PipelineRequest } from './schemas.ts';

interface MachineType {
  readonly kind: string;
  readonly vcpus: number;
  readonly memory: number;
  readonly gpu: number;
  readonly dollars: number;
}
const machineTypes: Readonly<Record<string, MachineType>> = priceList.machines;

/** The machine types of a queue: all that the price list knows of its kind. */
export const machineNames = (kind: MachineKind): string[] =>
  Object.entries(machineTypes).flatMap(([name, machine]) => (machine.kind === kind ? [name] : []));

export const vcpusOf = (name: string): number => machineTypes[name]?.vcpus ?? Number.POSITIVE_INFINITY;

/** The vCPUs of the smallest of some machine types. */
export const smallestVcpus = (names: readonly string[]): number => Math.min(...names.map(vcpusOf));

/** The two smallest of some machine types, on which heads of pipelines run. */
export const headMachines = (names: readonly string[]): string[] =>
  names.toSorted((a, b) => vcpusOf(a) - vcpusOf(b)).slice(0, 2);

/** The ECS agent and the operating system need a part of the memory. */
const USABLE_MEMORY = 0.92;
/** What a machine is paid for before and after an attempt: it starts, and it waits for another job. */
const IDLE_MINUTES = 10;

const fits = (machine: MachineType, { kind, vcpus, memory, gpu }: JobRequest) =>
  machine.kind === kind && machine.vcpus >= vcpus && machine.gpu >= gpu && machine.memory * USABLE_MEMORY >= memory;

/** The cheapest machine that a job fits on. `machines` are those of its queue; left out, all of the price list. */
function selectMachine(request: JobRequest, machines?: readonly string[]): [string, MachineType] {
  const [cheapest] = Object.entries(machineTypes)
    .filter(([name, machine]) => fits(machine, request) && (machines?.includes(name) ?? true))
    .sort(([, a], [, b]) => a.dollars - b.dollars);
  if (cheapest) return cheapest;
  throw new Refused(
    'conflict',
    `No machine of the ${queueKindOf(request)} queue has ${request.vcpus} vCPUs, ${request.memory} MiB and ${request.gpu} GPUs. Ask for less, or use a queue of another kind.`,
  );
}

/** An amount as refusals name it. */
export const formatDollarMicros = (micros: number): string => `$${(micros / 1e6).toFixed(2)}`;

/** Millionths of a dollar for an hour, On-Demand. */
function hourMicros({ dollars }: MachineType, region: string): number {
  const factors: Readonly<Record<string, number>> = priceList.factors;
  return Math.ceil(dollars * 1e6 * (factors[region] ?? priceList.factor));
}

/** AWS takes back only Spot machines, and a multi-node job runs On-Demand. */
export const attemptsOf = ({ nodes, attempts }: JobRequest): number => (nodes > 1 ? 1 : attempts);

/** What a job will cost, and the most that it can cost: AWS ends every attempt at its time limit. */
export function estimateJob(request: JobRequest, region: string, machines?: readonly string[]): JobEstimate {
  if (request.kind === 'gpu' && request.gpu === 0)
    throw new Refused('conflict', 'A job of the gpu queue needs at least one GPU. Add --gpu 1, or use --kind cpu.');
  const { minutes, nodes, tasks } = request;
  if (nodes > 1 && tasks > 1)
    throw new Refused('conflict', 'A job has tasks or nodes, not both. Submit a job with --nodes for each task.');
  const [name, machine] = selectMachine(request, machines);
  const attemptMicros = nodes * Math.ceil((hourMicros(machine, region) * (minutes + IDLE_MINUTES)) / 60);
  const share = nodes > 1 ? 1 : priceList.spotShare;
  return {
    machine: name,
    expectedMicros: Math.ceil(attemptMicros * tasks * share),
    mostMicros: attemptMicros * attemptsOf(request) * tasks,
    spotSavingPercent: Math.round((1 - share) * 100),
    pricedAt: priceList.date,
    pricedFor: region,
  };
}

/** The most that a run of a pipeline can cost: as if all its places were taken until its time limit. */
export function estimatePipeline(
  head: JobRequest,
  pipeline: PipelineRequest,
  region: string,
  machines?: readonly string[],
): JobEstimate {
  const { taskVcpus: vcpus, taskMemory: memory, places, minutes } = pipeline;
  const estimate = estimateJob(head, region, machines);
  const [, headMachine] = selectMachine(head, machines);
  const [machine, taskMachine] = selectMachine({ ...head, vcpus, memory }, machines);
  const [headMicros, taskMicros] = [hourMicros(headMachine, region), places * hourMicros(taskMachine, region)];
  const hours = (minutes + IDLE_MINUTES) / 60;
  return {
    ...estimate,
    machine,
    hourlyMicros: headMicros + taskMicros,
    expectedMicros: Math.ceil((headMicros + taskMicros * priceList.spotShare) * hours),
    mostMicros: Math.ceil((headMicros + taskMicros) * hours),
  };
}

/** What a job has cost until `now`: attempts that run are counted so far, tasks of an array once all have ended. */
export const accruedCost = (
  job: { request: JobRequest; estimate: JobEstimate; attempts: readonly JobAttempt[] },
  now: string,
): number =>
  costOf(
    job,
    job.attempts.map(attempt => ({ ...attempt, stoppedAt: attempt.stoppedAt ?? Date.parse(now) })),
  );

/**
 * What the attempts of a job cost, On-Demand, and never more than was reserved. An attempt without an end is reckoned to
 * its time limit.
 */
export function costOf(
  { request, estimate }: { request: JobRequest; estimate: JobEstimate },
  attempts: readonly JobAttempt[],
): number {
  const machine = machineTypes[estimate.machine];
  if (!machine) return estimate.mostMicros;
  const times = attempts.map(({ startedAt, stoppedAt }) =>
    startedAt === undefined
      ? 0
      : (stoppedAt ?? startedAt + request.minutes * 60_000) - startedAt + IDLE_MINUTES * 60_000,
  );
  const total = times.reduce((sum, time) => sum + time, 0);
  const hour = estimate.hourlyMicros ?? hourMicros(machine, estimate.pricedFor);
  // The times of a multi-node job are those of its main node. No other node runs longer.
  const micros = Math.ceil((hour * total * request.nodes) / 3_600_000);
  return Math.min(micros, estimate.mostMicros);
}
