import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { ArchiveFile } from './archive.ts';
import {
  type DataKey,
  MAX_HEADER_BYTES,
  type PackHeader,
  type PackResult,
  packFiles,
  parsePackHeader,
} from './pack.ts';

const MiB = 1024 * 1024;
/** What may wait to be written. With less the processor waits for the disk after each segment, and a busy one for its turn. */
const WRITE_BYTES = 16 * MiB;

/** A file of this machine, to pack. */
export const localFile = (source: string, file: Omit<ArchiveFile, 'read'>): ArchiveFile => ({
  ...file,
  read: () => createReadStream(source, { highWaterMark: MiB }),
});

/** Packs files into one file. */
export async function writePackedFile(
  files: readonly ArchiveFile[],
  header: Omit<PackHeader, 'format' | 'wrappedKey'>,
  dataKey: DataKey,
  target: string,
  options: { readonly bill: boolean },
): Promise<PackResult> {
  let result: PackResult | undefined;
  const finish = (value: PackResult) => {
    result = value;
  };
  const packed = packFiles(files, header, dataKey, finish, options);
  await pipeline(packed, createWriteStream(target, { highWaterMark: WRITE_BYTES }));
  if (!result) throw new Error('a pack has no result');
  return result;
}

/** A packed file as its party has it: what a manifest names it by, and the header with its wrapped key. */
export interface PackedEntry {
  readonly sha256: string;
  readonly header: PackHeader;
}

/** Reads all of a packed file for its SHA-256, and its first line. */
export async function readPackedFile(path: string): Promise<PackedEntry> {
  const hash = createHash('sha256');
  let start = Buffer.alloc(0);
  for await (const chunk of createReadStream(path, { highWaterMark: MiB })) {
    hash.update(chunk);
    if (start.length < MAX_HEADER_BYTES) start = Buffer.concat([start, chunk.subarray(0, MAX_HEADER_BYTES)]);
  }
  return { sha256: hash.digest('hex'), header: parsePackHeader(start.subarray(0, start.indexOf(10) + 1)) };
}
