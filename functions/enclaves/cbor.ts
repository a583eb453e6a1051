/** The part of CBOR (RFC 8949) that attestation documents use. */
export type CborValue = number | null | string | Uint8Array | readonly CborValue[] | CborMap | CborTag;
export type CborMap = ReadonlyMap<CborValue, CborValue>;
interface CborTag {
  readonly tag: number;
  readonly value: CborValue;
}

/** Bytes that are no CBOR, or CBOR that no attestation document contains. */
export class CborError extends Error {}

/** A document, a map in it, and a list or map in that. */
const MAX_DEPTH = 4;
const BREAK = 0xff;
const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Reads exactly one value. A general decoder would be the larger risk: this one knows no floats, no undefined, no simple
 * values but null, no texts in pieces, and refuses numbers longer than necessary, equal keys and bytes after the value.
 * Lists and maps may have an indefinite length, because the hypervisor has written such maps since 2025.
 */
export function decodeCbor(bytes: Uint8Array): CborValue {
  const reader = new CborReader(bytes);
  const value = reader.read(0);
  if (!reader.isAtEnd) throw new CborError('bytes follow the value');
  return value;
}

class CborReader {
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#offset === this.#bytes.length;
  }

  read(depth: number): CborValue {
    if (depth > MAX_DEPTH) throw new CborError('values are nested too deep');
    const initial = this.#byte();
    const [major, info] = [initial >> 5, initial & 31];
    switch (major) {
      case 0:
        return this.#argument(info);
      case 1:
        return -1 - this.#argument(info);
      case 2:
        return this.#take(this.#argument(info));
      case 3:
        return this.#text(this.#argument(info));
      case 4:
        return this.#list(info, depth);
      case 5:
        return this.#map(info, depth);
      case 6:
        return { tag: this.#argument(info), value: this.read(depth + 1) };
      default:
        if (initial === 0xf6) return null;
        throw new CborError('it has a value of a kind that no attestation document contains');
    }
  }

  #byte(): number {
    const byte = this.#bytes[this.#offset++];
    if (byte === undefined) throw new CborError('it ends too early');
    return byte;
  }

  #take(length: number): Uint8Array {
    const end = this.#offset + length;
    if (end > this.#bytes.length) throw new CborError('it ends too early');
    const bytes = this.#bytes.slice(this.#offset, end);
    this.#offset = end;
    return bytes;
  }

  #text(length: number): string {
    try {
      return utf8.decode(this.#take(length));
    } catch (error) {
      if (error instanceof CborError) throw error;
      throw new CborError('a text is not UTF-8');
    }
  }

  /** The number that follows an initial byte, in the shortest of its forms. */
  #argument(info: number): number {
    if (info < 24) return info;
    if (info > 27) throw new CborError('a length or number is not definite');
    const length = 2 ** (info - 24);
    let value = 0;
    for (const byte of this.#take(length)) value = value * 256 + byte;
    if (value < (length === 1 ? 24 : 2 ** (4 * length))) throw new CborError('a number is longer than necessary');
    if (!Number.isSafeInteger(value)) throw new CborError('a number is too large');
    return value;
  }

  /** Whether another item follows in a list or map that began with `info` and has `count` items so far. */
  #hasNext(length: number | undefined, count: number): boolean {
    if (length !== undefined) return count < length;
    if (this.#bytes[this.#offset] !== BREAK) return true;
    this.#offset++;
    return false;
  }

  #length(info: number): number | undefined {
    return info === 31 ? undefined : this.#argument(info);
  }

  #list(info: number, depth: number): CborValue[] {
    const length = this.#length(info);
    const items: CborValue[] = [];
    while (this.#hasNext(length, items.length)) items.push(this.read(depth + 1));
    return items;
  }

  #map(info: number, depth: number): CborMap {
    const length = this.#length(info);
    const map = new Map<CborValue, CborValue>();
    while (this.#hasNext(length, map.size)) {
      const key = this.read(depth + 1);
      if (typeof key !== 'string' && typeof key !== 'number')
        throw new CborError('a key is neither text nor a whole number');
      if (map.has(key)) throw new CborError(`the key ${key} is given twice`);
      map.set(key, this.read(depth + 1));
    }
    return map;
  }
}

/** Encodes `["Signature1", protected, h'', payload]`, which a COSE_Sign1 signature signs (RFC 9052, section 4.4). */
export function encodeSigStructure(protectedHeader: Uint8Array, payload: Uint8Array): Uint8Array {
  const context = new TextEncoder().encode('Signature1');
  return Buffer.concat([
    Uint8Array.of(0x84, 0x60 + context.length),
    context,
    encodeBytes(protectedHeader),
    Uint8Array.of(0x40),
    encodeBytes(payload),
  ]);
}

function encodeBytes(bytes: Uint8Array): Uint8Array {
  const { length } = bytes;
  if (length > 0xffff) throw new CborError('a byte string is too long');
  const head = length < 24 ? [0x40 + length] : length < 256 ? [0x58, length] : [0x59, length >> 8, length & 255];
  return Buffer.concat([Uint8Array.from(head), bytes]);
}
