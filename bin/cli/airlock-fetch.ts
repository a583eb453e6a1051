import { createHash, type Hash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { link, mkdir, open, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type DownloadPage, partBytes } from '../../functions/airlock/release/schemas.ts';
import { ExitError } from './exit.ts';

type Offered = DownloadPage['files'][number];

/** Returns the next 4 MiB from a byte of a file (by its number) across file ends, or from a byte of the record. */
export type PartReader = (file: number | undefined, offset: number) => Promise<Uint8Array>;

export interface DownloadTarget {
  /** The folder for finished files. */
  readonly files: string;
  /** The folder for unfinished files, named by number. */
  readonly partial: string;
  readonly part: PartReader;
  moved(bytes: number): void;
}

/** A file of a page, with its number in the release. */
interface Numbered {
  readonly file: Offered;
  readonly index: number;
}

/** Parts that are requested at the same time. */
const ahead = 8;

/** Fetches the signed record, whose size is unknown beforehand. */
export async function fetchReleaseRecord(part: PartReader): Promise<string> {
  const parts: Uint8Array[] = [];
  for (let size = 0; ; size += partBytes) {
    const next = await part(undefined, size);
    if (next.length > partBytes || size > 256 * 1024 ** 2)
      throw new ExitError('fault', 'The release record is larger than any valid record.');
    parts.push(next);
    if (next.length < partBytes) return Buffer.concat(parts).toString('utf8');
  }
}

/** Streams the bytes of consecutive files, from a byte of the first one, in parts. */
class Bytes {
  readonly #parts: AsyncGenerator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array();

  constructor(run: readonly Numbered[], start: number, part: PartReader) {
    this.#parts = partsOf(run, start, part);
  }

  async *next(count: number): AsyncGenerator<Uint8Array> {
    for (let remaining = count; remaining > 0; ) {
      if (this.#rest.length === 0) this.#rest = (await this.#parts.next()).value as Uint8Array;
      const bytes = this.#rest.subarray(0, remaining);
      this.#rest = this.#rest.subarray(bytes.length);
      remaining -= bytes.length;
      yield bytes;
    }
  }
}

async function* partsOf(run: readonly Numbered[], start: number, part: PartReader): AsyncGenerator<Uint8Array> {
  const requests: Promise<Uint8Array>[] = [];
  const end = run.reduce((sum, { file }) => sum + file.size, 0);
  for (let offset = start; offset < end || requests.length > 0; ) {
    for (; offset < end && requests.length < ahead; offset += partBytes) {
      const next = exactly(part, run[0]?.index ?? 0, offset, Math.min(end - offset, partBytes));
      // The loop reports this error when it reaches the part, unless an earlier part failed first.
      next.catch(() => undefined);
      requests.push(next);
    }
    yield (await requests.shift()) as Uint8Array;
  }
}

/** Checks that a part is as long as the page says. It may only be longer by bytes of files that are not fetched. */
async function exactly(part: PartReader, index: number, offset: number, length: number): Promise<Uint8Array> {
  const bytes = await part(index, offset);
  if (bytes.length < length || bytes.length > partBytes)
    throw new ExitError('fault', `The service returned ${bytes.length} bytes instead of ${length}. Try again.`);
  return bytes.subarray(0, length);
}

/**
 * Fetches the files of a page that starts with file `first` of the release. Each goes into a temporary file, resumes where
 * the last run stopped, and gets its name only when its SHA-256 matches. Existing files are never overwritten.
 */
export async function fetchPage(page: readonly Offered[], first: number, target: DownloadTarget): Promise<void> {
  const runs: Numbered[][] = [[]];
  for (const [position, file] of page.entries()) {
    if (existsSync(join(target.files, file.path))) runs.push([]);
    else runs.at(-1)?.push({ file, index: first + position });
  }
  for (const run of runs)
    for (const mismatch of await fetchRun(run, target))
      if ((await fetchRun([mismatch], target)).length > 0)
        throw new ExitError(
          'refused',
          `${mismatch.file.path} differs from the release and was deleted. Download it again.`,
        );
}

/** Fetches consecutive files. Deletes and returns those that differ from the release. */
async function fetchRun(run: readonly Numbered[], target: DownloadTarget): Promise<Numbered[]> {
  const [first] = run;
  if (!first) return [];
  const placeOf = ({ index }: Numbered) => join(target.partial, `${index}`);
  const earlier = await soFar(placeOf(first), first.file.size);
  const bytes = new Bytes(run, earlier.size, target.part);
  const wrong: Numbered[] = [];
  for (const item of run) {
    const [place, isFirst] = [placeOf(item), item === first];
    const { hash, size } = isFirst ? earlier : emptyContent();
    await using handle = await open(place, isFirst ? 'a' : 'w', 0o600);
    for await (const chunk of bytes.next(item.file.size - size)) {
      hash.update(chunk);
      await handle.appendFile(chunk);
      target.moved(chunk.length);
    }
    if (hash.digest('hex') === item.file.sha256) await keep(place, join(target.files, item.file.path));
    else wrong.push(item);
    await rm(place);
  }
  return wrong;
}

const emptyContent = () => ({ hash: createHash('sha256'), size: 0 });

/** The bytes that an earlier run fetched; none if there are more than the file has. */
async function soFar(place: string, maxBytes: number): Promise<{ hash: Hash; size: number }> {
  const content = emptyContent();
  if (!existsSync(place)) return content;
  for await (const chunk of createReadStream(place)) {
    content.hash.update(chunk);
    content.size += chunk.length;
  }
  if (content.size <= maxBytes) return content;
  await rm(place);
  return emptyContent();
}

async function keep(place: string, final: string): Promise<void> {
  await mkdir(dirname(final), { recursive: true });
  // Unlike a rename, a link never replaces an existing file.
  await link(place, final).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EEXIST')
      throw new ExitError(
        'refused',
        `${final} already exists. Existing files are never overwritten; name a new folder.`,
      );
    throw error;
  });
}
