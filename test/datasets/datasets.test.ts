import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decideUse, type UseCommand, type UseState } from '../../functions/datasets/datasets.ts';
import { currentGrants, MAX_GRANTS } from '../../functions/datasets/grants.ts';
import { offerNewerVersion, viewUse } from '../../functions/datasets/use-view.ts';
import { sampleRuns } from '../trials.ts';
import { context, empty, lead, now, owner, stranger, terms, useEnd, useRequest } from './builders.ts';

const request = { do: 'request', request: useRequest(), by: lead } as const;
const approve = { do: 'approve', by: owner, conditions: 'No linkage.', hasRoom: () => true } as const;
const requestedState = decideUse(empty, request, now, context).state;
const approvedState = decideUse(requestedState, approve, now, context).state;

describe('a request for a dataset', () => {
  it('waits for the owner, and gives nothing yet', () => {
    const { state, events } = decideUse(empty, request, now, context);
    expect(state.use).toMatchObject({ status: 'requested', requestedByName: 'rana', version: useRequest().version });
    expect(state.grants).toEqual([]);
    expect(events.map(({ type }) => type)).toEqual(['UseRequested']);
  });

  it.each([
    ['a dataset without an owner', {}, { ...context, terms: undefined }, /has no owner yet/],
    [
      'a withdrawn dataset',
      {},
      { ...context, terms: { ...terms, withdrawn: { by: 'a', byName: 'sam', reason: 'x', at: now } } },
      /was withdrawn/,
    ],
    [
      'a suspended dataset',
      {},
      { ...context, terms: { ...terms, suspended: { reason: 'A column is wrong.', at: now } } },
      /is suspended: A column is wrong\. Ask again/,
    ],
    ['a project with many requests that wait', {}, { ...context, waitingCount: 20 }, /20 requests that wait/],
    ['another purpose', { purpose: 'teaching' as const }, context, /may be used for research, not for teaching/],
    [
      'more sensitive data than the project is for',
      {},
      { ...context, terms: { ...terms, tier: 3 as const } },
      /is of tier 3, and the project asthma of tier 2\. Ask with a recipe/,
    ],
    ['an end in the past', { endsAt: '2026-11-28T11:59:59Z' }, context, /in the past/],
    [
      'an end after the retention',
      {},
      { ...context, terms: { ...terms, retainUntil: now } },
      /is withdrawn at 2026-11-28/,
    ],
    ['an end after the longest use', { endsAt: '2027-11-29T00:00:00Z' }, context, /365 days at most/],
  ])('is refused for %s', (_, change, facts, message) =>
    expect(() => decideUse(empty, { ...request, request: { ...useRequest(), ...change } }, now, facts)).toThrow(
      message,
    ),
  );
});

describe("the owner's decision", () => {
  it('gives the project exactly the version, until the end', () => {
    const { version, prefix, id } = useRequest();
    expect(approvedState.use).toMatchObject({ status: 'approved', approvedByName: 'sam', conditions: 'No linkage.' });
    expect(approvedState.grants).toEqual([
      { use: id, dataset: 'admissions', version, prefix, endsAt: useEnd, tier: terms.tier },
    ]);
  });

  it('is not asked for twice', () => {
    const { state, events } = decideUse(approvedState, approve, useEnd.replace('2027', '2026'), context);
    expect([state, events]).toEqual([approvedState, []]);
  });

  it.each([
    ['somebody else', { ...approve, by: stranger }, context, /Only sam, who owns/],
    ['an owner who is or was a member of the project', approve, { ...context, isMember: true }, /cannot decide/],
    [
      'an owner who made the request',
      { ...approve, by: lead },
      { ...context, terms: { ...terms, owner: lead.id } },
      /cannot decide/,
    ],
  ])('is refused to %s', (_, command, facts, message) => {
    expect(() => decideUse(requestedState, command, now, facts)).toThrow(message);
    expect(() => decideUse(requestedState, { ...command, do: 'refuse', reason: 'no' }, now, facts)).toThrow(message);
  });

  it('is refused once the requested time is over', () =>
    expect(() => decideUse(requestedState, approve, useEnd, context)).toThrow(/would have ended/));

  it('is refused when the tier of the project is lower than that of the dataset, unless a recipe leaves less of it', () => {
    const [lower, unknown] = [
      { ...context, tier: 1 },
      { terms, isMember: false },
    ];
    for (const facts of [lower, unknown])
      expect(() => decideUse(requestedState, approve, now, facts)).toThrow(/is of tier 2, and the project asthma/);
    expect(decideUse(requestedState, approve, now, { ...context, tier: 3 }).state.grants).toHaveLength(1);
    const recipe = {
      recipe: 1 as const,
      tables: [{ path: 'a.csv', columns: [{ name: 'region', do: 'keep' as const }] }],
    };
    const reduced = { ...useRequest(), recipe, recipeDigest: 'c'.repeat(64) };
    const { state } = decideUse(empty, { ...request, request: reduced }, now, lower);
    expect(decideUse(state, { ...approve, recipe: reduced.recipeDigest }, now, lower).state.use?.status).toBe(
      'approved',
    );
  });

  it('is refused when the project has as many datasets as a policy can name', () => {
    const grants = Array.from({ length: MAX_GRANTS }, (_, index) => ({ ...useRequest(index + 1), use: `du-${index}` }));
    expect(() => decideUse({ ...requestedState, grants }, approve, now, context)).toThrow(/which is the limit/);
    const noRoom = { ...approve, hasRoom: () => false };
    expect(() => decideUse(requestedState, noRoom, now, context)).toThrow(/AWS limits to 20 KB. End one of its uses/);
    // What has expired takes no room.
    const old = grants.map(grant => ({ ...grant, endsAt: now }));
    expect(decideUse({ ...requestedState, grants: old }, approve, now, context).state.grants).toHaveLength(1);
  });

  it('can be a refusal with a reason', () => {
    const { state, events } = decideUse(
      requestedState,
      { do: 'refuse', by: owner, reason: 'No ethics approval.' },
      now,
      context,
    );
    expect(state).toMatchObject({ use: { status: 'refused', reason: 'No ethics approval.' }, grants: [] });
    expect(events.map(({ type }) => type)).toEqual(['UseRefused']);
  });
});

