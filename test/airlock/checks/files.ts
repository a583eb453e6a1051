import type { CheckedFile } from '../../../functions/airlock/checks/check-file.ts';

const bytes = (content: string | Uint8Array): Uint8Array =>
  typeof content === 'string' ? new TextEncoder().encode(content) : content;

/** Content as a stream, cut after every `step` bytes. */
export async function* bytesOf(content: string | Uint8Array, step = 1 << 16): AsyncIterable<Uint8Array> {
  const whole = bytes(content);
  for (let at = 0; at < whole.length; at += step) yield whole.subarray(at, at + step);
}

export const metaOf = (path: string, content: string | Uint8Array): CheckedFile => ({
  path,
  size: bytes(content).length,
  sha256: '0'.repeat(64),
  kind: 'table',
  type: 'application/octet-stream',
  group: 0,
});
