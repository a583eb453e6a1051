import { describe, expect, it } from 'vitest';
import { decideUse } from '../../functions/datasets/datasets.ts';
import { findDueReminder, remindOfEnd } from '../../functions/datasets/reminders.ts';
import type { ApprovedUse } from '../../functions/datasets/schemas.ts';
import { context, empty, lead, now, owner, useEnd, useRequest } from './builders.ts';

const daysBefore = (days: number) => new Date(Date.parse(useEnd) - days * 24 * 3600_000).toISOString();
const requestedState = decideUse(empty, { do: 'request', request: useRequest(), by: lead }, now, context).state;
const approve = (time: string) =>
  decideUse(requestedState, { do: 'approve', by: owner, conditions: '', hasRoom: () => true }, time, context).state;
const approvedState = approve(now);

/** The reminders of a use, if Broch looks every hour from the approval until a day after the end. */
function remindersOf(state: typeof approvedState, start = now): [number, string][] {
  const reminders: [number, string][] = [];
  let current = state;
  for (let time = Date.parse(start); time < Date.parse(useEnd) + 24 * 3600_000; time += 3600_000) {
    const decision = remindOfEnd(current, new Date(time).toISOString());
    for (const { type, detail } of decision.events) {
      expect(type).toBe('UseEnding');
      reminders.push([(detail as { days: number }).days, (detail as { at: string }).at]);
    }
    current = decision.state;
  }
  return reminders;
}

describe('a project is reminded of the end of a use', () => {
  it('fourteen and three days before, once each', () => {
    expect(remindersOf(approvedState)).toEqual([
      [14, daysBefore(14)],
      [3, daysBefore(3)],
    ]);
  });

  it('only of what lies ahead, if the use was approved late or nobody looked for some days', () => {
    expect(remindersOf(approve(daysBefore(10)), daysBefore(10))).toEqual([[3, daysBefore(3)]]);
    expect(remindersOf(approve(daysBefore(2)), daysBefore(2))).toEqual([]);
    expect(remindersOf(approvedState, daysBefore(1))).toEqual([[3, daysBefore(1)]]);
  });

  it('and the use stays as it is: the same grants, and the same end', () => {
    const { state, events } = remindOfEnd(approvedState, daysBefore(14));
    expect(state.grants).toBe(approvedState.grants);
    expect(state.use).toEqual({ ...(approvedState.use as ApprovedUse), remindedDays: 14 });
    expect(events).toMatchObject([{ detail: { project: 'asthma', dataset: 'admissions', endsAt: useEnd, days: 14 } }]);
  });

  it('not if it was requested only, has ended, or is over', () => {
    const end = { do: 'end', by: owner, reason: 'The agreement ended.', isLead: false } as const;
    const endedState = decideUse(approvedState, end, daysBefore(20), context).state;
    for (const { use } of [requestedState, endedState])
      expect(use && findDueReminder(use, daysBefore(14))).toBeUndefined();
    expect(approvedState.use && findDueReminder(approvedState.use, useEnd)).toBeUndefined();
    expect(remindOfEnd(empty, now).events).toEqual([]);
  });
});
