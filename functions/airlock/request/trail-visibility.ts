import * as z from 'zod';
import { type ActingPerson, RequestEvent, type RequestEventName } from './decision.ts';
import type { Request } from './request.ts';
import type { TrailEntry } from './trail.ts';
import type { Viewer } from './viewer.ts';

/** One event of the trail, as one viewer may see it. */
export const VisibleEvent = z.object({
  at: z.iso.datetime(),
  round: z.number().int(),
  ...RequestEvent.omit({ quote: true }).shape,
});
export type VisibleEvent = z.infer<typeof VisibleEvent>;

/**
 * Who sees which events. `all`: everybody, but the project sees no names of reviewers and operators. `judges`: reviewers
 * and operators. `votes`: the same, but during a blind review only the voter. `looks`: during a blind review reviewers
 * see only their own accesses, because the files others open hint at their opinion. `asks`: during a blind review
 * reviewers who have not voted see only their own assignment, because further assignments reveal that others disagree.
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
  QuorumUnreachable: 'asks',
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

/** Events whose text members may read outside: a person typed it, or it is the same for all requests. */
const memberTexts: ReadonlySet<RequestEventName> = new Set([
  'RequestOpened',
  'RequestEdited',
  'RequestSubmitted',
  'RequestBlocked',
  'ReviewOpened',
  'RequestReturned',
  'RequestApproved',
  'RequestRejected',
  'RequestWithdrawn',
  'RequestTimedOut',
  'RequestResumed',
  'ReleaseStarted',
  'RequestReleased',
  'RequestRevoked',
  'RequestExpired',
]);

/** Whether votes of this round are still hidden from reviewers, because a vote may yet be cast. */
const isBlind = (request: Request, round: number): boolean =>
  round === request.round && reviewOf(request) !== undefined;

/** The review that votes may still be cast in: running, or timed out and resumable. */
const reviewOf = (request: Request) =>
  request.status === 'timedOut' ? request.review : request.status === 'inReview' ? request : undefined;

/** Whether this reviewer has voted. Reviewers who have not voted see nothing of other votes. */
export const hasVoted = (request: Request, user: string): boolean =>
  reviewOf(request)?.votes.some(({ by: voter }) => voter === user) ?? false;

function sees(
  { name, by: author, to: addressees = [] }: RequestEvent,
  round: number,
  request: Request,
  person: ActingPerson,
  eye: Viewer,
): boolean {
  const audience = seenBy[name];
  if (audience === 'all') return true;
  if (eye === 'project') return false;
  if (audience === 'judges' || !isBlind(request, round)) return true;
  if (audience === 'asks')
    return eye === 'operator' || hasVoted(request, person.id) || addressees.some(({ id }) => id === person.id);
  return (eye === 'operator' && audience === 'looks') || (eye === 'reviewer' && author === person.id);
}

/** Events that name or quote files. Operators run the platform and do not see the content of files. */
const quotesFiles: ReadonlySet<RequestEventName> = new Set(['FileViewed', 'ReleaseStopped']);

/** Texts, paths and values of events can hold content of files: reviewers see it, and people see what they did. */
const hidesContent = (
  { name, by: author }: Pick<RequestEvent, 'name' | 'by'>,
  person: ActingPerson,
  eye: Viewer,
): boolean => eye !== 'reviewer' && author !== person.id && (eye === 'project' || quotesFiles.has(name));

/** An event without what may be content. */
const withoutContent = ({ path: _, details: __, quote: ___, ...event }: Omit<RequestEvent, 'to'>) => ({
  ...event,
  message: memberTexts.has(event.name) ? event.message : '',
});

/** An event with what it quotes in its text. */
const withQuote = ({ quote, ...event }: Omit<RequestEvent, 'to'>) =>
  quote === undefined ? event : { ...event, message: `${event.message} ${quote}` };

/** The events of one entry that the viewer may see. */
export function visibleEvents(
  { at: timestamp, round, events, requester }: TrailEntry,
  request: Request,
  person: ActingPerson,
  eye: Viewer,
): VisibleEvent[] {
  return events
    .filter(event => sees(event, round, request, person, eye))
    .map(({ to: addressees, ...event }) => {
      const identifiable = eye !== 'project' || event.by === requester || event.by === person.id;
      const alone =
        seenBy[event.name] === 'asks' && eye === 'reviewer' && isBlind(request, round) && !hasVoted(request, person.id);
      return {
        at: timestamp,
        round,
        ...(hidesContent(event, person, eye) ? withoutContent(event) : withQuote(event)),
        ...(!identifiable && { by: '', byName: '' }),
        ...(eye !== 'project' &&
          addressees && { to: alone ? addressees.filter(({ id }) => id === person.id) : addressees }),
      };
    });
}
