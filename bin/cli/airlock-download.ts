import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { Network } from '../../functions/airlock/release/link.ts';
import type { DownloadLink, DownloadPage, DownloadSession } from '../../functions/airlock/release/shapes.ts';
import { wrongPath } from '../../functions/ingest/paths.ts';
import { fetchPage, type Part, recordOf, type Target } from './airlock-fetch.ts';
import { signerOf } from './airlock-key.ts';
import { pinned, told, trusted, verified } from './airlock-verify.ts';
import type { Api } from './call.ts';
import { type Context, command } from './commands.ts';
import { Exit } from './exit.ts';
import { bytes, grouped } from './output.ts';
import { type Environment, home, readPrivate, writePrivate } from './profile.ts';
import { Live, sending } from './progress.ts';

/** The operations of a download, of one request. */
export interface Source {
  open(): Promise<DownloadLink>;
  take(token: string): Promise<DownloadSession>;
  files(token: string, from: number): Promise<DownloadPage>;
  part(token: string, file: number | undefined, from: number): Promise<Uint8Array>;
}

/** A request's download, at the API. */
export const sourceOf = (
  api: Pick<Api, 'ask'>,
  params: { project: string; request: string },
  network: string | undefined,
): Source => ({
  open: () => api.ask('openDownload', { params, body: network === undefined ? {} : { network } }),
  take: token => api.ask('takeDownload', { params, body: { token } }),
  files: (token, from) => api.ask('downloadFiles', { params, body: { token, from } }),
  part: (token, file, from) =>
    api.ask('downloadPart', { params, body: { token, from, ...(file !== undefined && { file }) } }),
});

/** A download that was begun: a link works once, so its token is kept (for this person alone) until all is here. */
const Begun = z.object({ token: z.string(), from: z.number().int(), until: z.iso.datetime() });

class Journal {
  readonly #file: string;

