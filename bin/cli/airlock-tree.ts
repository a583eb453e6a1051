import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, readdir, readFile, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { FoundFile } from '../../functions/airlock/release/verify.ts';
import { mapInParallel } from '../../functions/storage/parallel.ts';
import { ExitError } from './exit.ts';

/** The SHA-256 of a file, and its SHA-512 where asked for, read once from one open file. Links are not followed. */
async function computeFileDigests(at: string, also: boolean, read: (bytes: number) => void = () => {}) {
  await using handle = await open(at, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  const before = await handle.stat();
  if (!before.isFile()) throw new ExitError('refused', `${at} is not a regular file.`);
  const [short, long] = [createHash('sha256'), also ? createHash('sha512') : undefined];
  let size = 0;
  for await (const chunk of handle.createReadStream({ autoClose: false, highWaterMark: 1 << 20 })) {
    short.update(chunk);
    long?.update(chunk);
    size += chunk.length;
    read(chunk.length);
  }
  const after = await handle.stat();
  if (size !== before.size || after.mtimeMs !== before.mtimeMs)
    throw new ExitError('fault', `${at} changed while it was being read. Let it rest, then run this again.`);
  return { size, sha256: short.digest('hex'), ...(long && { sha512: long.digest('hex') }) };
}

/** Everything below a folder, hashed; what is no regular file is named for what it is, and not opened. */
export async function hashTree(folder: string, read: (bytes: number) => void = () => {}): Promise<FoundFile[]> {
  const root = await resolveReleaseFolder(folder);
  const found: FoundFile[] = [];
  const files: { path: string; at: string }[] = [];
  async function enter(at: string, prefix: string): Promise<void> {
    for (const entry of await readdir(at, { withFileTypes: true })) {
      const path = prefix + entry.name;
      // Names that aren't UTF-8 come with this sign in them, and can't be opened by it.
      if (path.includes('\ufffd')) found.push({ path, link: 'named in something else than UTF-8' });
      else if (entry.isSymbolicLink()) found.push({ path, link: 'a symbolic link' });
      else if (entry.isDirectory()) await enter(join(at, entry.name), `${path}/`);
      else if (entry.isFile()) files.push({ path, at: join(at, entry.name) });
      else found.push({ path, link: 'no regular file' });
    }
  }
  await enter(root, '');
  const hashed = await mapInParallel(files, 4, async ({ path, at }) => {
    const { size, sha256 } = await computeFileDigests(at, false, read);
    return { path, size, sha256 };
  });
  return [...found, ...hashed].sort((a, b) => (a.path < b.path ? -1 : 1));
}

export async function resolveReleaseFolder(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isDirectory()) throw new ExitError('usage', `${path} is ${found ? 'not a folder' : 'not there'}.`);
  return realpath(path);
}

const largest = 256 * 1024 ** 2;

/** A text file that a person named; a larger one than any record is not read. */
export async function readTextFile(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) throw new ExitError('usage', `${path} is ${found ? 'not a file' : 'not there'}.`);
  if (found.size > largest) throw new ExitError('usage', `${path} is larger than any release record.`);
  return readFile(path, 'utf8');
}
