import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { link, mkdir, open, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type DownloadPage, partBytes } from '../../functions/airlock/release/shapes.ts';
import { Exit } from './exit.ts';

export type Offered = DownloadPage['files'][number];

/** The part of a file (by its number, or the signed record) that begins at a byte: short, or empty, where it ends. */
export type Part = (file: number | undefined, from: number) => Promise<Uint8Array>;

export interface Target {
  /** The folder of finished files. */
  readonly files: string;
  /** Where the unfinished ones are, by number. */
  readonly partial: string;
  readonly part: Part;
  moved(bytes: number): void;
}

/** How many parts of one file are asked for at once: each has its own way through the service. */
const ahead = 4;

/** The bytes of a file from `from` on, in order. */
async function* bytesOf(file: Offered, index: number, from: number, part: Part): AsyncGenerator<Uint8Array> {
  const asked: Promise<Uint8Array>[] = [];
  for (let at = from; at < file.size || asked.length > 0; ) {
    while (asked.length < ahead && at < file.size) {
      const next = part(index, at);
      // Its error is told when its turn comes, unless another's was before.
      next.catch(() => undefined);
      asked.push(next);
      at += partBytes;
    }
    yield (await asked.shift()) as Uint8Array;
  }
}

/** The signed record, whose size is known when it has arrived. */
export async function recordOf(part: Part): Promise<string> {
  const parts: Uint8Array[] = [];
  for (let size = 0; ; size += partBytes) {
    const next = await part(undefined, size);
    parts.push(next);
    if (next.length < partBytes) return Buffer.concat(parts).toString('utf8');
    if (size > 256 * 1024 ** 2) throw new Exit('fault', 'The release record is larger than it can be.');
  }
}

/**
 * Fetches one file: into a temporary one, gone on with where the last try stopped, and given its name only when its
 * SHA-256 is right. Nothing that is there already is ever written over.
 */
export async function fetchFile(file: Offered, index: number, target: Target): Promise<void> {
  const part = join(target.partial, `${index}`);
  const final = join(target.files, file.path);
  // What was kept of an earlier try may be what is wrong: then once more from the beginning.
  for (const last of [false, true]) {
    if ((await fill(file, index, part, target)) === file.sha256) break;
    await rm(part, { force: true });
    if (last) throw new Exit('refused', `${file.path} did not arrive as it was released. It was not kept.`);
  }
  await mkdir(dirname(final), { recursive: true });
  // Unlike a rename, a link never takes the place of something.
  await link(part, final).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EEXIST') throw new Exit('refused', `${final} is there already. Nothing is written over.`);
    throw error;
  });
  await rm(part);
}

/** Brings the temporary file to its full length and gives its SHA-256; nothing, where it has another length. */
async function fill(file: Offered, index: number, path: string, { part, moved }: Target): Promise<string> {
  await using handle = await open(path, 'a+', 0o600);
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of handle.createReadStream({ autoClose: false, start: 0 })) {
    hash.update(chunk);
    size += chunk.length;
  }
  for await (const chunk of bytesOf(file, index, size, part)) {
    size += chunk.length;
    if (size > file.size || (chunk.length < partBytes && size < file.size)) return '';
    hash.update(chunk);
    await handle.write(chunk);
    moved(chunk.length);
  }
  return size === file.size ? hash.digest('hex') : '';
}

/** Whether a file of this page has arrived before: its name is given only to what was right. */
export const arrived = (target: Pick<Target, 'files'>, path: string): boolean => existsSync(join(target.files, path));
