import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { ByteSource } from './byte-source.ts';

/** A file on disk. Its size is the one that it has now. */
export async function fileSource(path: string): Promise<ByteSource> {
  const { size } = await stat(path);
  const source: ByteSource = {
    size,
    stream: () => source.range(0, size),
    async *range(start, stop) {
      const end = Math.min(stop, size);
      if (start < end)
        yield* createReadStream(path, {
          start: start,
          end: end - 1,
          highWaterMark: 1 << 18,
        }) as AsyncIterable<Uint8Array>;
    },
  };
  return source;
}
