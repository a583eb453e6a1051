import { readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { readSource } from '../house/sources.ts';

interface State {
  readonly Type: string;
  readonly Next?: string;
  readonly Default?: string;
  readonly Choices?: readonly { readonly Condition: string; readonly Next: string }[];
  readonly Catch?: readonly { readonly Next: string }[];
  readonly ItemProcessor?: { readonly States: States };
}
type States = Readonly<Record<string, State>>;

/** AWS ends an execution whose history has more: https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html */
const MAX_HISTORY_EVENTS = 25_000;
/** A task is entered, scheduled, started, succeeds and is left; other states are entered and left. */
const countPassEvents = (states: States): number =>
  Object.values(states).reduce((sum, { Type }) => sum + (Type === 'Task' ? 5 : 2), 0);
/** `$tries < 6`: this way is taken a limited number of times. */
const counter = /\$\w+ [<=] (\d+)/;

/** The ways out of a state that no counter limits. */
const uncountedTargets = ({ Next, Default, Choices = [], Catch = [] }: State): string[] =>
  [
    Next,
    Default,
    ...Catch.map(way => way.Next),
    ...Choices.filter(way => !counter.test(way.Condition)).map(way => way.Next),
  ].filter(target => target !== undefined);

/** The states from which a state can be reached again without a counter. */
function findEndlessLoops(states: States): string[] {
  const reachable = (start: string): Set<string> => {
    const names = new Set<string>();
    const queue = [start];
    for (let name = queue.pop(); name !== undefined; name = queue.pop())
      for (const target of uncountedTargets(states[name] ?? { Type: 'Fail' }))
        if (!names.has(target)) {
          names.add(target);
          queue.push(target);
        }
    return names;
  };
  return [
    ...Object.keys(states).filter(name => reachable(name).has(name)),
    ...Object.values(states).flatMap(({ ItemProcessor }) => findEndlessLoops(ItemProcessor?.States ?? {})),
  ];
}

/** How often the counters of a machine let it go back, all together. */
const countTurns = (states: States): number =>
  Object.values(states)
    .flatMap(({ Choices = [] }) => Choices)
    .reduce((sum, { Condition }) => sum + Number(counter.exec(Condition)?.[1] ?? 0), 1);

/** Loops that time ends; test/airlock/history.test.ts counts their events, and deliveries wait by the same rule. */
const timedLoops: Readonly<Record<string, readonly string[]>> = {
  // The time of the manifest ends it; its counter permits 2,000 turns of nine events.
  'enclaves-run.asl.json': ['Watch', 'Sealed?', 'WaitForEnclave'],
  // S3 has a day to compute checksums. The pauses grow from 30 seconds to 15 minutes, so a day has about 110 turns.
  'ingest.asl.json': [
    'ProveLarge',
    'LargeProven?',
    'AwaitChecksums',
    'ProveCopies',
    'CopiesProven?',
    'AwaitCopies',
    'VerifyChunk',
    'Scanned?',
    'AwaitScan',
  ],
  'airlock.asl.json': ['AwaitDecision', 'Pause', 'RemindReviewers', 'Reminded?', 'CheckChunk', 'Scanned', 'Unscanned'],
};

const machines = readdirSync('state-machines').map(
  file => [file, JSON.parse(readSource(`state-machines/${file}`)).States as States] as const,
);

it.each(machines)('every loop of %s ends', (file, states) =>
  expect(findEndlessLoops(states)).toEqual(timedLoops[file] ?? []),
);

it.each(machines)(
  'the loops of %s repeat so rarely that an execution’s history stays below 25,000 events',
  (_, states) => expect(countTurns(states) * countPassEvents(states)).toBeLessThan(MAX_HISTORY_EVENTS),
);

it('the test finds a loop that has no counter', () => {
  const loop = { Poll: { Type: 'Task', Next: 'Wait' }, Wait: { Type: 'Wait', Next: 'Poll' } };
  expect(findEndlessLoops(loop)).toEqual(['Poll', 'Wait']);
});
