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
const approve = (voter: typeof ada) => ({ do: 'vote', by: voter, ballot: buildBallot(1, 'approve') }) as const;
const request = buildRequestInReview(facts());

describe('a reviewer who was a member of the project after the request was opened', () => {
  it('cannot vote on it', () => {
    expect(() => decideRequest(request, approve(ada), exampleStartTime, facts({ pastMembers: ['ada'] }))).toThrow(
      'You were a member of asthma after this request was opened',
    );
  });

  it('loses the vote that was cast before', () => {
    const afterVote = decideRequest(request, approve(ada), exampleStartTime, facts()).state;
    const decision = decideRequest(afterVote, approve(bob), exampleStartTime, facts({ pastMembers: ['ada'] }));
    expect(decision.state.status).toBe('inReview');
    expect(decision.events.map(({ name }) => name)).toContain('VoteDropped');
  });

  it('cannot release it, also not as an operator', () => {
    const approval = [ada, bob].reduce(
      (current, voter) => decideRequest(current, approve(voter), exampleStartTime, facts()).state,
      request,
    );
    const release = { do: 'release', by: olga } as const;
    expect(() => decideRequest(approval, release, exampleStartTime, facts({ pastMembers: ['olga'] }))).toThrow(
      'You were a member',
    );
    expect(decideRequest(approval, release, exampleStartTime, facts()).state.status).toBe('releasing');
  });
});
