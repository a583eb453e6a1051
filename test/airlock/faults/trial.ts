import { expect } from 'vitest';
import { parallel } from '../../../functions/storage/parallel.ts';
import { type Fault, groupCallsByFunction, type WatchedCall, type WatchedRun } from '../../faults.ts';
import { assertEventsPublished } from './harness.ts';

/** Something that people and time do with the airlock, in a project of its own, while `faults` happen. */
export interface FaultPath {
  readonly go: (
    project: string,
    faults: readonly Fault[],
  ) => Promise<Pick<WatchedRun, 'calls' | 'unmet'> & { readonly requests: readonly string[] }>;
  /** Of which functions and operations every call shall fail; `isNew` is one that no way before it has. */
  readonly fails: (name: string, isNew: boolean) => boolean;
  /** What is called again until it succeeds, so that a run bears all of its faults. */
  readonly bearsAll?: readonly string[];
}

export const isRouteName = (name: string) => name.includes(' ');

/** So many runs at once. */
const width = 6;
let runs = 0;
const next = () => `flt-${String(runs++).padStart(3, '0')}-x`;

/** Each call of the airlock's functions that `takes` takes; not of what keeps the outcomes of calls, for which there is once.cloud.test.ts. */
function faultsOf(calls: readonly WatchedCall[], how: Fault['how'], takes: (name: string) => boolean, times?: number) {
  return [...groupCallsByFunction(calls)].flatMap(([name, all]): Fault[] =>
    name.startsWith('airlock/') && takes(name)
      ? all
          .filter(({ action }) => !action.endsWith(' ONCE') && !(times !== undefined && action === 'lambda:Invoke'))
          .map(call => ({ function: name, ...call, how, ...(times !== undefined && { times }) }))
      : [],
  );
}

/** How many faults one run bears of a function: a step is tried six times, a call to the API five. */
const bears = (name: string) => (isRouteName(name) ? 4 : 5);

function* runsOf(faults: readonly Fault[], all: readonly string[]): Generator<Fault[]> {
  const by = [...Map.groupBy(faults, fault => fault.function)];
  const part = ([name, own]: [string, Fault[]], run: number) =>
    all.includes(name) ? (run === 0 ? own : []) : own.slice(run * bears(name), (run + 1) * bears(name));
  for (let run = 0; by.some(of => part(of, run).length > 0); run++) yield by.flatMap(of => part(of, run));
}

const kindOf = ({ how, times }: Fault) => `${how}${times === undefined ? '' : ' once'}`;
const said = (fault: Fault) => `${fault.function} ${fault.action} ${fault.nth} ${kindOf(fault)}`;

interface Run extends FaultPath {
  readonly name: string;
  readonly faults: readonly Fault[];
}
type Missed = Run & { readonly fault: Fault };

function plan(calls: readonly WatchedCall[], fails: (name: string) => boolean, bearsAll: readonly string[]): Fault[][] {
  const of = (how: 'error' | 'lost') => [
    // One try only: the SDK's own next try must be good for something, and do nothing twice.
    faultsOf(calls, how === 'error' ? 'throttle' : how, fails, 1),
    ...runsOf(faultsOf(calls, how, fails), bearsAll),
  ];
  return [...of('error'), ...of('lost')].filter(faults => faults.length > 0);
}

/** What was not met, in as few runs as can bear it. */
function again(left: readonly Missed[]): Run[] {
  const ways = Map.groupBy(left, ({ name, fault }) => `${name} ${fault.how}`);
  return [...ways.values()].map(all => {
    const by = [...Map.groupBy(all, ({ fault }) => fault.function).values()];
    const [one] = all as [Missed];
    const some = (own: Missed[]) => (one.bearsAll?.includes(own[0]?.fault.function ?? '') ? own : own.slice(0, 1));
    return { ...one, faults: by.flatMap(some).map(({ fault }) => fault) };
  });
}

/**
 * Goes each way without faults, then as often as it takes for each call to fail in each way. Says which kinds of faults
 * each function and operation has met.
 */
export async function runFaultTrial(ways: Readonly<Record<string, FaultPath>>): Promise<Map<string, Set<string>>> {
  const begun = await parallel(Object.entries(ways), width, async ([name, way]) => {
    return { name, ...way, ...(await way.go(next(), [])) };
  });
  const told = begun.flatMap(({ requests }) => requests);
  const known = new Set<string>();
  const planned: Run[] = [];
  for (const { calls, go, fails, bearsAll = [], name } of begun) {
    const way = { go, fails, bearsAll, name };
    const own = [...groupCallsByFunction(calls)].filter(
      ([name]) => name.startsWith('airlock/') && way.fails(name, !known.has(name)),
    );
    const names = new Set(own.map(([name]) => name));
    planned.push(...plan(calls, name => names.has(name), bearsAll).map(faults => ({ ...way, faults })));
    for (const name of groupCallsByFunction(calls).keys()) known.add(name);
    console.log(
      `${way.name}: ${own.length} functions and operations make ${own.flatMap(([, all]) => all).length} AWS calls`,
    );
  }
  const met = new Map<string, Set<string>>();
  const tally = new Map<string, number>();
  const perform = async (run: Run): Promise<Missed[]> => {
    const project = next();
    const { unmet, requests } = await run.go(project, run.faults).catch((cause: unknown) => {
      throw new Error(`${run.name}, ${project}, with ${run.faults.map(said).join(', ')}: ${cause}`, { cause });
    });
    told.push(...requests);
    const missed = new Set(unmet.map(fault => JSON.stringify(fault)));
    for (const fault of run.faults.filter(one => !missed.has(JSON.stringify(one)))) {
      tally.set(kindOf(fault), (tally.get(kindOf(fault)) ?? 0) + 1);
      met.set(fault.function, (met.get(fault.function) ?? new Set()).add(fault.how));
    }
    return run.faults.filter(one => missed.has(JSON.stringify(one))).map(fault => ({ ...run, fault }));
  };
  let left = (await parallel(planned, width, perform)).flat();
  // A step that was done although its answer was lost does not come to its last calls again: those have their own run.
  for (let round = 0; round < 3 && left.length > 0; round++) {
    const next = again(left);
    left = left.filter(({ name, fault }) => !next.some(run => run.name === name && run.faults.includes(fault)));
    const missed = (await parallel(next, width, perform)).flat();
    left.push(...missed);
    if (missed.length === next.flatMap(({ faults }) => faults).length) break;
  }
  console.log(
    `recovered from ${[...tally].map(([kind, count]) => `${count} ${kind}`).join(', ')} in ${runs - begun.length} runs; ` +
      `never reached: ${left.map(({ name, fault }) => `${name}: ${said(fault)}`).join(', ') || 'none'}`,
  );
  // What only a race makes somebody do once more is not there each time; but every action of each function must fail once.
  const same = (name: string, one: Fault) => (other: { name: string; fault: Fault }) =>
    name === other.name &&
    one.function === other.fault.function &&
    one.action === other.fault.action &&
    one.how === other.fault.how;
  const all = planned.flatMap(run => run.faults.map(fault => ({ name: run.name, fault })));
  const never = left.filter(
    ({ name, fault }) => left.filter(same(name, fault)).length >= all.filter(same(name, fault)).length,
  );
  expect(never.map(({ name, fault }) => `${name}: ${said(fault)}`)).toEqual([]);
  for (const request of told) await assertEventsPublished(request);
  return met;
}
