import { expect, it } from 'vitest';
import { type Command, decideRequest } from '../../functions/airlock/airlock.ts';
import {
  activeSession,
  Grant,
  openGrant,
  recordPage,
  redeemLink,
  revokeGrant,
  SESSION_SECONDS,
  tokenHash,
} from '../../functions/airlock/release/link.ts';
import { applyDeadlines } from '../../functions/airlock/request/deadlines.ts';
import type { Context } from '../../functions/airlock/request/decision.ts';
import { type RequesterStanding, standingOf } from '../../functions/airlock/request/download-eligibility.ts';
import { addSeconds, day, type Request, type Status } from '../../functions/airlock/request/request.ts';
import { Refused } from '../../functions/refused.ts';
import {
  buildAirlockConfig,
  buildBallot,
  buildPerson,
  buildRelease,
  buildRequestInReview,
  exampleStartTime,
  olga,
  rana,
  tryCommand,
} from './builders.ts';

/** Instants, in seconds, by how often it may be fetched: links, sessions, the approval and the release end at them. */
const times: Readonly<Record<number, readonly number[]>> = {
  1: [
    0,
    1,
    SESSION_SECONDS.session,
    SESSION_SECONDS.session + 1,
    SESSION_SECONDS.link,
    SESSION_SECONDS.link + 1,
    day - 1,
    day,
    day + 1,
  ],
  2: [0, SESSION_SECONDS.session - 1, SESSION_SECONDS.session, SESSION_SECONDS.link, day - 1, day],
};
const timesOf = ({ uses }: Pick<World, 'uses'>) => times[uses] ?? [];
const [cyd, rae] = [buildPerson('cyd', 'reviewer'), buildPerson('rae', 'researcher')];
const facts: Context = {
  rules: buildAirlockConfig({ quorum: 1, approvedDays: 1, releasedDays: 1, checkHours: 24 }),
  members: [rana.id, rae.id],
  reviewers: [cyd.id],
  candidates: [],
};
const tokens = ['a', 'b'] as const;
type Token = (typeof tokens)[number];
/** What the links bring: as little as takes a quarter of an hour at most, and as much as takes an hour. */
const bytes: Readonly<Record<Token, number>> = { a: 1, b: SESSION_SECONDS.link * 50_000 };
const sessions: Readonly<Record<Token, number>> = { a: SESSION_SECONDS.session, b: SESSION_SECONDS.link };

/** What was done with a link, by the clock of the world and not of the grant. */
interface Used {
  readonly opened: number;
  readonly taken?: number;
  /** Whether a page of files was asked for. */
  readonly paged?: true;
}

interface World {
  /** Which of the times it is. */
  readonly time: number;
  /** How often it may be fetched. */
  readonly uses: number;
  readonly request: Request;
  readonly grant?: Grant;
  /** When it was released, kept beside the request; gone once it is revoked. */
  readonly released?: number;
  readonly used: Readonly<Partial<Record<Token, Used>>>;
}
const secondsOf = (world: World) => timesOf(world)[world.time] ?? 0;
const nowOf = (world: World) => addSeconds(exampleStartTime, secondsOf(world));

type Try =
  | { do: 'request'; command: Command }
  /** Signing has come so far that there is a grant; the request itself says so in a step after that. */
  | { do: 'allow' }
  /** A revocation reaches the grant, in a step after it reached the request. */
  | { do: 'end' }
  | { do: 'open' | 'take' | 'page' | 'part'; who: string; token: Token };

const people = [rae.id, rana.id, 'eve'];
const tries = (request: Request): Try[] => [
  ...(
    [
      { do: 'release', by: cyd },
      { do: 'recordRelease', attempt: request.attempt, release: buildRelease() },
      { do: 'abortRelease', attempt: request.attempt, reason: 'z' },
      { do: 'revoke', by: olga, reason: 'no' },
      { do: 'withdraw', by: rana, reason: 'no' },
      { do: 'applyDeadlines' },
    ] as const satisfies Command[]
  ).map(command => ({ do: 'request' as const, command })),
  { do: 'allow' },
  { do: 'end' },
  ...tokens.flatMap(token =>
    people.flatMap((who): Try[] => [
      { do: 'open', who, token },
      { do: 'take', who, token },
      { do: 'page', who, token },
      { do: 'part', who, token },
    ]),
  ),
];

