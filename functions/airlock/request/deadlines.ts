import type { AirlockConfig } from './airlock-config.ts';
import { type RequestEvent, type Round, requestEvent } from './decision.ts';
import { addSeconds, approval, day, identity, isFinal, isUnderWay, type Request, type RequestIn } from './request.ts';
import { withRetention } from './retention.ts';

/** The deadline of the current state; undefined in final states. */
export function nextDeadline(request: Request): string | undefined {
  if ('deadline' in request) return request.deadline;
  return 'expiresAt' in request ? request.expiresAt : undefined;
}

/** Applies every deadline that has passed, whether or not a workflow is still running. */
export function applyDeadlines(
  request: Request,
  now: string,
  rules: AirlockConfig,
): { request: Request; events: RequestEvent[]; ended?: Round } {
  const due = nextDeadline(request);
  if (due === undefined || isFinal(request) || now < due) return { request, events: [] };
  const [next, event] = lapse(request, due, rules);
  const further = applyDeadlines(withRetention(request, next, due, rules), now, rules);
  // The votes are stored like those of every completed round.
  const review = request.status === 'timedOut' && next.status === 'expired' ? request.review : undefined;
  const endedRound = review && {
    round: request.round,
    seal: review.seal,
    votes: review.votes,
    outcome: 'expired' as const,
    at: due,
  };
  return { ...further, events: [event, ...further.events], ...(endedRound && { ended: endedRound }) };
}

function lapse(request: Request, deadline: string, rules: AirlockConfig): [Request, RequestEvent] {
  if (isUnderWay(request))
    return timeOut(
      request,
      'Its checks did not finish in time. An operator can resume it; its files are then sealed again.',
      deadline,
      rules,
    );
  if (request.status === 'inReview')
    return timeOut(
      request,
      'Its review did not finish in time. An operator can resume it; votes are kept.',
      deadline,
      rules,
    );
  if (request.status === 'releasing') {
    const reason = 'The release did not finish in time. Release it again.';
    return [restoreApproval(request, reason, deadline), requestEvent('ReleaseStopped', reason)];
  }
  const release = 'release' in request && request.release ? { release: request.release } : {};
  return [
    { ...identity(request), status: 'expired', was: request.status, ...release, expiredAt: deadline },
    requestEvent('RequestExpired', `It was ${request.status} until its deadline passed.${unsealedNote(request)}`),
  ];
}

/** Where the files are, if they were never sealed. */
const unsealedNote = ({ direction, round, source }: Request) =>
  direction === 'export' && round === 0 ? ` Its files stay where they are, in the project's ${source}.` : '';

/** When the sweeper must act on the request next; undefined when nothing is left to do. */
export function sweepAt(request: Request): string | undefined {
  if (!isFinal(request)) return nextDeadline(request);
  return 'retainedUntil' in request && !request.deleted ? request.retainedUntil : undefined;
}

/** Ends an attempt after its deadline or a fault. An operator can resume it through the API. */
export function timeOut(
  request: RequestIn<'submitted'> | RequestIn<'checking'> | RequestIn<'inReview'>,
  reason: string,
  now: string,
  { draftDays }: AirlockConfig,
): [RequestIn<'timedOut'>, RequestEvent] {
  return [
    {
      ...identity(request),
      status: 'timedOut',
      reason,
      ...(request.status === 'inReview' && { review: request }),
      timedOutAt: now,
      expiresAt: addSeconds(now, draftDays * day),
    },
    requestEvent('RequestTimedOut', reason),
  ];
}

/** Restores the approval after a release that did not complete. */
export const restoreApproval = (
  request: RequestIn<'releasing'>,
  reason: string,
  now: string,
): RequestIn<'approved'> => ({
  ...identity(request),
  ...approval(request),
  status: 'approved',
  expiresAt: request.expiresAt,
  stopped: { reason, at: now },
});
