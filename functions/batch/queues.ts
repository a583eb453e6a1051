import { outgoingEvent } from '../contract.ts';
import { type Decision, ignoreStaleStep, keepState } from '../decision.ts';
import { Refused } from '../refused.ts';
import { formatDollarMicros } from './estimate.ts';
import { QueueApproved, QueueClosed, QueueFailed, QueueOpened, QueueRequested } from './events.ts';
import type { QueueKind } from './queue-kinds.ts';
import type { BatchPerson, ComputeQueue, JobBudget, QueuePlace } from './schemas.ts';

/** A queue, and what all jobs of its project may cost. An approval changes both in one write. */
export interface QueueState {
  readonly queue: ComputeQueue | undefined;
  readonly budget: JobBudget | undefined;
}
type QueueDecision = Decision<QueueState>;

export type QueueCommand =
  | { do: 'request'; project: string; kind: QueueKind; reason: string; by: BatchPerson }
  | { do: 'approve'; limitMicros: number; by: BatchPerson; isMember: boolean }
  | { do: 'close'; by: BatchPerson; liveJobs: number }
  | { do: 'recordOpen'; attempt: number; place: QueuePlace }
  | { do: 'recordClosed'; attempt: number }
  | { do: 'recordFailure'; attempt: number; reason: string };
type CommandOf<Name extends QueueCommand['do']> = Extract<QueueCommand, { do: Name }>;

/** Decides what becomes of a queue. */
export function decideQueue(state: QueueState, command: QueueCommand, now: string): QueueDecision {
  switch (command.do) {
    case 'request':
      return requestQueue(state, command, now);
    case 'approve':
      return approveQueue(state, command, now);
    case 'close':
      return closeQueue(state, command, now);
    case 'recordOpen':
      return recordOpen(state, command, now);
    case 'recordClosed':
      return recordClosed(state, command, now);
    case 'recordFailure':
      return recordQueueFailure(state, command, now);
  }
}

const subjectOf = ({ project, kind, attempt }: ComputeQueue, now: string) => ({ project, kind, attempt, at: now });
const commonOf = ({ project, kind, reason, requested, attempt }: ComputeQueue) => ({
  project,
  kind,
  reason,
  requested,
  attempt,
});

function requireQueue({ queue }: QueueState): ComputeQueue {
  if (queue) return queue;
  throw new Refused('missing', 'The project has no such queue. A lead requests one with `broch queue open`.');
}

function requestQueue(
  { queue, budget }: QueueState,
  { project, kind, reason, by: person }: CommandOf<'request'>,
  now: string,
): QueueDecision {
  if (queue && queue.status !== 'closed')
    throw new Refused(
      'conflict',
      `The ${kind} queue of ${project} is ${queue.status} already. See broch queue list ${project}.`,
    );
  const next: ComputeQueue = {
    status: 'requested',
    project,
    kind,
    reason,
    requested: { by: person, at: now },
    attempt: queue?.attempt ?? 0,
  };
  const event = outgoingEvent(QueueRequested, { ...subjectOf(next, now), reason, by: person.id, byName: person.name });
  return { state: { queue: next, budget }, events: [event], reason: 'a lead requested the queue' };
}