/** The request as the API reads it for each call, or nothing of it. */
function standing(world: World): RequesterStanding {
  return standingOf(applyDeadlines(world.request, nowOf(world), facts.rules).request).standing;
}

function allow({ grant, ...world }: World): World {
  const { request } = world;
  if (request.status !== 'releasing') return { ...world, ...(grant && { grant }) };
  const made = Grant.parse({
    project: request.project,
    request: request.id,
    seal: request.seal.sha256,
    recipient: rae.id,
    requester: rana.id,
    uses: world.uses,
    taken: 0,
    expires: addSeconds(nowOf(world), facts.rules.releasedDays * day),
    links: [],
  });
  // As createGrant does: the first one stays.
  return { ...world, grant: grant ?? made };
}

/** What a link was asked for, as the API asks: the world after it. Throws what the API refuses. */
function ask(world: World, one: Exclude<Try, { do: 'request' | 'allow' | 'end' }>, stands: RequesterStanding): World {
  const { grant, used } = world;
  const [now, index] = [nowOf(world), secondsOf(world)];
  if (!grant) throw new Refused('missing', 'There is no such release.');
  const { token, who } = one;
  const asker = { id: who, source: '192.0.2.7' };
  const using = (grant: Grant, use: Used): World => ({ ...world, grant, used: { ...used, [token]: use } });
  const before = used[token] ?? { opened: -1 };
  switch (one.do) {
    case 'open':
      // A token is made by chance: never the same twice.
      if (used[token] || (token === 'b' && !used.a)) throw new Refused('conflict', 'no token');
      return using(openGrant(grant, stands, who, { sha256: tokenHash(token) }, now), { opened: index });
    case 'take': {
      const { grant: next, again } = redeemLink(grant, stands, asker, token, bytes[token], now);
      return again ? world : using(next, { ...before, taken: index });
    }
    case 'page': {
      const next = recordPage(grant, stands, asker, token, now);
      return next === grant ? world : using(next, { ...before, paged: true });
    }
    case 'part': {
      if (!activeSession(grant, stands, asker, token, now).session.begun) throw new Refused('conflict', 'no page yet');
      return world;
    }
  }
}

/** A link has just given something, by the world before and after: throws unless all this is so. */
function mayGive(before: World, after: World, one: Exclude<Try, { do: 'request' | 'allow' | 'end' | 'open' }>) {
  const index = secondsOf(before);
  const must = (holds: boolean, message: string) => {
    if (!holds) throw new Error(`${one.do} of ${one.token} by ${one.who} at ${index}: ${message}`);
  };
  const { released = Number.POSITIVE_INFINITY } = before;
  const { opened = -1, taken = index, paged } = before.used[one.token] ?? {};
  const isTaken = before.used[one.token]?.taken !== undefined;
  must(one.who === rae.id, 'somebody else');
  must(released <= opened && index < released + day, 'not released, or not any more, or no link of this release');
  must(taken - opened < SESSION_SECONDS.link, 'a link that nobody took in time');
  must(index - taken < sessions[one.token], 'past the session');
  if (one.do === 'take') must(paged === undefined, 'taken twice');
  else must(isTaken, 'not taken');
  if (one.do === 'part') must(paged !== undefined, 'no page');
  const uses = Object.values(after.used).filter(({ taken }) => taken !== undefined).length;
  must(uses <= (before.grant?.uses ?? 0), `${uses} uses`);
}

function attempted<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (error instanceof Refused) return undefined;
    throw error;
  }
}

