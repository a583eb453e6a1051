import { Refused } from '../../refused.ts';
import {
  type ActingPerson,
  type Context,
  type Decision,
  type RequestEvent,
  requestEvent,
  unchanged,
} from './decision.ts';
import { addSeconds, approval, day, hour, identity, isUnderWay, type Request, type RequestIn } from './request.ts';
import { isArriving } from './retention.ts';
import { type Ballot, countedVotes, type Vote, voteOutcome, withheldFiles } from './votes.ts';

/** Why somebody may not judge this request; undefined where they may. */
export function ineligibility(
  of: Request,
  user: string,
  { members, reviewers }: Pick<Context, 'members' | 'reviewers'>,
): string | undefined {
  if (user === of.requester) return 'Nobody reviews what they asked for.';
  if (user === of.recipient?.id) return 'Nobody reviews what they shall get.';
  if (members.includes(user)) return `Members of ${of.project} can't review its requests.`;
  if (!reviewers.includes(user)) return 'Only reviewers may do this.';
  return undefined;
}

const ruled = ({ project }: Request) =>
  `Who says how ${project} is reviewed can't review it. Another operator can confirm its settings.`;

/** Who releases or revokes is a fit reviewer, or an operator who has no part in the project. */
function judging(of: Request, by: ActingPerson, facts: Context): void {
  const operator = by.groups.includes('operator') ? { ...facts, reviewers: [...facts.reviewers, by.id] } : facts;
  const why = ineligibility(of, by.id, operator);
  if (why) throw new Refused('forbidden', why);
}

/** What reviewers tell the requester: comments without names, and never their notes to each other. */
export const publicComments = (votes: readonly Vote[]) =>
  votes.map(({ comment, files }) => ({ comment, files })).filter(({ comment, files }) => comment || files.length > 0);

/**
 * A vote. Earlier votes of people who have become unfit since are dropped before it counts. Until the quorum is
 * complete a reviewer may vote again; nobody learns of votes before.
 */
export function recordVote(
  of: Request,
  { by, ballot }: { by: ActingPerson; ballot: Ballot },
  now: string,
  facts: Context,
): Decision {
  const mayVote = (user: string) => (user === facts.ruledBy ? ruled(of) : ineligibility(of, user, facts));
  const why = mayVote(by.id);
  if (why) throw new Refused('forbidden', why);
  if (of.status !== 'inReview') throw new Refused('conflict', `${of.id} is ${of.status}: there is nothing to vote on.`);
  if (ballot.seal !== of.seal.sha256)
    throw new Refused('conflict', `The seal of ${of.id} is ${of.seal.sha256}: look at these files, then vote on them.`);
  if (ballot.verdict === 'approve' && ballot.files.length > 0 && !facts.rules.partial)
    throw new Refused('invalid', 'All files leave or none. To have some changed, return the request.');
  if (ballot.verdict !== 'approve' && ballot.comment === '' && ballot.files.length === 0)
    throw new Refused('invalid', 'Say in a comment what is wrong, so that the requester can mend it.');
  const earlier = countedVotes(of.votes, of.seal, of.round, user => mayVote(user) === undefined);
  if (of.conflict && earlier.some(vote => vote.by === by.id))
    throw new Refused('conflict', 'You have voted. Reviewers disagree, so another one must decide.');
  const dropped = of.votes
    .filter(vote => !earlier.includes(vote))
    .map(({ name }) =>
      requestEvent('VoteDropped', `${name} is no longer fit to review this; the vote does not count.`),
    );
  const votes: Vote[] = [
    ...earlier.filter(vote => vote.by !== by.id),
    { ...ballot, by: by.id, name: by.name, round: of.round, at: now },
  ];
  const events = [...dropped, requestEvent('VoteCast', `Seal ${of.seal.sha256}.`, by)];
  return settle({ ...of, votes }, events, now, facts);
}

