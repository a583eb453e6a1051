import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { link, mkdir, open, rm } from 'node:fs/promises';
import { type Agent, get } from 'node:https';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DownloadPage } from '../../functions/airlock/release/shapes.ts';
import { Exit } from './exit.ts';

export type Offered = DownloadPage['files'][number];

/** An address that does not open (any more): ask for a new one. */
export class Stale extends Error {}

const patience = 60_000;

/** Streams what lies at an address, from the byte `from` on. */
async function stream(url: string, agent: Agent, from: number, take: (chunk: Buffer) => Promise<void>): Promise<void> {
  const answer = await new Promise<import('node:http').IncomingMessage>((resolve, reject) => {
    const call = get(url, { agent, timeout: patience, headers: from > 0 ? { range: `bytes=${from}-` } : {} }, resolve);
    call.on('timeout', () => call.destroy(new Error('the storage does not answer')));
    call.on('error', reject);
  });
  const { statusCode = 0 } = answer;
  if (statusCode !== (from > 0 ? 206 : 200)) {
    answer.resume();
    if (statusCode === 403 || statusCode === 400) throw new Stale(`the storage answered ${statusCode}`);
    throw new Error(`the storage answered ${statusCode}`);
  }
  for await (const chunk of answer) await take(chunk as Buffer);
}

/** A small text at an address. */
export async function textOf(url: string, agent: Agent, most: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  await stream(url, agent, 0, async chunk => {
    size += chunk.length;
    if (size > most) throw new Exit('fault', 'The release record is larger than it can be.');
    chunks.push(chunk);
  });
  return Buffer.concat(chunks).toString('utf8');
}

export interface Target {
  /** The folder of finished files. */
  readonly files: string;
  /** Where the unfinished ones are, by name. */
  readonly partial: string;
  readonly agent: Agent;
  moved(bytes: number): void;
}

const attempts = 5;

/**
 * Fetches one file: into a temporary one, gone on with where the last try stopped, and given its name only when its
 * SHA-256 is right. Nothing that is there already is ever written over. `again` gives the file's address anew.
 */
export async function fetchFile(
  file: Offered,
  name: string,
  target: Target,
  again: () => Promise<Offered>,
): Promise<void> {
  const part = join(target.partial, name);
  const final = join(target.files, file.path);
  let current = file;
  for (let attempt = 1; ; attempt++) {
    try {
      if ((await fill(current, part, target)) === file.sha256) break;
      // What was kept of an earlier try may be what is wrong: once more from the beginning.
      await rm(part, { force: true });
      if (attempt >= 2) throw new Exit('refused', `${file.path} did not arrive as it was released. It was not kept.`);
    } catch (error) {
      if (error instanceof Exit || attempt >= attempts) throw error;
      if (error instanceof Stale) current = await again();
      else await sleep(Math.min(5000, 100 * 2 ** attempt));
    }
  }
  await mkdir(dirname(final), { recursive: true });
  // Unlike a rename, a link never takes the place of something.
  await link(part, final).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EEXIST') throw new Exit('refused', `${final} is there already. Nothing is written over.`);
    throw error;
  });
  await rm(part);
}

/** Brings the temporary file to its full length and gives its SHA-256. */
async function fill(file: Offered, part: string, { agent, moved }: Target): Promise<string> {
  await using handle = await open(part, 'a+', 0o600);
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of handle.createReadStream({ autoClose: false, start: 0 })) {
    hash.update(chunk);
    size += chunk.length;
  }
  if (size > file.size) return '';
  if (size < file.size)
    await stream(file.url, agent, size, async chunk => {
      size += chunk.length;
      if (size > file.size) throw new Exit('refused', `${file.path} is larger than it was when it was released.`);
      hash.update(chunk);
      await handle.write(chunk);
      moved(chunk.length);
    });
  if (size < file.size) throw new Error(`${file.path} was cut short on its way`);
  return hash.digest('hex');
}

/** Whether a file of this page has arrived before: its name is given only to what was right. */
export const arrived = (target: Pick<Target, 'files'>, path: string): boolean => existsSync(join(target.files, path));