  constructor(env: Environment, purpose: readonly string[]) {
    const id = createHash('sha256').update(JSON.stringify(purpose)).digest('hex').slice(0, 24);
    this.#file = join(home(env), 'downloads', `${id}.json`);
  }
  get begun() {
    const kept = readPrivate(this.#file, Begun);
    return kept && kept.until > new Date().toISOString() ? kept : undefined;
  }
  keep(begun: z.infer<typeof Begun>): void {
    writePrivate(this.#file, begun);
  }
  close(): void {
    rmSync(this.#file, { force: true });
  }
}

/** A link that gives nothing any more is forgotten, so that the next try opens a new one. */
function forgetting(source: Source, journal: Journal): Source {
  const forget = (error: unknown): never => {
    if (error instanceof Exit && error.ending === 'refused') journal.close();
    throw error;
  };
  return {
    ...source,
    files: (...of) => source.files(...of).catch(forget),
    part: (...of) => source.part(...of).catch(forget),
  };
}

/** An empty place to download to, or the one where this download was begun. */
function place(folder: string, begun: boolean): string {
  mkdirSync(folder, { recursive: true });
  const known = new Set(['files', '.partial', 'release.json']);
  const there = readdirSync(folder);
  if (there.length > 0 && !(begun && there.every(name => known.has(name))))
    throw new Exit('refused', `${folder} is not empty. Name a new folder: nothing is written over.`);
  for (const name of ['files', '.partial']) mkdirSync(join(folder, name), { recursive: true });
  return realpathSync(folder);
}

/** Fetches all pages. Each page is finished before the next is asked for, as a link gives a page no second time. */
export async function fetchAll(
  source: Source,
  folder: string,
  start: z.infer<typeof Begun>,
  { moved, keep }: { moved: (bytes: number) => void; keep: (begun: z.infer<typeof Begun>) => void },
): Promise<void> {
  const { token } = start;
  const part: Part = (file, from) => source.part(token, file, from);
  const target: Target = { files: join(folder, 'files'), partial: join(folder, '.partial'), part, moved };
  for (let from: number | undefined = start.from; from !== undefined; ) {
    const at: number = from;
    const page = await source.files(token, at);
    keep({ token, from: at, until: page.until });
    const record = join(folder, 'release.json');
    if (!existsSync(record)) writeFileSync(record, await recordOf(part), { flag: 'wx' });
    for (const { path } of page.files) {
      const wrong = wrongPath(path, 1024);
      if (wrong !== undefined) throw new Exit('refused', `The release has a file that is not safe to write: ${wrong}`);
    }
    await fetchPage(page.files, at, target);
    from = page.next;
  }
  rmSync(join(folder, '.partial'), { recursive: true, force: true });
}

async function fetched(source: Source, folder: string, journal: Journal, context: Context): Promise<void> {
  const before = journal.begun;
  const token = before?.token ?? (await source.open()).token;
  // Kept before it is used: whatever happens from here on, the link is not lost.
  if (!before) journal.keep({ token, from: 0, until: new Date(Date.now() + 3600_000).toISOString() });
  const all =
    before && before.from > 0 ? undefined : await source.take(token).catch(alreadyGoingOn(before !== undefined));
  using live = new Live(context);
  const started = Date.now();
  let sent = 0;
  const moved = (count: number) => {
    sent += count;
    const seconds = (Date.now() - started) / 1000;
    live.figures(
      all ? sending({ files: 0, bytes: sent }, all, sent, seconds).replace(/^[^,]*files, /, '') : bytes(sent),
    );
  };
  const begun = before ?? { token, from: 0, until: '' };
  await fetchAll(source, folder, begun, { moved, keep: state => journal.keep(state) });
  live.end();
}

/** A link whose first page was given can't be taken again, and need not be: its pages go on. */
const alreadyGoingOn = (begun: boolean) => (error: unknown) => {
  if (begun && error instanceof Exit && error.ending === 'refused') return undefined;
  throw error;
};

export const download = command({
  words: ['airlock', 'download'],
  summary: 'Fetch what was released to you, check every byte, and keep its signed record',
  about: [
    'Opens the link, takes it (it works once) and writes <folder>/release.json and <folder>/files. What was stopped is',
    'gone on with by the same command within a quarter of an hour. Nothing is ever written over.',
    'The key it is signed with must be the one that the service names; --key pins one that you have kept before.',
    'Ends with 0 when every file is here as it was released, with 3 when not, or when the link is used up or revoked.',
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
    network: Network.optional().describe('the only network the link may be used from, such as 192.0.2.0/24'),
  }),
  async run({ params: { project, request, folder }, flags }, context) {
    const pin = await pinned(flags.key);
    const api = context.api();
    mkdirSync(folder, { recursive: true });
    const journal = new Journal(context.env, [api.place.api, project, request, realpathSync(folder)]);
    const at = place(folder, journal.begun !== undefined);
    const source = forgetting(sourceOf(api, { project, request }, flags.network), journal);
    context.onInterrupt(() => 'Stopped. Go on within a quarter of an hour with the same command.');
    await fetched(source, at, journal, context);
    journal.close();
    const { record, fingerprint } = await trusted(join(at, 'release.json'), pin);
    if (record.request !== request || record.project !== project)
      throw new Exit('refused', 'The record that came with it is that of another release.');
    // The record comes from storage, the key from the service: whoever forged one would have to have both.
    const signer = await signerOf(api, record.keyId);
    if (signer.fingerprint !== fingerprint)
      throw new Exit('refused', `The record that came with it is signed by another key than ${signer.fingerprint}.`);
    await verified(record, join(at, 'files'), context);
    context.result(
      { ok: true, folder: at, key: { fingerprint, pinned: pin !== undefined }, files: record.files.length },
      `${grouped(record.files.length)} files are here as they were released, byte for byte.\n\n${told(record, fingerprint)}`,
    );
    context.remark(`Check it again at any time: broch airlock verify ${folder}/release.json ${folder}/files`);
    return 'ok';
  },
});
