import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { foldReport, type JobProgress } from '../../functions/batch/attempts.ts';
import type { BatchJobState } from '../../functions/batch/events.ts';
import { sampleRuns } from '../trials.ts';
import { testReport } from './builders.ts';

const reclaim = { startedAt: 100, stoppedAt: 200, statusReason: 'Host EC2 (instance i-1) terminated.', container: {} };
const success = { startedAt: 300, stoppedAt: 400, container: { exitCode: 0 } };
/** A job whose first machine AWS took back. */
const history: readonly BatchJobState[] = [
  testReport({ status: 'RUNNABLE' }),
  testReport({ status: 'STARTING' }),
  testReport({ status: 'RUNNING', startedAt: 100 }),
  testReport({ status: 'RUNNABLE', attempts: [reclaim] }),
  testReport({ status: 'STARTING', attempts: [reclaim] }),
  testReport({ status: 'RUNNING', startedAt: 300, attempts: [reclaim] }),
  testReport({ status: 'SUCCEEDED', startedAt: 300, stoppedAt: 400, attempts: [reclaim, success] }),
];
const fold = (reports: readonly BatchJobState[]) =>
  reports.reduce<JobProgress | undefined>((progress, report) => foldReport(progress, report), undefined);

describe('the reports of a job', () => {
  it('tell of two attempts, of which the first lost its machine', () =>
    expect(fold(history)).toMatchObject({
      status: 'succeeded',
      attempts: [
        { startedAt: 100, stoppedAt: 200, reason: reclaim.statusReason },
        { startedAt: 300, stoppedAt: 400, exitCode: 0 },
      ],
    }));

  it.each(history.map((_, index) => index))('give a state for each beginning of the history: %i', index => {
    const statuses = ['queued', 'running', 'running', 'queued', 'running', 'running', 'succeeded'];
    expect(fold(history.slice(0, index + 1))?.status).toBe(statuses[index]);
  });

  it('give the same state in any order, repeated and with gaps, as long as the end is among them', () =>
    fc.assert(
      fc.property(fc.array(fc.nat(history.length - 1), { maxLength: 20 }), fc.nat(20), (indexes, position) => {
        const reports = indexes.map(index => history[index] as BatchJobState);
        reports.splice(position, 0, history.at(-1) as BatchJobState);
        const progress = fold(reports);
        expect(progress?.status).toBe('succeeded');
        expect(progress?.attempts.map(({ stoppedAt }) => stoppedAt)).toEqual([200, 400]);
      }),
      { numRuns: sampleRuns(300) },
    ));

  it('never go back: without its end, the latest state holds in any order', () =>
    fc.assert(
      fc.property(fc.shuffledSubarray(history.slice(0, -1) as BatchJobState[], { minLength: 1 }), reports => {
        const latest = Math.max(...reports.map(report => history.indexOf(report)));
        expect(fold(reports)?.status).toBe(fold([history[latest] as BatchJobState])?.status);
      }),
      { numRuns: sampleRuns(300) },
    ));

  it('keep a failure if two ends contradict each other, in either order', () => {
    const reports = [testReport({ status: 'SUCCEEDED' }), testReport({ status: 'FAILED', statusReason: 'It failed.' })];
    expect(fold(reports)?.status).toBe('failed');
    expect(fold(reports.toReversed())?.status).toBe('failed');
  });
});
