import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decideRequest } from '../../functions/airlock/airlock.ts';
import type { Context, RequestEvent } from '../../functions/airlock/request/decision.ts';
import { day, hour, addSeconds as later, type Request } from '../../functions/airlock/request/request.ts';
import { summariseRequest } from '../../functions/airlock/request/summary.ts';
import {
  buildAirlockConfig,
  buildBallot,
  buildPerson,
  buildReport,
  buildRequestInReview,
  exampleStartTime,
  olga,
  rana,
  tryCommand,
} from './builders.ts';

const reviewers = ['ada', 'bob', 'cyd', 'dan'].map(id => buildPerson(id, 'reviewer'));
const [ada, bob, cyd, dan] = reviewers as [typeof rana, typeof rana, typeof rana, typeof rana];
const facts = (change: Parameters<typeof buildAirlockConfig>[0], candidates = reviewers.length): Context => ({
  rules: buildAirlockConfig(change),
  members: [rana.id],
  reviewers: reviewers.map(({ id }) => id),
  candidates: reviewers.slice(0, candidates).map(({ id, name }) => ({ id, name })),
});
const vote = (voter: typeof rana, verdict: 'approve' | 'reject' = 'approve', paths: string[] = []) =>
  ({ do: 'vote', by: voter, ballot: buildBallot(1, verdict, paths) }) as const;

describe('withheld files under rules that come to forbid them', () => {
  const [partialFacts, whole] = [facts({ partial: true }), facts({ partial: false })];
  const partialReview = decideRequest(
    buildRequestInReview(partialFacts),
    vote(ada, 'approve', ['x']),
    exampleStartTime,
    partialFacts,
  ).state;

  it('are returned with all other files and with the comment on them', () => {
    const { state, ended: finalRound } = decideRequest(partialReview, vote(bob), exampleStartTime, whole);
    expect(state).toMatchObject({ status: 'returned', comments: [{ files: [{ path: 'x' }] }] });
    expect(finalRound).toMatchObject({ outcome: 'returned' });
  });

  it('are returned after a disagreement, too', () => {
    const dispute = decideRequest(partialReview, vote(bob, 'reject'), exampleStartTime, partialFacts).state;
    expect(dispute).toMatchObject({ conflict: true });
    expect(decideRequest(dispute, vote(cyd), exampleStartTime, whole).state.status).toBe('returned');
    expect(decideRequest(dispute, vote(cyd), exampleStartTime, partialFacts).state).toMatchObject({
      status: 'approved',
      withheld: ['x'],
    });
  });

  it('drop only the vote that withheld them, and that reviewer may vote again', () => {
    const repetition = decideRequest(partialReview, vote(ada), exampleStartTime, whole).state;
    expect(decideRequest(repetition, vote(bob), exampleStartTime, whole).state).toMatchObject({
      status: 'approved',
      withheld: [],
    });
  });

  it('prevent an earlier approval from releasing the request without them', () => {
    const approval = decideRequest(partialReview, vote(bob), exampleStartTime, partialFacts).state;
    expect(approval).toMatchObject({ status: 'approved', withheld: ['x'] });
    expect(() => decideRequest(approval, { do: 'release', by: olga }, exampleStartTime, whole)).toThrow(
      /partial approval is no longer allowed/,
    );
    expect(decideRequest(approval, { do: 'release', by: olga }, exampleStartTime, partialFacts).state.status).toBe(
      'releasing',
    );
    expect(
      decideRequest(approval, { do: 'withdraw', by: rana, reason: 'again' }, exampleStartTime, whole).state.status,
    ).toBe('withdrawn');
  });

  it('are never left out of an approval against the rules, in any order of votes and settings', () => {
    const cast = fc.record({
      by: fc.constantFrom(...reviewers),
      verdict: fc.constantFrom('approve', 'approve', 'reject'),
      paths: fc.subarray(['x']),
      partial: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3 }), fc.array(cast, { maxLength: 10 }), (quorum, votes) => {
        let request: Request = buildRequestInReview(facts({ quorum }));
        for (const { by: voterId, verdict, paths, partial } of votes) {
          const decision = tryCommand(
            request,
            vote(voterId, verdict as 'approve', paths),
            exampleStartTime,
            facts({ quorum, partial }),
          );
          request = decision?.state ?? request;
          if (decision && request.status === 'approved' && request.withheld.length > 0) expect(partial).toBe(true);
        }
      }),
    );
  });
});

