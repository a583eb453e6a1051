import { ignoreStaleStep, keepState } from '../../decision.ts';
import type { Finding } from '../../identifiers.ts';
import { daysAvailable, quorumFor } from './airlock-config.ts';
import { restoreApproval, timeOut } from './deadlines.ts';
import { type Context, type RequestDecision, requestEvent, reviewerEvent } from './decision.ts';
import type { Seal } from './manifest.ts';
import {
  addSeconds,
  approval,
  day,
  hour,
  identity,
  isUnderWay,
  type Request,
  type RequestIn,
  type RequestRelease,
  type RequestReport,
} from './request.ts';
import { assignReviewers } from './reviewer-assignment.ts';

/** Whether the request is in this state and on this attempt. */
const current = <S extends Request['status']>(request: Request, status: S, attempt: number): request is RequestIn<S> =>
  request.status === status && request.attempt === attempt;

/** The number of missing votes is left out, because it would reveal how many were cast. */
const deadlineNote = (deadline: string) => `Votes are needed by ${deadline}.`;

/**
 * How many reviewers are assigned: the quorum, and from the beginning the one who decides if they disagree. To assign that
 * one only then would tell them of the dispute. One vote alone cannot be disputed.
 */
const assigneesOf = (quorum: number): number => (quorum > 1 ? quorum + 1 : quorum);

/** Which reviewers are missing: some that the decision needs, or only the one added after a reminder. */
const shortageOf = (available: number, minimum: number, target = minimum): RequestIn<'inReview'>['shortage'] =>
  available < minimum ? 'needed' : available < target ? 'more' : undefined;

const shortageEvent = (shortage: 'more' | 'needed', deadline: string) =>
  shortage === 'needed'
    ? reviewerEvent('QuorumUnreachable', `Too few reviewers may vote: ${deadlineNote(deadline)}`, [])
    : reviewerEvent('ReviewEscalated', `No other eligible reviewer is left: ${deadlineNote(deadline)}`, []);

const countPhrase = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? ' is' : 's are'}`;

/** How many findings the request's row holds, and their length: a row is limited to 400 KB. */
const noteLimits = { findings: 100, text: 400 };

/** Returns a submission that cannot be sealed to its requester, with a reason for each file. */
export function rejectSubmission(
  request: Request,
  { attempt, findings, over: excess = false }: { attempt: number; findings: readonly Finding[]; over?: boolean },
  now: string,
  { rules }: Context,
): RequestDecision {
  if (!current(request, 'submitted', attempt)) return ignoreStaleStep(request);
  const cut = (text: string) => text.slice(0, noteLimits.text);
  const first = findings
    .slice(0, noteLimits.findings)
    .map(({ path, reason }) => ({ path: cut(path), reason: cut(reason) }));
  return {
    state: {
      ...identity(request),
      status: 'draft',
      expiresAt: addSeconds(now, rules.draftDays * day),
      note: { findings: first, found: findings.length, at: now },
    },
    events: [
      requestEvent('RequestSubmissionRejected', `Not sealed: ${countPhrase(findings.length, 'finding')} on record.`),
      ...(excess ? [requestEvent('VolumeExceeded', findings[0]?.reason ?? '')] : []),
    ],
    reason: 'the submission could not be sealed',
  };
}

export function recordSeal(
  request: Request,
  { attempt, seal, settingsBy }: { attempt: number; seal: Seal; settingsBy?: string | undefined },
): RequestDecision {
  if (current(request, 'checking', attempt)) {
    if (request.seal.sha256 === seal.sha256) return keepState(request, 'the submission is already sealed');
    throw new Error(`${request.id} is sealed as ${request.seal.sha256}, and can't be sealed again in one round`);
  }
  if (!current(request, 'submitted', attempt)) return ignoreStaleStep(request);
  return {
    state: { ...request, status: 'checking', seal, ...(settingsBy !== undefined && { settingsBy }) },
    events: [requestEvent('RequestSealed', `Seal ${seal.sha256}.`)],
    reason: 'sealed',
  };
}

/** Applies the result of the checks: blocked, returned for an explanation, or in review. */
export function recordReport(
  request: Request,
  { attempt, report }: { attempt: number; report: RequestReport },
  now: string,
  { rules, candidates }: Context,
): RequestDecision {
  if (!current(request, 'checking', attempt)) return ignoreStaleStep(request);
  const { seal, deadline: _, startedAt: __, ...rest } = request;
  const expiresAt = addSeconds(now, rules.draftDays * day);
  if (report.worst === 'block')
    return {
      state: { ...rest, status: 'blocked', seal, report, blockedAt: now, expiresAt },
      events: [requestEvent('RequestBlocked', `Blocked by the rule ${report.first[0]?.rule ?? 'unknown'}.`)],
      reason: 'blocked',
    };
  if (report.worst === 'ask' && request.explanation === '')
    return {
      state: { ...rest, status: 'returned', seal, report, by: 'checks', comments: [], returnedAt: now, expiresAt },
      events: [requestEvent('RequestReturned', 'The checks ask for an explanation.')],
      reason: 'the checks ask for an explanation',
    };
  const quorum = quorumFor(request.direction, rules);
  const reviewers = assignReviewers({ id: request.id, assignees: [] }, assigneesOf(quorum), candidates);
  const shortage = shortageOf(reviewers.length, quorum);
  const deadline = addSeconds(now, rules.reviewDays * day);
  return {
    state: {
      ...rest,
      status: 'inReview',
      seal,
      report,
      quorum,
      partial: rules.partial,
      votes: [],
      conflict: false,
      since: now,
      deadline,
      reminded: 0,
      ...(shortage && { shortage }),
      assignees: reviewers,
    },
    events: [
      reviewerEvent(
        'ReviewOpened',
        `${countPhrase(reviewers.length, 'reviewer')} assigned to review seal ${seal.sha256}.`,
        reviewers,
      ),
      ...(shortage ? [shortageEvent(shortage, deadline)] : []),
    ],
    reason: 'before reviewers',
  };
}

