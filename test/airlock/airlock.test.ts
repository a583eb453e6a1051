import { describe, expect, it } from 'vitest';
import { policyFor } from '../../disclosure/tier-policy.ts';
import { decideRequest } from '../../functions/airlock/airlock.ts';
import { AirlockConfig } from '../../functions/airlock/request/airlock-config.ts';
import type { Context } from '../../functions/airlock/request/decision.ts';
import { day, hour, addSeconds as later } from '../../functions/airlock/request/request.ts';
import { requestView } from '../../functions/airlock/request/request-view.ts';
import { assignReviewers } from '../../functions/airlock/request/reviewer-assignment.ts';
import { applySettings, policyForSettings, Settings } from '../../functions/airlock/request/settings.ts';
import { viewerOf } from '../../functions/airlock/request/viewer.ts';
import { voteOutcome } from '../../functions/airlock/request/votes.ts';
import {
  buildAirlockConfig,
  buildBallot,
  buildDraft,
  buildPerson,
  buildReport,
  buildRequestInReview,
  buildSeal,
  exampleStartTime,
  olga,
  rana,
  tryCommand,
} from './builders.ts';

const [ada, bob, cyd] = ['ada', 'bob', 'cyd'].map(id => buildPerson(id, 'reviewer')) as [
  typeof rana,
  typeof rana,
  typeof rana,
];
const facts = (change: Partial<Context> = {}): Context => ({
  rules: buildAirlockConfig(),
  members: ['rana'],
  reviewers: ['ada', 'bob', 'cyd'],
  candidates: ['ada', 'bob', 'cyd'].map(id => ({ id, name: id })),
  ...change,
});
const approve = (voter: typeof rana, round = 1) =>
  ({ do: 'vote', by: voter, ballot: buildBallot(round, 'approve') }) as const;

describe('outcome of votes', () => {
  it.each([
    ['a', 2, 'open'],
    ['aa', 2, 'approved'],
    ['rr', 2, 'rejected'],
    ['ab', 2, 'returned'],
    ['bb', 2, 'returned'],
    ['ar', 2, 'conflict'],
    ['ara', 2, 'approved'],
    ['arr', 2, 'rejected'],
    ['arb', 2, 'returned'],
    ['brr', 2, 'rejected'],
    ['a', 1, 'approved'],
    ['r', 1, 'rejected'],
    ['aar', 3, 'conflict'],
    ['aara', 3, 'approved'],
    ['arra', 3, 'returned'],
  ] as const)('the votes %s with a quorum of %i come to: %s', (votes, quorum, outcome) => {
    const verdicts = { a: 'approve', b: 'return', r: 'reject' } as const;
    const cast = [...votes].map(letter => ({ verdict: verdicts[letter as 'a' | 'b' | 'r'] }));
    expect(voteOutcome(cast, quorum)).toBe(outcome);
  });
});

describe('eligibility to vote', () => {
  it.each([
    [
      'the requester, even one in the reviewer group',
      buildPerson('rana', 'researcher', 'reviewer'),
      { reviewers: ['rana'] },
      /requester cannot review/,
    ],
    ['a member of the project', ada, { members: ['rana', 'ada'] }, /Members of asthma/],
    ['a person who is not a reviewer', olga, {}, /Only reviewers/],
  ])('refuses a vote from %s', (_, voter, change, message) => {
    expect(() => decideRequest(buildRequestInReview(facts()), approve(voter), exampleStartTime, facts(change))).toThrow(
      message,
    );
  });

  it('refuses a vote on an earlier seal and names the current one', () => {
    expect(() => decideRequest(buildRequestInReview(facts()), approve(ada, 2), exampleStartTime, facts())).toThrow(
      /review the files of this seal/,
    );
  });

  it('drops earlier votes of people who became ineligible and records it', () => {
    const firstVote = decideRequest(buildRequestInReview(facts()), approve(ada), exampleStartTime, facts()).state;
    const secondVote = decideRequest(firstVote, approve(bob), exampleStartTime, facts({ reviewers: ['bob', 'cyd'] }));
    expect(secondVote.state.status).toBe('inReview');
    expect(secondVote.events.map(({ name }) => name)).toEqual(['VoteDropped', 'VoteCast']);
    expect(decideRequest(secondVote.state, approve(cyd), exampleStartTime, facts()).state.status).toBe('approved');
  });
});

