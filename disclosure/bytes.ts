import type { ByteSource } from './byte-source.ts';

/** Thrown by a reader for bytes that are not what they should be; becomes a finding, never a fault. */
export class UnreadableError extends Error {
  constructor(why: string) {
    super(why);
    this.name = 'Unreadable';
  }
}

export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  const [only] = parts;
  if (parts.length === 1 && only) return only;
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
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
export const readBytes = (source: ByteSource, from: number, to: number): Promise<Uint8Array> =>
  takeHead(source.range(from, to), Math.max(0, to - from));

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

export const startsWithBytes = (bytes: Uint8Array, magic: string | ArrayLike<number>, at = 0): boolean => {
  for (let index = 0; index < magic.length; index++)
    if (bytes[at + index] !== (typeof magic === 'string' ? magic.charCodeAt(index) : magic[index])) return false;
  return true;
};

/** Where a sequence of Latin characters is, from an offset on, or -1. */
export function findBytes(bytes: Uint8Array, text: string, from = 0): number {
  const first = text.charCodeAt(0);
  for (let at = bytes.indexOf(first, from); at >= 0; at = bytes.indexOf(first, at + 1))
    if (startsWithBytes(bytes, text, at)) return at;
  return -1;
}

export const decodeLatin1 = (bytes: Uint8Array): string => {
  let text = '';
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return text;
};
