import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { AllowedNetwork } from '../../functions/airlock/release/link.ts';
import type { DownloadLink, DownloadPage, DownloadSession } from '../../functions/airlock/release/schemas.ts';
import { pathProblem } from '../../functions/storage/paths.ts';
import { type DownloadTarget, fetchPage, fetchReleaseRecord, type PartReader } from './airlock-fetch.ts';
import { fetchSigningKey } from './airlock-key.ts';
import { formatReleaseRecord, readTrustedRecord, resolvePin, verifyFolder } from './airlock-verify.ts';
import type { ApiClient } from './call.ts';
import { type CommandContext, defineCommand } from './commands.ts';
import { ExitError } from './exit.ts';
import { formatBytes, formatCount, formatTime } from './output.ts';
import { cliHome, type Environment, readPrivateFile, writePrivateFile } from './profile.ts';
import { formatTransferProgress, ProgressLine } from './progress.ts';

/** The API operations for downloading one request. */
export interface DownloadSource {
  open(): Promise<DownloadLink>;
  take(token: string): Promise<DownloadSession>;
  files(token: string, from: number): Promise<DownloadPage>;
  part(token: string, file: number | undefined, from: number): Promise<Uint8Array>;
}

/** Downloads a request through the API. */
export const createDownloadSource = (
  api: Pick<ApiClient, 'ask'>,
  params: { project: string; request: string },
  network: string | undefined,
): DownloadSource => ({
  open: () => api.ask('openDownload', { params, body: network === undefined ? {} : { network } }),
  take: token => api.ask('takeDownload', { params, body: { token } }),
  files: (token, from) => api.ask('downloadFiles', { params, body: { token, from } }),
  part: (token, file, from) =>
    api.ask('downloadPart', { params, body: { token, from, ...(file !== undefined && { file }) } }),
});

/** A link works once, so its token is kept, readable by this person only, until every file is verified. */
const Begun = z.object({
  token: z.string(),
  until: z.iso.datetime(),
  /** Present once the link was opened. */
  all: z.object({ files: z.number(), bytes: z.number() }).optional(),
});
type Begun = z.infer<typeof Begun>;

/** Remembers a started download by API, request, folder and person. */
export class DownloadJournal {
  readonly #file: string;

