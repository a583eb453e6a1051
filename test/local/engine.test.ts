import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { eicar, scanBytes } from '../../local/engine.ts';
import { locked } from '../airlock/scans.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
async function* inPieces(whole: Uint8Array, length: number) {
  for (let from = 0; from < whole.length; from += length) yield whole.subarray(from, from + length);
}
const scan = (whole: Uint8Array, length = 65_536) => scanBytes(inPieces(whole, length));
const zip = (files: Record<string, Uint8Array>) => zipSync(files);

describe('the double of a scanner', () => {
  it('finds the test string wherever the stream is cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(300), fc.nat(300), fc.integer({ min: 1, max: 200 }), async (before, after, length) => {
        const whole = bytes(`${'x'.repeat(before)}${eicar}${'y'.repeat(after)}`);
        expect(await scan(whole, length)).toBe('THREATS_FOUND');
        expect(await scan(whole.slice(0, before + eicar.length - 1), length)).toBe('NO_THREATS_FOUND');
      }),
      { numRuns: 50 },
    );
  });

  it.each([
    ['a zip', zip({ 'a.csv': bytes('x'), 'b.txt': bytes(eicar) }), 'THREATS_FOUND'],
    ['a zip in a zip in a gzip', gzipSync(zip({ 'a.zip': zip({ 'b.txt': bytes(eicar) }) })), 'THREATS_FOUND'],
    ['a clean zip', zip({ 'a.csv': bytes('x'.repeat(1000)) }), 'NO_THREATS_FOUND'],
    ['a clean gzip', gzipSync('x'.repeat(1000)), 'NO_THREATS_FOUND'],
    ['a zip with a password', locked({ 'a.txt': bytes(eicar) }), 'UNSUPPORTED'],
    [
      'malware beside a zip with a password',
      zip({ 'a.zip': locked({ a: bytes('x') }), b: bytes(eicar) }),
      'THREATS_FOUND',
    ],
    ['a gzip that grows too large', gzipSync(Buffer.alloc(300 * 2 ** 20)), 'UNSUPPORTED'],
    ['what only looks like an archive', bytes('PK\u0003\u0004 and \u001f\u008b'), 'NO_THREATS_FOUND'],
    ['nothing', new Uint8Array(), 'NO_THREATS_FOUND'],
  ])('%s', async (_, whole, expected) => {
    expect(await scan(whole)).toBe(expected);
  });

  it('does not follow archives in archives without end', async () => {
    let whole = zip({ 'a.txt': bytes(eicar) });
    for (let depth = 0; depth < 8; depth++) whole = zip({ 'a.zip': whole });
    expect(await scan(whole)).toBe('UNSUPPORTED');
  });

  it('takes any bytes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 400 }),
        fc.constantFrom('PK\u0005\u0006', '\u001f\u008b', ''),
        async (noise, magic) => {
          const whole = Buffer.concat([Buffer.from(magic, 'latin1'), noise]);
          expect(['NO_THREATS_FOUND', 'UNSUPPORTED']).toContain(await scan(whole));
        },
      ),
    );
  });
});
