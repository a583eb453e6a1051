import * as z from 'zod';
import { type Decision, keepState } from '../decision.ts';
import { Refused } from '../refused.ts';

/**
 * How many runs people may request on one day (UTC), for whichever days. Cost Explorer charges $0.01 for each page, and its
 * figures change at most three times a day (https://docs.aws.amazon.com/cost-management/latest/userguide/ce-api-best-practices.html).
 */
export const MAX_REQUESTED_RUNS = 24;

/** The runs that were requested on one day, by name. */
export const RequestedRuns = z.object({ runs: z.array(z.string()), ttl: z.number().int() });
export type RequestedRuns = z.infer<typeof RequestedRuns>;

/** Counts a requested run. A repetition of a run is not counted again. */
export function requestRun(
  requests: RequestedRuns | undefined,
  run: string,
  now: string,
): Decision<RequestedRuns | undefined> {
  const runs = requests?.runs ?? [];
  if (runs.includes(run)) return keepState(requests, 'the run was requested before');
  if (runs.length >= MAX_REQUESTED_RUNS)
    throw new Refused(
      'conflict',
      `${MAX_REQUESTED_RUNS} cost reports were requested today, and AWS charges for each. Request the next one after midnight (UTC), or read a stored report: broch cost show <date>.`,
    );
  const ttl = Math.floor(Date.parse(now) / 1000) + 2 * 86_400;
  return { state: { runs: [...runs, run], ttl }, events: [], reason: 'a report was requested' };
}