describe('the end of a use', () => {
  it.each([
    ['the owner', { do: 'end', by: owner, reason: 'x', isLead: false } as const],
    ['a lead of the project', { do: 'end', by: lead, reason: 'x', isLead: true } as const],
    ['a withdrawal of the dataset', { do: 'withdraw', reason: 'x' } as const],
  ])('by %s takes the access away and announces it', (_, command) => {
    const { state, events } = decideUse(approvedState, command, now, context);
    expect(state).toMatchObject({ use: { status: 'ended', reason: 'x' }, grants: [] });
    expect(events.map(({ type }) => type)).toEqual(['UseEnded']);
  });

  it('is refused to anybody else', () =>
    expect(() =>
      decideUse(approvedState, { do: 'end', by: stranger, reason: 'x', isLead: false }, now, context),
    ).toThrow(/Only the owner/));

  it('comes with time', () => {
    expect(viewUse(approvedState.use ?? expect.fail(), useEnd)).toMatchObject({
      status: 'ended',
      reason: 'Its time is over.',
    });
    expect(currentGrants(approvedState.grants, useEnd)).toEqual([]);
  });
});

describe('a newer version', () => {
  const use = approvedState.use ?? expect.fail();
  const newest = { dataset: use.dataset, version: 'f'.repeat(64) };

  it('is named beside an approved use, whose version stays', () => {
    expect(offerNewerVersion(use, [undefined, newest])).toEqual({ ...use, newerVersion: newest.version });
  });

  it.each([
    ['the newest version is the version of the use', use, [{ dataset: use.dataset, version: use.version }]],
    ['only another dataset has a newer version', use, [{ ...newest, dataset: 'another' }]],
    ['the use has ended', viewUse(use, useEnd), [newest]],
  ])('is not named if %s', (_, candidate, versions) => {
    expect(offerNewerVersion(candidate, versions)).toEqual(candidate);
  });
});

describe('whatever is asked in whatever order', () => {
  const times = [now, '2027-02-28T23:59:59.000Z', useEnd, '2027-05-01T00:00:00.000Z'];
  const command: fc.Arbitrary<UseCommand> = fc.oneof(
    fc.constant(request),
    fc.record({
      do: fc.constant('approve' as const),
      by: fc.constantFrom(owner, lead, stranger),
      conditions: fc.constant(''),
      hasRoom: fc.constant(() => true),
    }),
    fc.record({ do: fc.constant('refuse' as const), by: fc.constantFrom(owner, stranger), reason: fc.constant('no') }),
    fc.record({
      do: fc.constant('end' as const),
      by: fc.constantFrom(owner, lead, stranger),
      reason: fc.constant('done'),
      isLead: fc.boolean(),
    }),
    fc.record({ do: fc.constant('withdraw' as const), reason: fc.constant('over') }),
  );
  const step = fc.record({ command, time: fc.constantFrom(...times), isMember: fc.boolean() });

  it('a project has a grant exactly while its use is approvedState, and only the owner from outside approves', () =>
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), steps => {
        let state: UseState = empty;
        for (const { command, time, isMember } of steps.sort((a, b) => (a.time < b.time ? -1 : 1))) {
          const previousState = state;
          try {
            state = decideUse(state, command, time, { terms, isMember }).state;
          } catch {
            state = previousState;
          }
          const hasGrant = state.grants.some(({ use }) => use === state.use?.id);
          expect(hasGrant).toBe(state.use?.status === 'approved');
          if (state.use?.status === 'approved' && previousState.use?.status !== 'approved') {
            expect(command).toMatchObject({ do: 'approve', by: owner });
            expect(isMember).toBe(false);
            expect(Date.parse(time)).toBeLessThan(Date.parse(state.use.endsAt));
          }
          if (previousState.use?.status === 'ended' || previousState.use?.status === 'refused')
            expect(state.use).toEqual(previousState.use);
        }
      }),
      { numRuns: sampleRuns(500) },
    ));
});
