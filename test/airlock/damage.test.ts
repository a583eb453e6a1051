import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decideRequest } from '../../functions/airlock/airlock.ts';
import {
  closeDamagedRequest,
  DamagedRequest,
  damagedSummary,
  damagedView,
} from '../../functions/airlock/request/damage.ts';
import { standingOf } from '../../functions/airlock/request/download-eligibility.ts';
import { isFinal, Request } from '../../functions/airlock/request/request.ts';
import { RequestView } from '../../functions/airlock/request/request-view.ts';
import { RequestSummary } from '../../functions/airlock/request/summary.ts';
import { Refused } from '../../functions/refused.ts';
import {
  buildAirlockConfig,
  buildBallot,
  buildDraft,
  buildPerson,
  buildRelease,
  buildRequestInReview,
  exampleStartTime as now,
  olga,
  rana,
} from './builders.ts';

const [vera, viktor] = [buildPerson('vera', 'reviewer'), buildPerson('viktor', 'reviewer')];
const facts = { rules: buildAirlockConfig(), members: ['rana'], reviewers: ['vera', 'viktor'], candidates: [] };
const vote = (request: Request, voter: typeof vera) =>
  decideRequest(request, { do: 'vote', by: voter, ballot: buildBallot(request.round, 'approve') }, now, facts).state;

const inReview = buildRequestInReview(facts);
const approvedRequest = vote(vote(inReview, vera), viktor);
const releasing = decideRequest(approvedRequest, { do: 'release', by: olga }, now, facts).state;
const release = { do: 'recordRelease', attempt: releasing.attempt, release: buildRelease() } as const;
const releasedRequest = decideRequest(releasing, release, now, facts).state;
const states = [buildDraft(facts), buildDraft(facts, 'import'), inReview, approvedRequest, releasing, releasedRequest];

/** The row of a request of which the values of some fields were replaced, or taken away. */
const damagedRow = fc
  .tuple(
    fc.constantFrom(...states),
    fc.infiniteStream(fc.oneof(fc.jsonValue(), fc.constant('+099999-01-01T00:00:00Z'))),
  )
  .chain(([request, values]) => {
    const names = Object.keys(request).filter(field => field !== 'id' && field !== 'project');
    return fc.subarray(names, { minLength: 1 }).map(fields => ({
      ...request,
      ...Object.fromEntries(fields.map(field => [field, values.next().value])),
      sk: request.id,
      revision: 3,
    }));
  });

const damagedOf = (row: { id: string; project: string }) =>
  new DamagedRequest(row.id, row.project, { ...row }, ['due']);

describe('a request whose row cannot be read', () => {
  it('is listed and shown as damaged, whatever its fields hold', () => {
    fc.assert(
      fc.property(damagedRow, row => {
        expect(RequestSummary.parse(damagedSummary(row))).toMatchObject({ id: row.id, status: 'damaged' });
        const view = RequestView.parse(damagedView(damagedOf(row)));
        expect(view).toMatchObject({ id: row.id, project: row.project, status: 'damaged' });
        expect(view.reason).toContain('broch airlock revoke');
      }),
    );
  });

  it('is left out of lists only if its id cannot be read', () => {
    expect(damagedSummary({ project: 'asthma' })).toBeUndefined();
    expect(damagedSummary({ sk: releasedRequest.id })).toMatchObject({ id: releasedRequest.id, status: 'damaged' });
  });

  it('is a closed request that gives nothing, once a reviewer or an operator has revoked it', () => {
    fc.assert(
      fc.property(damagedRow, fc.constantFrom(olga, vera), (row, actor) => {
        fc.pre(row.requester !== actor.id && row.recipient?.id !== actor.id);
        const { state, events } = closeDamagedRequest(damagedOf(row), { by: actor, reason: 'damaged' }, now, facts);
        expect(Request.parse(state)).toEqual(state);
        expect(isFinal(state)).toBe(true);
        expect('retainedUntil' in state && Date.parse(state.retainedUntil ?? '')).toBeGreaterThanOrEqual(
          Date.parse(now),
        );
        expect(events.map(({ name }) => name)).toEqual(['RequestRevoked']);
        expect(() => standingOf(state)).toThrow(Refused);
      }),
    );
  });

  it('keeps what can be read: the seal, the votes and the release of a date past the year 9999', () => {
    const row = { ...releasedRequest, expiresAt: '+012026-01-01T00:00:00.000Z' };
    const { state } = closeDamagedRequest(damagedOf(row), { by: olga, reason: 'damaged' }, now, facts);
    expect(state).toMatchObject({
      status: 'revoked',
      seal: 'seal' in releasedRequest && releasedRequest.seal,
      votes: 'votes' in releasedRequest && releasedRequest.votes,
      release: buildRelease(),
      reason: 'damaged',
    });
  });

  it('cannot be revoked by its requester or by a member of the project', () => {
    const row = { ...releasedRequest, expiresAt: 'never' };
    for (const actor of [rana, { ...rana, groups: ['operator'] }])
      expect(() => closeDamagedRequest(damagedOf(row), { by: actor, reason: 'x' }, now, facts)).toThrow(Refused);
  });
});

describe('a request of a project whose settings cannot be read', () => {
  const damaged = { ...facts, settingsDamaged: true } as const;
  it('is not voted on and not released until an operator sets them again', () => {
    const ballot = buildBallot(inReview.round, 'approve');
    for (const [request, command] of [
      [inReview, { do: 'vote', by: vera, ballot }],
      [approvedRequest, { do: 'release', by: olga }],
    ] as const)
      expect(() => decideRequest(request, command, now, damaged)).toThrow('broch airlock configure');
  });

  it('can be revoked', () => {
    const command = { do: 'revoke', by: olga, reason: 'x' } as const;
    expect(decideRequest(releasedRequest, command, now, damaged).state.status).toBe('revoked');
  });
});
