import type { ByteSource } from '../../disclosure/byte-source.ts';
import { type ObjectVersion, readObject, streamObject } from './object-read.ts';

/** Up to this size an object is fetched once and kept in memory, because a request takes longer than these bytes. */
const heldBytes = 2 ** 20;

/**
 * One version of an object as a source of bytes. `size` comes from a listing or a manifest. Larger objects are read in
 * ranges. An empty object is never requested.
 */
export function objectSource(version: ObjectVersion, size: number): ByteSource {
  let content: Promise<Uint8Array> | undefined;
  const source: ByteSource = {
    size,
    stream: () => source.range(0, size),
    async *range(start, stop) {
      const end = Math.min(stop, size);
      if (start >= end) return;
      if (size <= heldBytes) {
        content ??= readObject(version);
        yield (await content).subarray(start, end);
        return;
      }
      let length = 0;
      for await (const piece of streamObject(version, start > 0 || end < size ? [start, end] : undefined)) {
        length += piece.length;
        if (length > end - start) throw new Error(`S3 returned more of ${version.key} than the requested range`);
        yield piece;
      }
      if (length < end - start) throw new Error(`S3 returned less of ${version.key} than the requested range`);
    },
  };
  return source;
}
