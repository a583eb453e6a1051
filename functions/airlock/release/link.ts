import { createHash, randomBytes } from 'node:crypto';
import { BlockList, isIP } from 'node:net';
import * as z from 'zod';
import { timeAfter } from '../../clock.ts';
import { Refused } from '../../refused.ts';
import type { RequesterStanding } from '../request/download-eligibility.ts';

/** Lifetimes in seconds. */
export const SESSION_SECONDS = {
  /** How long a link can be redeemed. */
  link: 3600,
  /** The shortest session of a redeemed link; large releases get longer ones. */
  session: 900,
  /** The longest session, for releases of any size. */
  longest: 24 * 3600,
} as const;

/** The MIN_BYTES_PER_SECOND connection that sessions allow for, in bytes per second. */
const MIN_BYTES_PER_SECOND = 50_000;
/** How many bytes a session may transfer: three times the release, because parts can be lost and repeated. */
export const MAX_SERVED_BYTES = (bytes: number): number => 3 * bytes + 64 * 1024 ** 2;
const MAX_OPEN_LINKS = 5;

/** The session of a redeemed link. It ends at `until`. */
const Session = z.object({
  at: z.iso.datetime(),
  /** The IP address that it continues from. */
  source: z.string(),
  until: z.iso.datetime(),
  /** Whether a page of files was requested. The link then counts as used. */
  begun: z.boolean(),
});

const Link = z.object({
  /** The SHA-256 of the token. The token itself is not stored. */
  sha256: z.string(),
  by: z.string(),
  at: z.iso.datetime(),
  expires: z.iso.datetime(),
  /** The only network it may be used from, as a CIDR block. */
  network: z.string().optional(),
  session: Session.optional(),
});
export type Link = z.infer<typeof Link>;

/** Who may download a release, and how often. It is one row, so that every decision about it is one write. */
export const Grant = z.object({
  project: z.string(),
  request: z.string(),
  /** The seal's SHA-256: the grant is for these bytes and no others. */
  seal: z.string(),
  recipient: z.string(),
  requester: z.string(),
  /** How often the release may be downloaded, and how often it was. */
  uses: z.number().int().min(1).max(100),
  taken: z.number().int().nonnegative(),
  expires: z.iso.datetime(),
  network: z.string().optional(),
  revoked: z.object({ at: z.iso.datetime(), by: z.string(), reason: z.string() }).optional(),
  links: z.array(Link),
});
export type Grant = z.infer<typeof Grant>;

/** The caller: the subject of the verified token and the IP address that the gateway reports. */
export interface Asker {
  readonly id: string;
  readonly source: string;
}

/** 256 random bits. A command line would take a token with a dash at its start for a flag, so there is none. */
export function createLinkToken(): string {
  const token = randomBytes(32).toString('base64url');
  return token.startsWith('-') ? createLinkToken() : token;
}

export const tokenHash = (token: string): string => createHash('sha256').update(token, 'utf8').digest('hex');

const noLink = () =>
  new Refused('missing', 'This link does not exist, or it belongs to somebody else. Open a new one.');

/** Refuses unless the release may be downloaded now. */
function open(grant: Grant, standing: RequesterStanding, now: string): void {
  if (grant.revoked) throw new Refused('conflict', `This release was revoked: ${grant.revoked.reason}`);
  if (!standing.released || standing.seal !== grant.seal)
    throw new Refused('conflict', 'This request is not released, so nothing can be downloaded.');
  if (now >= grant.expires || now >= standing.expires)
    throw new Refused('conflict', 'This release has expired. Submit a new request.');
}

const earliest = (...times: string[]): string => times.reduce((a, b) => (a < b ? a : b));
const live = (link: Link, now: string) => now < (link.session?.until ?? link.expires);

/** Opens a link for the recipient. The requester may open it on their behalf. */
export function openGrant(
  grant: Grant,
  standing: RequesterStanding,
  user: string,
  link: { sha256: string; network?: string | undefined },
  now: string,
): Grant {
  if (user !== grant.recipient && user !== grant.requester)
    throw new Refused('missing', 'This release does not exist, or it belongs to somebody else.');
  open(grant, standing, now);
  if (grant.taken >= grant.uses)
    throw new Refused('conflict', `This release may be downloaded ${times(grant.uses)}, and it already was.`);
  const liveLinks = grant.links.filter(link => live(link, now));
  if (liveLinks.length >= MAX_OPEN_LINKS)
    throw new Refused(
      'conflict',
      `There are ${liveLinks.length} open links. Use one of them, or wait until one expires.`,
    );
  const network = link.network ?? grant.network;
  const expires = earliest(timeAfter(now, SESSION_SECONDS.link), grant.expires, standing.expires);
  return {
    ...grant,
    links: [
      ...liveLinks,
      { sha256: link.sha256, by: user, at: now, expires, ...(network !== undefined && { network }) },
    ],
  };
}

