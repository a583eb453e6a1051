import { createHash } from 'node:crypto';
import { constants, createWriteStream, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import { ZipFile } from 'yazl';
import { ExitError } from './exit.ts';

export interface BagEntry {
  readonly path: string;
  readonly size: number;
  readonly sha512: string;
}

/** The destination of a bag: a folder, or a zip that contains that folder. */
export interface Bag {
  readonly location: string;
  /** Writes one file. The next may begin once this one has ended. */
  add(path: string, content: Readable): Promise<void>;
  end(): Promise<void>;
  /** Deletes an unfinished archive. */
  undo(): Promise<void>;
}

export function createFolderBag(folder: string): Bag {
  mkdirSync(folder, { recursive: true });
  if (readdirSync(folder).length > 0)
    throw new ExitError('refused', `${folder} is not empty. Name a new folder; existing files are never overwritten.`);
  const location = resolve(folder);
  return {
    location,
    async add(path, content) {
      await mkdir(dirname(join(location, path)), { recursive: true });
      await pipeline(content, createWriteStream(join(location, path), { flags: 'wx', mode: 0o644 }));
    },
    end: async () => {},
    undo: async () => {},
  };
}

/** Every entry has the earliest date of the zip format, so that the same content gives the same archive. */
const zipOptions = { mtime: new Date(0), forceDosTimestamp: true, mode: 0o100644 };

/** `name` is the folder inside the archive. */
export async function createZipBag(archive: string, name: string): Promise<Bag> {
  if (existsSync(archive))
    throw new ExitError('refused', `${archive} already exists. Name a new file; existing files are never overwritten.`);
  const location = resolve(archive);
  const zip = new ZipFile();
  const target = (await open(location, 'wx', 0o644)).createWriteStream();
  let current: Readable | undefined;
  const writing = pipeline(zip.outputStream, target);
  // Without this, an entry would wait for ever when the disk is full.
  writing.catch(error => current?.destroy(error));
  return {
    location,
    async add(path, content) {
      current = content;
      if (target.destroyed) await writing;
      zip.addReadStream(content, `${name}/${path}`, zipOptions);
      await finished(content);
    },
    async end() {
      zip.end();
      await writing;
    },
    async undo() {
      target.destroy();
      await writing.catch(() => {});
      rmSync(location, { force: true });
    },
  };
}

/** Adds a text to the bag. */
export async function addToBag(bag: Bag, path: string, content: string | Uint8Array): Promise<BagEntry> {
  const bytes = Buffer.from(content);
  await bag.add(path, Readable.from(bytes));
  return { path, size: bytes.length, sha512: createHash('sha512').update(bytes).digest('hex') };
}

/** Copies a file and hashes the same bytes, so that the bag holds exactly what was compared with the record. */
export async function copyToBag(
  bag: Bag,
  path: string,
  source: string,
  file: { readonly size: number; readonly sha256: string },
  progress: (bytes: number) => void,
): Promise<BagEntry> {
  await using handle = await open(source, constants.O_RDONLY | constants.O_NOFOLLOW);
  const [short, long] = [createHash('sha256'), createHash('sha512')];
  async function* hashed() {
    for await (const chunk of handle.createReadStream({ autoClose: false, highWaterMark: 1 << 20 })) {
      short.update(chunk);
      long.update(chunk);
      yield chunk;
      progress(chunk.length);
    }
    if (short.digest('hex') !== file.sha256)
      throw new ExitError('refused', `${source} changed while it was being packed. Pack it again.`);
  }
  await bag.add(path, Readable.from(hashed(), { objectMode: false }));
  return { path, size: file.size, sha512: long.digest('hex') };
}
