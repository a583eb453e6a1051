import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  activeSession,
  createLinkToken,
  type Grant,
  isAddressInNetwork,
  openGrant,
  recordPage,
  redeemLink,
  revokeGrant,
  SESSION_SECONDS,
  tokenHash,
} from '../../../functions/airlock/release/link.ts';
import type { RequesterStanding } from '../../../functions/airlock/request/download-eligibility.ts';
import { timeAfter } from '../../../functions/clock.ts';
import { sampleRuns } from '../../trials.ts';

const start = '2026-11-01T12:00:00.000Z';
const timeAt = (seconds: number) => timeAfter(start, seconds);
const standing: RequesterStanding = { released: true, seal: 's', expires: timeAt(7 * 86400) };
const fresh: Grant = {
  project: 'asthma',
  request: 'rq-1',
  seal: 's',
  recipient: 'rae',
  requester: 'ray',
  uses: 1,
  taken: 0,
  expires: timeAt(7 * 86400),
  links: [],
};
const rae = { id: 'rae', source: '192.0.2.7' };
const open = (grant: Grant, token: string, now = start, network?: string) =>
  openGrant(grant, standing, 'rae', { sha256: tokenHash(token), network }, now);
const take = (grant: Grant, token: string, now = timeAt(1), asker = rae, requester = standing) =>
  redeemLink(grant, requester, asker, token, 10, now).grant;
const page = (grant: Grant, token: string, now: string, asker = rae, requester = standing) =>
  recordPage(grant, requester, asker, token, now);

describe('a download link', () => {
  it('works once: it is taken, gives its pages, and then never works again', () => {
    const grant = page(take(open(fresh, 'a'), 'a'), 'a', timeAt(2));
    expect(grant.taken).toBe(1);
    expect(() => take(grant, 'a', timeAt(3))).toThrow('was already used');
    expect(() => open(grant, 'b', timeAt(3))).toThrow('may be downloaded once, and it already was');
  });

  it('may be taken again until it has given something, and counts as one use', () => {
    const firstTake = take(open(fresh, 'a'), 'a');
    expect(redeemLink(firstTake, standing, rae, 'a', 10, timeAt(5))).toEqual({ grant: firstTake, again: true });
    expect(() => take(firstTake, 'a', timeAt(1 + SESSION_SECONDS.session))).toThrow('was already used');
  });

  it('works until its session ends, however often pages are requested', () => {
    const grant = page(take(open(fresh, 'a'), 'a'), 'a', timeAt(2));
    expect(page(grant, 'a', timeAt(900))).toBe(grant);
    expect(() => page(grant, 'a', timeAt(1 + SESSION_SECONDS.session))).toThrow('has ended');
  });

  it('remembers from which address it is used', () => {
    const grant = page(take(open(fresh, 'a'), 'a'), 'a', timeAt(2));
    const secondPage = page(grant, 'a', timeAt(3), { ...rae, source: '198.51.100.7' });
    expect([grant, secondPage].map(({ links }) => links[0]?.session?.source)).toEqual(['192.0.2.7', '198.51.100.7']);
    expect(secondPage.taken).toBe(1);
  });

  it.each([
    ['a quarter of an hour for a small release', 10, standing, timeAt(1 + SESSION_SECONDS.session)],
    ['as long as a slow connection needs for a large release', 180_000_000, standing, timeAt(3601)],
    ['at most a day', 1e12, standing, timeAt(1 + SESSION_SECONDS.longest)],
    ['no longer than the release', 1e12, { ...standing, expires: timeAt(100) }, timeAt(100)],
  ])('has a session that lasts %s', (_, bytes, requester, sessionEnd) => {
    const { grant } = redeemLink(open(fresh, 'a'), requester, rae, 'a', bytes, timeAt(1));
    expect(grant.links[0]?.session).toMatchObject({ until: sessionEnd });
  });

  it.each<[string, () => unknown, RegExp]>([
    [
      'somebody else takes',
      () => take(open(fresh, 'a'), 'a', timeAt(1), { ...rae, id: 'eve' }),
      /This link does not exist/,
    ],
    [
      'the requester takes it for the recipient',
      () => take(open(fresh, 'a'), 'a', timeAt(1), { ...rae, id: 'ray' }),
      /This link does not exist/,
    ],
    [
      'somebody else pages',
      () => page(take(open(fresh, 'a'), 'a'), 'a', timeAt(2), { ...rae, id: 'eve' }),
      /This link does not exist/,
    ],
    [
      'somebody else opens',
      () => openGrant(fresh, standing, 'eve', { sha256: tokenHash('a') }, start),
      /This release does not exist/,
    ],
    ['a guessed token', () => take(open(fresh, 'a'), 'b'), /This link does not exist/],
    ['the hash for the token', () => take(open(fresh, 'a'), tokenHash('a')), /This link does not exist/],
    ['a link not taken', () => page(open(fresh, 'a'), 'a', timeAt(1)), /Redeem the link/],
    ['a link that waited too long', () => take(open(fresh, 'a'), 'a', timeAt(SESSION_SECONDS.link)), /has expired/],
    ['another network', () => take(open(fresh, 'a', start, '198.51.100.0/24'), 'a'), /from the network/],
    [
      'another network than the grant',
      () => take(open({ ...fresh, network: '10.0.0.0/8' }, 'a', start, '192.0.2.0/24'), 'a'),
      /from the network/,
    ],
    [
      'a request that was revoked',
      () => take(open(fresh, 'a'), 'a', timeAt(1), rae, { ...standing, released: false }),
      /not released/,
    ],
    ['another seal', () => take(open(fresh, 'a'), 'a', timeAt(1), rae, { ...standing, seal: 't' }), /not released/],
    [
      'a revoked grant',
      () => take(revokeGrant(open(fresh, 'a'), 'op', 'A mistake.', timeAt(1)), 'a', timeAt(1)),
      /revoked: A mistake/,
    ],
    [
      'a page after revocation',
      () => page(revokeGrant(take(open(fresh, 'a'), 'a'), 'op', 'No.', timeAt(2)), 'a', timeAt(2)),
      /revoked/,
    ],
    [
      'a page after expiry',
      () => page(take(open(fresh, 'a'), 'a'), 'a', timeAt(9), rae, { ...standing, expires: timeAt(9) }),
      /expired/,
    ],
    ['six links at once', () => 'abcdef'.split('').reduce((grant, token) => open(grant, token), fresh), /5 open links/],
  ])('is refused: %s', (_, attempt, message) => expect(attempt).toThrow(message));

  it('can be opened by the requester for the recipient, and only the recipient can take it', () => {
    const grant = openGrant(fresh, standing, 'ray', { sha256: tokenHash('a') }, start);
    expect(take(grant, 'a').taken).toBe(1);
  });
});