/** Stores the token of the task that waits for the decision. If there is a decision already, the step is stale. */
export function recordTaskToken(
  request: Request,
  { attempt, token }: { attempt: number; token: string },
): RequestDecision {
  if (!current(request, 'inReview', attempt)) return ignoreStaleStep(request);
  return { state: { ...request, token }, events: [], reason: 'waiting' };
}

/**
 * Sends a reminder when one is due. From the second reminder on, one more reviewer is assigned each time; if none is left,
 * the escalation says so. Each shortage is announced when it begins.
 */
export function remindReviewers(
  request: Request,
  { attempt }: { attempt: number },
  now: string,
  { rules, candidates }: Context,
): RequestDecision {
  if (!current(request, 'inReview', attempt)) return ignoreStaleStep(request);
  const due = now >= addSeconds(request.since, (request.reminded + 1) * rules.remindHours * hour);
  const reminders = request.reminded + (due ? 1 : 0);
  const quorum = Math.max(request.quorum, quorumFor(request.direction, rules));
  const minimum = quorum + (request.conflict ? 1 : 0);
  const extra = Math.max(0, reminders - 1);
  const reviewers = assignReviewers(request, assigneesOf(quorum) + extra, candidates);
  const additions = reviewers.filter(({ id }) => !request.assignees.some(reviewer => reviewer.id === id));
  const shortage = shortageOf(reviewers.length, minimum, minimum + extra);
  // That one more is missing, besides those whom the decision needs, is no news.
  const isKnown = shortage === undefined || request.shortage === shortage || request.shortage === 'needed';
  const nextShortage = request.shortage === 'needed' || shortage !== undefined ? shortage : request.shortage;
  if (!due && additions.length === 0 && nextShortage === request.shortage)
    return keepState(request, 'no reminder is due');
  const message = deadlineNote(request.deadline);
  return {
    state: { ...request, reminded: reminders, shortage: nextShortage, assignees: reviewers },
    events: [
      ...(due ? [reviewerEvent('ReviewReminded', message, reviewers)] : []),
      ...(additions.length > 0
        ? [reviewerEvent('ReviewEscalated', `One more reviewer is assigned: ${message}`, additions)]
        : []),
      ...(isKnown ? [] : [shortageEvent(shortage, request.deadline)]),
    ],
    reason: 'reminded',
  };
}

/** Records an internal error. A submission times out and can be resumed; a review continues without its workflow. */
export function recordFault(
  request: Request,
  { attempt, reason }: { attempt: number; reason: string },
  now: string,
  { rules }: Context,
): RequestDecision {
  if (!isUnderWay(request) || request.attempt !== attempt) return ignoreStaleStep(request);
  const [timedOut, event] = timeOut(request, reason, now, rules);
  return { state: timedOut, events: [event], reason };
}

/** Records that the project or the requester comes close to a daily cap. */
export function recordVolume(
  request: Request,
  { attempt, message: messages }: { attempt: number; message: readonly string[] },
): RequestDecision {
  if (!current(request, 'submitted', attempt)) return ignoreStaleStep(request);
  return {
    state: { ...request },
    events: messages.map(text => requestEvent('VolumeHigh', text)),
    reason: 'volume is high',
  };
}

export function recordRelease(
  request: Request,
  { attempt, release }: { attempt: number; release: RequestRelease },
  now: string,
  { rules }: Context,
): RequestDecision {
  if (!current(request, 'releasing', attempt)) return ignoreStaleStep(request);
  return {
    state: {
      ...identity(request),
      ...approval(request),
      status: 'released',
      release,
      releasedBy: request.releasedBy,
      releasedAt: now,
      expiresAt: addSeconds(now, daysAvailable(request.direction, rules) * day),
    },
    events: [requestEvent('RequestReleased', `Record ${release.sha256}.`)],
    reason: 'released',
  };
}

/** Aborts a release. The approval stays. `difference` quotes files, so only reviewers see it, in the trail. */
export function abortRelease(
  request: Request,
  { attempt, reason, difference }: { attempt: number; reason: string; difference?: string },
  now: string,
): RequestDecision {
  if (!current(request, 'releasing', attempt)) return ignoreStaleStep(request);
  const event = { ...requestEvent('ReleaseStopped', reason), ...(difference !== undefined && { quote: difference }) };
  return { state: restoreApproval(request, reason, now), events: [event], reason };
}
