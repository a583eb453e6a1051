import { expect, it } from 'vitest';
import { MAX_REVIEW_POLLS, reviewPauses } from '../../functions/airlock/request/review-pace.ts';
import { Settings } from '../../functions/airlock/request/settings.ts';
import { judgeScan } from '../../functions/airlock/steps/malware.ts';
import { pauseUntilScanned } from '../../functions/storage/malware-scan.ts';
import { exampleStartTime } from './builders.ts';
import { type AslState, readAslStates } from './coverage.ts';

/** AWS ends an execution whose history has more: https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html */
const MAX_HISTORY_EVENTS = 25_000;
/** An attempt is scheduled, starts, and succeeds or fails. */
const attemptEvents = 3;
/** A chunk of the plan is an iteration of a map. */
const maxChunks = 40;
/** Retries of any fault, in lib/retries.ts. */
const faultAttempts = 6;

const states = readAslStates('airlock');
const inner = (name: string) =>
  (states[name] as AslState & { ItemProcessor: { States: Record<string, AslState> } }).ItemProcessor.States;

/** The events of a state that is entered, does its work once, and is left. */
function countEvents(state: (AslState & { Resource?: string }) | undefined): number {
  if (!state) throw new Error('there is no such state');
  if (state.Type === 'Task') return 2 + attemptEvents + (state.Resource?.endsWith('waitForTaskToken') ? 1 : 0);
  return state.Type === 'Map' ? 4 : 2;
}
const sumEvents = (names: readonly string[], machine = states) =>
  names.reduce((sum, name) => sum + countEvents(machine[name]), 0);
const addTime = (time: string, seconds: number) => new Date(Date.parse(time) + seconds * 1000).toISOString();

/** How often the longest scan of a file is checked. */
function countScanChecks(scanMinutes: number): number {
  let [now, count] = [exampleStartTime, 1];
  for (; judgeScan(undefined, { now, startedAt: exampleStartTime, scanMinutes }) === 'waiting'; count++)
    now = addTime(now, pauseUntilScanned({ now, startedAt: exampleStartTime, scanMinutes }));
  return count;
}

/** How often the workflow looks at a review that nobody decides, if it waits or pauses each time. */
function countPolls(reviewDays: number, remindHours: number, wait: 'seconds' | 'pauseSeconds'): number {
  const review = { since: exampleStartTime, deadline: addTime(exampleStartTime, reviewDays * 86_400) };
  // The first wait is fixed in the workflow.
  let [now, count] = [addTime(exampleStartTime, 900), 1];
  for (; now < review.deadline; count++) now = addTime(now, reviewPauses(review, { remindHours }, now)[wait]);
  return count;
}

const check = inner('Check');
const chunkEvents = maxChunks * (2 + sumEvents(['SealChunk'], inner('Seal')));
const scanEvents =
  maxChunks * (2 + countScanChecks(240) * sumEvents(['CheckChunk', 'Scanned', 'Unscanned'], check) + 2);
const startEvents =
  2 +
  chunkEvents +
  scanEvents +
  sumEvents(['Begin', 'Start?', 'Plan', 'Planned?', 'Seal', 'Manifest', 'Sealed?', 'Check', 'AggregateReports']) +
  sumEvents(['Aggregated?', 'Decided']);

const longestDays = Settings.shape.reviewDays.unwrap().maxValue ?? 0;
const settings = [1, 14, longestDays].flatMap(reviewDays =>
  [1, 48, 365 * 24].map(remindHours => [reviewDays, remindHours] as const),
);

it.each(settings)('a review of %i days with reminders each %i hours stays below 25,000 events', (days, hours) => {
  const pollEvents = sumEvents(['AwaitDecision', 'RemindReviewers', 'Reminded?']);
  expect(startEvents + countPolls(days, hours, 'seconds') * pollEvents).toBeLessThan(MAX_HISTORY_EVENTS);
});

it.each(settings)(
  'a review of %i days with reminders each %i hours stays below 25,000 events if it can never wait for the decision',
  (days, hours) => {
    const pollEvents = 2 + faultAttempts * attemptEvents + sumEvents(['Pause', 'RemindReviewers', 'Reminded?']);
    expect(startEvents + countPolls(days, hours, 'pauseSeconds') * pollEvents).toBeLessThan(MAX_HISTORY_EVENTS);
  },
);

it.each(settings)('a review of %i days with reminders each %i hours ends on time', (days, hours) => {
  const review = { since: exampleStartTime, deadline: addTime(exampleStartTime, days * 86_400) };
  for (const seconds of [0, 60, days * 86_400 - 30.5, days * 86_400 - 1]) {
    const now = addTime(exampleStartTime, seconds);
    for (const pause of Object.values(reviewPauses(review, { remindHours: hours }, now))) {
      expect(pause).toBeGreaterThanOrEqual(1);
      expect(Number.isInteger(pause)).toBe(true);
      expect(Date.parse(addTime(now, pause)) - Date.parse(review.deadline)).toBeLessThan(1000);
    }
  }
});

it('reminders of a review of the usual length are at most a quarter late', () => {
  const review = { since: exampleStartTime, deadline: addTime(exampleStartTime, 14 * 86_400) };
  expect(reviewPauses(review, { remindHours: 48 }, exampleStartTime)).toEqual({
    seconds: 12 * 3600,
    pauseSeconds: 4032,
  });
  expect((14 * 86_400) / MAX_REVIEW_POLLS).toBe(4032);
});
