import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Command, decide } from '../../functions/airlock/airlock.ts';
import type { Facts } from '../../functions/airlock/decision.ts';
import { dueAt, lapse, sweepAt } from '../../functions/airlock/lapse.ts';
import { after, day, isFinal, Request, type Status } from '../../functions/airlock/request.ts';
import type { Direction } from '../../functions/airlock/rules.ts';
import { attempt, ballot, draft, olga, person, rana, releaseOf, reportOf, rules, sealOf, start } from './life.ts';

const text = { key: 'receipt.json', versionId: 'v', sha256: 'b'.repeat(64) };

/** Everybody but the requester; any of them may be a reviewer, and a member, at one time and not at another. */
const others = ['ada', 'bob', 'cyd'];
const people = [rana, ...others.map(id => person(id, 'reviewer'))];

interface World {
  readonly request: Request;
  readonly day: number;
  /** Of each person, whether a member and whether a reviewer. */
  readonly members: readonly string[];
  readonly reviewers: readonly string[];
  /** Who approved what is approved now, and whether each was fit when it was decided. Kept beside the request. */
  readonly granted?: { readonly seal: string; readonly fit: number };
}

const factsOf = ({ members, reviewers }: World, quorum: number): Facts => ({
  rules: rules({
    quorum,
    imports: { quorum, keepDays: 1 },
    partial: true,
    draftDays: 2,
    reviewDays: 2,
    checkHours: 24,
    remindHours: 24,
    approvedDays: 1,
    releasedDays: 1,
  }),
  members,
  reviewers,
  candidates: reviewers.filter(id => !members.includes(id)).map(id => ({ id, name: id })),
});
const at = ({ day: days }: World) => after(start, days * day);

/** All that anybody can try: also what they may not. Old seals, old attempts, other people, several times. */
function commands({ request: of }: World): Command[] {
  const { round, attempt } = of;
  const rounds = [round, round - 1].filter(one => one > 0);
  return [
    ...people.flatMap(by => [
      ...rounds.flatMap(one =>
        (['approve', 'return', 'reject'] as const).map(verdict => ({
          do: 'vote' as const,
          by,
          ballot: ballot(one, verdict),
        })),
      ),
      ...(round > 0 ? [{ do: 'vote' as const, by, ballot: ballot(round, 'approve', ['a']) }] : []),
      { do: 'submit' as const, by },
      { do: 'release' as const, by },
      { do: 'revoke' as const, by, reason: 'no' },
      { do: 'withdraw' as const, by, reason: 'no' },
    ]),
    { do: 'release', by: olga },
    { do: 'lapse' },
    { do: 'deleted', receipt: text, objects: 1, bytes: 1 },
    { do: 'resume', by: olga },
    { do: 'reissue', by: olga },
    ...[attempt, attempt - 1].flatMap((of): Command[] => [
      { do: 'mend', attempt: of, findings: [{ path: 'x', reason: 'y' }] },
      { do: 'seal', attempt: of, seal: sealOf(round) },
      { do: 'tick', attempt: of },
      { do: 'fault', attempt: of, reason: 'z' },
      { do: 'released', attempt: of, release: releaseOf() },
      { do: 'stop', attempt: of, reason: 'z' },
    ]),
    ...(of.status === 'checking'
      ? (['block', undefined] as const).map(worst => ({ do: 'judge' as const, attempt, report: reportOf(worst) }))
      : []),
  ];
}

const open: readonly Status[] = ['approved', 'releasing', 'released'];

/** One command in a world: the world after it, or undefined where nothing changes. Throws where an invariant breaks. */
function play(world: World, command: Command, quorum: number): World | undefined {
  const facts = factsOf(world, quorum);
  const decision = attempt(world.request, command, at(world), facts);
  if (!decision) return undefined;
  const { request } = decision;
  const before = lapse(world.request, at(world), facts.rules).request;
  if (request === world.request) return undefined;
  Request.parse(request);

  // What lies with us is said to be kept until a time, and is deleted then and not before.
  if (isFinal(request)) {
    const { retainedUntil = '9', deleted = undefined } = 'retainedUntil' in request ? request : {};
    if (request.round > 0 && retainedUntil === '9') throw new Error(`${request.status} is kept for ever`);
    if (deleted && (!isFinal(before) || retainedUntil > at(world))) throw new Error('deleted before its time');
  }
  if (isFinal(before) && request.status !== before.status) throw new Error(`${before.status} became ${request.status}`);
  let { granted } = world;
  if (request.status === 'approved' && before.status !== 'approved' && before.status !== 'releasing') {
    const fit = new Set(request.votes.filter(({ verdict }) => verdict === 'approve').map(({ by }) => by));
    const unfit = request.votes.filter(
      ({ by }) => by === rana.id || facts.members.includes(by) || !facts.reviewers.includes(by),
    );
    if (unfit.length > 0) throw new Error(`an unfit vote counted: ${unfit.map(({ by }) => by)}`);
    if (request.votes.some(({ seal, round }) => seal !== request.seal.sha256 || round !== request.round))
      throw new Error('a vote on another seal counted');
    granted = { seal: request.seal.sha256, fit: fit.size };
  }
  if (open.includes(request.status)) {
    if (!('seal' in request) || request.seal?.sha256 !== granted?.seal) throw new Error('another seal than was voted');
    if ((granted?.fit ?? 0) < quorum) throw new Error(`${request.status} with ${granted?.fit} approvals of ${quorum}`);
  }
  if (request.status === 'released' && before.status !== 'released') {
    if (before.status !== 'releasing') throw new Error(`released from ${before.status}`);
    if (before.releasedBy.id === rana.id) throw new Error('released by its own requester');
    if (at(world) >= before.expiresAt) throw new Error('released after the approval expired');
    if (before.withheld.length >= before.seal.files) throw new Error('released with nothing approved');
  }
  const { granted: _, ...rest } = world;
  return { ...rest, request, ...(granted && open.includes(request.status) && { granted }) };
}

