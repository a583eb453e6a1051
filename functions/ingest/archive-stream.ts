import { Gunzip } from 'fflate';
import { startsWithBytes } from '../../disclosure/bytes.ts';
import { pathProblem, visiblePath } from '../storage/paths.ts';

/** A gzip may unpack to this many times its size. Texts reach 20, and a bomb reaches 1,000. */
const MAX_GZIP_RATIO = 200;
const MIN_BOMB_BYTES = 2 ** 20;
/** As much is unpacked, in memory and piece by piece; the malware scan looks at the rest too. */
const MAX_INSPECTED_BYTES = 2 ** 30;
const MAX_PROBLEMS = 20;
const BLOCK = 512;
const nestedMagic: readonly (string | number[])[] = [
  'PK\u0003\u0004',
  [0x1f, 0x8b],
  'BZh',
  [0xfd, 0x37, 0x7a],
  '7z\u00bc',
  'Rar!',
];

/** The name of an archive. */
export const nestedName = /\.(zip|jar|gz|tgz|bz2|xz|7z|rar|zst|tar)$/i;

const textOf = (block: Uint8Array, start: number, length: number): string =>
  Buffer.from(block.subarray(start, start + length))
    .toString('utf8')
    .split('\0', 1)[0] ?? '';

/** The size of an entry: octal digits, or for large files 0x80 and the number itself. */
function entrySize(block: Uint8Array): number {
  if (((block[124] ?? 0) & 0x80) === 0) return Number.parseInt(textOf(block, 124, 12).trim() || '0', 8);
  return block.subarray(125, 136).reduce((size, byte) => size * 256 + byte, 0);
}

/** A header has the sum of its bytes, in which the sum itself counts as blanks. */
function hasChecksum(block: Uint8Array): boolean {
  const sum = block.reduce((total, byte, index) => total + (index >= 148 && index < 156 ? 32 : byte), 0);
  return Number.parseInt(textOf(block, 148, 8).trim(), 8) === sum;
}