describe('the notice that no eligible reviewer is left', () => {
  const isSaid = ({ name, to: recipients }: RequestEvent) =>
    name === 'QuorumUnreachable' || (name === 'ReviewEscalated' && recipients?.length === 0);
  /** When it is said in a review, in hours after its start; with as many reviewers as are there at the time. */
  function noticeHours(quorum: number, reviewerCount: (hours: number) => number): number[] {
    let current = buildRequestInReview(facts({ quorum }, reviewerCount(0)));
    const times = 'shortage' in current && current.shortage ? [0] : [];
    for (let hours = 0; hours < 14 * 24; hours += 12) {
      const present = facts({ quorum }, reviewerCount(hours));
      const { state, events } = decideRequest(
        current,
        { do: 'remindReviewers', attempt: current.attempt },
        later(exampleStartTime, hours * hour),
        present,
      );
      current = state;
      times.push(...events.filter(isSaid).map(() => hours));
    }
    return times;
  }

  it.each([
    [1, 0, [0]],
    [2, 0, [0]],
    [2, 1, [0]],
    [3, 0, [0]],
    [3, 1, [0]],
    [3, 2, [0]],
    // All who must agree are there, and nobody to ask besides: the second reminder has nobody to turn to.
    [1, 1, [96]],
    [2, 2, [96]],
    [3, 3, [96]],
    [2, 3, [144]],
    [2, 4, [192]],
  ])(
    'is sent once, with a quorum of %i and %i eligible reviewers, after %j hours',
    (quorum, reviewerCount, expected) => {
      expect(noticeHours(quorum, () => reviewerCount)).toEqual(expected);
    },
  );

  it('is written with the row that opens the review', () => {
    const review = buildRequestInReview(facts({ quorum: 2 }));
    if (review.status !== 'inReview') throw new Error('it is not in review');
    const {
      votes: _,
      conflict: __,
      since: reviewStart,
      reminded: ___,
      assignees: ____,
      quorum: _____,
      report,
      ...rest
    } = review;
    const checking = { ...rest, status: 'checking', startedAt: reviewStart } as Request;
    const recordReport = (reviewerCount: number) =>
      decideRequest(
        checking,
        { do: 'recordReport', attempt: review.attempt, report },
        exampleStartTime,
        facts({ quorum: 2 }, reviewerCount),
      );
    expect(recordReport(0).events.map(({ name }) => name)).toEqual(['ReviewOpened', 'QuorumUnreachable']);
    expect(recordReport(0).events.filter(isSaid)).toHaveLength(1);
    expect(recordReport(2).events.filter(isSaid)).toEqual([]);
  });

  it('is sent when reviewers leave, and again only if those who must agree become too few', () => {
    expect(noticeHours(2, hours => (hours < 24 ? 4 : 0))).toEqual([24]);
    expect(noticeHours(2, hours => (hours < 24 ? 0 : 3))).toEqual([0, 144]);
    expect(noticeHours(2, hours => (hours < 120 ? 2 : hours % 24 ? 1 : 0))).toEqual([96, 120]);
  });

  it('marks the request for operators until enough reviewers are there again, and is then sent again', () => {
    const [shortage, plenty] = [facts({ quorum: 2 }, 1), facts({ quorum: 2 }, 3)];
    const tick = (request: Request, present: Context) =>
      decideRequest(request, { do: 'remindReviewers', attempt: request.attempt }, exampleStartTime, present);
    const stuck = buildRequestInReview(shortage);
    expect(summariseRequest(stuck)).toMatchObject({ unreachable: true });
    const { state: helped } = tick(stuck, plenty);
    expect(summariseRequest(helped)).not.toHaveProperty('unreachable');
    const { state: stuckAgain, events } = tick(helped, shortage);
    expect(events.map(({ name }) => name)).toEqual(['QuorumUnreachable']);
    expect(summariseRequest(stuckAgain)).toMatchObject({ unreachable: true });
  });

  it('is sent at once if reviewers disagree and nobody is left to decide', () => {
    const two = facts({ quorum: 2 }, 2);
    const firstVote = decideRequest(buildRequestInReview(two), vote(ada), exampleStartTime, two).state;
    const dispute = decideRequest(firstVote, vote(dan, 'reject'), exampleStartTime, two).state;
    const tick = { do: 'remindReviewers', attempt: dispute.attempt } as const;
    const { state, events } = decideRequest(dispute, tick, exampleStartTime, two);
    expect(events.filter(isSaid)).toHaveLength(1);
    expect(decideRequest(state, tick, exampleStartTime, two).events).toEqual([]);
  });

  it('is not repeated to another workflow, but is sent again when a review is resumed', () => {
    const noReviewers = facts({ quorum: 2 }, 0);
    const current = buildRequestInReview(noReviewers);
    const reissue = decideRequest(current, { do: 'reissue', by: olga }, exampleStartTime, noReviewers).state;
    const tick = { do: 'remindReviewers', attempt: reissue.attempt } as const;
    expect(decideRequest(reissue, tick, exampleStartTime, noReviewers).events).toEqual([]);
    const late = decideRequest(current, { do: 'applyDeadlines' }, later(exampleStartTime, 15 * day), noReviewers).state;
    const now = later(exampleStartTime, 16 * day);
    const resumption = decideRequest(late, { do: 'resume', by: olga }, now, noReviewers).state;
    expect(resumption.status).toBe('inReview');
    const next = { do: 'remindReviewers', attempt: resumption.attempt } as const;
    const { state, events } = decideRequest(resumption, next, now, noReviewers);
    expect(events.filter(isSaid)).toHaveLength(1);
    expect(decideRequest(state, next, now, noReviewers).events).toEqual([]);
  });
});

describe('files that pages show only in part', () => {
  const rules = facts({ quorum: 1 });
  const review = buildRequestInReview(rules, 0, buildReport('warn', 3));
  const cast = (verdict: 'approve' | 'reject', extent?: 'whole' | 'part') =>
    decideRequest(
      review,
      { do: 'vote', by: ada, ballot: { ...buildBallot(1, verdict), ...(extent && { extent }) } },
      exampleStartTime,
      rules,
    ).state;

  it('are not approved by a vote that does not say how much its reviewer saw', () => {
    expect(() => cast('approve')).toThrow(/3 files .*only in part.*--extent part/);
  });

  it.each(['whole', 'part'] as const)('are approved by a vote that says %s, which the vote keeps', extent => {
    expect(cast('approve', extent)).toMatchObject({ status: 'approved', votes: [{ extent }] });
  });

  it('are rejected without saying how much was seen', () => {
    expect(cast('reject').status).toBe('rejected');
  });

  it('do not concern a request whose pages show every file', () => {
    const whole = buildRequestInReview(rules);
    expect(decideRequest(whole, vote(ada), exampleStartTime, rules).state.status).toBe('approved');
  });
});
