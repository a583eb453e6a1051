import { describe, expect, it } from 'vitest';
import { decideRequest } from '../../functions/airlock/airlock.ts';
import type { Context } from '../../functions/airlock/request/decision.ts';
import type { Request } from '../../functions/airlock/request/request.ts';
import {
  buildAirlockConfig,
  buildBallot,
  buildDraft,
  buildPerson,
  buildRequestInReview,
  exampleStartTime,
  type rana,
} from './builders.ts';

const [ada, bob] = ['ada', 'bob'].map(id => buildPerson(id, 'reviewer')) as [typeof rana, typeof rana];
const facts = (change: Partial<Context> = {}): Context => ({
  rules: buildAirlockConfig(),
  members: ['rana'],
  reviewers: ['ada', 'bob'],
  candidates: [],
  ...change,
});
const approve = (voter: typeof rana) => ({ do: 'vote', by: voter, ballot: buildBallot(1, 'approve') }) as const;
const sealOf = (request: Request) => {
  if (!('seal' in request) || !request.seal) throw new Error('it is not sealed');
  return request.seal;
};

describe('settings that change after the seal', () => {
  const review = (change: object) => ({ ...buildRequestInReview(facts()), ...change }) as Request;

  it('do not let who made the earlier settings vote', () => {
    const request = review({ settingsBy: 'ada' });
    expect(() => decideRequest(request, approve(ada), exampleStartTime, facts({ ruledBy: 'olga' }))).toThrow(
      /You made the airlock settings/,
    );
    expect(decideRequest(request, approve(bob), exampleStartTime, facts({ ruledBy: 'olga' })).state.status).toBe(
      'inReview',
    );
  });

  it('can raise the quorum of a running review, and not lower it', () => {
    const vote = (rules: object, quorum: number) =>
      decideRequest(review({ quorum }), approve(ada), exampleStartTime, facts({ rules: buildAirlockConfig(rules) }))
        .state.status;
    expect(vote({ quorum: 1 }, 1)).toBe('approved');
    expect(vote({ quorum: 2 }, 1)).toBe('inReview');
    expect(vote({ quorum: 1 }, 2)).toBe('inReview');
  });

  it('do not allow parts that were not allowed when the review began', () => {
    const partialVote = { do: 'vote', by: ada, ballot: buildBallot(1, 'approve', ['a.csv']) } as const;
    const now = facts({ rules: buildAirlockConfig({ partial: true }) });
    expect(() => decideRequest(review({ partial: false }), partialVote, exampleStartTime, now)).toThrow(
      /does not allow partial approval/,
    );
  });

  it('are kept with the seal, by who made them', () => {
    const checking = decideRequest(
      {
        ...buildDraft(facts()),
        status: 'submitted',
        attempt: 1,
        startedAt: exampleStartTime,
        deadline: exampleStartTime,
      } as Request,
      { do: 'recordSeal', attempt: 1, seal: sealOf(buildRequestInReview(facts())), settingsBy: 'olga' },
      '2000-01-01T00:00:00.000Z',
      facts(),
    ).state;
    expect(checking).toMatchObject({ status: 'checking', settingsBy: 'olga' });
  });
});