/** One thing tried: the world after it, or undefined where it changes nothing. */
function play(world: World, one: Try, gave: (what: string) => void): World | undefined {
  const index = secondsOf(world);
  if (one.do === 'allow') return allow(world);
  if (one.do === 'end')
    return world.request.status === 'revoked' && world.grant
      ? { ...world, grant: revokeGrant(world.grant, olga.id, 'no', nowOf(world)) }
      : undefined;
  if (one.do === 'request') {
    const request = tryCommand(world.request, one.command, nowOf(world), facts)?.state;
    if (!request || request === world.request) return undefined;
    const { released, ...rest } = world;
    const since = request.status === 'released' ? (released ?? index) : undefined;
    return { ...rest, request, ...(since !== undefined && { released: since }) };
  }
  const next = attempted(() => ask(world, one, standing(world)));
  if (next && one.do !== 'open') {
    mayGive(world, next, one);
    gave(`${one.do} at ${index}`);
  }
  if (next && one.do === 'open' && one.who === 'eve') throw new Error('somebody else opened a link');
  return next;
}

/** A call that read the request when it was released, and gets to the grant only now. */
function late(world: World, one: Try) {
  if (one.do !== 'take' && one.do !== 'page' && one.do !== 'part') return;
  const { grant } = world;
  if (!grant) return;
  const stands = { released: true, seal: grant.seal, expires: addSeconds(exampleStartTime, 9 * day) };
  const next = attempted(() => ask(world, one, stands));
  if (!next) return;
  if (grant.revoked) throw new Error(`${one.do} by a call that was late, although the grant is revoked`);
  if (nowOf(world) >= grant.expires) throw new Error(`${one.do} by a call that was late, although the grant expired`);
  if (one.who !== rae.id) throw new Error(`${one.do} by a call that was late, of somebody else`);
}

const mark = ({ time, request, grant, released, used }: World) => {
  const dates = ['expiresAt', 'deadline'].map(name => (request as unknown as Record<string, unknown>)[name]);
  // Who opened a link, and when, matters to nothing that follows but when it ends.
  const links = grant?.links.map(({ sha256, expires, session }) => [sha256, expires, session]);
  const told = grant && [grant.expires, grant.taken, grant.revoked !== undefined, links];
  return JSON.stringify([time, request.status, dates, 'stopped' in request, released, used, told]);
};

const approved = decideRequest(
  { ...buildRequestInReview(facts), recipient: { id: rae.id, name: rae.name } },
  { do: 'vote', by: cyd, ballot: buildBallot(1, 'approve') },
  exampleStartTime,
  facts,
).state;

it.each([1, 2])(
  'with %i uses, no link gives anything unless its request is released, in time, and used by its recipient',
  uses => {
    const seen = new Set<string>();
    const reached = new Map<Status, number>();
    const gave = new Map<string, number>();
    const queue: World[] = [{ time: 0, uses, request: approved, used: {} }];
    let steps = 0;
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    try {
      for (let world = queue.pop(); world; world = queue.pop()) {
        const id = mark(world);
        if (seen.has(id)) continue;
        seen.add(id);
        const { status } = world.request;
        reached.set(status, (reached.get(status) ?? 0) + 1);
        for (const one of tries(world.request)) {
          const next = play(world, one, what => gave.set(what, (gave.get(what) ?? 0) + 1));
          late(world, one);
          steps++;
          if (next && next !== world) queue.push(next);
        }
        if (world.time + 1 < timesOf(world).length) queue.push({ ...world, time: world.time + 1 });
      }
    } finally {
      Error.stackTraceLimit = stackTraceLimit;
    }
    const given = [...gave].map(([what, count]) => `${what} ${count}`);
    console.log(
      `airlock: links, ${uses} uses, and their request: ${seen.size} states, ${steps} commands tried; ${[...reached].map(([name, count]) => `${name} ${count}`).join(', ')}; given: ${given.join(', ')}`,
    );
    for (const status of ['approved', 'releasing', 'released', 'revoked', 'withdrawn', 'expired'] as const)
      expect(reached.has(status), status).toBe(true);
    // Else it would prove nothing: what may be given is, up to the last second of the release.
    for (const what of [
      'take at 0',
      'page at 0',
      ...[SESSION_SECONDS.session, SESSION_SECONDS.link, day - 1].map(index => `part at ${index}`),
    ])
      expect(gave.has(what), what).toBe(true);
  },
);
