import { type ByteSource, memorySource } from '../../disclosure/byte-source.ts';
import { check } from '../../disclosure/check.ts';
import type { CheckedFile } from '../../disclosure/file.ts';

const bytes = (content: string | Uint8Array): Uint8Array =>
  typeof content === 'string' ? new TextEncoder().encode(content) : content;

/** Content as a source that gives pieces of `step` bytes. */
export const buildSource = (content: string | Uint8Array, step = 1 << 16): ByteSource =>
  memorySource(bytes(content), step);

/** A source that reads from a generator; it reads a range by skipping what comes before it. */
export const buildStreamSource = (stream: () => AsyncIterable<Uint8Array>, size: number): ByteSource => ({
  size,
  stream,
  async *range(first, stop) {
    let position = 0;
    for await (const chunk of stream()) {
      const [start, end] = [Math.max(0, first - position), Math.min(chunk.length, stop - position)];
      if (start < end) yield chunk.subarray(start, end);
      position += chunk.length;
      if (position >= stop) return;
    }
  },
});

export const buildCheckedFile = (
  path: string,
  content: string | Uint8Array,
  kind: CheckedFile['kind'] = 'supporting',
): CheckedFile => ({
  path,
  size: bytes(content).length,
  sha256: '0'.repeat(64),
  kind,
  type: 'application/octet-stream',
  group: 0,
});

/** What is kept of a file once it is released: a summary of every table in it. */
type Reading = Parameters<typeof check>;
export const summariseFile = async (file: Reading[0], open: Reading[1], policy: Reading[2]) =>
  (await check(file, open, policy, '')).summaries;
