import * as z from 'zod';
import type { AirlockConfig } from './airlock-config.ts';
import { Seal } from './manifest.ts';
import { type Request, Someone } from './request.ts';
import { Vote } from './votes.ts';

/** Somebody who does something: from the verified token and nothing else. */
export interface ActingPerson {
  readonly id: string;
  readonly name: string;
  readonly groups: readonly string[];
}

/** What is so outside the request, at this moment: read afresh for each decision. */
export interface Context {
  readonly rules: AirlockConfig;
  /** Those of the people in question who are members of the project now. */
  readonly members: readonly string[];
  /** Those of the people in question who are reviewers now. */
  readonly reviewers: readonly string[];
  /** All reviewers who could look at the request now: no member, and not its requester. Known where some are asked to. */
  readonly candidates: readonly Someone[];
  /** Who made the project's settings, where it has any: no vote is theirs. */
  readonly ruledBy?: string | undefined;
}

/** For what no person does: nobody is in question. */
export const NO_PEOPLE = { members: [], reviewers: [], candidates: [] } as const satisfies Omit<Context, 'rules'>;

/** What can happen to a request; each is an event of its own. */
export const requestEventNames = [
  'RequestOpened',
  'RequestEdited',
  'RequestSubmitted',
  'RequestSubmissionRejected',
  'VolumeHigh',
  'VolumeExceeded',
  'RequestSealed',
  'RequestBlocked',
  'ReviewOpened',
  'VoteCast',
  'VoteDropped',
  'ReviewConflicted',
  'ReviewReminded',
  'ReviewEscalated',
  'ReviewReissued',
  'RequestReturned',
  'RequestApproved',
  'RequestRejected',
  'RequestWithdrawn',
  'RequestTimedOut',
  'RequestResumed',
  'ReleaseStarted',
  'ReleaseStopped',
  'RequestReleased',
  'RequestRevoked',
  'RequestExpired',
  'FileViewed',
  'DownloadOpened',
  'DownloadTaken',
  'DownloadPaged',
  'DownloadMoved',
  'ContentDeleted',
] as const;
export type RequestEventName = (typeof requestEventNames)[number];

/** One thing that happened. `by` is a person's id, or empty where a workflow or time did it. */
export const RequestEvent = z.object({
  name: z.enum(requestEventNames),
  by: z.string(),
  byName: z.string(),
  says: z.string(),
  /** The file it is about, where it is about one. */
  path: z.string().optional(),
  /** What else is known of it, for machines. */
  details: z.record(z.string(), z.union([z.string(), z.number()])).optional(),
  /** Who is asked to do something about it. */
  to: z.array(Someone).optional(),
});
export type RequestEvent = z.infer<typeof RequestEvent>;

/** A round that ended: its seal, and how people voted on it. Kept for good, beside the request. */
export const Round = z.object({
  round: z.number().int(),
  seal: Seal,
  votes: z.array(Vote),
  outcome: z.enum(['approved', 'returned', 'rejected', 'withdrawn', 'expired']),
  at: z.iso.datetime(),
});
export type Round = z.infer<typeof Round>;

export interface Decision {
  readonly request: Request;
  readonly events: readonly RequestEvent[];
  readonly reason: string;
  readonly ended?: Round;
  /** The step belongs to an attempt that was overtaken, and has no say. */
  readonly superseded?: true;
  /** Whose waiting task is to be woken. */
  readonly wake?: string;
}

export const requestEvent = (name: RequestEventName, says: string, by?: ActingPerson): RequestEvent => ({
  name,
  by: by?.id ?? '',
  byName: by?.name ?? '',
  says,
});

/** Something that people are asked to act on. */
export const reviewerEvent = (name: RequestEventName, says: string, to: readonly Someone[]): RequestEvent => ({
  ...requestEvent(name, says),
  to: [...to],
});

export const ignoreStaleStep = (request: Request): Decision => ({
  request,
  events: [],
  reason: 'a newer attempt or state replaced this step',
  superseded: true,
});

/** Decides unless the same call of the same person has changed the request already: then its answer was lost, no more. */
export function decideOnce(read: Request, mark: string, decide: () => Decision): Decision {
  if (mark && read.done.includes(mark)) {
    const same = unchanged(read, 'the same call has already been applied');
    // Perhaps nobody was woken either.
    return read.status === 'inReview' && read.token !== undefined ? { ...same, wake: read.token } : same;
  }
  const decision = decide();
  if (!mark || decision.request === read) return decision;
  return { ...decision, request: { ...decision.request, done: [mark, ...decision.request.done].slice(0, 8) } };
}

export const unchanged = (request: Request, reason: string): Decision => ({ request, events: [], reason });
