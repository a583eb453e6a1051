import { describe, expect, it } from 'vitest';
import { MAX_REQUESTED_RUNS, type RequestedRuns, requestRun } from '../../functions/costs/requests.ts';
import { exampleReportTime } from './bill-pages.ts';

const dollarsPerPage = 0.01;

describe('requested cost reports', () => {
  it('limits the reports requested in a day, whichever days they are for', () => {
    let requests: RequestedRuns | undefined;
    for (let run = 0; run < MAX_REQUESTED_RUNS; run++)
      requests = requestRun(requests, `run-${run}`, exampleReportTime).state;
    expect(() => requestRun(requests, 'one too many', exampleReportTime)).toThrow(/after midnight \(UTC\)/);
    // A run collects six times at most, and a report of 300 projects has two pages.
    expect(MAX_REQUESTED_RUNS * 6 * 2 * dollarsPerPage).toBeLessThan(3);
  });

  it('counts a repeated run once', () => {
    const { state } = requestRun(undefined, 'run', exampleReportTime);
    expect(requestRun(state, 'run', exampleReportTime).state).toBe(state);
  });

  it('forgets requested runs after two days', () => {
    const { state } = requestRun(undefined, 'run', exampleReportTime);
    expect((state?.ttl ?? 0) - Date.parse(exampleReportTime) / 1000).toBe(2 * 86_400);
  });
});
