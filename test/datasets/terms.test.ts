import { describe, expect, it } from 'vitest';
import { decideTerms } from '../../functions/datasets/terms.ts';
import { now, owner, stranger, terms } from './builders.ts';

const state = { dataset: 'admissions', terms };
const withdraw = { do: 'withdraw', by: owner, reason: 'The agreement ended.' } as const;

it('a data steward gives a dataset an owner and rules, and can change them', () => {
  const { dataset: _, changedBy, changedAt, ...change } = terms;
  const command = { do: 'govern', change, by: { id: 'user-olga', name: 'olga' }, isOperator: true } as const;
  const first = decideTerms({ dataset: 'admissions', terms: undefined }, command, now);
  expect(first.state.terms).toEqual({ ...terms, changedBy: 'olga' });
  expect(first.events.map(({ type }) => type)).toEqual(['DatasetGoverned']);
  const shorter = decideTerms(first.state, { ...command, change: { ...change, days: 30 } }, now);
  expect(shorter.state.terms?.days).toBe(30);
  const takeover = { ...command, by: stranger, isOperator: false };
  expect(() => decideTerms(first.state, takeover, now)).toThrow(
    /Only sam, who owns the dataset admissions, or an operator/,
  );
});

it('the tier of a dataset is 2 until somebody sets it, and stays when they change another rule', () => {
  const { dataset: _, changedBy, changedAt, tier: _tier, ...change } = terms;
  const command = { do: 'govern', by: owner, isOperator: false } as const;
  const govern = (previous: typeof terms | undefined, tier?: 1 | 3) => {
    const rules = { ...change, ...(tier && { tier }) };
    return decideTerms({ dataset: 'admissions', terms: previous }, { ...command, change: rules }, now).state.terms;
  };
  expect(govern(undefined)?.tier).toBe(2);
  expect(govern(govern(undefined, 3))?.tier).toBe(3);
  expect(govern(govern(undefined, 3), 1)?.tier).toBe(1);
});

it('only the owner withdraws a dataset, once and for good', () => {
  expect(() => decideTerms(state, { ...withdraw, by: stranger }, now)).toThrow(/Only sam, who owns/);
  const first = decideTerms(state, withdraw, now);
  expect(first.state.terms?.withdrawn).toEqual({
    by: owner.id,
    byName: 'sam',
    reason: 'The agreement ended.',
    at: now,
  });
  expect(first.events.map(({ type }) => type)).toEqual(['DatasetWithdrawn']);
  const second = decideTerms(first.state, withdraw, now);
  expect([second.state, second.events]).toEqual([first.state, []]);
  const { dataset: _, changedBy, changedAt, withdrawn, ...change } = first.state.terms ?? terms;
  expect(() => decideTerms(first.state, { do: 'govern', change, by: owner, isOperator: false }, now)).toThrow(
    /which is final/,
  );
});

it('a dataset is withdrawn when its retention ends, not before, and once', () => {
  const retainUntil = '2027-01-01T00:00:00.000Z';
  const limitedState = { dataset: 'admissions', terms: { ...terms, retainUntil } };
  const command = { do: 'endRetention' } as const;
  expect(decideTerms(limitedState, command, '2026-12-31T23:59:59.999Z')).toMatchObject({
    state: limitedState,
    events: [],
  });
  expect(decideTerms(state, command, '2099-01-01T00:00:00.000Z')).toMatchObject({ state, events: [] });
  const end = decideTerms(limitedState, command, retainUntil);
  expect(end.state.terms?.withdrawn).toMatchObject({
    byName: 'Broch',
    reason: `Its retention ended at ${retainUntil}.`,
  });
  expect(end.events.map(({ type }) => type)).toEqual(['DatasetWithdrawn']);
  expect(decideTerms(end.state, command, retainUntil).events).toEqual([]);
});

describe('a suspension', () => {
  const suspend = { do: 'suspend', by: owner, reason: 'Under investigation.', isOperator: false } as const;
  const { state: suspension, events } = decideTerms(state, suspend, now);

  it('is announced once, survives a change of the rules, and is ended by the owner', () => {
    expect(events.map(({ type }) => type)).toEqual(['DatasetSuspended']);
    expect(decideTerms(suspension, suspend, now)).toMatchObject({ state: suspension, events: [] });
    const { dataset: _, changedBy, changedAt, suspended, ...change } = suspension.terms ?? terms;
    const governed = decideTerms(suspension, { do: 'govern', change, by: owner, isOperator: false }, now);
    expect(governed.state.terms?.suspended).toEqual({ byName: 'sam', reason: 'Under investigation.', at: now });
    expect(() => decideTerms(suspension, { do: 'resume', by: stranger }, now)).toThrow(/Only sam, who owns/);
    const resumption = decideTerms(suspension, { do: 'resume', by: owner }, now);
    expect([resumption.state.terms, resumption.events.map(({ type }) => type)]).toEqual([terms, ['DatasetResumed']]);
    expect(() => decideTerms(state, { ...suspend, by: stranger }, now)).toThrow(/or an operator may suspend/);
  });

  it('follows when the owner is no data steward any more, but not for an earlier owner', () => {
    const { state: lapse } = decideTerms(state, { do: 'lapse', owner: owner.id }, now);
    expect(lapse.terms?.suspended?.reason).toMatch(/sam, who owns the dataset, is no data steward any more/);
    expect(decideTerms(state, { do: 'lapse', owner: stranger.id }, now)).toMatchObject({ state, events: [] });
  });

  it('ends for good with a withdrawal', () => {
    const { state: withdrawal } = decideTerms(suspension, withdraw, now);
    expect(() => decideTerms(withdrawal, { do: 'resume', by: owner }, now)).toThrow(/which is final/);
    expect(decideTerms(withdrawal, { do: 'lapse', owner: owner.id }, now).events).toEqual([]);
  });
});
