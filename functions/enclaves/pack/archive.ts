import { createHash } from 'node:crypto';

/** A file to archive. Its size is known before its bytes. */
export interface ArchiveFile {
  readonly path: string;
  readonly size: number;
  readonly isExecutable: boolean;
  read(): AsyncIterable<Uint8Array>;
}

export interface ArchivedFile {
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
}

const BLOCK = 512;

/** A header of the POSIX archive format, without owner and time, so that the same files give the same archive. */
function headerOf({ path, size, isExecutable }: ArchiveFile): Uint8Array {
  const name = Buffer.from(path);
  if (name.length > 100) throw new RangeError(`the path ${path} has more than 100 bytes`);
  const header = Buffer.alloc(BLOCK);
  header.set(name, 0);
  header.write(isExecutable ? '0000755\0' : '0000644\0', 100);
  header.write('0000000\0'.repeat(2), 108);
  if (size < 8 ** 11) header.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
  else {
    // Larger files than 8 GiB have their size in binary, as GNU tar writes it.
    header.writeBigUInt64BE(BigInt(size), 128);
    header[124] = 0x80;
  }
  header.write('00000000000\0', 136);
  header.write('        0', 148);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}

/** Writes files as one archive, in order. Calls `report` with the hash of each file. */
export async function* archiveFiles(
  files: readonly ArchiveFile[],
  report?: (file: ArchivedFile) => void,
): AsyncGenerator<Uint8Array> {
  for (const file of files) {
    yield headerOf(file);
    const hash = report && createHash('sha256');
    let size = 0;
    for await (const chunk of file.read()) {
      hash?.update(chunk);
      size += chunk.length;
      yield chunk;
    }
    if (size !== file.size) throw new Error(`${file.path} changed while it was read`);
    if (hash) report?.({ path: file.path, size, sha256: hash.digest('hex') });
    yield new Uint8Array((BLOCK - (size % BLOCK)) % BLOCK);
  }
  yield new Uint8Array(2 * BLOCK);
}
