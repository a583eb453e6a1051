import { outgoingEvent } from '../contract.ts';
import { type Decision, ignoreStaleStep, keepState } from '../decision.ts';
import { Refused } from '../refused.ts';
import { requireMachines, requirePlace, type Submission, type SubmissionContext } from './admission.ts';
import { foldReport, isSameProgress, type JobProgress } from './attempts.ts';
import { costOf, estimateJob, estimatePipeline, formatDollarMicros } from './estimate.ts';
import { type BatchJobState, JobEnded, JobStopped, JobSubmitted } from './events.ts';
import type { BatchPerson, ComputeJob, JobAttempt, JobBudget, JobIn, JobOutputs, LiveJob } from './schemas.ts';

/** A job, and the budget of its project. Both change in one write, so that reservations always add up. */
export interface JobState {
  readonly job: ComputeJob | undefined;
  readonly budget: JobBudget | undefined;
}
export type JobDecision = Decision<JobState>;

export type JobCommand =
  | { do: 'submit'; submission: Submission; by: BatchPerson; context: SubmissionContext }
  /** One function alone may give the job to AWS until then. */
  | { do: 'claim'; until: string }
  /** The function failed, so that another may try. */
  | { do: 'endClaim' }
  | { do: 'recordPlacement'; batchId: string }
  /** AWS refused the job. */
  | { do: 'recordRefusal'; reason: string }
  /** `tasks` are the attempts of an array job, which its own report does not list. */
  | { do: 'recordReport'; report: BatchJobState; tasks?: readonly JobAttempt[] }
  | { do: 'stop'; by: BatchPerson; reason: string; isLead: boolean }
  | { do: 'recordOutputs'; outputs: JobOutputs };
type CommandOf<Name extends JobCommand['do']> = Extract<JobCommand, { do: Name }>;

/** The id of a job submitted at `now`; `chance` is a whole number below 2^20. */
export const createJobId = (now: string, chance: number): string =>
  `job-${Date.parse(now).toString(16).padStart(11, '0')}${chance.toString(16).padStart(5, '0')}`;

export const isLiveJob = (job: ComputeJob): job is LiveJob =>
  job.status === 'submitted' || job.status === 'queued' || job.status === 'running';

/** Decides what becomes of a job and of the project's budget. */
export function decideJob(state: JobState, command: JobCommand, now: string): JobDecision {
  if (command.do === 'submit') return submitJob(state, command, now);
  const { job } = state;
  if (!job) throw new Refused('missing', 'There is no such job.');
  switch (command.do) {
    case 'claim':
      return claimJob(state, job, command, now);
    case 'endClaim':
      if (job.status !== 'submitted' || job.claim === undefined) return ignoreStaleStep(state);
      return { state: { ...state, job: { ...job, claim: now } }, events: [], reason: 'another function may try' };
    case 'recordPlacement':
      return recordPlacement(state, job, command);
    case 'recordRefusal':
      return isLiveJob(job) ? endJob(state, job, 'failed', [], command.reason, now) : ignoreStaleStep(state);
    case 'recordReport':
      return recordReport(state, job, command, now);
    case 'stop':
      return stopJob(state, job, command, now);
    case 'recordOutputs':
      if (job.status !== 'succeeded' && job.status !== 'failed') return ignoreStaleStep(state);
      if (job.outputs) return keepState(state, 'the outputs are on record');
      return { state: { ...state, job: { ...job, outputs: command.outputs } }, events: [], reason: 'it left outputs' };
  }
}

/** A budget to whose reservations and costs something was added. */
const book = (budget: JobBudget, reservedMicros: number, spentMicros: number): JobBudget => ({
  ...budget,
  reservedMicros: budget.reservedMicros + reservedMicros,
  spentMicros: budget.spentMicros + spentMicros,
  roomMicros: budget.roomMicros - reservedMicros - spentMicros,
});

function submitJob(state: JobState, { submission, by: owner, context }: CommandOf<'submit'>, now: string): JobDecision {
  if (state.job)
    throw new Refused('conflict', 'Two jobs were submitted at the same moment. Try again, with a new Idempotency-Key.');
  requirePlace(submission, context);
  const { id, project, request, datasets, pipeline, repeats } = submission;
  const machines = context.queue?.status === 'open' ? context.queue.place.machines : undefined;
  const estimate = pipeline
    ? estimatePipeline(request, pipeline, context.region, machines)
    : estimateJob(request, context.region, machines);
  requireMachines(request, estimate, context);
  const { budget } = state;
  const room = budget?.roomMicros ?? 0;
  if (!budget || estimate.mostMicros > room)
    throw new Refused(
      'conflict',
      `The job may cost ${formatDollarMicros(estimate.mostMicros)}, and ${formatDollarMicros(Math.max(0, room))} of the budget of ${project} are free. Ask for less time, fewer attempts, tasks or nodes, or ask an operator for a larger budget.`,
    );
  const job: ComputeJob = {
    status: 'submitted',
    id,
    project,
    owner,
    submittedAt: now,
    request,
    datasets: [...datasets],
    estimate,
    ...(pipeline && { pipeline }),
    ...(repeats !== undefined && { repeats }),
  };
  const detail = { project, job: id, at: now, mostMicros: estimate.mostMicros, by: owner.id, byName: owner.name };
  return {
    state: { job, budget: book(budget, estimate.mostMicros, 0) },
    events: [outgoingEvent(JobSubmitted, detail)],
    reason: 'it fits the budget',
  };
}