/** Whatever is not final has a deadline, and time alone brings it to its end. */
function hasWayOut({ request }: World, quorum: number) {
  if (isFinal(request)) return;
  const due = dueAt(request);
  if (!due) throw new Error(`${request.status} has no deadline`);
  const facts = factsOf({ request, day: 0, members: [], reviewers: [] }, quorum);
  const next = lapse(request, due, facts.rules).request;
  const swept = decide(request, { do: 'lapse' }, due, facts).request;
  // What has ended may be due for deletion at once; what has not must not be due for the same again.
  const again = !isFinal(swept) && (sweepAt(swept) ?? '9') <= due;
  if (swept.status !== next.status || again) throw new Error(`${request.status} is not swept`);
  if (next.status === request.status) throw new Error(`${request.status} stays past its deadline`);
  const end = lapse(request, after(due, 1000 * day), facts.rules).request;
  if (!isFinal(end)) throw new Error(`${request.status} never ends`);
}

/** Which worlds are one and the same for all that can follow: comments, names and numbers of attempts don't matter. */
const mark = ({ request, day: days, members, reviewers, granted }: World) => {
  const { attempt: _, openedAt: __, groups: ___, ...rest } = request;
  const votes = (of: typeof rest) =>
    'votes' in of
      ? of.votes.map(({ by, verdict, round, files }) => `${by}${verdict}${round}${files.length}`).sort()
      : [];
  const times = ['expiresAt', 'deadline', 'since', 'startedAt', 'approvedAt'].map(name =>
    name in rest ? (rest as Record<string, unknown>)[name] : '',
  );
  return JSON.stringify([
    rest.status,
    rest.round,
    votes(rest),
    'review' in rest && rest.review ? votes(rest.review) : 0,
    'conflict' in rest && rest.conflict,
    'withheld' in rest && rest.withheld,
    'seal' in rest && rest.seal?.sha256,
    'releasedBy' in rest && rest.releasedBy.id,
    times,
    days,
    members,
    reviewers,
    granted,
  ]);
};

const toggle = (list: readonly string[], id: string) =>
  list.includes(id) ? list.filter(one => one !== id) : [...list, id].sort();

/** What the world does by itself: a day passes, somebody joins or leaves the project, or the reviewers. */
function* turns(world: World, days: number): Generator<World> {
  if (world.day < days) yield { ...world, day: world.day + 1 };
  yield { ...world, members: toggle(world.members, 'ada') };
  yield { ...world, reviewers: toggle(world.reviewers, 'bob') };
  yield { ...world, reviewers: toggle(world.reviewers, rana.id) };
}

const first = (quorum: number, direction: Direction = 'export'): World => {
  const bare = { day: 0, members: [rana.id], reviewers: [...others], request: undefined as unknown as Request };
  return { ...bare, request: draft(factsOf(bare, quorum), direction) };
};

describe('every state that a request can reach', () => {
  it.each([
    ['export', 1, 2, 3],
    ['export', 2, 1, 3],
    ['import', 1, 1, 3],
  ] as const)(
    '%s, quorum %i, %i rounds, %i days: nothing passes that should not, and nothing is stuck',
    (direction, quorum, rounds, days) => {
      const seen = new Set<string>();
      const reached = new Map<Status, number>();
      const queue: World[] = [first(quorum, direction)];
      let steps = 0;
      for (let world = queue.pop(); world; world = queue.pop()) {
        const id = mark(world);
        if (seen.has(id) || world.request.round > rounds) continue;
        seen.add(id);
        reached.set(world.request.status, (reached.get(world.request.status) ?? 0) + 1);
        hasWayOut(world, quorum);
        for (const command of commands(world)) {
          const next = play(world, command, quorum);
          steps++;
          if (next) queue.push(next);
        }
        if (!isFinal(world.request)) queue.push(...turns(world, days));
      }
      console.log(
        `airlock: ${direction}, quorum ${quorum}: ${seen.size} states, ${steps} commands tried; ${[...reached].map(([name, count]) => `${name} ${count}`).join(', ')}`,
      );
      for (const status of [
        'inReview',
        'approved',
        'released',
        'revoked',
        'rejected',
        'timedOut',
        'expired',
        'blocked',
      ])
        expect(reached.has(status as Status), status).toBe(true);
    },
  );
});

it('and longer lives beyond, with every mix of people and rules', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 3 }),
      fc.constantFrom<Direction>('export', 'import'),
      fc.array(fc.tuple(fc.nat(), fc.nat(3)), { maxLength: 80 }),
      (quorum, direction, moves) => {
        let world: World = first(quorum, direction);
        for (const [pick, turn] of moves) {
          if (turn === 0) {
            const all = [...turns(world, 60)];
            world = all[pick % all.length] ?? world;
            continue;
          }
          // Those that change something, so that lives are long.
          const next = commands(world).flatMap(command => play(world, command, quorum) ?? []);
          world = next[pick % Math.max(1, next.length)] ?? world;
          hasWayOut(world, quorum);
        }
      },
    ),
    { numRuns: 300 },
  );
});
