import * as z from 'zod';
import { type Decision, keepState } from '../../decision.ts';
import type { AirlockConfig } from './airlock-config.ts';
import { Seal } from './manifest.ts';
import { type Request, Someone } from './request.ts';
import { Vote } from './votes.ts';

/** The person who gives a command, from the verified token only. */
export interface ActingPerson {
  readonly id: string;
  readonly name: string;
  readonly groups: readonly string[];
}

/** Facts outside the request, read again for each decision. */
export interface Context {
  readonly rules: AirlockConfig;
  /** Of the actor and the voters, those who are members of the project now. */
  readonly members: readonly string[];
  /** Of the actor and the voters, those who were members at any time since the request was opened. */
  readonly pastMembers?: readonly string[];
  /** Of the actor and the voters, those who are reviewers now. */
  readonly reviewers: readonly string[];
  /** All reviewers who may review the request now. Filled in only for commands that assign reviewers. */
  readonly candidates: readonly Someone[];
  /** Who made the project's settings, if any. This person may not vote. */
  readonly ruledBy?: string | undefined;
  /** Whether the project's settings cannot be read. Nobody votes or releases until they are set again. */
  readonly settingsDamaged?: true | undefined;
}

/** Context for system commands, which have no acting person. */
export const NO_PEOPLE = { members: [], reviewers: [], candidates: [] } as const satisfies Omit<Context, 'rules'>;

/** The names of all events of a request. */
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
  'QuorumUnreachable',
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

/** One event. `by` is a person's id, or empty when a workflow or a deadline caused it. */
export const RequestEvent = z.object({
  name: z.enum(requestEventNames),
  by: z.string(),
  byName: z.string(),
  message: z.string(),
  /** The file that the event is about, if any. It is in the trail only, and so is `quote`. */
  path: z.string().optional(),
  /** What the event quotes of files, for reviewers. */
  quote: z.string().optional(),
  /** Further values for programs. */
  details: z.record(z.string(), z.union([z.string(), z.number()])).optional(),
  /** The people who are asked to act. */
  to: z.array(Someone).optional(),
});
export type RequestEvent = z.infer<typeof RequestEvent>;

/** A completed review round: its seal and its votes. Stored permanently beside the request. */
export const Round = z.object({
  round: z.number().int(),
  seal: Seal,
  votes: z.array(Vote),
  outcome: z.enum(['approved', 'returned', 'rejected', 'withdrawn', 'expired']),
  at: z.iso.datetime(),
});
export type Round = z.infer<typeof Round>;

/** What the core of the airlock decides: with the review round that ended, if one did. */
export interface RequestDecision extends Decision<Request, RequestEvent> {
  readonly ended?: Round;
}

export const requestEvent = (name: RequestEventName, message: string, actor?: ActingPerson): RequestEvent => ({
  name,
  by: actor?.id ?? '',
  byName: actor?.name ?? '',
  message,
});

/** An event that asks people to act. */
export const reviewerEvent = (
  name: RequestEventName,
  message: string,
  addressees: readonly Someone[],
): RequestEvent => ({
  ...requestEvent(name, message),
  to: [...addressees],
});

/** Decides unless a call with this idempotency mark has already changed the request. */
export function decideOnce(read: Request, mark: string, decide: () => RequestDecision): RequestDecision {
  if (mark && read.done.includes(mark)) {
    const repetition = keepState(read, 'the same call has already been applied');
    // The first call may have failed before it completed the waiting task.
    return read.status === 'inReview' && read.token !== undefined ? { ...repetition, wake: read.token } : repetition;
  }
  const decision = decide();
  if (!mark || decision.state === read) return decision;
  return { ...decision, state: { ...decision.state, done: [mark, ...decision.state.done].slice(0, 8) } };
}
