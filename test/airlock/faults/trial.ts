import { expect } from 'vitest';
import { mapInParallel } from '../../../functions/storage/parallel.ts';
import { type Fault, groupCallsByFunction, type WatchedCall, type WatchedRun } from '../../faults.ts';
import { areTrialsComplete, selectTrials } from '../../trials.ts';
import { assertEventsPublished } from './harness.ts';

/** A sequence of actions by people and timers, in a project of its own, during which `faults` occur. */
export interface FaultPath {
  readonly go: (
    project: string,
    faults: readonly Fault[],
  ) => Promise<Pick<WatchedRun, 'calls' | 'unmet'> & { readonly requests: readonly string[] }>;
  /** Selects the functions and routes whose calls must fail; `isNew` is true if no earlier path calls them. */
  readonly fails: (name: string, isNew: boolean) => boolean;
}

export const isRouteName = (name: string) => name.includes(' ');

/** Runs at the same time. */
const concurrentRuns = 6;
let runCount = 0;
const nextProject = () => `flt-${String(runCount++).padStart(3, '0')}-x`;

type FaultKind = Pick<Fault, 'how' | 'times'>;

/** `once` fails one try only: the SDK's own next try must succeed and must not repeat any effect. */
const faultKinds: readonly FaultKind[] = [
  { how: 'lost' },
  { how: 'error' },
  { how: 'lost', times: 1 },
  { how: 'throttle', times: 1 },
  { how: 'conflict', times: 1 },
];

const describeKind = ({ how: kind, times }: FaultKind) => `${kind}${times === undefined ? '' : ' once'}`;
const describeFault = (fault: Fault) => `${fault.function} ${fault.action} ${fault.nth} ${describeKind(fault)}`;

/** One fault of this kind for each call of these functions. idempotency.cloud.test.ts covers the calls on ONCE rows. */
const listFaults = (calls: readonly WatchedCall[], names: ReadonlySet<string>, kind: FaultKind): Fault[] =>
  [...groupCallsByFunction(calls)].flatMap(([name, functionCalls]) =>
    names.has(name)
      ? functionCalls
          .filter(({ action, conditional }) =>
            kind.how === 'conflict'
              ? conditional
              : !action.endsWith(' ONCE') && !(kind.times !== undefined && action === 'lambda:Invoke'),
          )
          .map(({ action, nth }) => ({ function: name, action, nth, ...kind }))
      : [],
  );

interface Trial {
  readonly name: string;
  readonly path: FaultPath;
  readonly faults: readonly Fault[];
}
interface NamedFault {
  readonly name: string;
  readonly fault: Fault;
}

const isSameCall =
  ({ name, fault }: NamedFault) =>
  (candidate: NamedFault) =>
    name === candidate.name &&
    fault.function === candidate.fault.function &&
    fault.action === candidate.fault.action &&
    fault.how === candidate.fault.how;

/** A sample fails every operation of AWS in each way, and some call of every function in the two ways that matter most. */
const kindsOf = ({ fault }: NamedFault): string[] => [
  `${fault.action} ${describeKind(fault)}`,
  ...(fault.times === undefined && fault.how !== 'conflict' ? [`${fault.function} ${fault.how}`] : []),
];

/** In a sample, the faults of a path occur in one run. Otherwise, each run has faults of one kind. */
function selectFaults(trials: readonly Trial[]): Trial[] {
  const namedFaults = trials.flatMap(({ name, faults }) => faults.map(fault => ({ name, fault })));
  const selection = selectTrials('airlock, an AWS call fails', namedFaults, kindsOf);
  if (areTrialsComplete) return [...trials];
  return [...new Map(trials.map(({ name, path }) => [name, path]))].map(([name, path]) => ({
    name,
    path,
    faults: selection.filter(candidate => candidate.name === name).map(({ fault }) => fault),
  }));
}

