import * as z from 'zod';
import type { Request } from './request.ts';
import type { Rules } from './rules.ts';
import { Seal } from './sealed.ts';
import { Vote } from './votes.ts';

/** Somebody who does something: from the verified token and nothing else. */
export interface Person {
  readonly id: string;
  readonly name: string;
  readonly groups: readonly string[];
}

/** What is so outside the request, at this moment: read afresh for each decision. */
export interface Facts {
  readonly rules: Rules;
  /** Those of the people in question who are members of the project now. */
  readonly members: readonly string[];
  /** Those of the people in question who are reviewers now. */
  readonly reviewers: readonly string[];
}

/** What can happen to a request; each is an event of its own. */
export const happenings = [
  'RequestOpened',
  'RequestEdited',
  'RequestSubmitted',
  'RequestMended',
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
] as const;
export type Happening = (typeof happenings)[number];

/** One thing that happened. `by` is a person's id, or empty where a workflow or time did it. */
export const Happened = z.object({
  name: z.enum(happenings),
  by: z.string(),
  byName: z.string(),
  says: z.string(),
});
export type Happened = z.infer<typeof Happened>;

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
  readonly events: readonly Happened[];
  readonly reason: string;
  readonly ended?: Round;
  /** The step belongs to an attempt that was overtaken, and has no say. */
  readonly superseded?: true;
  /** Whose waiting task is to be woken. */
  readonly wake?: string;
}

export const happened = (name: Happening, says: string, by?: Person): Happened => ({
  name,
  by: by?.id ?? '',
  byName: by?.name ?? '',
  says,
});

export const superseded = (request: Request): Decision => ({
  request,
  events: [],
  reason: 'overtaken by something newer',
  superseded: true,
});

export const unchanged = (request: Request, reason: string): Decision => ({ request, events: [], reason });