const times = (count: number) => (count === 1 ? 'once' : `${count} times`);

/** The link with this token. Refuses other people and other networks. */
function linkOf(grant: Grant, token: string, { id, source }: Asker): Link {
  const sha256 = tokenHash(token);
  const link = grant.links.find(link => link.sha256 === sha256);
  if (!link || id !== grant.recipient) throw noLink();
  for (const network of [link.network, grant.network])
    if (network !== undefined && !isAddressInNetwork(source, network))
      throw new Refused(
        'forbidden',
        'This link may only be used from the network that was named when it was opened. Use it there, or open a new one.',
      );
  return link;
}

/**
 * Redeems a link to a release of `bytes`: counts one use and begins its session. A repeated call before any byte was sent gets the
 * same answer and counts nothing, because the first answer may have been lost.
 */
export function redeemLink(
  grant: Grant,
  standing: RequesterStanding,
  asker: Asker,
  token: string,
  bytes: number,
  now: string,
): { grant: Grant; again: boolean } {
  const link = linkOf(grant, token, asker);
  open(grant, standing, now);
  if (link.session) {
    if (!link.session.begun && live(link, now)) return { grant, again: true };
    throw new Refused('conflict', 'This link was already used. A link works once; open a new one.');
  }
  if (!live(link, now)) throw new Refused('conflict', 'This link has expired. Open a new one.');
  if (grant.taken >= grant.uses)
    throw new Refused('conflict', `This release may be downloaded ${times(grant.uses)}, and it already was.`);
  const seconds = Math.min(
    SESSION_SECONDS.longest,
    Math.max(SESSION_SECONDS.session, Math.ceil(bytes / MIN_BYTES_PER_SECOND)),
  );
  const end = earliest(timeAfter(now, seconds), grant.expires, standing.expires);
  const session = { at: now, source: asker.source, until: end, begun: false };
  return { grant: replaceLink(grant, link, { ...link, session }, grant.taken + 1), again: false };
}

const replaceLink = (grant: Grant, old: Link, link: Link, count = grant.taken): Grant => ({
  ...grant,
  taken: count,
  links: grant.links.map(candidate => (candidate === old ? link : candidate)),
});

/** The active session of a redeemed link. Every part of a download checks it. */
export function activeSession(grant: Grant, standing: RequesterStanding, asker: Asker, token: string, now: string) {
  const link = linkOf(grant, token, asker);
  open(grant, standing, now);
  if (!link.session)
    throw new Refused('conflict', 'Redeem the link (`airlock download-redeem`) before you ask for its files.');
  if (!live(link, now)) throw new Refused('conflict', 'The session of this download has ended. Open a new link.');
  return { link, session: link.session };
}

/** Records in the session that a page was requested, and from which address. Idempotent. */
export function recordPage(grant: Grant, standing: RequesterStanding, asker: Asker, token: string, now: string): Grant {
  const { link, session } = activeSession(grant, standing, asker, token, now);
  if (session.begun && session.source === asker.source) return grant;
  return replaceLink(grant, link, { ...link, session: { ...session, begun: true, source: asker.source } });
}

/** Revokes the grant. Repeating it changes nothing. */
export const revokeGrant = (grant: Grant, revoker: string, reason: string, now: string): Grant =>
  grant.revoked ? grant : { ...grant, revoked: { at: now, by: revoker, reason } };

const CidrBlock = z.union([z.cidrv4(), z.cidrv6()]);

/** Whether a block contains an IPv4 or IPv6 address. False if either cannot be read. */
export function isAddressInNetwork(address: string, block: string): boolean {
  if (isIP(address) === 0 || !CidrBlock.safeParse(block).success) return false;
  const [base = '', length] = block.split('/');
  const network = new BlockList();
  network.addSubnet(base, Number(length), familyOf(base));
  return network.check(address, familyOf(address));
}

const familyOf = (address: string) => (isIP(address) === 4 ? 'ipv4' : 'ipv6');

/** A CIDR block, IPv4 or IPv6. */
export const AllowedNetwork = z
  .string()
  .max(43)
  // The pattern is for the OpenAPI document; the exact check follows.
  .regex(new RegExp(`${z.regexes.cidrv4.source}|${z.regexes.cidrv6.source}`))
  .refine(block => CidrBlock.safeParse(block).success, 'a network such as 192.0.2.0/24 or 2001:db8::/32');
