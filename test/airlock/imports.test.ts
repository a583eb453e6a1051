import { describe, expect, it } from 'vitest';
import { policyFor } from '../../disclosure/tier-policy.ts';
import { decideRequest } from '../../functions/airlock/airlock.ts';
import type { Context } from '../../functions/airlock/request/decision.ts';
import { addSeconds as later } from '../../functions/airlock/request/request.ts';
import { draftRequest } from '../../functions/airlock/request/requester-commands.ts';
import {
  buildAirlockConfig,
  buildBallot,
  buildDraft,
  buildPerson,
  buildReport,
  buildRequestInReview,
  buildSeal,
  exampleStartTime,
  rana,
} from './builders.ts';

const [ada, bob] = [buildPerson('ada', 'reviewer'), buildPerson('bob', 'reviewer')];
const facts = (): Context => ({
  rules: buildAirlockConfig(),
  members: ['rana'],
  reviewers: ['ada', 'bob'],
  candidates: [],
});
const approve = (voter: typeof rana) => ({ do: 'vote', by: voter, ballot: buildBallot(1, 'approve') }) as const;

describe('an import', () => {
  const draft = { ...buildDraft(facts()), direction: 'import' as const };
  it('is created only from its own upload', () => {
    const { id, project, title, groups, direction } = draft;
    const { state } = draftRequest({ id, project, title, groups, direction }, rana, exampleStartTime, facts());
    expect(state.source).toBe(`uploads/${id}/`);
    const source = 'data/outbox/t/';
    expect(() =>
      draftRequest({ id, project, title, groups, direction, source }, rana, exampleStartTime, facts()),
    ).toThrow(/The files of an import are uploaded/);
    const edit = { do: 'edit', by: rana, change: { source } } as const;
    expect(() => decideRequest(state, edit, exampleStartTime, facts())).toThrow(/The files of an import are uploaded/);
    const leaving = { id, project, title, groups, direction: 'export' as const };
    expect(() => draftRequest(leaving, rana, exampleStartTime, facts())).toThrow(/Name the folder/);
  });

  it('is not removed from the project while a cancelled step may still write there', () => {
    let request = buildRequestInReview(facts());
    request = { ...request, direction: 'import', quorum: 1 } as typeof request;
    request = decideRequest(request, approve(ada), exampleStartTime, facts()).state;
    request = decideRequest(request, { do: 'release', by: bob }, exampleStartTime, facts()).state;
    request = decideRequest(
      request,
      { do: 'abortRelease', attempt: request.attempt, reason: 'tampered' },
      exampleStartTime,
      facts(),
    ).state;
    const commands = [
      { do: 'revoke', by: bob, reason: 'no' },
      { do: 'withdraw', by: rana, reason: 'no' },
    ] as const;
    for (const end of commands) {
      expect(() => decideRequest(request, end, later(exampleStartTime, 14 * 60), facts())).toThrow(/in 15 minutes/);
      expect(decideRequest(request, end, later(exampleStartTime, 15 * 60), facts()).state.status).toMatch(
        /revoked|withdrawn/,
      );
    }
  });

  it('is not checked for disclosure and has its own quorum', () => {
    const { rules: checks } = policyFor(3, 'import');
    for (const [name, { action }] of Object.entries(checks)) if (name.startsWith('sdc.')) expect(action).toBe('off');
    const { state } = decideRequest(draft, { do: 'submit', by: rana }, exampleStartTime, facts());
    const sealedState = decideRequest(
      state,
      { do: 'recordSeal', attempt: 1, seal: buildSeal(1) },
      exampleStartTime,
      facts(),
    ).state;
    const reviewState = decideRequest(
      sealedState,
      { do: 'recordReport', attempt: 1, report: buildReport() },
      exampleStartTime,
      facts(),
    ).state;
    expect(reviewState).toMatchObject({ status: 'inReview', quorum: 1, direction: 'import' });
  });
});
