import { createReadStream, createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { ArchiveFile } from './archive.ts';
import { type DataKey, type PackHeader, type PackResult, packFiles } from './pack.ts';

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
): Promise<PackResult> {
  let result: PackResult | undefined;
  const packed = packFiles(files, header, dataKey, value => {
    result = value;
  });
  await pipeline(packed, createWriteStream(target, { highWaterMark: WRITE_BYTES }));
  if (!result) throw new Error('a pack has no result');
  return result;
}