  constructor(env: Environment, purpose: readonly string[]) {
    const id = createHash('sha256').update(JSON.stringify(purpose)).digest('hex').slice(0, 24);
    this.#file = join(cliHome(env), 'downloads', `${id}.json`);
  }
  get begun(): Begun | undefined {
    const kept = readPrivateFile(this.#file, Begun);
    return kept && kept.until > new Date().toISOString() ? kept : undefined;
  }
  keep(begun: Begun): Begun {
    writePrivateFile(this.#file, begun);
    return begun;
  }
  close(): void {
    rmSync(this.#file, { force: true });
  }
}

const known = ['files', '.partial', 'release.json'];

/** Refuses a folder that is not empty, unless this download or one that received nothing left its files there. */
function vacant(folder: string, begun: boolean): void {
  const there = readdirSync(folder);
  const left = there.every(name => known.includes(name)) && (begun || !there.includes('release.json'));
  const bare = (name: string) => begun || readdirSync(join(folder, name)).length === 0;
  if (there.length > 0 && !(left && there.every(bare)))
    throw new ExitError('refused', `${folder} is not empty. Name a new folder; existing files are never overwritten.`);
}

/** Fetches the record and then every page. Skips files that were fetched before. */
export async function fetchSessionFiles(
  { files, part: partOf }: DownloadSource,
  folder: string,
  token: string,
  moved: (bytes: number) => void,
): Promise<void> {
  const part: PartReader = (file, from) => partOf(token, file, from);
  const target: DownloadTarget = { files: join(folder, 'files'), partial: join(folder, '.partial'), part, moved };
  for (const path of [target.files, target.partial]) mkdirSync(path, { recursive: true });
  for (let at: number | undefined = 0; at !== undefined; ) {
    const page: DownloadPage = await files(token, at);
    const end: number = at + page.files.length;
    if (page.next !== undefined && (page.next !== end || end === at))
      throw new ExitError('fault', 'The service returned a page out of order. Try again.');
    if (!existsSync(join(folder, 'release.json'))) {
      const draft = join(target.partial, 'release.json');
      writeFileSync(draft, await fetchReleaseRecord(part));
      renameSync(draft, join(folder, 'release.json'));
    }
    for (const { path } of page.files) {
      const wrong = pathProblem(path, 1024);
      if (wrong !== undefined)
        throw new ExitError('refused', `The release contains a file name that is not safe to write: ${wrong}`);
    }
    await fetchPage(page.files, at, target);
    at = page.next;
  }
  rmSync(target.partial, { recursive: true, force: true });
}

/** Resumes a started download or opens a new link. The journal has it before anything is fetched. */
async function taken(source: DownloadSource, journal: DownloadJournal): Promise<Begun> {
  const before = journal.begun;
  if (before?.all) return before;
  const { token } = before ?? journal.keep(await source.open().then(({ token, expires: until }) => ({ token, until })));
  try {
    const { until, ...all } = await source.take(token);
    return journal.keep({ token, until, all });
  } catch (error) {
    // An earlier run may have opened the link and stopped before the journal was written: resume, or report why not.
    if (before && isOver(error)) return before;
    throw error;
  }
}

/** The link no longer works: it was revoked, has expired, or its download session has ended. */
const isOver = (error: unknown) => error instanceof ExitError && error.problem.status === 409;

/** Downloads a release into a folder, or resumes. The journal stays until the files are verified. */
export async function fetchReleaseInto(
  folder: string,
  source: DownloadSource,
  journal: DownloadJournal,
  context: CommandContext,
): Promise<void> {
  vacant(folder, journal.begun !== undefined);
  const { token, all } = await taken(source, journal);
  using live = new ProgressLine(context);
  const started = Date.now();
  let sent = 0;
  const moved = (count: number) => {
    sent += count;
    const seconds = (Date.now() - started) / 1000;
    const figures =
      all && formatTransferProgress({ files: 0, bytes: sent }, all, sent, seconds).replace(/^[^,]*files, /, '');
    live.figures(figures ?? formatBytes(sent));
  };
  await fetchSessionFiles(source, folder, token, moved).catch((error: unknown) => {
    if (isOver(error)) journal.close();
    throw error;
  });
  live.end();
}

export const airlockDownloadCommand = defineCommand({
  words: ['airlock', 'download'],
  summary: 'Download a release, check every byte, and keep its signed record',
  about: [
    'Opens a link, which works once, and writes <folder>/release.json and <folder>/files. To resume a stopped download,',
    'run the same command again within 15 minutes. Existing files are never overwritten.',
    'The release must be signed with the key that the service publishes; --key names a key that you have saved before.',
    'The exit code is 0 when every file matches the release, and 3 when one does not or the link no longer works.',
  ],
  examples: [
    'airlock download asthma al-0011223344556677 ./table1',
    'airlock download asthma al-0011223344556677 ./table1 --key release-key.pem',
  ],
  params: z.object({
    project: z.string().min(1).describe('the project'),
    request: z.string().min(1).describe('the request that was released'),
    folder: z.string().min(1).describe('a new or empty folder'),
  }),
  flags: z.object({
    key: z.string().min(1).optional().describe('the key to trust: a PEM file, or the SHA-256 fingerprint'),
    network: AllowedNetwork.optional().describe('allow the link only from this network, such as 192.0.2.0/24'),
  }),
  async run({ params: { project, request, folder }, flags }, context) {
    const pin = await resolvePin(flags.key);
    const api = context.api();
    mkdirSync(folder, { recursive: true });
    const at = realpathSync(folder);
    const purpose = [api.place.api, project, request, at, flags.network ?? '', context.as ?? ''];
    const journal = new DownloadJournal(context.env, purpose);
    context.onInterrupt(() => {
      const { until } = journal.begun ?? {};
      return until === undefined
        ? 'Stopped.'
        : `Stopped. Run the same command again before ${formatTime(until)} to resume.`;
    });
    await fetchReleaseInto(at, createDownloadSource(api, { project, request }, flags.network), journal, context);
    const { record, fingerprint } = await readTrustedRecord(join(at, 'release.json'), pin);
    if (record.request !== request || record.project !== project)
      throw new ExitError('refused', 'The downloaded record belongs to another release.');
    // The record comes from storage and the key from the service: a forger would have to control both.
    const signer = await fetchSigningKey(api, record.keyId);
    if (signer.fingerprint !== fingerprint)
      throw new ExitError('refused', `The downloaded record is not signed with the key ${signer.fingerprint}.`);
    await verifyFolder(record, join(at, 'files'), context);
    journal.close();
    context.result(
      { ok: true, folder: at, key: { fingerprint, pinned: pin !== undefined }, files: record.files.length },
      `All ${formatCount(record.files.length)} files match the release, byte for byte.\n\n${formatReleaseRecord(record, fingerprint)}`,
    );
    context.remark(`Check it again at any time: broch airlock verify ${folder}/release.json ${folder}/files`);
    return 'ok';
  },
});
