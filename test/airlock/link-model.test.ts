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
  readonly openTime: number;
  readonly takeTime?: number;
  /** Whether a page of files was asked for. */
  readonly hasPage?: true;
}

interface World {
  /** Which of the times it is. */
  readonly time: number;
  /** How often it may be fetched. */
  readonly uses: number;
  readonly request: Request;
  readonly grant?: Grant;
  /** When it was released, kept beside the request; gone once it is revoked. */
  readonly releaseTime?: number;
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
    people.flatMap((person): Try[] => [
      { do: 'open', who: person, token },
      { do: 'take', who: person, token },
      { do: 'page', who: person, token },
      { do: 'part', who: person, token },
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
  const newGrant = Grant.parse({
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
  return { ...world, grant: grant ?? newGrant };
}

/** What a link was asked for, as the API asks: the world after it. Throws what the API refuses. */
function ask(
  world: World,
  call: Exclude<Try, { do: 'request' | 'allow' | 'end' }>,
  requester: RequesterStanding,
): World {
  const { grant, used } = world;
  const [now, index] = [nowOf(world), secondsOf(world)];
  if (!grant) throw new Refused('missing', 'There is no such release.');
  const { token, who: person } = call;
  const asker = { id: person, source: '192.0.2.7' };
  const using = (grant: Grant, use: Used): World => ({ ...world, grant, used: { ...used, [token]: use } });
  const previousUse = used[token] ?? { openTime: -1 };
  switch (call.do) {
    case 'open':
      // A token is made by chance: never the same twice.
      if (used[token] || (token === 'b' && !used.a)) throw new Refused('conflict', 'no token');
      return using(openGrant(grant, requester, person, { sha256: tokenHash(token) }, now), { openTime: index });
    case 'take': {
      const { grant: next, again: isRepeat } = redeemLink(grant, requester, asker, token, bytes[token], now);
      return isRepeat ? world : using(next, { ...previousUse, takeTime: index });
    }
    case 'page': {
      const next = recordPage(grant, requester, asker, token, now);
      return next === grant ? world : using(next, { ...previousUse, hasPage: true });
    }
    case 'part': {
      if (!activeSession(grant, requester, asker, token, now).session.begun)
        throw new Refused('conflict', 'no page yet');
      return world;
    }
  }
}

/** A link has just given something, by the world before and after: throws unless all this is so. */
function mayGive(previous: World, following: World, call: Exclude<Try, { do: 'request' | 'allow' | 'end' | 'open' }>) {
  const index = secondsOf(previous);
  const must = (holds: boolean, message: string) => {
    if (!holds) throw new Error(`${call.do} of ${call.token} by ${call.who} at ${index}: ${message}`);
  };
  const { releaseTime = Number.POSITIVE_INFINITY } = previous;
  const { openTime = -1, takeTime = index, hasPage } = previous.used[call.token] ?? {};
  const isTaken = previous.used[call.token]?.takeTime !== undefined;
  must(call.who === rae.id, 'somebody else');
  must(
    releaseTime <= openTime && index < releaseTime + day,
    'not released, or not any more, or no link of this release',
  );
  must(takeTime - openTime < SESSION_SECONDS.link, 'a link that nobody took in time');
  must(index - takeTime < sessions[call.token], 'past the session');
  if (call.do === 'take') must(hasPage === undefined, 'taken twice');
  else must(isTaken, 'not taken');
  if (call.do === 'part') must(hasPage !== undefined, 'no page');
  const uses = Object.values(following.used).filter(({ takeTime }) => takeTime !== undefined).length;
  must(uses <= (previous.grant?.uses ?? 0), `${uses} uses`);
}

function unlessRefused<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (error instanceof Refused) return undefined;
    throw error;
  }
}

/** One thing tried: the world after it, or undefined where it changes nothing. */
function play(world: World, attempt: Try, recordUse: (use: string) => void): World | undefined {
  const index = secondsOf(world);
  if (attempt.do === 'allow') return allow(world);
  if (attempt.do === 'end')
    return world.request.status === 'revoked' && world.grant
      ? { ...world, grant: revokeGrant(world.grant, olga.id, 'no', nowOf(world)) }
      : undefined;
  if (attempt.do === 'request') {
    const request = tryCommand(world.request, attempt.command, nowOf(world), facts)?.state;
    if (!request || request === world.request) return undefined;
    const { releaseTime, ...rest } = world;
    const releaseStart = request.status === 'released' ? (releaseTime ?? index) : undefined;
    return { ...rest, request, ...(releaseStart !== undefined && { releaseTime: releaseStart }) };
  }
  const next = unlessRefused(() => ask(world, attempt, standing(world)));
  if (next && attempt.do !== 'open') {
    mayGive(world, next, attempt);
    recordUse(`${attempt.do} at ${index}`);
  }
  if (next && attempt.do === 'open' && attempt.who === 'eve') throw new Error('somebody else opened a link');
  return next;
}

/** A call that read the request when it was released, and gets to the grant only now. */
function late(world: World, attempt: Try) {
  if (attempt.do !== 'take' && attempt.do !== 'page' && attempt.do !== 'part') return;
  const { grant } = world;
  if (!grant) return;
  const requester = { released: true, seal: grant.seal, expires: addSeconds(exampleStartTime, 9 * day) };
  const next = unlessRefused(() => ask(world, attempt, requester));
  if (!next) return;
  if (grant.revoked) throw new Error(`${attempt.do} by a call that was late, although the grant is revoked`);
  if (nowOf(world) >= grant.expires)
    throw new Error(`${attempt.do} by a call that was late, although the grant expired`);
  if (attempt.who !== rae.id) throw new Error(`${attempt.do} by a call that was late, of somebody else`);
}

const mark = ({ time, request, grant, releaseTime, used }: World) => {
  const dates = ['expiresAt', 'deadline'].map(name => (request as unknown as Record<string, unknown>)[name]);
  // Who opened a link, and when, matters to nothing that follows but when it ends.
  const links = grant?.links.map(({ sha256, expires, session }) => [sha256, expires, session]);
  const grantState = grant && [grant.expires, grant.taken, grant.revoked !== undefined, links];
  return JSON.stringify([time, request.status, dates, 'stopped' in request, releaseTime, used, grantState]);
};

const approvedRequest = decideRequest(
  { ...buildRequestInReview(facts), recipient: { id: rae.id, name: rae.name } },
  { do: 'vote', by: cyd, ballot: buildBallot(1, 'approve') },
  exampleStartTime,
  facts,
).state;

it.each([1, 2])(
  'with %i uses, no link gives anything unless its request is released, in time, and used by its recipient',
  uses => {
    const visitedIds = new Set<string>();
    const statusCounts = new Map<Status, number>();
    const useCounts = new Map<string, number>();
    const queue: World[] = [{ time: 0, uses, request: approvedRequest, used: {} }];
    let steps = 0;
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    try {
      for (let world = queue.pop(); world; world = queue.pop()) {
        const id = mark(world);
        if (visitedIds.has(id)) continue;
        visitedIds.add(id);
        const { status } = world.request;
        statusCounts.set(status, (statusCounts.get(status) ?? 0) + 1);
        for (const attempt of tries(world.request)) {
          const next = play(world, attempt, use => useCounts.set(use, (useCounts.get(use) ?? 0) + 1));
          late(world, attempt);
          steps++;
          if (next && next !== world) queue.push(next);
        }
        if (world.time + 1 < timesOf(world).length) queue.push({ ...world, time: world.time + 1 });
      }
    } finally {
      Error.stackTraceLimit = stackTraceLimit;
    }
    const useTexts = [...useCounts].map(([use, count]) => `${use} ${count}`);
    console.log(
      `airlock: links, ${uses} uses, and their request: ${visitedIds.size} states, ${steps} commands tried; ${[...statusCounts].map(([name, count]) => `${name} ${count}`).join(', ')}; given: ${useTexts.join(', ')}`,
    );
    for (const status of ['approved', 'releasing', 'released', 'revoked', 'withdrawn', 'expired'] as const)
      expect(statusCounts.has(status), status).toBe(true);
    // Else it would prove nothing: what may be given is, up to the last second of the release.
    for (const use of [
      'take at 0',
      'page at 0',
      ...[SESSION_SECONDS.session, SESSION_SECONDS.link, day - 1].map(index => `part at ${index}`),
    ])
      expect(useCounts.has(use), use).toBe(true);
  },
);
