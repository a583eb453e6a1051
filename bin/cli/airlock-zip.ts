import type { FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';

/** Where the content of one entry goes, piece by piece; `end` makes the entry whole. */
export interface EntrySink {
  write(chunk: Uint8Array): Promise<void>;
  end(): Promise<void>;
}

interface Entry {
  readonly name: Buffer;
  readonly size: number;
  readonly at: number;
  readonly sum: number;
}

const most = 0xffffffff;
/** The first day that a zip can name: entries have no times of their own, so the same content is the same archive. */
const [time, date] = [0, 0x21];

/** `0x0001`: lengths and places that need 64 bits. */
function wide(values: readonly number[]): Buffer {
  if (values.length === 0) return Buffer.alloc(0);
  const extra = Buffer.alloc(4 + 8 * values.length);
  extra.writeUInt16LE(1, 0);
  extra.writeUInt16LE(8 * values.length, 2);
  for (const [index, value] of values.entries()) extra.writeBigUInt64LE(BigInt(value), 4 + 8 * index);
  return extra;
}

/** What an entry's own header and the directory's have in common: from the version that is needed to the name's length. */
function common({ name, size, sum }: Omit<Entry, 'at'>, extra: Buffer, is64: boolean): Buffer {
  const fields = Buffer.alloc(26);
  fields.writeUInt16LE(is64 ? 45 : 10, 0);
  // Names are UTF-8; contents are stored as they are.
  fields.writeUInt16LE(0x0800, 2);
  fields.writeUInt16LE(0, 4);
  fields.writeUInt16LE(time, 6);
  fields.writeUInt16LE(date, 8);
  fields.writeUInt32LE(sum, 10);
  fields.writeUInt32LE(size >= most ? most : size, 14);
  fields.writeUInt32LE(size >= most ? most : size, 18);
  fields.writeUInt16LE(name.length, 22);
  fields.writeUInt16LE(extra.length, 24);
  return fields;
}

function local(entry: Omit<Entry, 'at'>): Buffer {
  const extra = wide(entry.size >= most ? [entry.size, entry.size] : []);
  return Buffer.concat([Buffer.from('PK\u0003\u0004'), common(entry, extra, entry.size >= most), entry.name, extra]);
}

function listed(entry: Entry): Buffer {
  const { name, size, at } = entry;
  const extra = wide([...(size >= most ? [size, size] : []), ...(at >= most ? [at] : [])]);
  const rest = Buffer.alloc(14);
  // A regular file that all may read, as Unix has it.
  rest.writeUInt32LE((0o100644 << 16) >>> 0, 6);
  rest.writeUInt32LE(at >= most ? most : at, 10);
  return Buffer.concat([
    Buffer.from('PK\u0001\u0002'),
    // Made on Unix, by version 4.5.
    Buffer.from([45, 3]),
    common(entry, extra, extra.length > 0),
    rest,
    name,
    extra,
  ]);
}

/**
 * A zip written as its contents come, in flat memory whatever their size: stored without packing, 64 bits where needed,
 * nothing but names and contents. (PKWARE's APPNOTE 6.3; fflate, which unpacks here, writes no archive over 4 GB.)
 */
export class ZipFile {
  readonly #to: FileHandle;
  readonly #entries: Entry[] = [];
  #at = 0;

  constructor(to: FileHandle) {
    this.#to = to;
  }

  async #put(bytes: Uint8Array): Promise<void> {
    await this.#to.write(bytes, 0, bytes.length, this.#at);
    this.#at += bytes.length;
  }

  /** Begins an entry of a known size, once the one before has ended. */
  async entry(path: string, size: number): Promise<EntrySink> {
    const name = Buffer.from(path);
    const [at, header] = [this.#at, local({ name, size, sum: 0 })];
    await this.#put(header);
    const from = this.#at;
    let sum = 0;
    return {
      write: async chunk => {
        sum = crc32(chunk, sum);
        await this.#put(chunk);
      },
      end: async () => {
        if (this.#at - from !== size) throw new Error(`${path} is not as long as it was`);
        await this.#to.write(local({ name, size, sum }), 0, header.length, at);
        this.#entries.push({ name, size, at, sum });
      },
    };
  }

  async end(): Promise<void> {
    const from = this.#at;
    for (const entry of this.#entries) await this.#put(listed(entry));
    const [count, size] = [this.#entries.length, this.#at - from];
    if (count >= 0xffff || size >= most || from >= most) {
      const far = Buffer.alloc(76);
      far.write('PK\u0006\u0006', 0, 'latin1');
      far.writeBigUInt64LE(44n, 4);
      far.writeUInt16LE(45, 12);
      far.writeUInt16LE(45, 14);
      for (const [index, value] of [count, count, size, from].entries())
        far.writeBigUInt64LE(BigInt(value), 24 + 8 * index);
      far.write('PK\u0006\u0007', 56, 'latin1');
      far.writeBigUInt64LE(BigInt(this.#at), 64);
      far.writeUInt32LE(1, 72);
      await this.#put(far);
    }
    const end = Buffer.alloc(22);
    end.write('PK\u0005\u0006', 0, 'latin1');
    end.writeUInt16LE(Math.min(count, 0xffff), 8);
    end.writeUInt16LE(Math.min(count, 0xffff), 10);
    end.writeUInt32LE(Math.min(size, most), 12);
    end.writeUInt32LE(Math.min(from, most), 16);
    await this.#put(end);
  }
}