/** Thrown while another function gives the job to AWS. The event is delivered again later. */
export class JobClaimed extends Error {
  override readonly name = 'JobClaimed';
}

function claimJob(state: JobState, job: ComputeJob, { until: end }: CommandOf<'claim'>, now: string): JobDecision {
  if (job.status !== 'submitted') return keepState(state, 'AWS has the job, or it ended');
  if (job.claim !== undefined && Date.parse(job.claim) > Date.parse(now)) throw new JobClaimed(job.id);
  return { state: { ...state, job: { ...job, claim: end } }, events: [], reason: 'a function gives it to AWS' };
}

function recordPlacement(state: JobState, job: ComputeJob, { batchId }: CommandOf<'recordPlacement'>): JobDecision {
  if (job.status !== 'submitted') return keepState(state, 'the placement is on record');
  const { claim: _, ...common } = job;
  const next: JobIn<'queued'> = { ...common, status: 'queued', batchId, rank: -1, attempts: [] };
  return { state: { ...state, job: next }, events: [], reason: 'AWS has the job' };
}

const progressOf = (job: ComputeJob): JobProgress | undefined => {
  if (job.status === 'submitted' || job.status === 'cancelled') return undefined;
  const reason = isLiveJob(job) ? (job.wait ?? '') : job.reason;
  return { status: job.status, rank: job.rank, attempts: job.attempts, reason };
};

/** A report may overtake the answer that names the job, so it also places the job. */
function recordReport(
  state: JobState,
  job: ComputeJob,
  { report, tasks }: CommandOf<'recordReport'>,
  now: string,
): JobDecision {
  if (!isLiveJob(job)) return keepState(state, 'the job has ended');
  if (job.status !== 'submitted' && job.batchId !== report.jobId)
    return keepState(state, 'the report is about another job of this name');
  const current = progressOf(job);
  const progress = foldReport(current, report);
  const { status, rank, attempts, reason } = progress;
  if (status === 'succeeded')
    return endJob(state, place(job, report, progress), status, tasks ?? attempts, reason, now);
  if (status === 'failed') {
    const isStop = job.stop !== undefined;
    const explanation = isStop ? (job.stop?.reason ?? '') : explainFailure(attempts, reason);
    const end = isStop ? 'cancelled' : 'failed';
    return endJob(state, place(job, report, progress), end, tasks ?? attempts, explanation, now);
  }
  if (current && isSameProgress(current, progress)) return keepState(state, 'the report is on record');
  const next = { ...place(job, report, progress), status, rank, attempts: [...attempts], wait: reason } as LiveJob;
  return { state: { ...state, job: next }, events: [], reason: 'AWS reported' };
}

/** The job with what the report says of its place. */
function place(job: LiveJob, { jobId }: BatchJobState, { rank, attempts }: JobProgress): JobIn<'queued' | 'running'> {
  if (job.status !== 'submitted') return { ...job, rank, attempts: [...attempts] };
  const { claim: _, ...common } = job;
  return { ...common, status: 'queued', batchId: jobId, rank, attempts: [...attempts] };
}

function explainFailure(attempts: readonly JobAttempt[], reason: string): string {
  const { exitCode, reason: cause } = attempts.at(-1) ?? {};
  const facts = [...new Set([exitCode === undefined ? undefined : `exit code ${exitCode}`, cause, reason])];
  return facts.filter(fact => fact).join('; ') || 'AWS Batch gave no reason.';
}

/** Ends a job: what it cost takes the place of its reservation. */
function endJob(
  { budget }: JobState,
  job: LiveJob,
  status: 'succeeded' | 'failed' | 'cancelled',
  attempts: readonly JobAttempt[],
  reason: string,
  now: string,
): JobDecision {
  const { wait: _, claim: __, ...common } = job as LiveJob & { wait?: string; claim?: string };
  const costMicros = costOf(job, attempts);
  const end = { endedAt: now, costMicros, reason };
  const rank = 'rank' in common ? common.rank : -1;
  const batchId = 'batchId' in common ? common.batchId : '';
  const next = { ...common, ...end, status, rank, batchId, attempts: attempts.slice(-20) } as ComputeJob;
  const balance = budget && book(budget, -job.estimate.mostMicros, costMicros);
  const detail = { project: job.project, job: job.id, at: now, status, costMicros, reason };
  return { state: { job: next, budget: balance }, events: [outgoingEvent(JobEnded, detail)], reason: `it ${status}` };
}

function stopJob(
  state: JobState,
  job: ComputeJob,
  { by: person, reason, isLead }: CommandOf<'stop'>,
  now: string,
): JobDecision {
  if (!isLead && job.owner.id !== person.id)
    throw new Refused('forbidden', `${job.id} belongs to ${job.owner.name}. Only the owner or a lead may cancel it.`);
  if (!isLiveJob(job)) throw new Refused('conflict', `${job.id} has ended: ${job.status}.`);
  if (job.stop) return keepState(state, 'somebody asked before');
  if (job.status === 'submitted' && job.claim === undefined) return endJob(state, job, 'cancelled', [], reason, now);
  const detail = { project: job.project, job: job.id, at: now, reason, by: person.id, byName: person.name };
  return {
    state: { ...state, job: { ...job, stop: { by: person, at: now, reason } } },
    events: [outgoingEvent(JobStopped, detail)],
    reason: 'somebody asked to stop it',
  };
}
