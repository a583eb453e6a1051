import type { AwakeHolder } from '../awake/lease.ts';
import type { EnclaveRun } from './schemas.ts';

/** Why a run failed whose workflow ended before it. */
export const STOPPED = 'Stopped';

/** A run that is younger may be about to start its workflow. */
const SETTLING_MS = 10 * 60_000;

/** The runs of a project of which something is left that a workflow should take care of: their row, a lease, or an instance. */
export function findLiveRuns(
  runs: readonly EnclaveRun[],
  holders: readonly AwakeHolder[],
  instances: readonly string[],
  now: string,
): string[] {
  const isYoung = (id: string) => {
    const run = runs.find(row => row.id === id);
    return run?.status === 'running' && Date.parse(run.startedAt) > Date.parse(now) - SETTLING_MS;
  };
  const ids = [
    ...runs.filter(({ status }) => status === 'running').map(({ id }) => id),
    ...holders.filter(({ use }) => use === 'enclave').map(({ id }) => id),
    ...instances,
  ];
  return [...new Set(ids)].filter(id => !isYoung(id));
}
