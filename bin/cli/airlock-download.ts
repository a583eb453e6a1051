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
  files(token: string, first: number): Promise<DownloadPage>;
  part(token: string, file: number | undefined, offset: number): Promise<Uint8Array>;
}

/** Downloads a request through the API. */
export const createDownloadSource = (
  api: Pick<ApiClient, 'ask'>,
  params: { project: string; request: string },
  network: string | undefined,
): DownloadSource => ({
  open: () => api.ask('openDownload', { params, body: network === undefined ? {} : { network } }),
  take: token => api.ask('takeDownload', { params, body: { token } }),
  files: (token, first) => api.ask('downloadFiles', { params, body: { token, from: first } }),
  part: (token, file, offset) =>
    api.ask('downloadPart', { params, body: { token, from: offset, ...(file !== undefined && { file }) } }),
});

/** A link works once, so its token is kept, readable by this person only, until every file is verified. */
const StartedDownload = z.object({
  token: z.string(),
  until: z.iso.datetime(),
  /** Present once the link was opened. */
  all: z.object({ files: z.number(), bytes: z.number() }).optional(),
});
type StartedDownload = z.infer<typeof StartedDownload>;

/** Remembers a started download by API, request, folder and person. */
export class DownloadJournal {
  readonly #file: string;

  constructor(env: Environment, purpose: readonly string[]) {
    const id = createHash('sha256').update(JSON.stringify(purpose)).digest('hex').slice(0, 24);
    this.#file = join(cliHome(env), 'downloads', `${id}.json`);
  }
  get begun(): StartedDownload | undefined {
    const download = readPrivateFile(this.#file, StartedDownload);
    return download && download.until > new Date().toISOString() ? download : undefined;
  }
  keep(download: StartedDownload): StartedDownload {
    writePrivateFile(this.#file, download);
    return download;
  }
  close(): void {
    rmSync(this.#file, { force: true });
  }
}

const ownNames = ['files', '.partial', 'release.json'];

/** Refuses a folder that is not empty, unless this download or one that received nothing left its files there. */
function vacant(folder: string, isResumed: boolean): void {
  const names = readdirSync(folder);
  const isResidue = names.every(name => ownNames.includes(name)) && (isResumed || !names.includes('release.json'));
  const bare = (name: string) => isResumed || readdirSync(join(folder, name)).length === 0;
  if (names.length > 0 && !(isResidue && names.every(bare)))
    throw new ExitError('refused', `${folder} is not empty. Name a new folder; existing files are never overwritten.`);
}

/** Fetches the record and then every page. Skips files that were fetched before. */
export async function fetchSessionFiles(
  { files, part: partOf }: DownloadSource,
  folder: string,
  token: string,
  progress: (bytes: number) => void,
): Promise<void> {
  const part: PartReader = (file, offset) => partOf(token, file, offset);
  const target: DownloadTarget = {
    files: join(folder, 'files'),
    partial: join(folder, '.partial'),
    part,
    moved: progress,
  };
  for (const path of [target.files, target.partial]) mkdirSync(path, { recursive: true });
  for (let index: number | undefined = 0; index !== undefined; ) {
    const page: DownloadPage = await files(token, index);
    const end: number = index + page.files.length;
    if (page.next !== undefined && (page.next !== end || end === index))
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
    await fetchPage(page.files, index, target);
    index = page.next;
  }
  rmSync(target.partial, { recursive: true, force: true });
}

/** Resumes a started download or opens a new link. The journal has it before anything is fetched. */
async function openSession(source: DownloadSource, journal: DownloadJournal): Promise<StartedDownload> {
  const previous = journal.begun;
  if (previous?.all) return previous;
  const { token } =
    previous ?? journal.keep(await source.open().then(({ token, expires: deadline }) => ({ token, until: deadline })));
  try {
    const { until: deadline, ...total } = await source.take(token);
    return journal.keep({ token, until: deadline, all: total });
  } catch (error) {
    // An earlier run may have opened the link and stopped before the journal was written: resume, or report why not.
    if (previous && isOver(error)) return previous;
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
  const { token, all: total } = await openSession(source, journal);
  using live = new ProgressLine(context);
  const started = Date.now();
  let receivedBytes = 0;
  const progress = (count: number) => {
    receivedBytes += count;
    const seconds = (Date.now() - started) / 1000;
    const figures =
      total &&
      formatTransferProgress({ files: 0, bytes: receivedBytes }, total, receivedBytes, seconds).replace(
        /^[^,]*files, /,
        '',
      );
    live.figures(figures ?? formatBytes(receivedBytes));
  };
  await fetchSessionFiles(source, folder, token, progress).catch((error: unknown) => {
    if (isOver(error)) journal.close();
    throw error;
  });
  live.end();
}

export const airlockDownloadCommand = defineCommand({
  words: ['airlock', 'download'],
  summary: 'Download a release, check every byte, and keep its signed record',
  notes: [
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
    const location = realpathSync(folder);
    const purpose = [api.place.api, project, request, location, flags.network ?? '', context.person ?? ''];
    const journal = new DownloadJournal(context.env, purpose);
    context.onInterrupt(() => {
      const { until: deadline } = journal.begun ?? {};
      return deadline === undefined
        ? 'Stopped.'
        : `Stopped. Run the same command again before ${formatTime(deadline)} to resume.`;
    });
    await fetchReleaseInto(location, createDownloadSource(api, { project, request }, flags.network), journal, context);
    const { record, fingerprint } = await readTrustedRecord(join(location, 'release.json'), pin);
    if (record.request !== request || record.project !== project)
      throw new ExitError('refused', 'The downloaded record belongs to another release.');
    // The record comes from storage and the key from the service: a forger would have to control both.
    const signer = await fetchSigningKey(api, record.keyId);
    if (signer.fingerprint !== fingerprint)
      throw new ExitError('refused', `The downloaded record is not signed with the key ${signer.fingerprint}.`);
    await verifyFolder(record, join(location, 'files'), context);
    journal.close();
    context.result(
      { ok: true, folder: location, key: { fingerprint, pinned: pin !== undefined }, files: record.files.length },
      `All ${formatCount(record.files.length)} files match the release, byte for byte.\n\n${formatReleaseRecord(record, fingerprint, context.width)}`,
    );
    context.remark(`Check it again at any time: broch airlock verify ${folder}/release.json ${folder}/files`);
    return 'ok';
  },
});
