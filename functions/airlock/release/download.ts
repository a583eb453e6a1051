import { Refused } from '../../refused.ts';
import { Tampered } from '../../storage/immutable-objects.ts';
import { readObjectRange } from '../../storage/object-read.ts';
import { mapInParallel } from '../../storage/parallel.ts';
import type { RowWrite } from '../../table.ts';
import type { RequestEvent } from '../request/decision.ts';
import type { RequesterStanding } from '../request/download-eligibility.ts';
import { pageFrom, partFrom, type StoredFile } from './download-ranges.ts';
import {
  type Asker,
  activeSession,
  createLinkToken,
  MAX_SERVED_BYTES,
  openGrant,
  recordPage,
  redeemLink,
  revokeGrant,
  tokenHash,
} from './link.ts';
import { type DownloadLink, type DownloadPage, type DownloadSession, partBytes } from './schemas.ts';
import { changeGrant, countGiven, createGrant, readGrant } from './store.ts';

/**
 * What the functions below need, from the environment of the Lambda that calls them:
 *   TABLE_NAME: table(core.table, { download: ['GetItem', 'PutItem', 'UpdateItem'], look: ['PutItem'] })
 *   RELEASE_BUCKET: bucket(release, ['read'])       (readDownloadPart only)
 */
export interface DownloadWiring {
  readonly table: string;
}

/** The rows that record this in the request's trail and publish it. They are written with the grant. */
export type LookRecorder = (
  event: Pick<RequestEvent, 'name' | 'message'> & { details: NonNullable<RequestEvent['details']> },
  timestamp: string,
) => RowWrite[];

/** A release, and whether its request allows downloads. `standing` is read from the request's row on every call. */
export interface DownloadParams {
  readonly project: string;
  readonly request: string;
  readonly standing: RequesterStanding;
  readonly tell: LookRecorder;
}

/** Lets the recipient download a signed release `uses` times until it expires. Idempotent. */
export const grantDownload = (
  table: string,
  grant: {
    project: string;
    request: string;
    seal: string;
    recipient: string;
    requester: string;
    expires: string;
    uses?: number;
    network?: string | undefined;
  },
): Promise<void> => createGrant(table, { uses: 1, ...grant, taken: 0, links: [] });

/** openDownload: makes a link. The token is in the answer and nowhere else. */
export async function openLink(
  { table }: DownloadWiring,
  { project, request, standing, tell }: DownloadParams,
  user: string,
  network: string | undefined,
  now: string,
): Promise<DownloadLink> {
  const token = createLinkToken();
  const sha256 = tokenHash(token);
  const { grant } = await changeGrant(
    table,
    project,
    request,
    grant => ({ grant: openGrant(grant, standing, user, { sha256, network }, now) }),
    ({ grant: { links, recipient } }) => {
      const { expires = '', network } = links.at(-1) ?? {};
      const details = { recipient, expires, ...(network !== undefined && { network }) };
      return tell({ name: 'DownloadOpened', message: `A link until ${expires}.`, details }, now);
    },
  );
  const link = grant.links.at(-1);
  if (link?.sha256 !== sha256) throw new Error('the link just made is not there');
  return { token, expires: link.expires, usesLeft: grant.uses - grant.taken };
}

/** takeDownload: counts one use and starts the session for downloadFiles. */
export async function redeemDownload(
  { table }: DownloadWiring,
  { project, request, standing, tell }: DownloadParams,
  asker: Asker,
  token: string,
  { files, bytes }: { readonly files: number; readonly bytes: number },
  now: string,
): Promise<DownloadSession> {
  const { grant } = await changeGrant(
    table,
    project,
    request,
    grant => redeemLink(grant, standing, asker, token, bytes, now),
    ({ grant: { taken: count, uses }, again: repetition }) => {
      const message = `Use ${count} of ${uses}.`;
      return repetition
        ? []
        : tell({ name: 'DownloadTaken', message, details: { source: asker.source, taken: count, uses } }, now);
    },
  );
  const session = grant.links.find(({ sha256 }) => sha256 === tokenHash(token))?.session;
  if (!session) throw new Error('the session just begun is not there');
  return { files, bytes, until: session.until };
}

