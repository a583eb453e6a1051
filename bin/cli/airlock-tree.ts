import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, readdir, readFile, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { FoundFile } from '../../functions/airlock/release/verify.ts';
import { mapInParallel } from '../../functions/storage/parallel.ts';
import { ExitError } from './exit.ts';

/** Reads a file once and returns its SHA-256, and on request its SHA-512. Links are not followed. */
async function computeFileDigests(file: string, withSha512: boolean, read: (bytes: number) => void = () => {}) {
  await using handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  const initialStat = await handle.stat();
  if (!initialStat.isFile()) throw new ExitError('refused', `${file} is not a regular file.`);
  const [short, long] = [createHash('sha256'), withSha512 ? createHash('sha512') : undefined];
  let size = 0;
  for await (const chunk of handle.createReadStream({ autoClose: false, highWaterMark: 1 << 20 })) {
    short.update(chunk);
    long?.update(chunk);
    size += chunk.length;
    read(chunk.length);
  }
  const finalStat = await handle.stat();
  if (size !== initialStat.size || finalStat.mtimeMs !== initialStat.mtimeMs)
    throw new ExitError(
      'fault',
      `${file} changed while it was being read. Wait until it no longer changes, then run this again.`,
    );
  return { size, sha256: short.digest('hex'), ...(long && { sha512: long.digest('hex') }) };
}

/** Hashes every regular file below a folder. Other entries are listed with their kind and not opened. */
export async function hashTree(folder: string, read: (bytes: number) => void = () => {}): Promise<FoundFile[]> {
  const root = await resolveReleaseFolder(folder);
  const entries: FoundFile[] = [];
  const files: { path: string; location: string }[] = [];
  async function enter(directory: string, prefix: string): Promise<void> {
    for (const entry of await readdir(directory, { withFileTypes: true })) {
      const path = prefix + entry.name;
      // Node puts U+FFFD in names that are not UTF-8, and such a name cannot be opened.
      if (path.includes('\ufffd')) entries.push({ path, link: 'a file whose name is not UTF-8' });
      else if (entry.isSymbolicLink()) entries.push({ path, link: 'a symbolic link' });
      else if (entry.isDirectory()) await enter(join(directory, entry.name), `${path}/`);
      else if (entry.isFile()) files.push({ path, location: join(directory, entry.name) });
      else entries.push({ path, link: 'not a regular file' });
    }
  }
  await enter(root, '');
  const hashed = await mapInParallel(files, 4, async ({ path, location }) => {
    const { size, sha256 } = await computeFileDigests(location, false, read);
    return { path, size, sha256 };
  });
  return [...entries, ...hashed].sort((a, b) => (a.path < b.path ? -1 : 1));
}

export async function resolveReleaseFolder(path: string): Promise<string> {
  const entry = await stat(path).catch(() => undefined);
  if (!entry?.isDirectory()) throw new ExitError('usage', `${path} ${entry ? 'is not a folder' : 'does not exist'}.`);
  return realpath(path);
}

const largest = 256 * 1024 ** 2;

/** Reads a text file, up to the size of the largest valid record. */
export async function readTextFile(path: string): Promise<string> {
  const entry = await stat(path).catch(() => undefined);
  if (!entry?.isFile()) throw new ExitError('usage', `${path} ${entry ? 'is not a file' : 'does not exist'}.`);
  if (entry.size > largest) throw new ExitError('usage', `${path} is larger than any release record.`);
  return readFile(path, 'utf8');
}
