import { outgoingEvent } from '../contract.ts';
import { keepState } from '../decision.ts';
import { eventDetail, type UseDecision, type UseState } from './datasets.ts';
import { UseEnding } from './events.ts';
import { isOver } from './grants.ts';
import type { DatasetUse } from './schemas.ts';

/** So many days before the end of a use Broch reminds the project: first in time to ask again, then shortly before. */
const REMINDER_DAYS = [3, 14] as const;
const dayMilliseconds = 24 * 3600 * 1000;

/** The reminder that is due now, in days before the end. A use that was approved later than a reminder would be gets none. */
export function findDueReminder(use: DatasetUse, now: string): number | undefined {
  if (use.status !== 'approved' || isOver(use.endsAt, now)) return undefined;
  const startOf = (days: number) => Date.parse(use.endsAt) - days * dayMilliseconds;
  const days = REMINDER_DAYS.find(reminder => startOf(reminder) <= Date.parse(now));
  if (days === undefined || Date.parse(use.approvedAt) > startOf(days)) return undefined;
  return (use.remindedDays ?? Number.POSITIVE_INFINITY) <= days ? undefined : days;
}

/** Decides about a reminder. The one who asks saw a use that is some minutes old. */
export function remindOfEnd(state: UseState, now: string): UseDecision {
  const { use } = state;
  const days = use && findDueReminder(use, now);
  if (use?.status !== 'approved' || days === undefined) return keepState(state, 'no reminder is due');
  const detail = { ...eventDetail(use, now), endsAt: use.endsAt, days };
  return {
    state: { ...state, use: { ...use, remindedDays: days } },
    events: [outgoingEvent(UseEnding, detail)],
    reason: 'the use ends soon',
  };
}
