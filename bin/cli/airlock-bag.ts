import { createHash } from 'node:crypto';
import { constants, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { type EntrySink, ZipFile } from './airlock-zip.ts';
import { ExitError } from './exit.ts';

export interface BagEntry {
  readonly path: string;
  readonly size: number;
  readonly sha512: string;
}

/** Where the files of a bag go: a folder, or a zip with that folder as the only thing in it. */
export interface Bag {
  readonly at: string;
  entry(path: string, size: number): Promise<EntrySink>;
  end(): Promise<void>;
  /** Takes away an archive that is not finished. */
  undo(): Promise<void>;
}

export function createFolderBag(out: string): Bag {
  mkdirSync(out, { recursive: true });
  if (readdirSync(out).length > 0)
    throw new ExitError('refused', `${out} is not empty. Name a new folder: nothing is written over.`);
  const at = resolve(out);
  return {
    at,
    async entry(path) {
      await mkdir(dirname(join(at, path)), { recursive: true });
      const to = await open(join(at, path), 'wx', 0o644);
      return { write: async chunk => void (await to.write(chunk)), end: () => to.close() };
    },
    end: async () => {},
    undo: async () => {},
  };
}

/** `name` is the folder that the archive has in it. */
export async function createZipBag(out: string, name: string): Promise<Bag> {
  if (existsSync(out)) throw new ExitError('refused', `${out} is there already. Nothing is written over.`);
  const at = resolve(out);
  const to = await open(at, 'wx', 0o644);
  const zip = new ZipFile(to);
  return {
    at,
    entry: (path, size) => zip.entry(`${name}/${path}`, size),
    async end() {
      await zip.end();
      await to.close();
    },
    async undo() {
      await to.close();
      rmSync(at, { force: true });
    },
  };
}

/** Puts a text in the bag. */
export async function addToBag(bag: Bag, path: string, content: string | Uint8Array): Promise<BagEntry> {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  const to = await bag.entry(path, bytes.length);
  await to.write(bytes);
  await to.end();
  return { path, size: bytes.length, sha512: createHash('sha512').update(bytes).digest('hex') };
}

/** Copies one file while it is hashed: what is in the bag is what was compared with the record, read once. */
export async function copyToBag(
  bag: Bag,
  path: string,
  from: string,
  file: { readonly size: number; readonly sha256: string },
  moved: (bytes: number) => void,
): Promise<BagEntry> {
  await using handle = await open(from, constants.O_RDONLY | constants.O_NOFOLLOW);
  const to = await bag.entry(path, file.size);
  const [short, long] = [createHash('sha256'), createHash('sha512')];
  for await (const chunk of handle.createReadStream({ autoClose: false, highWaterMark: 1 << 20 })) {
    short.update(chunk);
    long.update(chunk);
    await to.write(chunk);
    moved(chunk.length);
  }
  if (short.digest('hex') !== file.sha256) throw new ExitError('refused', `${from} changed while it was being packed.`);
  await to.end();
  return { path, size: file.size, sha512: long.digest('hex') };
}
