import { describe, expect, it } from 'vitest';
import { decideRequest } from '../../functions/airlock/airlock.ts';
import type { Context } from '../../functions/airlock/request/decision.ts';
import {
  buildAirlockConfig,
  buildBallot,
  buildPerson,
  buildRequestInReview,
  exampleStartTime,
  olga,
} from './builders.ts';

const [ada, bob] = [buildPerson('ada', 'reviewer'), buildPerson('bob', 'reviewer')];
const facts = (change: Partial<Context> = {}): Context => ({
  rules: buildAirlockConfig(),
  members: ['rana'],
  reviewers: ['ada', 'bob'],
  candidates: [],
  ...change,
});
const approve = (by: typeof ada) => ({ do: 'vote', by, ballot: buildBallot(1, 'approve') }) as const;
const request = buildRequestInReview(facts());

describe('a reviewer who was a member of the project after the request was opened', () => {
  it('cannot vote on it', () => {
    expect(() => decideRequest(request, approve(ada), exampleStartTime, facts({ pastMembers: ['ada'] }))).toThrow(
      'You were a member of asthma after this request was opened',
    );
  });

  it('loses the vote that was cast before', () => {
    const voted = decideRequest(request, approve(ada), exampleStartTime, facts()).state;
    const decision = decideRequest(voted, approve(bob), exampleStartTime, facts({ pastMembers: ['ada'] }));
    expect(decision.state.status).toBe('inReview');
    expect(decision.events.map(({ name }) => name)).toContain('VoteDropped');
  });

  it('cannot release it, also not as an operator', () => {
    const approved = [ada, bob].reduce(
      (current, by) => decideRequest(current, approve(by), exampleStartTime, facts()).state,
      request,
    );
    const release = { do: 'release', by: olga } as const;
    expect(() => decideRequest(approved, release, exampleStartTime, facts({ pastMembers: ['olga'] }))).toThrow(
      'You were a member',
    );
    expect(decideRequest(approved, release, exampleStartTime, facts()).state.status).toBe('releasing');
  });
});
