import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Direction } from '../../disclosure/policy.ts';
import { isFinal, type Status } from '../../functions/airlock/request/request.ts';
import { sampleRuns, selectTrials } from '../trials.ts';
import {
  type AirlockModel,
  applyModelCommand,
  assertInvariants,
  computeModelContext,
  createInitialModel,
  type EnvironmentChange,
  environmentChanges,
  listEnvironmentMoves,
  listModelCommands,
  type ModelBounds,
  membershipChanges,
} from './model.ts';
import { computeModelKey } from './model-key.ts';

const three = ['ada', 'bob', 'cyd'];
const four = [...three, 'dan'];
const settings: readonly EnvironmentChange[] = ['olga allows parts or not', 'bob changes the quorum'];

const exploredBounds: readonly ModelBounds[] = [
  { direction: 'export', quorum: 1, partial: true, rounds: 2, days: 3, others: three, turns: membershipChanges },
  { direction: 'import', quorum: 2, partial: false, rounds: 1, days: 3, others: three, turns: membershipChanges },
  {
    direction: 'export',
    quorum: 3,
    partial: false,
    rounds: 1,
    days: 2,
    others: four,
    alike: ['ada', 'cyd', 'dan'],
    turns: settings,
  },
  { direction: 'export', quorum: 2, partial: true, rounds: 1, days: 3, others: three, turns: membershipChanges },
  { direction: 'import', quorum: 1, partial: true, rounds: 1, days: 3, others: three, turns: membershipChanges },
  { direction: 'export', quorum: 2, partial: false, rounds: 1, days: 3, others: three, turns: membershipChanges },
  // Another one must decide between three.
  {
    direction: 'export',
    quorum: 3,
    partial: true,
    rounds: 1,
    days: 2,
    others: four,
    alike: ['cyd', 'dan'],
    turns: membershipChanges,
  },
  {
    direction: 'export',
    quorum: 2,
    partial: true,
    rounds: 1,
    days: 2,
    others: three,
    alike: ['ada', 'cyd'],
    turns: settings,
  },
  {
    direction: 'import',
    quorum: 1,
    partial: true,
    rounds: 1,
    days: 2,
    others: three,
    alike: ['ada', 'cyd'],
    turns: settings,
  },
];
/** A sample explores both directions, each quorum, each number of rounds, and each change from outside. */
const kindsOf = ({ direction, quorum, partial, rounds, turns }: ModelBounds): string[] => [
  direction,
  `quorum ${quorum}`,
  `partial ${partial}`,
  `rounds ${rounds}`,
  ...turns,
];
const finalStatuses: readonly Status[] = [
  'inReview',
  'approved',
  'released',
  'revoked',
  'rejected',
  'timedOut',
  'expired',
  'blocked',
];

describe('every state that a request can reach', () => {
  it.each(selectTrials('airlock, every state is explored', exploredBounds, kindsOf))(
    'satisfies all invariants and can be left: $direction, quorum $quorum, partial $partial, $rounds rounds, $days days',
    bounds => {
      const visitedIds = new Set<string>();
      const statusCounts = new Map<Status, number>();
      const queue: AirlockModel[] = [createInitialModel(bounds)];
      let steps = 0;
      // Most of what is tried is refused: without a stack for each it takes a fraction of the time.
      const { stackTraceLimit } = Error;
      Error.stackTraceLimit = 0;
      try {
        for (let world = queue.pop(); world; world = queue.pop()) {
          const id = computeModelKey(world);
          if (visitedIds.has(id) || world.request.round > bounds.rounds) continue;
          visitedIds.add(id);
          statusCounts.set(world.request.status, (statusCounts.get(world.request.status) ?? 0) + 1);
          assertInvariants(world);
          const facts = computeModelContext(world);
          for (const command of listModelCommands(world)) {
            const next = applyModelCommand(world, command, facts);
            steps++;
            if (next) queue.push(next);
          }
          if (!isFinal(world.request)) queue.push(...listEnvironmentMoves(world));
        }
      } finally {
        Error.stackTraceLimit = stackTraceLimit;
      }
      console.log(
        `airlock: ${bounds.direction}, quorum ${bounds.quorum}, parts ${bounds.partial}: ${visitedIds.size} states, ${steps} commands tried; ${[...statusCounts].map(([name, count]) => `${name} ${count}`).join(', ')}`,
      );
      for (const status of finalStatuses) expect(statusCounts.has(status), status).toBe(true);
    },
  );
});

it('satisfies all invariants in longer random histories with every mix of people and rules', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 3 }),
      fc.boolean(),
      fc.constantFrom<Direction>('export', 'import'),
      fc.array(fc.tuple(fc.nat(), fc.nat(3)), { maxLength: 80 }),
      (quorum, partial, direction, picks) => {
        const changes = Object.keys(environmentChanges) as EnvironmentChange[];
        let world = createInitialModel({
          direction,
          quorum,
          partial,
          rounds: 99,
          days: 60,
          others: four,
          turns: changes,
        });
        for (const [pick, turn] of picks) {
          if (turn === 0) {
            const moves = [...listEnvironmentMoves(world)];
            world = moves[pick % moves.length] ?? world;
            continue;
          }
          // Those that change something, so that lives are long.
          const next = listModelCommands(world).flatMap(command => applyModelCommand(world, command) ?? []);
          world = next[pick % Math.max(1, next.length)] ?? world;
          assertInvariants(world);
        }
      },
    ),
    { numRuns: sampleRuns(300) },
  );
});
