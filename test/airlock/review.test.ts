import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decideRequest } from '../../functions/airlock/airlock.ts';
import type { Context, RequestEvent } from '../../functions/airlock/request/decision.ts';
import { day, hour, addSeconds as later, type Request } from '../../functions/airlock/request/request.ts';
import {
  buildAirlockConfig,
  buildBallot,
  buildPerson,
  buildRequestInReview,
  exampleStartTime,
  olga,
  rana,
  tryCommand,
} from './builders.ts';

const all = ['ada', 'bob', 'cyd', 'dan'].map(id => buildPerson(id, 'reviewer'));
const [ada, bob, cyd, dan] = all as [typeof rana, typeof rana, typeof rana, typeof rana];
const facts = (change: Parameters<typeof buildAirlockConfig>[0], candidates = all.length): Context => ({
  rules: buildAirlockConfig(change),
  members: [rana.id],
  reviewers: all.map(({ id }) => id),
  candidates: all.slice(0, candidates).map(({ id, name }) => ({ id, name })),
});
const vote = (by: typeof rana, verdict: 'approve' | 'reject' = 'approve', paths: string[] = []) =>
  ({ do: 'vote', by, ballot: buildBallot(1, verdict, paths) }) as const;

describe('withheld files under rules that come to forbid them', () => {
  const [some, whole] = [facts({ partial: true }), facts({ partial: false })];
  const held = decideRequest(buildRequestInReview(some), vote(ada, 'approve', ['x']), exampleStartTime, some).state;

  it('are returned with all other files and with the comment on them', () => {
    const { state, ended } = decideRequest(held, vote(bob), exampleStartTime, whole);
    expect(state).toMatchObject({ status: 'returned', comments: [{ files: [{ path: 'x' }] }] });
    expect(ended).toMatchObject({ outcome: 'returned' });
  });

  it('are returned after a disagreement, too', () => {
    const disputed = decideRequest(held, vote(bob, 'reject'), exampleStartTime, some).state;
    expect(disputed).toMatchObject({ conflict: true });
    expect(decideRequest(disputed, vote(cyd), exampleStartTime, whole).state.status).toBe('returned');
    expect(decideRequest(disputed, vote(cyd), exampleStartTime, some).state).toMatchObject({
      status: 'approved',
      withheld: ['x'],
    });
  });

  it('drop only the vote that withheld them, and that reviewer may vote again', () => {
    const again = decideRequest(held, vote(ada), exampleStartTime, whole).state;
    expect(decideRequest(again, vote(bob), exampleStartTime, whole).state).toMatchObject({
      status: 'approved',
      withheld: [],
    });
  });

  it('prevent an earlier approval from releasing the request without them', () => {
    const approved = decideRequest(held, vote(bob), exampleStartTime, some).state;
    expect(approved).toMatchObject({ status: 'approved', withheld: ['x'] });
    expect(() => decideRequest(approved, { do: 'release', by: olga }, exampleStartTime, whole)).toThrow(
      /partial approval is no longer allowed/,
    );
    expect(decideRequest(approved, { do: 'release', by: olga }, exampleStartTime, some).state.status).toBe('releasing');
    expect(
      decideRequest(approved, { do: 'withdraw', by: rana, reason: 'again' }, exampleStartTime, whole).state.status,
    ).toBe('withdrawn');
  });

  it('are never left out of an approval against the rules, in any order of votes and settings', () => {
    const cast = fc.record({
      by: fc.constantFrom(...all),
      verdict: fc.constantFrom('approve', 'approve', 'reject'),
      paths: fc.subarray(['x']),
      partial: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3 }), fc.array(cast, { maxLength: 10 }), (quorum, votes) => {
        let request: Request = buildRequestInReview(facts({ quorum }));
        for (const { by, verdict, paths, partial } of votes) {
          const decision = tryCommand(
            request,
            vote(by, verdict as 'approve', paths),
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
  const isSaid = ({ name, to }: RequestEvent) => name === 'ReviewEscalated' && to?.length === 0;
  /** When it is said in a review, in hours after its start; with as many reviewers as are there at the time. */
  function said(quorum: number, there: (hours: number) => number): number[] {
    let current = buildRequestInReview(facts({ quorum }, there(0)));
    const times = 'lack' in current && current.lack ? [0] : [];
    for (let hours = 0; hours < 14 * 24; hours += 12) {
      const present = facts({ quorum }, there(hours));
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
  ])('is sent once, with a quorum of %i and %i eligible reviewers, after %j hours', (quorum, there, expected) => {
    expect(said(quorum, () => there)).toEqual(expected);
  });

  it('is written with the row that opens the review', () => {
    const before = buildRequestInReview(facts({ quorum: 2 }));
    if (before.status !== 'inReview') throw new Error('it is not in review');
    const { votes: _, conflict: __, since, reminded: ___, asked: ____, quorum: _____, report, ...rest } = before;
    const checking = { ...rest, status: 'checking', startedAt: since } as Request;
    const judged = (there: number) =>
      decideRequest(
        checking,
        { do: 'recordReport', attempt: before.attempt, report },
        exampleStartTime,
        facts({ quorum: 2 }, there),
      );
    expect(judged(0).events.map(({ name }) => name)).toEqual(['ReviewOpened', 'ReviewEscalated']);
    expect(judged(0).events.filter(isSaid)).toHaveLength(1);
    expect(judged(2).events.filter(isSaid)).toEqual([]);
  });

  it('is sent when reviewers leave, and again only if those who must agree become too few', () => {
    expect(said(2, hours => (hours < 24 ? 4 : 0))).toEqual([24]);
    expect(said(2, hours => (hours < 24 ? 0 : 4))).toEqual([0]);
    expect(said(2, hours => (hours < 120 ? 2 : hours % 24 ? 1 : 0))).toEqual([96, 120]);
  });

  it('is sent at once if reviewers disagree and nobody is left to decide', () => {
    const two = facts({ quorum: 2 }, 2);
    const once = decideRequest(buildRequestInReview(two), vote(ada), exampleStartTime, two).state;
    const disputed = decideRequest(once, vote(dan, 'reject'), exampleStartTime, two).state;
    const tick = { do: 'remindReviewers', attempt: disputed.attempt } as const;
    const { state, events } = decideRequest(disputed, tick, exampleStartTime, two);
    expect(events.filter(isSaid)).toHaveLength(1);
    expect(decideRequest(state, tick, exampleStartTime, two).events).toEqual([]);
  });

  it('is not repeated to another workflow, but is sent again when a review is resumed', () => {
    const none = facts({ quorum: 2 }, 0);
    const current = buildRequestInReview(none);
    const reissued = decideRequest(current, { do: 'reissue', by: olga }, exampleStartTime, none).state;
    const tick = { do: 'remindReviewers', attempt: reissued.attempt } as const;
    expect(decideRequest(reissued, tick, exampleStartTime, none).events).toEqual([]);
    const late = decideRequest(current, { do: 'applyDeadlines' }, later(exampleStartTime, 15 * day), none).state;
    const now = later(exampleStartTime, 16 * day);
    const resumed = decideRequest(late, { do: 'resume', by: olga }, now, none).state;
    expect(resumed.status).toBe('inReview');
    const next = { do: 'remindReviewers', attempt: resumed.attempt } as const;
    const { state, events } = decideRequest(resumed, next, now, none);
    expect(events.filter(isSaid)).toHaveLength(1);
    expect(decideRequest(state, next, now, none).events).toEqual([]);
  });
});
