import { randomBytes } from 'node:crypto';
import { strToU8, zipSync } from 'fflate';
import { type ByteSource, memorySource } from '../../disclosure/byte-source.ts';
import { checkFile } from '../../disclosure/check.ts';
import { policyFor } from '../../disclosure/tier-policy.ts';

const tableRows = (count: number) =>
  Array.from({ length: count }, (_, row) => [`area ${row % 400}`, 2005 + (row % 20), 30 + ((row * 7919) % 1900)]);

/** A workbook whose parts hardly compress, so that reading one of them twice shows. */
export function makeWorkbook(sheets: number): Uint8Array {
  const numbers = Array.from({ length: sheets }, (_, index) => index + 1);
  const sheet = () => {
    const texts =
      randomBytes(30_000)
        .toString('hex')
        .match(/.{1,600}/g) ?? [];
    const rows = texts.map((text, index) => `<row r="${index + 1}"><c t="inlineStr"><is><t>${text}</t></is></c></row>`);
    return strToU8(`<worksheet><sheetData>${rows.join('')}</sheetData></worksheet>`);
  };
  const names = numbers.map(number => `<sheet name="s${number}" r:id="r${number}"/>`).join('');
  const targets = numbers.map(number => `<Relationship Id="r${number}" Target="worksheets/s${number}.xml"/>`).join('');
  return zipSync({
    '[Content_Types].xml': strToU8('<Types/>'),
    'xl/workbook.xml': strToU8(`<workbook><sheets>${names}</sheets></workbook>`),
    'xl/_rels/workbook.xml.rels': strToU8(`<Relationships>${targets}</Relationships>`),
    ...Object.fromEntries(numbers.map(number => [`xl/worksheets/s${number}.xml`, sheet()])),
  });
}

const samples: Readonly<Record<string, () => Uint8Array>> = {
  'table.csv': () => strToU8(['area,year,n', ...tableRows(80_000).map(row => row.join())].join('\n')),
  'table.json': () =>
    strToU8(JSON.stringify(tableRows(20_000).map(([area, year, count]) => ({ area, year, n: count })))),
  'notebook.ipynb': () =>
    strToU8(
      JSON.stringify({
        nbformat: 4,
        nbformat_minor: 5,
        metadata: {},
        cells: tableRows(2000).map(row => ({ cell_type: 'code', metadata: {}, outputs: [], source: [row.join()] })),
      }),
    ),
  'workbook.xlsx': () => makeWorkbook(100),
  'notes.txt': () => strToU8('A line of notes on the method.\n'.repeat(50_000)),
};

/** A source that counts the bytes which it was asked for, as a server counts those of a requested range. */
export function countReads(bytes: Uint8Array): { source: ByteSource; read: () => number } {
  const inner = memorySource(bytes);
  let read = 0;
  const range = (start: number, end: number) => {
    read += Math.max(0, Math.min(end, bytes.length) - start);
    return inner.range(start, end);
  };
  return { source: { size: bytes.length, stream: () => range(0, bytes.length), range }, read: () => read };
}

/** How many bytes the checks read of a file for each byte that it has, by format. */
export async function benchByteReads(): Promise<Record<string, number>> {
  const figures: Record<string, number> = {};
  for (const [path, make] of Object.entries(samples)) {
    const bytes = make();
    const { source, read } = countReads(bytes);
    const file = { path, size: bytes.length, sha256: '0'.repeat(64), kind: 'supporting', type: '', group: 0 } as const;
    await checkFile(file, source, policyFor(1), []);
    figures[`bytes_read_per_byte_${path.split('.').at(-1)}`] = read() / bytes.length;
  }
  return figures;
}
