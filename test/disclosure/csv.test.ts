import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CsvScanner, decodeRow, detectDelimiter } from '../../disclosure/csv.ts';
import { sampleRuns } from '../trials.ts';

/** The rows that the scanner reports for bytes in pieces; their lengths are `steps`, repeated to the end. */
function scan(bytes: Uint8Array, delimiter = ',', steps: readonly number[] = [1 << 16]) {
  const rows: string[][] = [];
  const numbers: number[] = [];
  const scanner = new CsvScanner(batch => {
    numbers.push(...batch.numbers.subarray(0, batch.rows));
    for (let row = 0; row < batch.rows; row++) rows.push(decodeRow(batch, row));
  }, delimiter.charCodeAt(0));
  for (let offset = 0, turn = 0; offset < bytes.length; turn++) {
    const step = steps[turn % steps.length] ?? 1;
    scanner.push(bytes.slice(offset, offset + step));
    offset += step;
  }
  scanner.end();
  return { rows, numbers, wrong: scanner.wrong, badQuotes: scanner.badQuotes };
}
const utf8 = (text: string) => new TextEncoder().encode(text);

/** Cells that make a parser stumble: quotes, delimiters, line ends, other scripts, formulas, byte order marks. */
const cell = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.string({
    unit: fc.constantFrom('"', ',', '\n', '\r', '\r\n', ';', '\t', ' ', '=', 'é', '日', '😀', 'a', '1'),
    maxLength: 10,
  }),
  fc.integer().map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
  fc.constantFrom('', '""', '"', ',', '\n', '\r', '=1+1', '<10', '\ufeff', '45 (30.0%)'),
);
const writeCell = (text: string, delimiter: string, isQuoted: boolean) =>
  isQuoted || /["\r\n]/.test(text) || text.includes(delimiter) ? `"${text.replaceAll('"', '""')}"` : text;
const table = fc.record({
  rows: fc.array(fc.array(cell, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 12 }),
  delimiter: fc.constantFrom(',', ';', '\t', '|'),
  end: fc.constantFrom('\n', '\r\n', '\r'),
  always: fc.boolean(),
  final: fc.boolean(),
  mark: fc.boolean(),
});
const text = ({
  rows,
  delimiter,
  end,
  always: isQuoted,
  final,
  mark,
}: typeof table extends fc.Arbitrary<infer T> ? T : never) =>
  (mark ? '\ufeff' : '') +
  rows.map(row => row.map(value => writeCell(value, delimiter, isQuoted)).join(delimiter)).join(end) +
  (final ? end : '');

describe('the CSV scanner', () => {
  it('reads the same rows as the library csv-parse, whatever the cells contain', () => {
    fc.assert(
      fc.property(table, example => {
        const content = text(example);
        // A byte order mark is only one at the very beginning, and not a second time.
        fc.pre(!content.slice(example.mark ? 1 : 0).startsWith('\ufeff'));
        const reference = parse(Buffer.from(content), {
          delimiter: example.delimiter,
          record_delimiter: example.end,
          relax_column_count: true,
          skip_empty_lines: true,
          bom: true,
        }) as string[][];
        expect(scan(utf8(content), example.delimiter).rows).toEqual(reference);
      }),
      { numRuns: sampleRuns(2000) },
    );
  });

  it('reads the same rows wherever the file is split into pieces', () => {
    fc.assert(
      fc.property(
        fc.oneof(table.map(text).map(utf8), fc.uint8Array({ maxLength: 300 })),
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 }),
        (bytes, steps) => {
          expect(scan(bytes, ',', steps)).toEqual(scan(bytes, ','));
        },
      ),
      { numRuns: sampleRuns(1000) },
    );
  });

  it('numbers records as a spreadsheet does, and counts empty records', () =>
    expect(scan(utf8('a,b\n\n"1\n2",3\n\n\n4,5')).numbers).toEqual([1, 3, 6]));

  it('reads on after a quotation mark that is misplaced or never closed, and counts it', () => {
    expect(scan(utf8('a,b\n1,"2\n3,4')).badQuotes).toBe(1);
    expect(scan(utf8('a,b\n"1"x,2\n')).rows).toEqual([
      ['a', 'b'],
      ['"1"x', '2'],
    ]);
  });

  it('stops at a record with too many columns or bytes, and says why', () => {
    expect(scan(utf8(','.repeat(20_000))).wrong).toMatch(/columns/);
    expect(scan(new Uint8Array(5 * 2 ** 20).fill(97)).wrong).toMatch(/4 MB/);
  });

  it.each([
    ['a,b,c\n1,2,3\n', ','],
    ['a;b;c\n1,5;2,5;3,5\n', ';'],
    ['a\tb\n1,000\t2\n', '\t'],
    ['a|b\n1|2\n', '|'],
    ['"a;b",c\n"1;2",3\n', ','],
    ['one column\n1\n', ','],
  ])('finds the delimiter of %j', (content, delimiter) => expect(detectDelimiter(utf8(content))).toBe(delimiter));
});
