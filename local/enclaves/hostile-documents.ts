import { judge } from './sample-documents.ts';

/** A whole number below `limit`, from a series that is the same in every run. */
export function createRandom(): (limit: number) => number {
  let state = 1;
  return limit => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) % limit;
  };
}

/** Every value of a byte but its own. */
export const otherValues = (byte: number): number[] =>
  Array.from({ length: 256 }, (_, value) => value).filter(value => value !== byte);
/** The values of a byte with one bit changed. */
export const flippedBits = (byte: number): number[] => Array.from({ length: 8 }, (_, bit) => byte ^ (1 << bit));

/** The document with one byte changed, for each of its bytes and each value. The same memory is used for all. */
export function* listMutants(
  document: Uint8Array,
  valuesOf: (byte: number, index: number) => readonly number[],
): Generator<Uint8Array> {
  const copy = document.slice();
  for (const [index, byte] of document.entries()) {
    for (const value of valuesOf(byte, index)) {
      copy[index] = value;
      yield copy;
    }
    copy[index] = byte;
  }
}

/** So many texts of up to 200 random bytes. */
export function* listRandomInputs(count: number): Generator<Uint8Array> {
  const random = createRandom();
  for (let index = 0; index < count; index++) yield Uint8Array.from({ length: random(200) }, () => random(256));
}

/** So many times a valid document with up to three bytes taken out and one to three put in, at any place. */
export function* listAlteredDocuments(valid: Uint8Array, count: number): Generator<Uint8Array> {
  const random = createRandom();
  for (let yielded = 0; yielded < count; ) {
    const [start, length] = [random(valid.length), random(4)];
    const insertion = Uint8Array.from({ length: 1 + random(3) }, () => random(256));
    const altered = Buffer.concat([valid.subarray(0, start), insertion, valid.subarray(start + length)]);
    if (altered.equals(valid)) continue;
    yielded++;
    yield altered;
  }
}

/** Judges documents that prove nothing. Throws if one is rejected without a sentence that says why. */
export function tryDocuments(documents: Iterable<Uint8Array>): { tried: number; accepted: number } {
  let [tried, accepted] = [0, 0];
  for (const document of documents) {
    const { ok, reason } = judge(document);
    if (!/^[A-Z].*\.$/s.test(reason)) throw new Error(`a document was judged with the reason ${reason}`);
    tried++;
    if (ok) accepted++;
  }
  return { tried, accepted };
}
