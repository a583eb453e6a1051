import type { AirlockConfig } from './airlock-config.ts';
import { type RequestEvent, type Round, requestEvent } from './decision.ts';
import { addSeconds, approval, day, identity, isFinal, isUnderWay, type Request, type RequestIn } from './request.ts';
import { withRetention } from './retention.ts';

/** By when something must have become of the request; undefined where it is final. */
export function nextDeadline(request: Request): string | undefined {
  if ('deadline' in request) return request.deadline;
  return 'expiresAt' in request ? request.expiresAt : undefined;
}

/** The request as time has left it: nothing stays where it is past its deadline, whether or not a workflow lives. */
export function applyDeadlines(
  request: Request,
  now: string,
  rules: AirlockConfig,
): { request: Request; events: RequestEvent[]; ended?: Round } {
  const due = nextDeadline(request);
  if (due === undefined || isFinal(request) || now < due) return { request, events: [] };
  const [next, event] = over(request, due, rules);
  const further = applyDeadlines(withRetention(request, next, due, rules), now, rules);
  // Its votes are kept as those of any other round that is over.
  const review = request.status === 'timedOut' && next.status === 'expired' ? request.review : undefined;
  const ended = review && {
    round: request.round,
    seal: review.seal,
    votes: review.votes,
    outcome: 'expired' as const,
    at: due,
  };
  return { ...further, events: [event, ...further.events], ...(ended && { ended }) };
}

function over(request: Request, at: string, rules: AirlockConfig): [Request, RequestEvent] {
  if (isUnderWay(request))
    return timeOut(
      request,
      'Its checks did not finish in time. An operator can resume it; its files are then sealed again.',
      at,
      rules,
    );
  if (request.status === 'inReview')
    return timeOut(request, 'Its review did not finish in time. An operator can resume it; votes are kept.', at, rules);
  if (request.status === 'releasing') {
    const reason = 'The release did not finish in time. Release it again.';
    return [stopped(request, reason, at), requestEvent('ReleaseStopped', reason)];
  }
  const release = 'release' in request && request.release ? { release: request.release } : {};
  return [
    { ...identity(request), status: 'expired', was: request.status, ...release, expiredAt: at },
    requestEvent('RequestExpired', `It was ${request.status} until its deadline passed.${left(request)}`),
  ];
}

/** Where its files are, where they never came to us for good. */
const left = ({ direction, round, source }: Request) =>
  direction === 'export' && round === 0 ? ` Its files stay where they are, in the project's ${source}.` : '';

/** By when time, or the sweeper, has something to do with it: undefined where nothing is left to do. */
export function sweepAt(request: Request): string | undefined {
  if (!isFinal(request)) return nextDeadline(request);
  return 'retainedUntil' in request && !request.deleted ? request.retainedUntil : undefined;
}

/** Out of time, or out of luck: visible, and resumable through the API. */
export function timeOut(
  request: RequestIn<'submitted'> | RequestIn<'checking'> | RequestIn<'inReview'>,
  reason: string,
  at: string,
  { draftDays }: AirlockConfig,
): [RequestIn<'timedOut'>, RequestEvent] {
  return [
    {
      ...identity(request),
      status: 'timedOut',
      reason,
      ...(request.status === 'inReview' && { review: request }),
      timedOutAt: at,
      expiresAt: addSeconds(at, draftDays * day),
    },
    requestEvent('RequestTimedOut', reason),
  ];
}

/** A release that did not happen leaves the approval as it was. */
export const stopped = (request: RequestIn<'releasing'>, reason: string, at: string): RequestIn<'approved'> => ({
  ...identity(request),
  ...approval(request),
  status: 'approved',
  expiresAt: request.expiresAt,
  stopped: { reason, at },
});
