import { keepState } from '../../decision.ts';
import { Refused } from '../../refused.ts';
import { quorumFor } from './airlock-config.ts';
import { type ActingPerson, type Context, type RequestDecision, type RequestEvent, requestEvent } from './decision.ts';
import { addSeconds, approval, day, hour, identity, isUnderWay, type Request, type RequestIn } from './request.ts';
import { isArriving } from './retention.ts';
import { damagedSettings } from './settings.ts';
import { countedVotes, type NumberedBallot, type Vote, voteOutcome, withheldFiles } from './votes.ts';

/** Why a user may not review this request; undefined if they may. */
function ineligibility(
  request: Request,
  user: string,
  { members, pastMembers = [], reviewers }: Pick<Context, 'members' | 'pastMembers' | 'reviewers'>,
): string | undefined {
  if (user === request.requester) return 'The requester cannot review the request.';
  if (user === request.recipient?.id) return 'The recipient cannot review the request.';
  if (members.includes(user)) return `Members of ${request.project} cannot review its requests.`;
  if (pastMembers.includes(user))
    return `You were a member of ${request.project} after this request was opened, so you cannot review it.`;
  if (!reviewers.includes(user)) return 'Only reviewers may do this.';
  return undefined;
}

const ruled = ({ project }: Request) =>
  `You made the airlock settings of ${project} that this request is reviewed under, so you cannot review it. Ask another operator to confirm the settings.`;

/** Releases and revocations need an eligible reviewer, or an operator who is not a member of the project. */
export function judging(request: Request, actor: ActingPerson, facts: Context): void {
  const operator = actor.groups.includes('operator') ? { ...facts, reviewers: [...facts.reviewers, actor.id] } : facts;
  const reason = ineligibility(request, actor.id, operator);
  if (reason) throw new Refused('forbidden', reason);
}

/** The comments that the requester may see: without names, and without notes between reviewers. */
export const publicComments = (votes: readonly Vote[]) =>
  votes.map(({ comment, files }) => ({ comment, files })).filter(({ comment, files }) => comment || files.length > 0);

/**
 * Casts a vote. Votes of people who are no longer eligible are dropped first. Until the quorum is complete a reviewer may
 * change the vote, and votes stay hidden.
 */
export function recordVote(
  request: Request,
  { by: actor, ballot }: { by: ActingPerson; ballot: NumberedBallot },
  now: string,
  facts: Context,
): RequestDecision {
  const settingsAuthor = 'settingsBy' in request ? request.settingsBy : undefined;
  const mayVote = (user: string) =>
    user === facts.ruledBy || user === settingsAuthor ? ruled(request) : ineligibility(request, user, facts);
  const reason = mayVote(actor.id);
  if (reason) throw new Refused('forbidden', reason);
  if (request.status !== 'inReview')
    throw new Refused('conflict', `${request.id} is ${request.status}: there is nothing to vote on.`);
  if (facts.settingsDamaged) throw damagedSettings(request.project);
  if (ballot.seal !== request.seal.sha256)
    throw new Refused(
      'conflict',
      `The seal of ${request.id} is ${request.seal.sha256}: review the files of this seal, then vote on it.`,
    );
  if (ballot.verdict === 'approve' && ballot.files.length > 0 && !(facts.rules.partial && request.partial))
    throw new Refused(
      'invalid',
      'This project does not allow partial approval. Return the request to have files changed.',
    );
  if (ballot.verdict !== 'approve' && ballot.comment === '' && ballot.files.length === 0)
    throw new Refused('invalid', 'Add a comment that says what is wrong, so that the requester can correct it.');
  const partialFiles = request.report.partialFiles ?? 0;
  if (ballot.verdict === 'approve' && partialFiles > 0 && ballot.extent === undefined)
    throw new Refused(
      'invalid',
      `Pages show ${partialFiles} ${partialFiles === 1 ? 'file' : 'files'} of ${request.id} only in part. Page through the rest and vote with --extent whole, or accept what you did not see with --extent part.`,
    );
  const earlier = countedVotes(request.votes, request.seal, request.round, user => mayVote(user) === undefined);
  if (request.conflict && earlier.some(vote => vote.by === actor.id))
    throw new Refused('conflict', 'You have already voted. Reviewers disagree, so another reviewer must decide.');
  const dropEvents = request.votes
    .filter(vote => !earlier.includes(vote))
    .map(({ name }) =>
      requestEvent('VoteDropped', `${name} is no longer allowed to review this request; the vote does not count.`),
    );
  const votes: Vote[] = [
    ...earlier.filter(vote => vote.by !== actor.id),
    { ...ballot, by: actor.id, name: actor.name, round: request.round, at: now },
  ];
  const events = [...dropEvents, requestEvent('VoteCast', `Seal ${request.seal.sha256}.`, actor)];
  return settle({ ...request, votes }, events, now, facts);
}

