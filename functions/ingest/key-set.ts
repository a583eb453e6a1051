import { createHash } from 'node:crypto';

/** The slots of a full set: 64 MiB. It holds half as many keys. */
const MAX_SLOTS = 2 ** 23;

/**
 * Finds repeated keys in bounded memory: it keeps 64 bits of the SHA-256 of each. Two different keys among four million are
 * taken for one with a chance of one in two million.
 */
export class KeySet {
  #slots = new BigUint64Array(1024);
  #count = 0;
  /** More keys came than it can hold; those after are not looked up. */
  isFull = false;

  /** Adds a key. Returns whether it was there already. */
  repeats(key: string): boolean {
    if (this.#count >= MAX_SLOTS / 2) {
      this.isFull = true;
      return false;
    }
    if (this.#count * 2 >= this.#slots.length) this.#grow();
    // An empty slot is zero, so no key is.
    const hash = createHash('sha256').update(key).digest().readBigUInt64LE() || 1n;
    const index = this.#find(hash);
    if (this.#slots[index] === hash) return true;
    this.#slots[index] = hash;
    this.#count++;
    return false;
  }

  #find(hash: bigint): number {
    const { length } = this.#slots;
    let index = Number(hash % BigInt(length));
    while (this.#slots[index] !== 0n && this.#slots[index] !== hash) index = (index + 1) % length;
    return index;
  }

  #grow(): void {
    const hashes = this.#slots;
    this.#slots = new BigUint64Array(hashes.length * 2);
    for (const hash of hashes) if (hash !== 0n) this.#slots[this.#find(hash)] = hash;
  }
}