/** What is wrong with an entry by its type and name, to be read behind its name; undefined if nothing is. */
function entryProblem(type: string, name: string): string | undefined {
  if (type === '1' || type === '2') return ' is a link to another place.';
  if ('346'.includes(type)) return ' is a device or a pipe.';
  if (nestedName.test(name)) return ' is an archive in an archive.';
  const problem = type === '5' || type === 'g' ? undefined : pathProblem(name.replace(/^\.\//, ''), 1024);
  return problem && `: ${problem}`;
}

/** Reads the headers of a tar as its bytes pass. Nothing is unpacked. */
class TarScan {
  readonly problems: string[] = [];
  private block = new Uint8Array(BLOCK);
  private filled = 0;
  private skip = 0;
  private longName: { size: number; text: Uint8Array[] } | undefined;
  private nextName: string | undefined;
  private isOver = false;

  take(bytes: Uint8Array): void {
    for (let offset = 0; offset < bytes.length && !this.isOver; ) {
      if (this.skip > 0) {
        const length = Math.min(this.skip, bytes.length - offset);
        this.longName?.text.push(bytes.slice(offset, offset + length));
        this.skip -= length;
        offset += length;
        if (this.skip === 0) this.endLongName();
        continue;
      }
      const length = Math.min(BLOCK - this.filled, bytes.length - offset);
      this.block.set(bytes.subarray(offset, offset + length), this.filled);
      this.filled += length;
      offset += length;
      if (this.filled === BLOCK) this.readHeader();
    }
  }

  private endLongName(): void {
    if (!this.longName) return;
    const { size, text } = this.longName;
    const name = Buffer.concat(text).subarray(0, size).toString('utf8');
    this.nextName =
      /(?:^|\n)\d+ path=([^\n]*)\n/.exec(name)?.[1] ?? (name.includes('=') ? this.nextName : name.split('\0', 1)[0]);
    this.longName = undefined;
  }

  private readHeader(): void {
    const block = this.block;
    this.filled = 0;
    if (block.every(byte => byte === 0)) {
      this.isOver = true;
      return;
    }
    const size = entrySize(block);
    if (!hasChecksum(block) || !Number.isSafeInteger(size) || size < 0) {
      this.report(
        'It is a tar that cannot be checked: a header is damaged. Pack it again, or deliver the files themselves.',
      );
      this.isOver = true;
      return;
    }
    this.skip = Math.ceil(size / BLOCK) * BLOCK;
    const type = String.fromCharCode(block[156] ?? 0);
    // The name of the next entry, as GNU tar and POSIX write long ones.
    if ('LxX'.includes(type) && size <= 2 ** 16) {
      this.longName = { size, text: [] };
      return;
    }
    this.judgeEntry(type);
  }

  private judgeEntry(type: string): void {
    const prefix = textOf(this.block, 257, 5) === 'ustar' ? textOf(this.block, 345, 155) : '';
    const name = this.nextName ?? (prefix ? `${prefix}/${textOf(this.block, 0, 100)}` : textOf(this.block, 0, 100));
    this.nextName = undefined;
    const problem = entryProblem(type, name);
    if (problem !== undefined) this.report(`Its entry ${visiblePath(name)}${problem}`);
  }

  private report(problem: string): void {
    if (this.problems.length < MAX_PROBLEMS) this.problems.push(problem);
  }
}

const isTar = (head: Uint8Array): boolean => textOf(head, 257, 5) === 'ustar';

const isGzip = (head: Uint8Array): boolean => startsWithBytes(head, [0x1f, 0x8b]);

/** Whether a file that begins so is an archive without a directory, which only all of its bytes show. */
export const isStreamedArchive = (head: Uint8Array): boolean => isGzip(head) || isTar(head);

/** Looks for a tar in bytes that pass, by the mark in their first block. */
class ContentScan {
  private head = new Uint8Array();
  private tar: TarScan | undefined;
  private isDecided = false;

  take(bytes: Uint8Array): void {
    if (this.isDecided) {
      this.tar?.take(bytes);
      return;
    }
    this.head = Buffer.concat([this.head, bytes]);
    if (this.head.length >= BLOCK) this.decide();
  }

  private decide(): void {
    this.isDecided = true;
    if (!isTar(this.head)) return;
    this.tar = new TarScan();
    this.tar.take(this.head);
  }

  problems(): string[] {
    return this.tar?.problems ?? [];
  }

  beginsLike(magic: string | number[]): boolean {
    return startsWithBytes(this.head, magic);
  }
}

/** Checks archives that have no directory: gzip by what it unpacks to, and tar by its headers, alone or in a gzip. */
export class ArchiveStream {
  private packed = 0;
  private unpacked = 0;
  private damage: string | undefined;
  private gunzip: Gunzip | undefined;
  private readonly content = new ContentScan();
  private isGzip = false;

  take(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    if (this.packed === 0 && isGzip(bytes)) this.openGzip();
    this.packed += bytes.length;
    if (!this.gunzip) {
      if (!this.isGzip) this.content.take(bytes);
      return;
    }
    try {
      // In small pieces, because one piece of a bomb unpacks to a thousand times its size.
      for (let offset = 0; offset < bytes.length && this.gunzip; offset += 2 ** 14)
        this.gunzip.push(bytes.subarray(offset, offset + 2 ** 14), false);
    } catch {
      this.close('It is a gzip that cannot be unpacked. Pack it again, or deliver the file itself.');
    }
  }

  private openGzip(): void {
    this.isGzip = true;
    this.gunzip = new Gunzip(bytes => {
      this.unpacked += bytes.length;
      this.content.take(bytes);
      if (this.unpacked > MIN_BOMB_BYTES && this.unpacked > this.packed * MAX_GZIP_RATIO)
        this.close(`It unpacks to more than ${MAX_GZIP_RATIO} times its size, as an archive bomb does.`);
      else if (this.unpacked > MAX_INSPECTED_BYTES) this.close(undefined);
    });
  }

  private close(damage: string | undefined): void {
    this.damage ??= damage;
    this.gunzip = undefined;
  }

  problems(): string[] {
    const isNested = this.unpacked > 0 && nestedMagic.some(magic => this.content.beginsLike(magic));
    return [
      ...(this.damage === undefined ? [] : [this.damage]),
      ...(isNested ? ['It is an archive in an archive.'] : []),
      ...this.content.problems(),
    ].slice(0, MAX_PROBLEMS);
  }
}
