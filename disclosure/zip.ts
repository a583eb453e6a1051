import { Inflate } from 'fflate';
import type { ByteSource } from './byte-source.ts';
import { readBytes, readTail, UnreadableError } from './bytes.ts';

export interface ZipEntry {
  readonly name: string;
  readonly packed: number;
  readonly size: number;
  /** 0 is stored, 8 deflated; nothing else is read. */
  readonly method: number;
  readonly isEncrypted: boolean;
  readonly isSymlink: boolean;
  readonly offset: number;
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
  const at32 = (offset: number) =>
    new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(offset, true);
  const at16 = (offset: number) =>
    new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint16(offset, true);
  while (end >= 0 && at32(end) !== 0x06054b50) end--;
  if (end < 0) throw new UnreadableError('it has no directory at its end, so it is cut short or no zip');
  if (at16(end + 20) !== bytes.length - end - 22) throw new UnreadableError('there are bytes behind its end');
  const [count, length, directoryStart] = [at16(end + 10), at32(end + 12), at32(end + 16)];
  if (count === 0xffff || length === 0xffffffff || directoryStart === 0xffffffff)
    throw new UnreadableError('it is a zip64 archive, which is not read');
  if (length > longestDirectory) throw new UnreadableError('its directory is too long');
  if (directoryStart + length > size - (bytes.length - end))
    throw new UnreadableError('its directory lies outside of it');
  if (directoryStart + length !== size - (bytes.length - end))
    throw new UnreadableError('there are bytes between its directory and its end');
  bytes = await readBytes(source, directoryStart, directoryStart + length);
  const entries: ZipEntry[] = [];
  let offset = 0;
  for (let index = 0; index < count; index++) {
    if (offset + 46 > bytes.length || at32(offset) !== 0x02014b50)
      throw new UnreadableError('its directory is damaged');
    const [nameLength, extra, comment] = [at16(offset + 28), at16(offset + 30), at16(offset + 32)];
    const name = new TextDecoder().decode(bytes.subarray(offset + 46, offset + 46 + nameLength));
    entries.push({
      name,
      packed: at32(offset + 20),
      size: at32(offset + 24),
      method: at16(offset + 10),
      isEncrypted: (at16(offset + 8) & 1) !== 0,
      isSymlink: at32(offset + 38) >>> 28 === 0xa,
      offset: at32(offset + 42),
      end: directoryStart,
    });
    offset += 46 + nameLength + extra + comment;
  }
  if (offset !== bytes.length) throw new UnreadableError('its directory has more than it says');
  const sorted = [...entries].sort((a, b) => a.offset - b.offset);
  const entryEnds = new Map<ZipEntry, number>();
  for (const [index, entry] of sorted.entries()) {
    const next = sorted[index + 1]?.offset ?? directoryStart;
    if (entry.offset + 30 + entry.packed > next) throw new UnreadableError('its entries overlap');
    entryEnds.set(entry, next);
  }
  return entries.map(entry => ({ ...entry, end: entryEnds.get(entry) ?? directoryStart }));
}

/** An entry's content in pieces of 64 KB at most, never more than its directory says and than `most`. */
export async function* readZipContent(
  source: ByteSource,
  entry: ZipEntry,
  maxBytes: number,
): AsyncIterable<Uint8Array> {
  if (entry.method !== 0 && entry.method !== 8)
    throw new UnreadableError(`“${entry.name.slice(0, 60)}” is packed in a way that is not read`);
  if (entry.isEncrypted) throw new UnreadableError(`“${entry.name.slice(0, 60)}” is encrypted`);
  const ready: Uint8Array[] = [];
  let [unpackedBytes, headerBytes, skip] = [0, 0, -1];
  const start = new Uint8Array(30);
  const inflate = new Inflate(piece => {
    unpackedBytes += piece.length;
    if (unpackedBytes > maxBytes || unpackedBytes > entry.size)
      throw new UnreadableError(`“${entry.name.slice(0, 60)}” unpacks to more than it says or than is read`);
    ready.push(piece);
  });
  let remaining = entry.packed;
  for await (const chunk of source.range(
    entry.offset,
    Math.min(entry.end, entry.offset + 30 + 131_072 + entry.packed),
  )) {
    let offset = 0;
    // The local header first: its own lengths say where the content begins.
    while (headerBytes < 30 && offset < chunk.length) start[headerBytes++] = chunk[offset++] as number;
    if (headerBytes < 30) continue;
    if (skip < 0) {
      const view = new DataView(start.buffer);
      if (view.getUint32(0, true) !== 0x04034b50) throw new UnreadableError('an entry is not where its directory says');
      skip = view.getUint16(26, true) + view.getUint16(28, true);
    }
    const skippedBytes = Math.min(skip, chunk.length - offset);
    skip -= skippedBytes;
    offset += skippedBytes;
    // Small steps, as a step of 4 KB unpacks to 4 MB at most.
    while (offset < chunk.length && remaining > 0) {
      const piece = chunk.subarray(offset, offset + Math.min(4096, remaining));
      offset += piece.length;
      remaining -= piece.length;
      if (entry.method === 0) {
        unpackedBytes += piece.length;
        if (unpackedBytes > maxBytes) throw new UnreadableError('it unpacks to more than is read');
        yield piece;
        continue;
      }
      try {
        inflate.push(piece.slice(), remaining === 0);
      } catch (error) {
        if (error instanceof UnreadableError) throw error;
        throw new UnreadableError(`“${entry.name.slice(0, 60)}” does not unpack`);
      }
      yield* ready.splice(0);
    }
    if (remaining === 0) break;
  }
  if (remaining > 0) throw new UnreadableError('it is cut short');
  if (unpackedBytes !== entry.size)
    throw new UnreadableError(`“${entry.name.slice(0, 60)}” is not as long as its directory says`);
}