describe('partial approval', () => {
  const partialVote = { do: 'vote', by: ada, ballot: buildBallot(1, 'approve', ['a.csv']) } as const;
  it('approves some of the files where the rules allow it', () => {
    const partial = facts({ rules: buildAirlockConfig({ partial: true }) });
    const firstVote = decideRequest(buildRequestInReview(partial), partialVote, exampleStartTime, partial).state;
    expect(decideRequest(firstVote, approve(bob), exampleStartTime, partial).state).toMatchObject({
      status: 'approved',
      withheld: ['a.csv'],
    });
  });
  it('refuses to approve some of the files where the rules do not allow it', () =>
    expect(() => decideRequest(buildRequestInReview(facts()), partialVote, exampleStartTime, facts())).toThrow(
      /does not allow partial approval/,
    ));
});

describe('what each viewer sees', () => {
  it('hides the votes of others until the quorum is complete', () => {
    const firstVote = decideRequest(buildRequestInReview(facts()), approve(ada), exampleStartTime, facts()).state;
    const visibleText = (viewer: typeof rana, member = false) =>
      JSON.stringify(requestView(firstVote, viewer, viewerOf(firstVote, viewer, member)));
    expect(visibleText(ada)).toContain('"verdict"');
    for (const viewer of [rana, bob, olga]) {
      expect(visibleText(viewer)).not.toContain('verdict');
      expect(visibleText(viewer)).not.toContain('ada');
    }
    // Somebody in the project is of the project, whatever group they are in besides.
    expect(visibleText(ada, true)).not.toContain('verdict');
    expect(() => viewerOf(firstVote, buildPerson('eve', 'researcher'), false)).toThrow(/no project/);
  });

  it('shows the requester comments, but no names or notes', () => {
    const note = { ...buildBallot(1, 'return'), note: 'between us' };
    const firstVote = decideRequest(
      buildRequestInReview(facts()),
      { do: 'vote', by: ada, ballot: note },
      exampleStartTime,
      facts(),
    ).state;
    const back = decideRequest(firstVote, approve(bob), exampleStartTime, facts()).state;
    const text = JSON.stringify(requestView(back, rana, 'project'));
    expect(text).toContain('correct it');
    expect(text).not.toMatch(/between us|ada|bob/);
  });
});

describe('deadlines', () => {
  it('sends reminders, adds reviewers, then times out; the votes count again after a resume', () => {
    let current = decideRequest(buildRequestInReview(facts()), approve(ada), exampleStartTime, facts()).state;
    const names: string[] = [];
    const choices: string[][] = [];
    for (let hours = 0; hours <= 15 * 24; hours += 12) {
      const now = later(exampleStartTime, hours * hour);
      const { state, events } = decideRequest(
        current,
        { do: 'remindReviewers', attempt: current.attempt },
        now,
        facts(),
      );
      current = state;
      names.push(...events.map(({ name }) => name));
      choices.push(
        ...events.flatMap(({ name, to: recipients }) =>
          name === 'ReviewEscalated' && recipients ? [recipients.map(({ id }) => id)] : [],
        ),
      );
    }
    expect(names.filter(name => name === 'ReviewReminded')).toHaveLength(6);
    // All three were asked in the beginning, so it is only said, once, that nobody is left.
    expect(choices).toEqual([[]]);
    expect(names.at(-1)).toBe('RequestTimedOut');
    const now = later(exampleStartTime, 16 * day);
    const resumption = decideRequest(current, { do: 'resume', by: olga }, now, facts()).state;
    expect(decideRequest(resumption, approve(bob), now, facts()).state.status).toBe('approved');
    expect(tryCommand(current, { do: 'resume', by: rana }, now, facts())).toBeUndefined();
  });

  it('keeps the votes of a timed-out review on record, even if the request is then withdrawn', () => {
    const firstVote = decideRequest(buildRequestInReview(facts()), approve(ada), exampleStartTime, facts()).state;
    const late = decideRequest(firstVote, { do: 'applyDeadlines' }, later(exampleStartTime, 15 * day), facts()).state;
    expect(late.status).toBe('timedOut');
    const { ended: finalRound } = decideRequest(
      late,
      { do: 'withdraw', by: rana, reason: 'no' },
      later(exampleStartTime, 15 * day),
      facts(),
    );
    expect(finalRound).toMatchObject({ round: 1, outcome: 'withdrawn', seal: buildSeal(1), votes: [{ by: 'ada' }] });
  });

  it('lets the requester answer the questions of the checks, or returns the request at the deadline', () => {
    const ask = (explanation: string) => {
      let request = decideRequest(
        buildDraft(facts()),
        { do: 'edit', by: rana, change: { explanation } },
        exampleStartTime,
        facts(),
      ).state;
      request = decideRequest(request, { do: 'submit', by: rana }, exampleStartTime, facts()).state;
      request = decideRequest(
        request,
        { do: 'recordSeal', attempt: 1, seal: buildSeal(1) },
        exampleStartTime,
        facts(),
      ).state;
      return decideRequest(
        request,
        { do: 'recordReport', attempt: 1, report: buildReport('ask') },
        exampleStartTime,
        facts(),
      ).state.status;
    };
    expect([ask(''), ask('The zeros are structural.')]).toEqual(['returned', 'inReview']);
  });
});

