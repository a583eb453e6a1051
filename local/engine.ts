import { gunzipSync, inflateRawSync } from 'node:zlib';

/** As in the tag and the event, of what an engine can come to. */
export type Verdict = 'NO_THREATS_FOUND' | 'THREATS_FOUND' | 'UNSUPPORTED';

/** The test file of EICAR, which every scanner takes for malware. In two pieces, or scanners would take this file for it. */
export const eicar = ['X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-', 'STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'].join('');

/** GuardDuty's own limits are larger (100 GB, 10,000 files, a few levels); what exceeds ours is as little readable to it. */
const limits = { bytes: 64 * 2 ** 20, files: 10_000, depth: 5 };

class Unsupported extends Error {}

interface Budget {
  bytes: number;
  files: number;
}

function spend(budget: Budget, bytes: number): void {
  budget.bytes -= bytes;
  budget.files -= 1;
  if (budget.bytes < 0 || budget.files < 0) throw new Unsupported('too much is packed in it');
}

const end = Buffer.from('PK\u0005\u0006');

/** What is packed in it, one level down; nothing where it is no archive. */
function* unpacked(bytes: Buffer, budget: Budget): Generator<Buffer> {
  const unpack = (how: typeof gunzipSync, packed: Buffer): Buffer => {
    try {
      return how(packed, { maxOutputLength: Math.max(1, budget.bytes) });
    } catch (error) {
      if ((error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE') throw new Unsupported('too tightly packed');
      return Buffer.alloc(0);
    }
  };
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) yield unpack(gunzipSync, bytes);
  const tail = bytes.lastIndexOf(end);
  if (tail < 0 || tail + 22 > bytes.length) return;
  let at = bytes.readUInt32LE(tail + 16);
  for (let left = bytes.readUInt16LE(tail + 10); left > 0 && at + 46 <= bytes.length; left--) {
    if (bytes.readUInt32LE(at) !== 0x02014b50) return;
    const [flags, method, size] = [
      bytes.readUInt16LE(at + 8),
      bytes.readUInt16LE(at + 10),
      bytes.readUInt32LE(at + 20),
    ];
    if (flags & 1) throw new Unsupported('it has a password');
    const local = bytes.readUInt32LE(at + 42);
    if (local + 30 <= bytes.length) {
      const from = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
      const packed = bytes.subarray(from, from + size);
      if (method === 0) yield packed;
      else if (method === 8) yield unpack(inflateRawSync, packed);
      else throw new Unsupported(`packed by method ${method}`);
    }
    at += 46 + bytes.readUInt16LE(at + 28) + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32);
  }
}

function search(bytes: Buffer, depth: number, budget: Budget): boolean {
  if (bytes.includes(eicar)) return true;
  let unreadable: Unsupported | undefined;
  try {
    for (const inner of unpacked(bytes, budget)) {
      if (depth === limits.depth) throw new Unsupported('too deep');
      spend(budget, inner.length);
      try {
        if (search(inner, depth + 1, budget)) return true;
      } catch (error) {
        if (!(error instanceof Unsupported)) throw error;
        unreadable = error;
      }
    }
  } catch (error) {
    if (!(error instanceof Unsupported)) throw error;
    unreadable = error;
  }
  if (unreadable) throw unreadable;
  return false;
}

/** What a scan of these bytes comes to. A large file is searched as it flows by; only what can be held is unpacked. */
export async function scanBytes(stream: AsyncIterable<Uint8Array>): Promise<Verdict> {
  const held: Buffer[] = [];
  let [size, overlap] = [0, Buffer.alloc(0)];
  for await (const bytes of stream) {
    const window = Buffer.concat([overlap, bytes]);
    if (window.includes(eicar)) return 'THREATS_FOUND';
    overlap = window.subarray(-eicar.length);
    size += bytes.length;
    if (size <= limits.bytes) held.push(Buffer.from(bytes));
  }
  const whole = Buffer.concat(held);
  if (size > limits.bytes)
    return whole.subarray(0, 2).equals(Buffer.from('PK')) || (whole[0] === 0x1f && whole[1] === 0x8b)
      ? 'UNSUPPORTED'
      : 'NO_THREATS_FOUND';
  try {
    return search(whole, 0, { bytes: limits.bytes * 4, files: limits.files }) ? 'THREATS_FOUND' : 'NO_THREATS_FOUND';
  } catch (error) {
    if (error instanceof Unsupported) return 'UNSUPPORTED';
    throw error;
  }
}
