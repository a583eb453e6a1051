import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { expect, it } from 'vitest';
import { type ByteSource, fileSource, memorySource } from '../../disclosure/byte-source.ts';
import { concatBytes } from '../../disclosure/bytes.ts';
import { checkFile } from '../../disclosure/check.ts';
import { policyFor } from '../../disclosure/policy.ts';
import { buildCheckedFile } from './files.ts';

async function collect(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  return concatBytes(parts);
}

/** A source that counts the bytes which it was asked for, as a server counts those of a requested range. */
function countReads(bytes: Uint8Array): { source: ByteSource; read: () => number } {
  const inner = memorySource(bytes);
  let read = 0;
  const range = (from: number, to: number) => {
    read += Math.max(0, Math.min(to, bytes.length) - from);
    return inner.range(from, to);
  };
  return { source: { size: bytes.length, stream: () => range(0, bytes.length), range }, read: () => read };
}

/** A workbook of sheets that hardly compress, each in a part of its own. */
function makeWideWorkbook(sheets: number): Uint8Array {
  const encode = (text: string) => new TextEncoder().encode(text);
  const numbers = Array.from({ length: sheets }, (_, index) => index + 1);
  const sheet = () => {
    const cells =
      randomBytes(30_000)
        .toString('hex')
        .match(/.{1,600}/g) ?? [];
    const rows = cells.map((text, index) => `<row r="${index + 1}"><c t="inlineStr"><is><t>${text}</t></is></c></row>`);
    return encode(`<worksheet><sheetData>${rows.join('')}</sheetData></worksheet>`);
  };
  return zipSync({
    '[Content_Types].xml': encode('<Types/>'),
    'xl/workbook.xml': encode(
      `<workbook><sheets>${numbers.map(n => `<sheet name="s${n}" r:id="r${n}"/>`).join('')}</sheets></workbook>`,
    ),
    'xl/_rels/workbook.xml.rels': encode(
      `<Relationships>${numbers.map(n => `<Relationship Id="r${n}" Target="worksheets/s${n}.xml"/>`).join('')}</Relationships>`,
    ),
    ...Object.fromEntries(numbers.map(n => [`xl/worksheets/s${n}.xml`, sheet()])),
  });
}

it('reads at most 1.2 bytes per byte of a workbook with 100 parts', async () => {
  const bytes = makeWideWorkbook(100);
  expect(bytes.length).toBeGreaterThan(2 * 2 ** 20);
  const { source, read } = countReads(bytes);
  // The first row of each sheet is its heading.
  const report = await checkFile(buildCheckedFile('t.xlsx', bytes), source, policyFor(1), []);
  expect(report.rows).toBe(9_900);
  console.log(`a workbook of 100 parts: ${(read() / bytes.length).toFixed(3)} bytes read per byte`);
  expect(read() / bytes.length).toBeLessThanOrEqual(1.2);
});

it('gives the same bytes and ranges from memory and from a file', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'byte-source-'));
  const bytes = Uint8Array.from(randomBytes(300_000));
  writeFileSync(join(folder, 'a'), bytes);
  writeFileSync(join(folder, 'empty'), '');
  try {
    for (const source of [memorySource(bytes), memorySource(bytes, 7), await fileSource(join(folder, 'a'))]) {
      expect(source.size).toBe(bytes.length);
      expect(Buffer.compare(await collect(source.stream()), bytes)).toBe(0);
      for (const [from, to] of [
        [0, 1],
        [5, 5],
        [299_990, 400_000],
        [400_000, 500_000],
        [100, 200_000],
      ] as const)
        expect(Buffer.compare(await collect(source.range(from, to)), bytes.subarray(from, to))).toBe(0);
    }
    const empty = await fileSource(join(folder, 'empty'));
    expect([empty.size, (await collect(empty.stream())).length]).toEqual([0, 0]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
