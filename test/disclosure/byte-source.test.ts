import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { memorySource } from '../../disclosure/byte-source.ts';
import { concatBytes } from '../../disclosure/bytes.ts';
import { checkFile } from '../../disclosure/check.ts';
import { fileSource } from '../../disclosure/file-source.ts';
import { policyFor } from '../../disclosure/tier-policy.ts';
import { countReads, makeWorkbook } from '../../local/bench/byte-reads.ts';
import { buildCheckedFile } from './files.ts';

async function collect(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  return concatBytes(parts);
}

it('the check reads at most 1.2 bytes per byte of a workbook with 100 parts', async () => {
  const bytes = makeWorkbook(100);
  expect(bytes.length).toBeGreaterThan(2 * 2 ** 20);
  const { source, read } = countReads(bytes);
  // The first row of each sheet is its heading.
  const report = await checkFile(buildCheckedFile('t.xlsx', bytes), source, policyFor(1), []);
  expect(report.rows).toBe(9_900);
  console.log(`a workbook of 100 parts: ${(read() / bytes.length).toFixed(3)} bytes read per byte`);
  expect(read() / bytes.length).toBeLessThanOrEqual(1.2);
});

it('a source gives the same bytes and ranges from memory as from a file', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'byte-source-'));
  const bytes = Uint8Array.from(randomBytes(300_000));
  writeFileSync(join(folder, 'a'), bytes);
  writeFileSync(join(folder, 'empty'), '');
  try {
    for (const source of [memorySource(bytes), memorySource(bytes, 7), await fileSource(join(folder, 'a'))]) {
      expect(source.size).toBe(bytes.length);
      expect(Buffer.compare(await collect(source.stream()), bytes)).toBe(0);
      for (const [start, end] of [
        [0, 1],
        [5, 5],
        [299_990, 400_000],
        [400_000, 500_000],
        [100, 200_000],
      ] as const)
        expect(Buffer.compare(await collect(source.range(start, end)), bytes.subarray(start, end))).toBe(0);
    }
    const empty = await fileSource(join(folder, 'empty'));
    expect([empty.size, (await collect(empty.stream())).length]).toEqual([0, 0]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
