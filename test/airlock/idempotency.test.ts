import { describe, expect, it } from 'vitest';
import { type Command, decideRequest } from '../../functions/airlock/airlock.ts';
import { decideOnce, NO_PEOPLE } from '../../functions/airlock/request/decision.ts';
import { Request, statuses } from '../../functions/airlock/request/request.ts';
import {
  buildAirlockConfig,
  buildBallot,
  buildPerson,
  buildRequestInReview,
  exampleStartTime,
  rana,
} from './builders.ts';

const vera = buildPerson('vera', 'reviewer');
const viktor = buildPerson('viktor', 'reviewer');
const now = { ...NO_PEOPLE, rules: buildAirlockConfig(), members: ['rana'], reviewers: ['vera', 'viktor'] };
const run = (request: Request, mark: string, command: Command) =>
  decideOnce(request, mark, () => decideRequest(request, command, exampleStartTime, now));

describe('a command repeated because its answer was lost', () => {
  it('changes nothing, whatever state it led to', () => {
    const review = buildRequestInReview(now);
    const first = run(review, 'one', { do: 'vote', by: vera, ballot: buildBallot(1, 'approve') }).state;
    const approval = run(first, 'two', { do: 'vote', by: viktor, ballot: buildBallot(1, 'approve') });
    expect(approval.state.status).toBe('approved');
    const repetition = run(approval.state, 'two', { do: 'vote', by: viktor, ballot: buildBallot(1, 'approve') });
    expect([repetition.state, repetition.events]).toEqual([approval.state, []]);
    // Another call is another matter.
    expect(() => run(approval.state, 'three', { do: 'vote', by: viktor, ballot: buildBallot(1, 'approve') })).toThrow();
    const withdrawal = run(approval.state, 'four', { do: 'withdraw', by: rana, reason: 'x' });
    for (const mark of ['one', 'two', 'four'])
      expect(run(withdrawal.state, mark, { do: 'withdraw', by: rana, reason: 'x' }).state).toBe(withdrawal.state);
  });

  it('is recognised in every state, for the eight newest keys', () => {
    for (const status of statuses) {
      const shape = Request.options.find(option => option.shape.status.value === status)?.shape;
      expect(shape).toHaveProperty('done');
    }
    let request = buildRequestInReview(now);
    for (let call = 0; call < 12; call++)
      request = run(request, `call-${call}`, { do: 'reissue', by: buildPerson('olga', 'operator') }).state;
    expect(request.done).toEqual(Array.from({ length: 8 }, (_, index) => `call-${11 - index}`));
  });

  it('is executed again if it has no key', () => {
    const review = buildRequestInReview(now);
    expect(run(review, '', { do: 'reissue', by: buildPerson('olga', 'operator') }).state.done).toEqual(review.done);
  });
});
