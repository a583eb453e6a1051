import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

/**
 * Tink's streaming format AES-GCM-HKDF with 256-bit keys and SHA-256: https://developers.google.com/tink/streaming-aead.
 * A header (its length, a salt, a nonce prefix), then segments, each AES-256-GCM under a key that is derived for this
 * stream. The nonce of a segment has its number and whether it is the last one, so segments that are missing, exchanged or
 * added make the stream unreadable. docs/adr has the reasons for this format.
 */
export interface StreamFormat {
  /** Of each encrypted segment; the header takes its part of the first one. */
  readonly segmentBytes: number;
  /** What is authenticated with the stream, and not in it. */
  readonly context: Uint8Array;
}

/** A stream that is not what was encrypted, or under another key or context. */
export class StreamError extends Error {}

const SALT_BYTES = 32;
const PREFIX_BYTES = 7;
export const HEADER_BYTES = 1 + SALT_BYTES + PREFIX_BYTES;
const TAG_BYTES = 16;
const MAX_SEGMENTS = 2 ** 32;
const ALGORITHM = 'aes-256-gcm';

export const newStreamHeader = (): Uint8Array =>
  Buffer.concat([Uint8Array.of(HEADER_BYTES), randomBytes(SALT_BYTES + PREFIX_BYTES)]);

const deriveKey = (key: Uint8Array, header: Uint8Array, context: Uint8Array) =>
  new Uint8Array(hkdfSync('sha256', key, header.subarray(1, 1 + SALT_BYTES), context, 32));

function nonceOf(header: Uint8Array, segment: number, isLast: boolean): Uint8Array {
  if (segment >= MAX_SEGMENTS) throw new StreamError('The stream has too many segments.');
  const nonce = Buffer.alloc(12);
  nonce.set(header.subarray(1 + SALT_BYTES), 0);
  nonce.writeUInt32BE(segment, PREFIX_BYTES);
  nonce[11] = isLast ? 1 : 0;
  return nonce;
}

/**
 * Cuts a stream into pieces of the given sizes, each as the parts that it came in. Tells which piece is the last one, so it
 * holds one piece back.
 */
async function* cutPieces(source: AsyncIterable<Uint8Array>, sizeOf: (index: number) => number) {
  let [index, parts, length] = [0, [] as Uint8Array[], 0];
  for await (const chunk of source) {
    let rest = chunk;
    while (rest.length > 0) {
      if (length === sizeOf(index)) {
        yield { index, parts, isLast: false };
        [index, parts, length] = [index + 1, [], 0];
      }
      const part = rest.subarray(0, sizeOf(index) - length);
      parts.push(part);
      length += part.length;
      rest = rest.subarray(part.length);
    }
  }
  yield { index, parts, isLast: true };
}

/** Encrypts a stream. A header is never used twice with one key, so only known-answer tests give one. */
export async function* encryptStream(
  source: AsyncIterable<Uint8Array>,
  key: Uint8Array,
  { segmentBytes, context }: StreamFormat,
  header = newStreamHeader(),
): AsyncGenerator<Uint8Array> {
  const streamKey = deriveKey(key, header, context);
  yield header;
  const sizeOf = (index: number) => segmentBytes - TAG_BYTES - (index === 0 ? HEADER_BYTES : 0);
  for await (const { index, parts, isLast } of cutPieces(source, sizeOf)) {
    const cipher = createCipheriv(ALGORITHM, streamKey, nonceOf(header, index, isLast));
    for (const part of parts) yield cipher.update(part);
    cipher.final();
    yield cipher.getAuthTag();
  }
}

/** Decrypts a stream. What it yields before it throws is authentic, but not known to be complete. */
export async function* decryptStream(
  source: AsyncIterable<Uint8Array>,
  key: Uint8Array,
  { segmentBytes, context }: StreamFormat,
): AsyncGenerator<Uint8Array> {
  let header: Uint8Array | undefined;
  let streamKey = new Uint8Array(32);
  const sizeOf = (index: number) =>
    index === 0 ? HEADER_BYTES : index === 1 ? segmentBytes - HEADER_BYTES : segmentBytes;
  for await (const { index, parts, isLast } of cutPieces(source, sizeOf)) {
    const piece = Buffer.concat(parts);
    if (!header) {
      if (piece.length < HEADER_BYTES || piece[0] !== HEADER_BYTES || isLast)
        throw new StreamError('The stream has no header.');
      header = piece;
      streamKey = deriveKey(key, header, context);
      continue;
    }
    if (piece.length < TAG_BYTES) throw new StreamError('The stream ends within a segment.');
    const decipher = createDecipheriv(ALGORITHM, streamKey, nonceOf(header, index - 1, isLast));
    decipher.setAuthTag(piece.subarray(-TAG_BYTES));
    const plain = decipher.update(piece.subarray(0, -TAG_BYTES));
    try {
      decipher.final();
    } catch {
      throw new StreamError(
        `Segment ${index} cannot be decrypted: it was changed, cut or moved, or the key or the header belongs to another stream.`,
      );
    }
    yield plain;
  }
}
