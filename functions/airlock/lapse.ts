import { type Happened, happened } from './decision.ts';
import { after, approval, day, type In, identity, isFinal, type Request } from './request.ts';
import type { Rules } from './rules.ts';

/** By when something must have become of the request; undefined where it is final. */
export function dueAt(of: Request): string | undefined {
  if ('deadline' in of) return of.deadline;
  return 'expiresAt' in of ? of.expiresAt : undefined;
}

/** The request as time has left it: nothing stays where it is past its deadline, whether or not a workflow lives. */
export function lapse(of: Request, now: string, rules: Rules): { request: Request; events: Happened[] } {
  const due = dueAt(of);
  if (due === undefined || isFinal(of) || now < due) return { request: of, events: [] };
  const [next, event] = over(of, due, rules);
  const further = lapse(next, now, rules);
  return { request: further.request, events: [event, ...further.events] };
}

function over(of: Request, at: string, rules: Rules): [Request, Happened] {
  if (of.status === 'checking')
    return timeOut(of, 'Its checks did not end in time. An operator can resume it: it is sealed anew.', at, rules);
  if (of.status === 'inReview')
    return timeOut(of, 'Its review did not end in time. An operator can resume it; votes are kept.', at, rules);
  if (of.status === 'releasing') {
    const reason = 'The release did not end in time. It can be released again.';
    return [stopped(of, reason, at), happened('ReleaseStopped', reason)];
  }
  const release = 'release' in of && of.release ? { release: of.release } : {};
  return [
    { ...identity(of), status: 'expired', was: of.status, ...release, expiredAt: at },
    happened('RequestExpired', `It was ${of.status} until its time was over.`),
  ];
}

/** Out of time, or out of luck: visible, and resumable through the API. */
export function timeOut(
  of: In<'checking'> | In<'inReview'>,
  reason: string,
  at: string,
  { draftDays }: Rules,
): [In<'timedOut'>, Happened] {
  return [
    {
      ...identity(of),
      status: 'timedOut',
      reason,
      ...(of.status === 'inReview' && { review: of }),
      timedOutAt: at,
      expiresAt: after(at, draftDays * day),
    },
    happened('RequestTimedOut', reason),
  ];
}

/** A release that did not happen leaves the approval as it was. */
export const stopped = (of: In<'releasing'>, reason: string, at: string): In<'approved'> => ({
  ...identity(of),
  ...approval(of),
  status: 'approved',
  expiresAt: of.expiresAt,
  stopped: { reason, at },
});
