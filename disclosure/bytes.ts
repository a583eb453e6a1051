import type { ByteSource } from './byte-source.ts';

/** Thrown by a reader for bytes that are not what they should be; becomes a finding, never a fault. */
export class UnreadableError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'Unreadable';
  }
}

export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  const [single] = parts;
  if (parts.length === 1 && single) return single;
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/** The first bytes of a stream, `length` at most; the rest of it is not read. */
export async function takeHead(stream: AsyncIterable<Uint8Array>, length: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let missing = length;
  for await (const chunk of stream) {
    parts.push(chunk.slice(0, missing));
    missing -= Math.min(chunk.length, missing);
    if (missing === 0) break;
  }
  return concatBytes(parts);
}

/** The first bytes of a file, `length` at most. */
export const readHead = (source: ByteSource, length: number): Promise<Uint8Array> =>
  takeHead(source.range(0, Math.min(length, source.size)), length);

/** The bytes `[from, to)` of a file, held in memory: the caller bounds the range. */
export const readBytes = (source: ByteSource, start: number, end: number): Promise<Uint8Array> =>
  takeHead(source.range(start, end), Math.max(0, end - start));

/** The last bytes of a file, `length` at most. */
export const readTail = (source: ByteSource, length: number): Promise<Uint8Array> =>
  readBytes(source, Math.max(0, source.size - length), source.size);

/** All of a stream that has to be held to be read. More than `maxBytes` is refused, so that memory stays bounded. */
export async function readWhole(stream: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.length;
    if (size > maxBytes)
      throw new UnreadableError(
        `it is larger than ${Math.floor(maxBytes / 2 ** 20)} MB, which is the most that is read of its kind`,
      );
    parts.push(chunk);
  }
  return concatBytes(parts);
}

export const startsWithBytes = (bytes: Uint8Array, magic: string | ArrayLike<number>, offset = 0): boolean => {
  for (let index = 0; index < magic.length; index++)
    if (bytes[offset + index] !== (typeof magic === 'string' ? magic.charCodeAt(index) : magic[index])) return false;
  return true;
};

/** Where a sequence of Latin characters is, from an offset on, or -1. */
export function findBytes(bytes: Uint8Array, text: string, start = 0): number {
  const first = text.charCodeAt(0);
  for (let index = bytes.indexOf(first, start); index >= 0; index = bytes.indexOf(first, index + 1))
    if (startsWithBytes(bytes, text, index)) return index;
  return -1;
}

export const decodeLatin1 = (bytes: Uint8Array): string => {
  let text = '';
  for (let offset = 0; offset < bytes.length; offset += 8192)
    text += String.fromCharCode(...bytes.subarray(offset, offset + 8192));
  return text;
};
