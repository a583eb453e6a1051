import * as z from 'zod';
import { type ActingPerson, RequestEvent, type RequestEventName } from './decision.ts';
import type { Request } from './request.ts';
import type { TrailEntry } from './trail.ts';
import type { Viewer } from './viewer.ts';

/** One thing of the trail, as somebody may see it. */
export const VisibleEvent = z.object({ at: z.iso.datetime(), round: z.number().int(), ...RequestEvent.shape });
export type VisibleEvent = z.infer<typeof VisibleEvent>;

/**
 * Who sees what of a trail. `all`: the project too, without the names of those who judge it. `judges`: reviewers and
 * operators. `votes`: they too, but while the review is blind nobody except whose vote it is. `looks`: in a blind review
 * reviewers see only their own, as what others looked at is half of what they think of it. `asks`: in a blind review
 * reviewers who have not voted see only that they are asked themselves. Who else is, and when, tells them that others
 * disagree: one who rejects, and one who does not.
 */
const seenBy: Record<RequestEventName, 'all' | 'judges' | 'votes' | 'looks' | 'asks'> = {
  RequestOpened: 'all',
  RequestEdited: 'all',
  RequestSubmitted: 'all',
  RequestSubmissionRejected: 'all',
  VolumeHigh: 'all',
  VolumeExceeded: 'all',
  RequestSealed: 'all',
  RequestBlocked: 'all',
  ReviewOpened: 'all',
  VoteCast: 'votes',
  VoteDropped: 'votes',
  ReviewConflicted: 'asks',
  ReviewReminded: 'asks',
  ReviewEscalated: 'asks',
  ReviewReissued: 'judges',
  RequestReturned: 'all',
  RequestApproved: 'all',
  RequestRejected: 'all',
  RequestWithdrawn: 'all',
  RequestTimedOut: 'all',
  RequestResumed: 'all',
  ReleaseStarted: 'all',
  ReleaseStopped: 'all',
  RequestReleased: 'all',
  RequestRevoked: 'all',
  RequestExpired: 'all',
  FileViewed: 'looks',
  DownloadOpened: 'all',
  DownloadTaken: 'all',
  DownloadPaged: 'all',
  DownloadMoved: 'all',
  ContentDeleted: 'all',
};

/** Whether votes of this round are still to be kept from reviewers: as long as one may yet be cast without knowing them. */
export const isBlind = (request: Request, round: number): boolean =>
  round === request.round && reviewOf(request) !== undefined;

/** The review that votes may yet be cast in: under way, or out of time until it is resumed. */
const reviewOf = (request: Request) =>
  request.status === 'timedOut' ? request.review : request.status === 'inReview' ? request : undefined;

/** Whether a reviewer's own vote in this review is there already. Who has yet to cast one learns nothing of others'. */
export const hasVoted = (request: Request, user: string): boolean =>
  reviewOf(request)?.votes.some(({ by }) => by === user) ?? false;

function sees(
  { name, by, to = [] }: RequestEvent,
  round: number,
  request: Request,
  who: ActingPerson,
  eye: Viewer,
): boolean {
  const only = seenBy[name];
  if (only === 'all') return true;
  if (eye === 'project') return false;
  if (only === 'judges' || !isBlind(request, round)) return true;
  if (only === 'asks') return eye === 'operator' || hasVoted(request, who.id) || to.some(({ id }) => id === who.id);
  return (eye === 'operator' && only === 'looks') || (eye === 'reviewer' && by === who.id);
}

/** Of what happened at once, what these eyes may see. */
export function visibleEvents(
  { at, round, events, requester }: TrailEntry,
  request: Request,
  who: ActingPerson,
  eye: Viewer,
): VisibleEvent[] {
  return events
    .filter(event => sees(event, round, request, who, eye))
    .map(({ to, ...event }) => {
      const known = eye !== 'project' || event.by === requester || event.by === who.id;
      const alone =
        seenBy[event.name] === 'asks' && eye === 'reviewer' && isBlind(request, round) && !hasVoted(request, who.id);
      return {
        at,
        round,
        ...event,
        ...(!known && { by: '', byName: '' }),
        ...(eye !== 'project' && to && { to: alone ? to.filter(({ id }) => id === who.id) : to }),
      };
    });
}
