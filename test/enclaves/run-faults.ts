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
    const outcome = await attempt([fault]).catch((error: unknown) => {
      throw new Error(`After ${JSON.stringify(fault)}: ${error instanceof Error ? error.message : error}`);
    });
    const isWaking = fault.function.includes('wake');
    // Which calls waking takes depends on how far the sleep after the last run has come; the next try may take others.
    expect(isWaking || outcome.calls.some(call => call.how !== null), JSON.stringify(fault)).toBe(true);
    const statuses = fault.function.includes('close') ? ['completed'] : isWaking ? ['completed', 'failed'] : ['failed'];
    expect(statuses, JSON.stringify(fault)).toContain(outcome.status);
  }
  await watch.end();
}