/** The row as the table keeps it: a write counts only over the revision that was read. */
type Row = { grant: Grant; revision: number };
type Step =
  | { do: 'open'; who: string; token: number }
  | { do: 'take'; who: string; token: number }
  | { do: 'page'; who: string; token: number }
  | { do: 'part'; who: string; token: number }
  | { do: 'revoke' }
  | { do: 'end' }
  | { do: 'wait'; seconds: number };

const person = fc.constantFrom('rae', 'rae', 'rae', 'ray', 'eve');
const token = fc.nat(3);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('open' as const), who: person, token }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('take' as const), who: person, token }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('page' as const), who: person, token }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('part' as const), who: person, token }) },
  { weight: 1, arbitrary: fc.constantFrom<Step>({ do: 'revoke' }, { do: 'end' }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      seconds: fc.constantFrom(1, 899, 901, 3600, 90_000, 700_000),
    }),
  },
);

describe('a part of a file', () => {
  const pageFrom = (network: string) => page(take(open(fresh, 'a', start, network), 'a'), 'a', timeAt(2));

  it('is given only to the recipient, from the network of the link, during the session', () => {
    const grant = pageFrom('192.0.2.0/24');
    expect(activeSession(grant, standing, rae, 'a', timeAt(3)).session.begun).toBe(true);
    const refusal =
      (person: typeof rae, token: string, time: string, requester = standing) =>
      () =>
        activeSession(grant, requester, person, token, time);
    expect(refusal({ ...rae, source: '198.51.100.7' }, 'a', timeAt(3))).toThrow('from the network');
    expect(refusal({ ...rae, id: 'ray' }, 'a', timeAt(3))).toThrow('This link does not exist');
    expect(refusal(rae, 'b', timeAt(3))).toThrow('This link does not exist');
    expect(refusal(rae, 'a', timeAt(2 + SESSION_SECONDS.session))).toThrow('has ended');
    expect(refusal(rae, 'a', timeAt(3), { ...standing, released: false })).toThrow('not released');
    expect(refusal(rae, 'a', timeAt(3), { ...standing, expires: timeAt(3) })).toThrow('has expired');
    expect(() => activeSession(revokeGrant(grant, 'op', 'No.', timeAt(3)), standing, rae, 'a', timeAt(3))).toThrow(
      'No.',
    );
    expect(() => activeSession(open(fresh, 'a'), standing, rae, 'a', timeAt(3))).toThrow('Redeem the link');
  });
});

