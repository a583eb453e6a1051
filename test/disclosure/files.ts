import { readFile } from '../../disclosure/check-file.ts';
import type { CheckedFile } from '../../disclosure/file.ts';

const bytes = (content: string | Uint8Array): Uint8Array =>
  typeof content === 'string' ? new TextEncoder().encode(content) : content;

/** Content as a stream, cut after every `step` bytes. */
export async function* streamBytes(content: string | Uint8Array, step = 1 << 16): AsyncIterable<Uint8Array> {
  const whole = bytes(content);
  for (let at = 0; at < whole.length; at += step) yield whole.subarray(at, at + step);
}

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

/** What a file is remembered as once it is released: a summary for every table in it. */
type Reading = Parameters<typeof readFile>;
export const summariseFile = async (file: Reading[0], open: Reading[1], policy: Reading[2]) =>
  (await readFile(file, open, policy, '')).summaries;
