export type Open = () => AsyncIterable<Uint8Array>;

/** Thrown by a reader for bytes that are not what they should be; becomes a finding, never a fault. */
export class Unreadable extends Error {
  constructor(why: string) {
    super(why);
    this.name = 'Unreadable';
  }
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
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

/** The first bytes of a file; the stream is given up behind them. */
export async function head(open: Open, most: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of open()) {
    parts.push(chunk.slice(0, most - length));
    length += Math.min(chunk.length, most - length);
    if (length >= most) break;
  }
  return concat(parts);
}

/** The last bytes of a file and its length: one pass, whatever the length. */
export async function tail(open: Open, most: number): Promise<{ bytes: Uint8Array; size: number }> {
  let parts: Uint8Array[] = [];
  let [kept, size] = [0, 0];
  for await (const chunk of open()) {
    parts.push(chunk.length > most ? chunk.slice(chunk.length - most) : chunk);
    kept += Math.min(chunk.length, most);
    size += chunk.length;
    if (kept > 4 * most) {
      const whole = concat(parts);
      parts = [whole.slice(whole.length - most)];
      kept = most;
    }
  }
  const whole = concat(parts);
  return { bytes: whole.subarray(Math.max(0, whole.length - most)), size };
}

/** All of a file that has to be held to be read. A larger one is refused, so that memory stays bounded. */
export async function all(open: Open, most: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of open()) {
    size += chunk.length;
    if (size > most)
      throw new Unreadable(
        `it is larger than ${Math.floor(most / 2 ** 20)} MB, which is the most that is read of its kind`,
      );
    parts.push(chunk);
  }
  return concat(parts);
}

/** A range of a stream: bytes `[from, to)`, in pieces. */
export async function* range(open: Open, from: number, to: number): AsyncIterable<Uint8Array> {
  let at = 0;
  for await (const chunk of open()) {
    const [start, end] = [Math.max(0, from - at), Math.min(chunk.length, to - at)];
    if (start < end) yield chunk.subarray(start, end);
    at += chunk.length;
    if (at >= to) return;
  }
}

export const startsWith = (bytes: Uint8Array, magic: string | readonly number[], at = 0): boolean => {
  for (let index = 0; index < magic.length; index++)
    if (bytes[at + index] !== (typeof magic === 'string' ? magic.charCodeAt(index) : magic[index])) return false;
  return true;
};

/** Where a sequence of Latin characters is, from an offset on, or -1. */
export function find(bytes: Uint8Array, text: string, from = 0): number {
  const first = text.charCodeAt(0);
  for (let at = bytes.indexOf(first, from); at >= 0; at = bytes.indexOf(first, at + 1))
    if (startsWith(bytes, text, at)) return at;
  return -1;
}

export const latin = (bytes: Uint8Array): string => {
  let text = '';
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return text;
};