describe('any interleaving of calls', () => {
  it('allows no more uses than configured, none after revocation or expiry, and none by another person', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3 }),
        // Each step reads the row as it was `late` writes ago: somebody else was faster.
        fc.array(fc.tuple(step, fc.nat(2)), { maxLength: 40 }),
        (uses, steps) => {
          const rows: Row[] = [{ grant: { ...fresh, uses }, revision: 0 }];
          let [clock, isRevoked, revokedYet] = [0, false, false];
          const sessions = new Set<number>();
          for (const [action, late] of steps) {
            const now = timeAt(clock);
            const requester = { ...standing, released: !isRevoked };
            const newest = rows.at(-1) as Row;
            const read = rows.at(Math.max(-rows.length, -1 - late)) as Row;
            const write = (grant: Grant) => {
              if (grant === read.grant) return true;
              if (read.revision !== newest.revision) return false;
              rows.push({ grant, revision: newest.revision + 1 });
              return true;
            };
            try {
              if (action.do === 'wait') clock += action.seconds;
              else if (action.do === 'end') isRevoked = true;
              else if (action.do === 'revoke')
                revokedYet = write(revokeGrant(read.grant, 'op', 'No.', now)) || revokedYet;
              else if (action.do === 'open')
                write(openGrant(read.grant, requester, action.who, { sha256: tokenHash(`${action.token}`) }, now));
              else if (action.do === 'part') {
                // Nothing is written for a part, and the row is always read as it is: not one byte after a revocation.
                const { session } = activeSession(
                  newest.grant,
                  requester,
                  { id: action.who, source: '192.0.2.7' },
                  `${action.token}`,
                  now,
                );
                expect([action.who, isRevoked, revokedYet, sessions.has(action.token)]).toEqual([
                  'rae',
                  false,
                  false,
                  true,
                ]);
                expect(now < fresh.expires && now < session.until).toBe(true);
              } else {
                const asker = { id: action.who, source: '192.0.2.7' };
                const grant =
                  action.do === 'take'
                    ? redeemLink(read.grant, requester, asker, `${action.token}`, 10, now).grant
                    : recordPage(read.grant, requester, asker, `${action.token}`, now);
                if (!write(grant)) continue;
                // Something was given: every condition must hold right now.
                expect(action.who).toBe('rae');
                expect(isRevoked).toBe(false);
                expect(now < fresh.expires).toBe(true);
                // A page repeated by a reader that was late may slip past a revocation in the same instant only.
                if (read === newest) expect(revokedYet).toBe(false);
                if (action.do === 'take') sessions.add(action.token);
              }
            } catch (error) {
              expect(error).toMatchObject({ name: 'Refused' });
            }
            expect(rows.at(-1)?.grant.taken).toBeLessThanOrEqual(uses);
            if (revokedYet) expect(rows.at(-1)?.grant.revoked).toBeDefined();
          }
        },
      ),
      { numRuns: sampleRuns(2000) },
    );
  });
});

describe('networks of a link', () => {
  it.each([
    ['192.0.2.7', '192.0.2.0/24', true],
    ['192.0.3.7', '192.0.2.0/24', false],
    ['192.0.2.7', '192.0.2.7/32', true],
    ['10.1.2.3', '0.0.0.0/0', true],
    ['192.0.2.300', '192.0.2.0/24', false],
    ['2001:db8::1', '2001:db8::/32', true],
    ['2001:db9::1', '2001:db8::/32', false],
    ['2001:db8:0:0:0:0:0:1', '2001:db8::1/128', true],
    ['::ffff:1', '0.0.0.0/0', false],
    ['192.0.2.7', '192.0.2.0/33', false],
    ['192.0.2.7', '192.0.2.0', false],
    ['', '0.0.0.0/0', false],
    ['1:2:3:4:5:6:7:8:9', '::/0', false],
    ['1::2::3', '::/0', false],
    ['::ffff:192.0.2.7', '192.0.2.0/24', true],
    ['::ffff:192.0.3.7', '192.0.2.0/24', false],
    ['192.0.2.7', '192.0.2.9/24', true],
    ['192.0.2.7', '192.0.2.0/24/24', false],
    ['192.0.2.7', '192.0.2.0/', false],
    ['0300.0.2.7', '192.0.2.0/24', false],
  ])('the address %s is in %s: %s', (address, block, expected) =>
    expect(isAddressInNetwork(address, block)).toBe(expected),
  );
});

it('a token never starts with a dash, which a command line would take for a flag', () => {
  const tokens = Array.from({ length: 2000 }, createLinkToken);
  expect(new Set(tokens).size).toBe(2000);
  expect(tokens.filter(token => !/^[A-Za-z0-9_][A-Za-z0-9_-]{42}$/.test(token))).toEqual([]);
});
