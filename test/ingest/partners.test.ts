import { describe, expect, it } from 'vitest';
import { type PartnerRecord, PartnerTerms } from '../../functions/ingest/partner-schemas.ts';
import { agreementProblem, decidePartner, findOverdue } from '../../functions/ingest/partners.ts';

const now = '2026-11-28T12:00:00.000Z';
const terms: PartnerTerms = PartnerTerms.parse({
  organisation: 'Tayside Health',
  contact: 'petra@tayside.example',
  agreement: 'DSA 2026-14',
  startsAt: '2026-01-01T00:00:00Z',
  endsAt: '2027-01-01T00:00:00Z',
  datasets: ['admissions', 'visits-*'],
  everyDays: 30,
  networks: ['192.0.2.0/24', '2001:db8::/32'],
});
const olga = { id: 'user-olga', name: 'olga' };
const register = { do: 'register', partner: 'user-petra', name: 'petra', terms, by: olga } as const;
const { record } = decidePartner({ record: undefined }, register, now).state;
const petra = record as PartnerRecord;

describe('an agreement', () => {
  it('is registered by somebody else, and ends after it begins', () => {
    expect(decidePartner({ record: undefined }, register, now).events.map(({ type }) => type)).toEqual([
      'PartnerRegistered',
    ]);
    expect(petra).toMatchObject({ acceptance: 'steward', graceDays: 2, overdue: [], changedBy: 'olga' });
    const selfMade = { ...register, by: { id: 'user-petra', name: 'petra' } };
    expect(() => decidePartner({ record: undefined }, selfMade, now)).toThrow(/Nobody registers their own/);
    const reversed = { ...register, terms: { ...terms, endsAt: terms.startsAt } };
    expect(() => decidePartner({ record: undefined }, reversed, now)).toThrow(/end before it begins/);
  });

  it.each([
    ['the dataset that it names', {}, undefined],
    ['a dataset of its family', { dataset: 'visits-2026' }, undefined],
    ['the other network', { source: '2001:db8::7' }, undefined],
    ['a later check, which has no address', { source: undefined }, undefined],
    ['another dataset', { dataset: 'prescriptions' }, /does not cover the dataset prescriptions/],
    ['what only ends like its family', { dataset: 'my-visits-2026' }, /does not cover/],
    ['the time before', { now: '2025-12-31T23:59:59.999Z' }, /begins at 2026-01-01/],
    ['its last moment', { now: '2026-12-31T23:59:59.999Z' }, undefined],
    ['the time after', { now: '2027-01-01T00:00:00.000Z' }, /ended at 2027-01-01.* renew it/],
    ['another network', { source: '198.51.100.7' }, /from 192\.0\.2\.0\/24, 2001:db8::\/32 only/],
    ['what is no address', { source: '' }, /only, and you are at/],
  ])('decides about %s', (_, change, expected) => {
    const problem = agreementProblem(petra, { dataset: 'admissions', source: '192.0.2.9', now, ...change });
    if (expected) expect(problem).toMatch(expected);
    else expect(problem).toBeUndefined();
  });

  it('is missing for a partner who is only a member of a group', () => {
    expect(agreementProblem(undefined, { dataset: 'admissions', now })).toMatch(/No agreement of yours is registered/);
  });
});

describe('overdue deliveries', () => {
  it('are counted from the last version or from the beginning, with days of grace, while the agreement holds', () => {
    const deliveries = new Map([
      ['visits-2026', '2026-10-27T12:00:00.000Z'],
      ['visits-2025', '2026-10-27T11:59:59.999Z'],
      ['foreign', '2020-01-01T00:00:00.000Z'],
    ]);
    expect(findOverdue(petra, deliveries, now)).toEqual([
      { dataset: 'admissions', dueAt: '2026-01-31T00:00:00.000Z' },
      { dataset: 'visits-2025', dueAt: '2026-11-26T11:59:59.999Z' },
    ]);
    expect(findOverdue(petra, deliveries, '2027-01-01T00:00:00.000Z')).toEqual([]);
    const { everyDays: _, ...unscheduled } = petra;
    expect(findOverdue(unscheduled, deliveries, now)).toEqual([]);
  });

  it('are announced once each, and forgotten once they arrived', () => {
    const overdue = [{ dataset: 'admissions', dueAt: '2026-01-31T00:00:00.000Z' }];
    const first = decidePartner({ record: petra }, { do: 'noteOverdue', overdue }, now);
    expect(first.events).toMatchObject([{ type: 'DeliveryOverdue', detail: { ...overdue[0], partnerName: 'petra' } }]);
    const second = decidePartner(first.state, { do: 'noteOverdue', overdue }, now);
    expect([second.state, second.events]).toEqual([first.state, []]);
    const longer = [...overdue, { dataset: 'visits-2026', dueAt: now }];
    expect(decidePartner(first.state, { do: 'noteOverdue', overdue: longer }, now).events).toHaveLength(1);
    const arrival = decidePartner(first.state, { do: 'noteOverdue', overdue: [] }, now);
    expect([arrival.state.record?.overdue, arrival.events]).toEqual([[], []]);
  });
});