describe('assignment of reviewers', () => {
  const candidates = ['ada', 'bob', 'cyd', 'dan', 'eva'].map(id => ({ id, name: id }));
  it('spreads reviewers evenly, gives the same answer each time, and keeps those already assigned', () => {
    const counts = new Map<string, number>();
    for (let nth = 0; nth < 500; nth++) {
      const id = `al-${nth}`;
      const two = assignReviewers({ id, assignees: [] }, 2, candidates);
      expect(assignReviewers({ id, assignees: [] }, 2, [...candidates].reverse())).toEqual(two);
      expect(assignReviewers({ id, assignees: two }, 3, candidates)).toEqual(expect.arrayContaining(two));
      for (const reviewer of two) counts.set(reviewer.id, (counts.get(reviewer.id) ?? 0) + 1);
    }
    for (const count of counts.values()) expect(count).toBeGreaterThan(150);
    expect(counts.size).toBe(5);
  });

  it('assigns no ineligible reviewer, and asks nobody else when reviewers disagree', () => {
    const current = decideRequest(buildRequestInReview(facts()), approve(ada), exampleStartTime, facts()).state;
    const reject = { do: 'vote', by: bob, ballot: buildBallot(1, 'reject') } as const;
    const { state: conflict } = decideRequest(current, reject, exampleStartTime, facts());
    const tick = { do: 'remindReviewers', attempt: conflict.attempt } as const;
    const { state, events } = decideRequest(conflict, tick, exampleStartTime, facts());
    expect('assignees' in current && current.assignees).toHaveLength(3);
    expect('assignees' in state && state.assignees).toHaveLength(3);
    expect(events).toEqual([]);
    const fewer = facts({ candidates: candidates.filter(({ id }) => id !== 'ada') });
    const departure = decideRequest(state, tick, exampleStartTime, fewer).state;
    expect('assignees' in departure && departure.assignees.map(({ id }) => id)).not.toContain('ada');
  });
});

describe('settings of a project', () => {
  it('override those of the organisation and make a policy of their own', () => {
    const base = AirlockConfig.parse({});
    expect(applySettings(base, undefined)).toEqual(base);
    expect(applySettings(base, { quorum: 3, caps: { files: 5 } })).toEqual({
      ...base,
      quorum: 3,
      caps: { ...base.caps, files: 5 },
    });
    expect(policyForSettings(base, undefined, 'export')).toEqual(policyFor(2));
    expect(policyForSettings(base, { tier: 3 }, 'export')).toEqual(policyFor(3));
    const ownPolicy = policyForSettings(
      base,
      { checks: { rules: { 'sdc.minimum-count': { action: 'ask', threshold: 7 } } } },
      'export',
    );
    expect(ownPolicy.rules['sdc.minimum-count']).toEqual({ action: 'ask', threshold: 7 });
    expect(ownPolicy.rules['sdc.dominance']).toEqual(policyFor(2).rules['sdc.dominance']);
    expect(ownPolicy.version).toMatch(/^broch-tier2-1\+[0-9a-f]{12}$/);
    // What is not named is the organisation's, also beside what is.
    const weakSettings = { imports: { quorum: 3 }, caps: { files: 5 } };
    expect(Settings.parse(weakSettings)).toEqual(weakSettings);
    const strict = AirlockConfig.parse({ imports: { keepDays: 9 }, caps: { dailyBytes: 7 } });
    expect(applySettings(strict, Settings.parse(weakSettings))).toMatchObject({
      imports: { quorum: 3, keepDays: 9 },
      caps: { files: 5, dailyBytes: 7 },
    });
    expect(() => Settings.parse({ quorum: 0 })).toThrow();
    expect(() => Settings.parse({ checks: { rules: { 'sdc.unheard-of': { action: 'off' } } } })).toThrow();
  });
});

it('refuses a review by the named recipient', () => {
  const request = { ...buildRequestInReview(facts()), recipient: { id: 'ada', name: 'ada' } };
  expect(() => decideRequest(request, approve(ada), exampleStartTime, facts())).toThrow(
    /The recipient cannot review the request/,
  );
  expect(() => decideRequest(request, { ...approve(bob) }, exampleStartTime, facts())).not.toThrow();
});
