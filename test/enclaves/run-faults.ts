import { expect } from 'vitest';
import type { EnclaveRun } from '../../functions/enclaves/schemas.ts';
import type { connectTestCloud } from '../cloud.ts';
import { type Fault, groupCallsByFunction, watchCalls } from '../faults.ts';
import { selectTrials } from '../trials.ts';

/** A run that is ready to start, and what becomes of it. */
interface RunTrials {
  prepare(): Promise<EnclaveRun>;
  perform(run: EnclaveRun): Promise<EnclaveRun['status']>;
}

/** Fails each AWS call of the steps of a run in turn, and compares how the run ends. */
export async function tryRunFaults(
  cloud: ReturnType<typeof connectTestCloud>,
  project: string,
  { prepare, perform }: RunTrials,
): Promise<void> {
  const watch = await watchCalls(cloud, project, [], { step: 1, route: 0 });
  const attempt = async (faults: readonly Fault[]) => {
    const run = await prepare();
    await watch.rearm(faults);
    return { status: await perform(run), ...(await watch.calls()) };
  };
  const { calls } = await attempt([]);
  // The step that ends a run is repeated; every other failure for good ends it.
  const trials = [...groupCallsByFunction(calls)].flatMap(([name, list]) =>
    /^enclaves\/(?!api)/.test(name)
      ? list.map(({ action, nth }) => {
          const invocations = name.includes('close') ? 1 : 99;
          return { function: name, action, nth, how: 'error', invocations } as const satisfies Fault;
        })
      : [],
  );
  for (const fault of selectTrials('an enclave run', trials, trial => [trial.function])) {
    const { status, calls: made } = await attempt([fault]);
    // How a project wakes, and so which calls that takes, depends on how far the sleep after the last run has come.
    const isMet = made.some(({ how }) => how !== null);
    expect(isMet || fault.function.includes('wake'), JSON.stringify(fault)).toBe(true);
    const isFatal = isMet && !fault.function.includes('close');
    expect(status, JSON.stringify(fault)).toBe(isFatal ? 'failed' : 'completed');
  }
  await watch.end();
}