function settle(
  request: RequestIn<'inReview'>,
  events: RequestEvent[],
  now: string,
  { rules }: Context,
): RequestDecision {
  const { seal, report, votes, round } = request;
  // The stricter of the settings when the review began and now: nobody weakens them for a review that runs.
  const outcome = voteOutcome(votes, Math.max(request.quorum, quorumFor(request.direction, rules)));
  const withheldPaths = withheldFiles(votes);
  const leaves = withheldPaths.length === 0 || (rules.partial && request.partial && withheldPaths.length < seal.files);
  const wake = request.token !== undefined ? { wake: request.token } : {};
  const endRound = (verdict: 'approved' | 'returned' | 'rejected') => ({
    ended: { round, seal, votes, outcome: verdict, at: now },
  });
  if (outcome === 'open') return { state: { ...request, conflict: false }, events, reason: 'voted' };
  if (outcome === 'conflict')
    return {
      state: { ...request, conflict: true },
      events: [...events, requestEvent('ReviewConflicted', 'Reviewers disagree: one more reviewer must decide.')],
      reason: 'reviewers disagree',
      // The workflow tells if nobody is left who could decide.
      ...wake,
    };
  if (outcome === 'rejected')
    return {
      state: {
        ...identity(request),
        status: 'rejected',
        seal,
        report,
        votes,
        rejectedAt: now,
      },
      events: [...events, requestEvent('RequestRejected', 'Reviewers reject it.')],
      reason: 'rejected',
      ...endRound('rejected'),
      ...wake,
    };
  if (outcome === 'approved' && leaves)
    return {
      state: {
        ...identity(request),
        status: 'approved',
        seal,
        report,
        votes,
        withheld: withheldPaths,
        approvedAt: now,
        expiresAt: addSeconds(now, rules.approvedDays * day),
      },
      events: [...events, requestEvent('RequestApproved', `Seal ${seal.sha256}.`)],
      reason: 'approved',
      ...endRound('approved'),
      ...wake,
    };
  return {
    state: {
      ...identity(request),
      status: 'returned',
      seal,
      report,
      by: 'review',
      comments: publicComments(votes),
      returnedAt: now,
      expiresAt: addSeconds(now, rules.draftDays * day),
    },
    events: [...events, requestEvent('RequestReturned', 'Reviewers ask for changes.')],
    reason: 'returned',
    ...endRound('returned'),
    ...wake,
  };
}

/** Starts the release. A repeated command while it runs changes nothing. */
export function startRelease(
  request: Request,
  { by: actor }: { by: ActingPerson },
  now: string,
  facts: Context,
): RequestDecision {
  judging(request, actor, facts);
  if (request.status === 'releasing') return keepState(request, 'the release is already running');
  if (request.status !== 'approved')
    throw new Refused('conflict', `${request.id} is ${request.status}: only an approved request can be released.`);
  if (facts.settingsDamaged) throw damagedSettings(request.project);
  if (request.withheld.length > 0 && !facts.rules.partial)
    throw new Refused(
      'conflict',
      `Only some files of ${request.id} were approved, and partial approval is no longer allowed. ${request.requesterName} can draft a new request with only those files.`,
    );
  const deadline = addSeconds(now, facts.rules.checkHours * hour);
  // Nothing is released after the approval expires. Imports must also be delivered by then, so that they can be removed.
  const last = request.direction === 'import' ? addSeconds(request.expiresAt, -hour / 4) : request.expiresAt;
  if (now >= last)
    throw new Refused(
      'conflict',
      `The approval of ${request.id} expires too soon, at ${request.expiresAt}. Draft a new request with the same files.`,
    );
  return {
    state: {
      ...identity(request),
      ...approval(request),
      status: 'releasing',
      attempt: request.attempt + 1,
      expiresAt: request.expiresAt,
      startedAt: now,
      deadline: deadline < last ? deadline : last,
      releasedBy: { id: actor.id, name: actor.name },
    },
    events: [requestEvent('ReleaseStarted', `Seal ${request.seal.sha256}.`, actor)],
    reason: 'releasing',
  };
}

