import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decideUse, type UseState } from '../../functions/datasets/datasets.ts';
import { MAX_GRANTS } from '../../functions/datasets/grants.ts';
import {
  decideMinimisation,
  expectsMinimised,
  isBeingMinimised,
  type MinimisationCommand,
} from '../../functions/datasets/minimisation.ts';
import type { DatasetUse, MinimisedVersion } from '../../functions/datasets/schemas.ts';
import { context, empty, lead, now, owner, terms, useRequest } from './builders.ts';

const recipe = {
  recipe: 1 as const,
  tables: [{ path: 'a.csv', columns: [{ name: 'region', do: 'keep' as const }] }],
};
const recipeDigest = 'd'.repeat(64);
const version = 'e'.repeat(64);
const minimised: MinimisedVersion = {
  version,
  prefix: `datasets/admissions/${version}/`,
  files: 2,
  bytes: 100,
  rowsRead: 3,
  rowsWritten: 3,
  cellsEmptied: 0,
  filesLeftOut: 0,
  at: now,
};
const withdrawnTerms = { ...terms, withdrawn: { by: owner.id, byName: 'sam', reason: 'The end.', at: now } };

const request = { do: 'request', request: { ...useRequest(), recipe, recipeDigest }, by: lead } as const;
const hasRoom = (): boolean => true;
const approve = { do: 'approve', by: owner, conditions: '', recipe: recipeDigest, hasRoom } as const;
const end = { do: 'end', by: lead, reason: 'Done.', isLead: true } as const;
const record = { do: 'recordMinimised', minimised, hasRoom } as const;
const fail = { do: 'fail', reason: 'No column age.' } as const;

const requestedState = decideUse(empty, request, now, context).state;
const approvedState = decideUse(requestedState, approve, now, context).state;
const minimisedState = decideMinimisation(approvedState, record, now, terms).state;
const minutesLater = (minutes: number) => new Date(Date.parse(now) + minutes * 60_000).toISOString();
const endOf = (state: UseState) => decideUse(state, end, now, context).state.use as DatasetUse;

describe('a minimised version', () => {
  it('is what the project reads, once it exists', () => {
    expect(approvedState.grants).toEqual([]);
    const { state, events } = decideMinimisation(approvedState, record, now, terms);
    expect(state.grants).toMatchObject([{ use: useRequest().id, version, prefix: minimised.prefix }]);
    expect(state.grants[0]?.tier).toBeUndefined();
    expect(events).toMatchObject([{ type: 'UseMinimised', detail: { minimised: version, recipe: recipeDigest } }]);
  });

  it.each([
    ['cannot be made', approvedState, fail, terms, 'No column age.'],
    ['comes after the withdrawal', approvedState, record, withdrawnTerms, 'The dataset was withdrawn: The end.'],
    [
      'is one too many',
      {
        ...approvedState,
        grants: Array.from({ length: MAX_GRANTS }, (_, index) => ({ ...useRequest(index + 1), use: 'du-1' })),
      },
      record,
      terms,
      /which is the limit/,
    ],
    [
      'has no room in the policy',
      approvedState,
      { ...record, hasRoom: (): boolean => false },
      terms,
      /AWS limits to 20 KB/,
    ],
  ] as const)('that %s ends the use with the reason', (_, state, command, rules, reason) => {
    const { use } = decideMinimisation(state as UseState, command, now, rules).state;
    expect(use).toMatchObject({
      status: 'ended',
      reason: reason instanceof RegExp ? expect.stringMatching(reason) : reason,
    });
  });

  it('is given once at most, and never after the end, in whatever order the steps and people come', () => {
    const commands = fc.constantFrom('record', 'fail', 'end', 'withdraw');
    fc.assert(
      fc.property(fc.array(commands, { maxLength: 8 }), order => {
        let state: UseState = approvedState;
        let [versionCount, isOver] = [0, false];
        for (const name of order) {
          const decide = (command: MinimisationCommand) => decideMinimisation(state, command, now, terms);
          const decisions = {
            record: () => decide(record),
            fail: () => decide(fail),
            end: () => (isOver ? undefined : decideUse(state, end, now, context)),
            withdraw: () => decideUse(state, { do: 'withdraw', reason: 'The end.' }, now, context),
          };
          const decision = decisions[name]();
          if (!decision) continue;
          versionCount += decision.events.filter(({ type }) => type === 'UseMinimised').length;
          if (isOver) expect(decision.events).toEqual([]);
          state = decision.state;
          isOver = state.use?.status === 'ended';
          expect(state.grants).toHaveLength(versionCount === 1 && !isOver ? 1 : 0);
        }
        expect(versionCount).toBeLessThanOrEqual(1);
      }),
    );
  });
});

describe('a dataset is not deleted while a step may write a minimised version of it', () => {
  const [approvedUse, minimisedUse] = [approvedState.use, minimisedState.use] as [DatasetUse, DatasetUse];
  const plainState = decideUse(
    decideUse(empty, { ...request, request: useRequest() }, now, context).state,
    {
      ...approve,
      recipe: undefined,
    },
    now,
    context,
  ).state;

  it.each([
    ['nobody has approved', requestedState.use, false],
    ['is approved', approvedUse, true],
    ['has its minimised version', minimisedUse, false],
    ['has no recipe', plainState.use, false],
    ['ended before the approval', endOf(requestedState), false],
    ['ended after its minimised version was there', endOf(minimisedState), false],
    ['ended before its minimised version was there', endOf(approvedState), true],
    ['without a recipe ended', endOf(plainState), false],
  ] as const)('by a use that %s', (_, use, isWritten) =>
    expect(isBeingMinimised(use as DatasetUse, now)).toBe(isWritten),
  );

  it('for twenty minutes after the end of the use, in which no new step writes', () => {
    const use = endOf(approvedState);
    expect([0, 19, 20, 21].map(minutes => isBeingMinimised(use, minutesLater(minutes)))).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect(expectsMinimised(use)).toBe(false);
    expect([approvedUse, minimisedUse, requestedState.use, undefined].map(expectsMinimised)).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });
});
