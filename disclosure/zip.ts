import { Inflate } from 'fflate';
import type { ByteSource } from './byte-source.ts';
import { readBytes, readTail, UnreadableError } from './bytes.ts';

export interface ZipEntry {
  readonly name: string;
  readonly packed: number;
  readonly size: number;
  /** 0 is stored, 8 deflated; nothing else is read. */
  readonly method: number;
  readonly encrypted: boolean;
  readonly symlink: boolean;
  readonly at: number;
  /** Where the next entry or the directory begins. */
  readonly end: number;
}

/** The longest directory that is read: of some 100,000 files. */
const longestDirectory = 16 * 2 ** 20;

/**
 * The directory at the end of a zip. Only what it lists counts, and every entry must lie where it says: an archive that
 * different programs would read differently is refused.
 */
export async function readZipDirectory(source: ByteSource): Promise<ZipEntry[]> {
  let bytes = await readTail(source, 66_000);
  const { size } = source;
  let end = bytes.length - 22;
  const at32 = (from: number) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(from, true);
  const at16 = (from: number) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint16(from, true);
  while (end >= 0 && at32(end) !== 0x06054b50) end--;
  if (end < 0) throw new UnreadableError('it has no directory at its end, so it is cut short or no zip');
  if (at16(end + 20) !== bytes.length - end - 22) throw new UnreadableError('there are bytes behind its end');
  const [count, length, from] = [at16(end + 10), at32(end + 12), at32(end + 16)];
  if (count === 0xffff || length === 0xffffffff || from === 0xffffffff)
    throw new UnreadableError('it is a zip64 archive, which is not read');
  if (length > longestDirectory) throw new UnreadableError('its directory is too long');
  if (from + length > size - (bytes.length - end)) throw new UnreadableError('its directory lies outside of it');
  if (from + length !== size - (bytes.length - end))
    throw new UnreadableError('there are bytes between its directory and its end');
  bytes = await readBytes(source, from, from + length);
  const entries: ZipEntry[] = [];
  let at = 0;
  for (let index = 0; index < count; index++) {
    if (at + 46 > bytes.length || at32(at) !== 0x02014b50) throw new UnreadableError('its directory is damaged');
    const [nameLength, extra, comment] = [at16(at + 28), at16(at + 30), at16(at + 32)];
    const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength));
    entries.push({
      name,
      packed: at32(at + 20),
      size: at32(at + 24),
      method: at16(at + 10),
      encrypted: (at16(at + 8) & 1) !== 0,
      symlink: at32(at + 38) >>> 28 === 0xa,
      at: at32(at + 42),
      end: from,
    });
    at += 46 + nameLength + extra + comment;
  }
  if (at !== bytes.length) throw new UnreadableError('its directory has more than it says');
  const sorted = [...entries].sort((a, b) => a.at - b.at);
  const ends = new Map<ZipEntry, number>();
  for (const [index, entry] of sorted.entries()) {
    const next = sorted[index + 1]?.at ?? from;
    if (entry.at + 30 + entry.packed > next) throw new UnreadableError('its entries overlap');
    ends.set(entry, next);
  }
  return entries.map(entry => ({ ...entry, end: ends.get(entry) ?? from }));
}

/** An entry's content in pieces of 64 KB at most, never more than its directory says and than `most`. */
export async function* readZipContent(source: ByteSource, entry: ZipEntry, most: number): AsyncIterable<Uint8Array> {
  if (entry.method !== 0 && entry.method !== 8)
    throw new UnreadableError(`“${entry.name.slice(0, 60)}” is packed in a way that is not read`);
  if (entry.encrypted) throw new UnreadableError(`“${entry.name.slice(0, 60)}” is encrypted`);
  const ready: Uint8Array[] = [];
  let [out, seen, skip] = [0, 0, -1];
  const start = new Uint8Array(30);
  const inflate = new Inflate(piece => {
    out += piece.length;
    if (out > most || out > entry.size)
      throw new UnreadableError(`“${entry.name.slice(0, 60)}” unpacks to more than it says or than is read`);
    ready.push(piece);
  });
  let left = entry.packed;
  for await (const chunk of source.range(entry.at, Math.min(entry.end, entry.at + 30 + 131_072 + entry.packed))) {
    let at = 0;
    // The local header first: its own lengths say where the content begins.
    while (seen < 30 && at < chunk.length) start[seen++] = chunk[at++] as number;
    if (seen < 30) continue;
    if (skip < 0) {
      const view = new DataView(start.buffer);
      if (view.getUint32(0, true) !== 0x04034b50) throw new UnreadableError('an entry is not where its directory says');
      skip = view.getUint16(26, true) + view.getUint16(28, true);
    }
    const skipped = Math.min(skip, chunk.length - at);
    skip -= skipped;
    at += skipped;
    // Small steps, as a step of 4 KB unpacks to 4 MB at most.
    while (at < chunk.length && left > 0) {
      const piece = chunk.subarray(at, at + Math.min(4096, left));
      at += piece.length;
      left -= piece.length;
      if (entry.method === 0) {
        out += piece.length;
        if (out > most) throw new UnreadableError('it unpacks to more than is read');
        yield piece;
        continue;
      }
      try {
        inflate.push(piece.slice(), left === 0);
      } catch (error) {
        if (error instanceof UnreadableError) throw error;
        throw new UnreadableError(`“${entry.name.slice(0, 60)}” does not unpack`);
      }
      yield* ready.splice(0);
    }
    if (left === 0) break;
  }
  if (left > 0) throw new UnreadableError('it is cut short');
  if (out !== entry.size)
    throw new UnreadableError(`“${entry.name.slice(0, 60)}” is not as long as its directory says`);
}