/** Revokes an approval or a release. Downloads stop immediately. */
export function revokeRelease(
  request: Request,
  { by: actor, reason }: { by: ActingPerson; reason: string },
  now: string,
  facts: Context,
): RequestDecision {
  judging(request, actor, facts);
  if (request.status === 'revoked') return keepState(request, 'the request is already revoked');
  if (request.status !== 'approved' && request.status !== 'releasing' && request.status !== 'released')
    throw new Refused('conflict', `${request.id} is ${request.status}: there is no approval to revoke.`);
  // Otherwise files could still arrive in the project after they are removed.
  if (isArriving(request, now))
    throw new Refused('conflict', `${request.id} is being delivered, or was a moment ago. Revoke it in 15 minutes.`);
  return {
    state: {
      ...identity(request),
      ...approval(request),
      status: 'revoked',
      ...(request.status === 'released' && { release: request.release }),
      revokedBy: { id: actor.id, name: actor.name },
      reason,
      revokedAt: now,
    },
    events: [requestEvent('RequestRevoked', reason, actor)],
    reason: 'revoked',
  };
}

/** Resumes a request that timed out: with its review and the votes cast, or with a new seal. */
export function resumeReview(
  request: Request,
  { by: actor }: { by: ActingPerson },
  now: string,
  { rules }: Context,
): RequestDecision {
  if (!actor.groups.includes('operator')) throw new Refused('forbidden', 'Only operators may do this.');
  // A repeated command starts the same attempt again, in case its start was lost.
  if (isUnderWay(request) || request.status === 'inReview') return keepState(request, 'it is under way');
  if (request.status !== 'timedOut')
    throw new Refused('conflict', `${request.id} is ${request.status}: only a request that timed out can be resumed.`);
  const attempt = request.attempt + 1;
  const events = [requestEvent('RequestResumed', request.reason, actor)];
  if (!request.review)
    return {
      state: {
        ...identity(request),
        status: 'submitted',
        // The files may have changed, so they need a new seal and a new round.
        round: request.round + 1,
        attempt,
        startedAt: now,
        deadline: addSeconds(now, rules.checkHours * hour),
      },
      events,
      reason: 'resumed',
    };
  // On resume, repeat the notice that no eligible reviewer is left.
  const { token: _, shortage: __, ...review } = request.review;
  return {
    state: { ...review, attempt, since: now, deadline: addSeconds(now, rules.reviewDays * day), reminded: 0 },
    events,
    reason: 'resumed',
  };
}

/** Starts a new execution that waits for the decision. The token of the old one is dropped; votes are kept. */
export function reissueApproval(
  request: Request,
  { by: actor }: { by: ActingPerson },
  facts: Context,
): RequestDecision {
  const reason = actor.groups.includes('operator') ? undefined : ineligibility(request, actor.id, facts);
  if (reason) throw new Refused('forbidden', reason);
  if (request.status !== 'inReview')
    throw new Refused('conflict', `${request.id} is ${request.status}: only a request in review waits for a decision.`);
  const { token: _, ...review } = request;
  return {
    state: { ...review, attempt: request.attempt + 1 },
    events: [requestEvent('ReviewReissued', `Attempt ${request.attempt + 1}.`, actor)],
    reason: 'a new execution waits for the decision',
  };
}
