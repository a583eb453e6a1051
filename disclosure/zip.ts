import { crc32 } from 'node:zlib';
import { Inflate } from 'fflate';
import type { ByteSource } from './byte-source.ts';
import { concatBytes, readBytes, readTail, UnreadableError } from './bytes.ts';

export interface ZipEntry {
  readonly name: string;
  readonly packed: number;
  readonly size: number;
  /** 0 is stored, 8 deflated; nothing else is read. */
  readonly method: number;
  readonly isEncrypted: boolean;
  readonly isSymlink: boolean;
  readonly offset: number;
  /** What its own header must say as well. */
  readonly header: Uint8Array;
  /** Its lengths stand behind its content as well. */
  readonly hasDescriptor: boolean;
  readonly crc: number;
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
  if (end !== bytes.length - 22 || at16(end + 20) !== 0)
    throw new UnreadableError('it has a comment or bytes behind its end');
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
    if (comment > 0 || !isKnownExtra(bytes.subarray(offset + 46 + nameLength, offset + 46 + nameLength + extra)))
      throw new UnreadableError('an entry has a comment or unknown data in the directory');
    if (at16(offset + 34) !== 0 || at16(offset + 36) > 1) throw new UnreadableError('its directory is damaged');
    const name = new TextDecoder().decode(bytes.subarray(offset + 46, offset + 46 + nameLength));
    entries.push({
      name,
      packed: at32(offset + 20),
      size: at32(offset + 24),
      method: at16(offset + 10),
      isEncrypted: (at16(offset + 8) & 1) !== 0,
      isSymlink: at32(offset + 38) >>> 28 === 0xa,
      offset: at32(offset + 42),
      header: bytes.slice(offset + 6, offset + 28),
      hasDescriptor: (at16(offset + 8) & 8) !== 0,
      crc: at32(offset + 16),
      end: directoryStart,
    });
    offset += 46 + nameLength + extra;
  }
  if (offset !== bytes.length) throw new UnreadableError('its directory has more than it says');
  const sorted = [...entries].sort((a, b) => a.offset - b.offset);
  if ((sorted[0]?.offset ?? directoryStart) !== 0) throw new UnreadableError('there are bytes before its first entry');
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
  let [unpackedBytes, sum] = [0, 0];
  const count = (piece: Uint8Array) => {
    unpackedBytes += piece.length;
    sum = crc32(piece, sum);
    if (unpackedBytes > maxBytes || unpackedBytes > entry.size)
      throw new UnreadableError(`“${entry.name.slice(0, 60)}” unpacks to more than it says or than is read`);
  };
  const inflate = new Inflate(piece => {
    count(piece);
    ready.push(piece);
  });
  let remaining = entry.packed;
  let header: Uint8Array = new Uint8Array(0);
  let isContent = false;
  for await (const chunk of source.range(entry.offset, entry.end)) {
    let content = chunk;
    if (!isContent) {
      // The local header first: its own lengths say where the content begins.
      header = concatBytes([header, chunk]);
      const length = localHeaderLength(header);
      if (length === undefined) continue;
      requirePlainEntry(header.subarray(0, length), entry);
      content = header.subarray(length);
      isContent = true;
    }
    // Small steps, as a step of 4 KB unpacks to 4 MB at most.
    for (let offset = 0; offset < content.length && remaining > 0; ) {
      const piece = content.subarray(offset, offset + Math.min(4096, remaining));
      offset += piece.length;
      remaining -= piece.length;
      if (entry.method === 0) {
        count(piece);
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
  if (remaining > 0 || !isContent) throw new UnreadableError('it is cut short');
  if (unpackedBytes !== entry.size || sum !== entry.crc)
    throw new UnreadableError(`“${entry.name.slice(0, 60)}” is not what its directory says`);
}

const readShort = (bytes: Uint8Array, offset: number): number => (bytes[offset] ?? 0) | ((bytes[offset + 1] ?? 0) << 8);

/** Times, owners, and the padding of Microsoft's programs: nothing else may stand beside a name. */
function isKnownExtra(extra: Uint8Array): boolean {
  let offset = 0;
  while (offset + 4 <= extra.length) {
    const [id, length] = [readShort(extra, offset), readShort(extra, offset + 2)];
    const content = extra.subarray(offset + 4, offset + 4 + length);
    const isPadding = id === 0xa220 && content.subarray(4).every(byte => byte === 0);
    if (!isPadding && !([0x5455, 0x7875, 0x000a].includes(id) && length <= 36)) return false;
    offset += 4 + length;
  }
  return offset === extra.length;
}

/** How long an entry's own header is, once enough of it is there. */
function localHeaderLength(header: Uint8Array): number | undefined {
  const length = 30 + readShort(header, 26) + readShort(header, 28);
  return header.length < 30 || header.length < length ? undefined : length;
}

/** The header before a content must say what the directory says, and the content must fill its place. */
function requirePlainEntry(header: Uint8Array, entry: ZipEntry): void {
  if (new DataView(header.buffer, header.byteOffset).getUint32(0, true) !== 0x04034b50)
    throw new UnreadableError('an entry is not where its directory says');
  const nameLength = readShort(header, 26);
  const gap = entry.end - entry.offset - header.length - entry.packed;
  const isFilled = entry.hasDescriptor ? gap === 12 || gap === 16 : gap === 0;
  const name = new TextDecoder().decode(header.subarray(30, 30 + nameLength));
  const isSame = header
    .subarray(4, 26)
    .every((byte, index) => byte === entry.header[index] || (byte === 0 && index >= 10 && entry.hasDescriptor));
  if (!isFilled || !isSame || name !== entry.name || !isKnownExtra(header.subarray(30 + nameLength)))
    throw new UnreadableError('there are bytes between its entries');
}
