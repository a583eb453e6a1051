import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { decideEnclaveRun, type EnclaveRunCommand, type RunState } from '../../functions/enclaves/enclaves.ts';
import { findLiveRuns } from '../../functions/enclaves/leftovers.ts';
import { machineFor } from '../../functions/enclaves/machine.ts';
import { boundKeys, codePartner, dataOwner, digest, manifest, minutesOn, proposal, runTime } from './runs.ts';

const approve = (person: typeof dataOwner): EnclaveRunCommand => ({
  do: 'approve',
  by: person,
  manifest: digest,
  grant: 'grant',
  keys: boundKeys,
});
const play = (commands: readonly EnclaveRunCommand[]) => {
  const { run } = commands.reduce<RunState>((state, command) => decideEnclaveRun(state, command, runTime).state, {
    run: undefined,
  });
  if (!run) throw new Error('there is no run');
  return run;
};
const authorised = [proposal, approve(dataOwner), approve(codePartner)];
const running = play([...authorised, { do: 'start' }]);
const failed = play([...authorised, { do: 'start' }, { do: 'fail', reason: 'x' }]);
const lease = (id: string, use: 'enclave' | 'workspace' = 'enclave') => ({ id, use, hourlyMicros: 0 });

describe('what is left of runs', () => {
  it('is looked for once a run has had the time to start its workflow', () => {
    expect(findLiveRuns([running], [], [], minutesOn(9))).toEqual([]);
    expect(findLiveRuns([running], [lease(running.id)], [running.id], minutesOn(9))).toEqual([]);
    expect(findLiveRuns([running], [], [], minutesOn(11))).toEqual([running.id]);
  });

  it('is a lease or an instance of a run that ended, each run once', () => {
    expect(findLiveRuns([failed], [], [], minutesOn(11))).toEqual([]);
    expect(findLiveRuns([failed], [lease(failed.id)], [failed.id], minutesOn(11))).toEqual([failed.id]);
    expect(findLiveRuns([], [], ['er-1'], minutesOn(11))).toEqual(['er-1']);
  });

  it('is not the lease of anything else', () => {
    expect(findLiveRuns([], [lease('ws-1', 'workspace')], [], minutesOn(11))).toEqual([]);
  });
});

it('counts the machine of a run at the list price', () => {
  const { machines } = JSON.parse(readFileSync(join(import.meta.dirname, '../../functions/batch/prices.json'), 'utf8'));
  for (const vcpus of [2, 4, 8, 20]) {
    const { type, hourlyMicros } = machineFor({ ...manifest, limits: { ...manifest.limits, vcpus } });
    expect(hourlyMicros, type).toBe(Math.round(machines[type].dollars * 1_000_000));
  }
});