/** Runs each path without faults. Plans a fault of each kind for each AWS call that the selected functions make. */
async function planTrials(paths: Readonly<Record<string, FaultPath>>) {
  const baselines = await mapInParallel(Object.entries(paths), concurrentRuns, async ([name, path]) => ({
    name,
    path,
    ...(await path.go(nextProject(), [])),
  }));
  const pathNames = new Set<string>();
  const trials = baselines.flatMap(({ name, path, calls }): Trial[] => {
    const callsByFunction = groupCallsByFunction(calls);
    const names = new Set(
      [...callsByFunction.keys()].filter(
        functionName => functionName.startsWith('airlock/') && path.fails(functionName, !pathNames.has(functionName)),
      ),
    );
    for (const functionName of callsByFunction.keys()) pathNames.add(functionName);
    const count = [...names].reduce((sum, functionName) => sum + (callsByFunction.get(functionName)?.length ?? 0), 0);
    console.log(`${name}: ${names.size} functions and operations make ${count} AWS calls`);
    return faultKinds.map(kind => ({ name, path, faults: listFaults(calls, names, kind) }));
  });
  return {
    requests: baselines.flatMap(({ requests }) => requests),
    // The longest first, so that none is left alone at the end.
    trials: selectFaults(trials)
      .filter(({ faults }) => faults.length > 0)
      .sort((a, b) => b.faults.length - a.faults.length),
    baselineCount: baselines.length,
  };
}

/**
 * Runs each path without faults, then as often as it takes for each call to fail in each way. Returns which kinds of
 * faults each function and operation has met.
 */
export async function runFaultTrial(paths: Readonly<Record<string, FaultPath>>): Promise<Map<string, Set<string>>> {
  const { requests, trials, baselineCount } = await planTrials(paths);
  const faultsByFunction = new Map<string, Set<string>>();
  const tally = new Map<string, number>();

  async function runOnce({ name, path }: Trial, faults: readonly Fault[]): Promise<Fault[]> {
    const project = nextProject();
    const run = await path.go(project, faults).catch((cause: unknown) => {
      throw new Error(`${name}, ${project}, with ${faults.map(describeFault).join(', ')}: ${cause}`, { cause });
    });
    requests.push(...run.requests);
    const unmet = new Set(run.unmet.map(fault => JSON.stringify(fault)));
    for (const fault of faults.filter(candidate => !unmet.has(JSON.stringify(candidate)))) {
      tally.set(describeKind(fault), (tally.get(describeKind(fault)) ?? 0) + 1);
      faultsByFunction.set(fault.function, (faultsByFunction.get(fault.function) ?? new Set()).add(fault.how));
    }
    return faults.filter(fault => unmet.has(JSON.stringify(fault)));
  }

  // A step whose effect happened although its answer was lost does not reach its later calls again. Another run, in
  // which that answer arrives, does.
  async function runUntilMet(trial: Trial): Promise<NamedFault[]> {
    for (let pending = trial.faults; ; ) {
      const unmet = await runOnce(trial, pending);
      if (unmet.length === 0 || unmet.length === pending.length)
        return unmet.map(fault => ({ name: trial.name, fault }));
      pending = unmet;
    }
  }

  const unmetFaults = (await mapInParallel(trials, concurrentRuns, runUntilMet)).flat();
  console.log(
    `recovered from ${[...tally].map(([kind, count]) => `${count} ${kind}`).join(', ')} in ${runCount - baselineCount} runs; ` +
      `never reached: ${unmetFaults.map(({ name, fault }) => `${name}: ${describeFault(fault)}`).join(', ') || 'none'}`,
  );
  // Calls that only a race repeats are not made each time, but every action of each function must fail once.
  const namedFaults = trials.flatMap(({ name, faults }) => faults.map(fault => ({ name, fault })));
  const unreached = unmetFaults.filter(
    candidate => unmetFaults.filter(isSameCall(candidate)).length >= namedFaults.filter(isSameCall(candidate)).length,
  );
  expect(unreached.map(({ name, fault }) => `${name}: ${describeFault(fault)}`)).toEqual([]);
  // One after the other: they share a queue, whose messages must be read in order.
  for (const request of requests) await assertEventsPublished(request);
  return faultsByFunction;
}
