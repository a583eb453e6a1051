import type { ByteSource } from '../../disclosure/byte-source.ts';
import { type ObjectVersion, readObject, streamObject } from './object-read.ts';

/** Up to this size an object is fetched once and kept in memory, because a request takes longer than these bytes. */
const heldBytes = 2 ** 20;

/**
 * One version of an object as a source of bytes. `size` comes from a listing or a manifest. Larger objects are read in
 * ranges. An empty object is never requested.
 */
export function objectSource(version: ObjectVersion, size: number): ByteSource {
  let held: Promise<Uint8Array> | undefined;
  const source: ByteSource = {
    size,
    stream: () => source.range(0, size),
    async *range(from, to) {
      const end = Math.min(to, size);
      if (from >= end) return;
      if (size <= heldBytes) {
        held ??= readObject(version);
        yield (await held).subarray(from, end);
        return;
      }
      let length = 0;
      for await (const piece of streamObject(version, from > 0 || end < size ? [from, end] : undefined)) {
        length += piece.length;
        if (length > end - from) throw new Error(`S3 returned more of ${version.key} than the requested range`);
        yield piece;
      }
      if (length < end - from) throw new Error(`S3 returned less of ${version.key} than the requested range`);
    },
  };
  return source;
}