function settle(of: RequestIn<'inReview'>, events: RequestEvent[], now: string, { rules }: Context): Decision {
  const { seal, report, votes, round } = of;
  const outcome = voteOutcome(votes, of.quorum);
  const withheld = withheldFiles(votes);
  // By the rules of now: since a vote that holds files back was cast, they may have come to let all leave or none.
  const leaves = withheld.length === 0 || (rules.partial && withheld.length < seal.files);
  const wake = of.token !== undefined ? { wake: of.token } : {};
  const ended = (as: 'approved' | 'returned' | 'rejected') => ({ ended: { round, seal, votes, outcome: as, at: now } });
  if (outcome === 'open') return { request: { ...of, conflict: false }, events, reason: 'voted' };
  if (outcome === 'conflict')
    return {
      request: { ...of, conflict: true },
      events: [...events, requestEvent('ReviewConflicted', 'Reviewers disagree: one more must decide.')],
      reason: 'reviewers disagree',
      // The workflow asks the next one.
      ...wake,
    };
  if (outcome === 'rejected')
    return {
      request: {
        ...identity(of),
        status: 'rejected',
        seal,
        report,
        votes,
        rejectedAt: now,
      },
      events: [...events, requestEvent('RequestRejected', 'Reviewers reject it.')],
      reason: 'rejected',
      ...ended('rejected'),
      ...wake,
    };
  if (outcome === 'approved' && leaves)
    return {
      request: {
        ...identity(of),
        status: 'approved',
        seal,
        report,
        votes,
        withheld,
        approvedAt: now,
        expiresAt: addSeconds(now, rules.approvedDays * day),
      },
      events: [...events, requestEvent('RequestApproved', `Seal ${seal.sha256}.`)],
      reason: 'approved',
      ...ended('approved'),
      ...wake,
    };
  return {
    request: {
      ...identity(of),
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
    ...ended('returned'),
    ...wake,
  };
}

/** The release begins. Asked for again while it runs, it changes nothing. */
export function startRelease(of: Request, { by }: { by: ActingPerson }, now: string, facts: Context): Decision {
  judging(of, by, facts);
  if (of.status === 'releasing') return unchanged(of, 'it is being released already');
  if (of.status !== 'approved')
    throw new Refused('conflict', `${of.id} is ${of.status}: only what was approved can be released.`);
  if (of.withheld.length > 0 && !facts.rules.partial)
    throw new Refused(
      'conflict',
      `Only some files of ${of.id} were approved, and now all leave or none: ${of.requesterName} can submit those alone.`,
    );
  const deadline = addSeconds(now, facts.rules.checkHours * hour);
  // Nothing leaves after its approval has expired; and what comes in has arrived by then, so that it can be taken out.
  const last = of.direction === 'import' ? addSeconds(of.expiresAt, -hour / 4) : of.expiresAt;
  if (now >= last)
    throw new Refused('conflict', `The approval of ${of.id} expires too soon, at ${of.expiresAt}: submit it again.`);
  return {
    request: {
      ...identity(of),
      ...approval(of),
      status: 'releasing',
      attempt: of.attempt + 1,
      expiresAt: of.expiresAt,
      startedAt: now,
      deadline: deadline < last ? deadline : last,
      releasedBy: { id: by.id, name: by.name },
    },
    events: [requestEvent('ReleaseStarted', `Seal ${of.seal.sha256}.`, by)],
    reason: 'releasing',
  };
}

/** What was approved leaves no more; what has left can be downloaded no more. */
export function revokeRelease(
  of: Request,
  { by, reason }: { by: ActingPerson; reason: string },
  now: string,
  facts: Context,
): Decision {
  judging(of, by, facts);
  if (of.status === 'revoked') return unchanged(of, 'it is revoked already');
  if (of.status !== 'approved' && of.status !== 'releasing' && of.status !== 'released')
    throw new Refused('conflict', `${of.id} is ${of.status}: there is no approval to revoke.`);
  // Else files would still arrive in the project behind the hand that takes them out.
  if (isArriving(of, now))
    throw new Refused(
      'conflict',
      `${of.id} is being delivered, or was a moment ago: revoke it in a quarter of an hour.`,
    );
  return {
    request: {
      ...identity(of),
      ...approval(of),
      status: 'revoked',
      ...(of.status === 'released' && { release: of.release }),
      revokedBy: { id: by.id, name: by.name },
      reason,
      revokedAt: now,
    },
    events: [requestEvent('RequestRevoked', reason, by)],
    reason: 'revoked',
  };
}

/** What ran out of time goes on: with the review of its seal and the votes cast, or with a new seal. */
export function resumeReview(of: Request, { by }: { by: ActingPerson }, now: string, { rules }: Context): Decision {
  if (!by.groups.includes('operator')) throw new Refused('forbidden', 'Only operators may do this.');
  // Asked for again, as after a start that was lost: the same attempt is started once more.
  if (isUnderWay(of) || of.status === 'inReview') return unchanged(of, 'it is under way');
  if (of.status !== 'timedOut')
    throw new Refused('conflict', `${of.id} is ${of.status}: only what timed out can be resumed.`);
  const attempt = of.attempt + 1;
  const events = [requestEvent('RequestResumed', of.reason, by)];
  if (!of.review)
    return {
      request: {
        ...identity(of),
        status: 'submitted',
        // Its files may have changed meanwhile: another seal, and so another round.
        round: of.round + 1,
        attempt,
        startedAt: now,
        deadline: addSeconds(now, rules.checkHours * hour),
      },
      events,
      reason: 'resumed',
    };
  // Begun anew: whom there is nobody left for is said anew.
  const { token: _, lack: __, ...review } = of.review;
  return {
    request: { ...review, attempt, since: now, deadline: addSeconds(now, rules.reviewDays * day), reminded: 0 },
    events,
    reason: 'resumed',
  };
}

/** A new execution waits for the decision; whatever the old one waits for is forgotten, and no vote is lost. */
export function reissueApproval(of: Request, { by }: { by: ActingPerson }, { members, reviewers }: Context): Decision {
  const why = by.groups.includes('operator') ? undefined : ineligibility(of, by.id, { members, reviewers });
  if (why) throw new Refused('forbidden', why);
  if (of.status !== 'inReview')
    throw new Refused('conflict', `${of.id} is ${of.status}: only a review waits for a decision.`);
  const { token: _, ...review } = of;
  return {
    request: { ...review, attempt: of.attempt + 1 },
    events: [requestEvent('ReviewReissued', `Attempt ${of.attempt + 1}.`, by)],
    reason: 'waiting anew',
  };
}
