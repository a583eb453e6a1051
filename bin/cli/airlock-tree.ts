import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, readdir, readFile, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { FoundFile } from '../../functions/airlock/release/verify.ts';
import { mapInParallel } from '../../functions/storage/parallel.ts';
import { ExitError } from './exit.ts';

/** Reads a file once and returns its SHA-256, and on request its SHA-512. Links are not followed. */
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
    throw new ExitError(
      'fault',
      `${at} changed while it was being read. Wait until it no longer changes, then run this again.`,
    );
  return { size, sha256: short.digest('hex'), ...(long && { sha512: long.digest('hex') }) };
}

/** Hashes every regular file below a folder. Other entries are listed with their kind and not opened. */
export async function hashTree(folder: string, read: (bytes: number) => void = () => {}): Promise<FoundFile[]> {
  const root = await resolveReleaseFolder(folder);
  const found: FoundFile[] = [];
  const files: { path: string; at: string }[] = [];
  async function enter(at: string, prefix: string): Promise<void> {
    for (const entry of await readdir(at, { withFileTypes: true })) {
      const path = prefix + entry.name;
      // Node puts U+FFFD in names that are not UTF-8, and such a name cannot be opened.
      if (path.includes('\ufffd')) found.push({ path, link: 'a file whose name is not UTF-8' });
      else if (entry.isSymbolicLink()) found.push({ path, link: 'a symbolic link' });
      else if (entry.isDirectory()) await enter(join(at, entry.name), `${path}/`);
      else if (entry.isFile()) files.push({ path, at: join(at, entry.name) });
      else found.push({ path, link: 'not a regular file' });
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
  if (!found?.isDirectory()) throw new ExitError('usage', `${path} ${found ? 'is not a folder' : 'does not exist'}.`);
  return realpath(path);
}

const largest = 256 * 1024 ** 2;

/** Reads a text file, up to the size of the largest valid record. */
export async function readTextFile(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) throw new ExitError('usage', `${path} ${found ? 'is not a file' : 'does not exist'}.`);
  if (found.size > largest) throw new ExitError('usage', `${path} is larger than any release record.`);
  return readFile(path, 'utf8');
}