/**
 * downloadFiles: lists the next page of files. The page is recorded before any of its bytes is returned, also when it is
 * requested again.
 */
export async function listDownloadFiles(
  { table }: DownloadWiring,
  { project, request, standing, tell }: DownloadParams,
  asker: Asker,
  { token, from: start }: { token: string; from: number },
  files: readonly StoredFile[],
  now: string,
): Promise<DownloadPage> {
  const page = pageFrom(files, start);
  if (page.files.length === 0) throw new Refused('invalid', `There are ${files.length} files, counted from 0.`);
  const message = `Files ${start + 1} to ${start + page.files.length} of ${files.length}.`;
  const { grant } = await changeGrant(
    table,
    project,
    request,
    grant => ({ grant: recordPage(grant, standing, asker, token, now) }),
    () => tell({ name: 'DownloadPaged', message, details: { source: asker.source, from: start } }, now),
  );
  return {
    files: page.files.map(({ path, size, sha256 }) => ({ path, size, sha256 })),
    until: activeSession(grant, standing, asker, token, now).session.until,
    ...(page.next !== undefined && { next: page.next }),
  };
}

/** How many files of a part are read at the same time. */
const width = 16;
/** Each part counts as at least this many bytes. */
const MIN_PART_BYTES = 64 * 1024;

/**
 * downloadPart: reads one part of the files, or of the signed record, by version. Each call checks the link and counts
 * the bytes. A change of address is recorded.
 */
export async function readDownloadPart(
  { table, bucket }: DownloadWiring & { readonly bucket: string },
  { project, request, standing, tell }: DownloadParams,
  asker: Asker,
  { token, file: first, from: offset }: { token: string; file?: number | undefined; from: number },
  { files, release }: { files: readonly StoredFile[]; release: { key: string; versionId: string; bytes: number } },
  now: string,
): Promise<Uint8Array> {
  const { session } = activeSession(await readGrant(table, project, request), standing, asker, token, now);
  if (!session.begun) throw new Refused('conflict', 'Ask for a page of files (`airlock download-list`) first.');
  if (session.source !== asker.source)
    await changeGrant(
      table,
      project,
      request,
      grant => ({ grant: recordPage(grant, standing, asker, token, now), before: grant }),
      ({ grant, before: previous }) => {
        const event = { name: 'DownloadMoved', message: 'The download continues from another address.' } as const;
        return grant === previous ? [] : tell({ ...event, details: { source: asker.source } }, now);
      },
    );
  const bytes =
    first === undefined
      ? await readObjectRange({ bucket, key: release.key, version: release.versionId }, offset, partBytes)
      : await bytesOf(bucket, partFrom(files, first, offset));
  if (
    !(await countGiven(
      table,
      project,
      request,
      token,
      Math.max(MIN_PART_BYTES, bytes.length),
      MAX_SERVED_BYTES(release.bytes),
    ))
  )
    throw new Refused(
      'conflict',
      'This link has transferred three times the size of the release and is now closed. Open a new one.',
    );
  return bytes;
}

async function bytesOf(bucket: string, ranges: ReturnType<typeof partFrom<StoredFile>>): Promise<Uint8Array> {
  const parts = await mapInParallel(ranges, width, async ({ file: { key, versionId }, from: offset, bytes }) => {
    const read = await readObjectRange({ bucket, key, version: versionId }, offset, bytes);
    if (read.length !== bytes) throw new Tampered(`${key} has fewer bytes than were released`);
    return read;
  });
  return Buffer.concat(parts);
}

/** Disables all links of a release when it is revoked. Idempotent. */
export async function revokeDownload(
  table: string,
  { project, request }: Pick<DownloadParams, 'project' | 'request'>,
  revoker: string,
  reason: string,
  now: string,
): Promise<void> {
  await changeGrant(table, project, request, grant => ({ grant: revokeGrant(grant, revoker, reason, now) }));
}
