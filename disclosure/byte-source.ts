/** The bytes of one file, wherever they are. Each call reads again; what a reader doesn't take is not fetched. */
export interface ByteSource {
  /** The length of the file in bytes. */
  readonly size: number;
  /** All bytes in order, in pieces of any length. */
  stream(): AsyncIterable<Uint8Array>;
  /** The bytes `[from, to)` in pieces; fewer where the file ends before `to`. */
  range(start: number, end: number): AsyncIterable<Uint8Array>;
}

/** A file that is held in memory, in pieces of `step` bytes. */
export function memorySource(bytes: Uint8Array, step = 64 * 1024): ByteSource {
  const source: ByteSource = {
    size: bytes.length,
    stream: () => source.range(0, bytes.length),
    async *range(start, stop) {
      const end = Math.min(stop, bytes.length);
      for (let index = start; index < end; index += step) yield bytes.subarray(index, Math.min(index + step, end));
    },
  };
  return source;
}
