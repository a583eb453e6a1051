import type { AirlockConfig } from './airlock-config.ts';
import { type RequestEvent, type Round, requestEvent } from './decision.ts';
import { addSeconds, approval, day, identity, isFinal, isUnderWay, type Request, type RequestIn } from './request.ts';
import { withRetention } from './retention.ts';

/** By when something must have become of the request; undefined where it is final. */
export function nextDeadline(of: Request): string | undefined {
  if ('deadline' in of) return of.deadline;
  return 'expiresAt' in of ? of.expiresAt : undefined;
}

/** The request as time has left it: nothing stays where it is past its deadline, whether or not a workflow lives. */
export function applyDeadlines(
  of: Request,
  now: string,
  rules: AirlockConfig,
): { request: Request; events: RequestEvent[]; ended?: Round } {
  const due = nextDeadline(of);
  if (due === undefined || isFinal(of) || now < due) return { request: of, events: [] };
  const [next, event] = over(of, due, rules);
  const further = applyDeadlines(withRetention(of, next, due, rules), now, rules);
  // Its votes are kept as those of any other round that is over.
  const review = of.status === 'timedOut' && next.status === 'expired' ? of.review : undefined;
  const ended = review && {
    round: of.round,
    seal: review.seal,
    votes: review.votes,
    outcome: 'expired' as const,
    at: due,
  };
  return { ...further, events: [event, ...further.events], ...(ended && { ended }) };
}

function over(of: Request, at: string, rules: AirlockConfig): [Request, RequestEvent] {
  if (isUnderWay(of))
    return timeOut(of, 'Its checks did not end in time. An operator can resume it: it is sealed anew.', at, rules);
  if (of.status === 'inReview')
    return timeOut(of, 'Its review did not end in time. An operator can resume it; votes are kept.', at, rules);
  if (of.status === 'releasing') {
    const reason = 'The release did not end in time. It can be released again.';
    return [stopped(of, reason, at), requestEvent('ReleaseStopped', reason)];
  }
  const release = 'release' in of && of.release ? { release: of.release } : {};
  return [
    { ...identity(of), status: 'expired', was: of.status, ...release, expiredAt: at },
    requestEvent('RequestExpired', `It was ${of.status} until its time was over.${left(of)}`),
  ];
}

/** Where its files are, where they never came to us for good. */
const left = ({ direction, round, source }: Request) =>
  direction === 'export' && round === 0 ? ` Its files stay where they are, in the project's ${source}.` : '';

/** By when time, or the sweeper, has something to do with it: undefined where nothing is left to do. */
export function sweepAt(of: Request): string | undefined {
  if (!isFinal(of)) return nextDeadline(of);
  return 'retainedUntil' in of && !of.deleted ? of.retainedUntil : undefined;
}

/** Out of time, or out of luck: visible, and resumable through the API. */
export function timeOut(
  of: RequestIn<'submitted'> | RequestIn<'checking'> | RequestIn<'inReview'>,
  reason: string,
  at: string,
  { draftDays }: AirlockConfig,
): [RequestIn<'timedOut'>, RequestEvent] {
  return [
    {
      ...identity(of),
      status: 'timedOut',
      reason,
      ...(of.status === 'inReview' && { review: of }),
      timedOutAt: at,
      expiresAt: addSeconds(at, draftDays * day),
    },
    requestEvent('RequestTimedOut', reason),
  ];
}

/** A release that did not happen leaves the approval as it was. */
export const stopped = (of: RequestIn<'releasing'>, reason: string, at: string): RequestIn<'approved'> => ({
  ...identity(of),
  ...approval(of),
  status: 'approved',
  expiresAt: of.expiresAt,
  stopped: { reason, at },
});