/** Approves a queue, also one whose last attempt failed. The person has no part in the project. */
function approveQueue(
  state: QueueState,
  { limitMicros, by: person, isMember }: CommandOf<'approve'>,
  now: string,
): QueueDecision {
  const queue = requireQueue(state);
  if (queue.requested.by.id === person.id || isMember)
    throw new Refused(
      'forbidden',
      `You requested the queue, or are or were a member of ${queue.project}. Ask another operator to approve it.`,
    );
  if (queue.status !== 'requested' && queue.status !== 'failed')
    throw new Refused('conflict', `The ${queue.kind} queue of ${queue.project} is ${queue.status} already.`);
  const { reservedMicros = 0, spentMicros = 0 } = state.budget ?? {};
  // So a job that fits its budget when it is submitted fits it until it ends.
  if (limitMicros < reservedMicros + spentMicros)
    throw new Refused(
      'conflict',
      `The jobs of ${queue.project} have cost ${formatDollarMicros(spentMicros)}, and those that have not ended may cost ${formatDollarMicros(reservedMicros)}. Set at least both together, or cancel jobs first (broch job cancel).`,
    );
  const next: ComputeQueue = {
    ...commonOf(queue),
    status: 'opening',
    attempt: queue.attempt + 1,
    approved: { by: person, at: now },
  };
  const budget = {
    project: queue.project,
    limitMicros,
    reservedMicros,
    spentMicros,
    roomMicros: limitMicros - reservedMicros - spentMicros,
  };
  const event = outgoingEvent(QueueApproved, {
    ...subjectOf(next, now),
    limitMicros,
    by: person.id,
    byName: person.name,
  });
  return { state: { queue: next, budget }, events: [event], reason: 'an operator approved the queue' };
}

function closeQueue(state: QueueState, { by: person, liveJobs }: CommandOf<'close'>, now: string): QueueDecision {
  const queue = requireQueue(state);
  if (queue.status === 'closing' || queue.status === 'closed')
    return keepState(state, 'the queue is closed, or closes');
  if (queue.status === 'opening')
    throw new Refused('conflict', 'The queue is being opened, which takes some minutes. Close it when it is open.');
  if (liveJobs > 0)
    throw new Refused(
      'conflict',
      `${liveJobs} jobs of the ${queue.kind} queue have not ended. Cancel them with \`broch job cancel\`, or wait.`,
    );
  const next: ComputeQueue = {
    ...commonOf(queue),
    status: 'closing',
    attempt: queue.attempt + 1,
    ...('place' in queue && { place: queue.place }),
    ending: { by: person, at: now },
  };
  return { state: { ...state, queue: next }, events: [], reason: 'somebody closes the queue' };
}

function recordOpen(state: QueueState, { attempt, place }: CommandOf<'recordOpen'>, now: string): QueueDecision {
  const { queue } = state;
  if (queue?.status === 'open' && queue.attempt === attempt) return keepState(state, 'the queue is open');
  if (queue?.status !== 'opening' || queue.attempt !== attempt) return ignoreStaleStep(state);
  return {
    state: { ...state, queue: { ...queue, status: 'open', place, openedAt: now } },
    events: [outgoingEvent(QueueOpened, subjectOf(queue, now))],
    reason: 'its stack is complete',
  };
}

function recordClosed(state: QueueState, { attempt }: CommandOf<'recordClosed'>, now: string): QueueDecision {
  const { queue } = state;
  if (queue?.status === 'closed' && queue.attempt === attempt) return keepState(state, 'the queue is closed');
  if (queue?.status !== 'closing' || queue.attempt !== attempt) return ignoreStaleStep(state);
  return {
    state: { ...state, queue: { ...commonOf(queue), status: 'closed', closedAt: now } },
    events: [outgoingEvent(QueueClosed, subjectOf(queue, now))],
    reason: 'its stack is gone',
  };
}

function recordQueueFailure(
  state: QueueState,
  { attempt, reason }: CommandOf<'recordFailure'>,
  now: string,
): QueueDecision {
  const { queue } = state;
  if (queue?.status === 'failed' && queue.attempt === attempt) return keepState(state, 'the failure is on record');
  if ((queue?.status !== 'opening' && queue?.status !== 'closing') || queue.attempt !== attempt)
    return ignoreStaleStep(state);
  return {
    state: { ...state, queue: { ...commonOf(queue), status: 'failed', failure: reason, failedAt: now } },
    events: [outgoingEvent(QueueFailed, { ...subjectOf(queue, now), reason })],
    reason: 'the attempt failed',
  };
}
