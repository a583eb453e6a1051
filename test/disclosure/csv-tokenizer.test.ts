import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CsvScanner } from '../../disclosure/csv.ts';
import { sampleRuns } from '../trials.ts';
import { type PlainCell, plainScan } from './plain-tokenizer.ts';

const latin = (text: string) => new Uint8Array(Buffer.from(text, 'latin1'));

/** Everything that the scanner reports for bytes that come in pieces. */
function scan(pieces: readonly Uint8Array[], delimiter = 44) {
  const rows: PlainCell[][] = [];
  const numbers: number[] = [];
  const scanner = new CsvScanner(batch => {
    const { bytes, first, cellStarts, cellEnds, masks, digits, decimals } = batch;
    numbers.push(...batch.numbers.subarray(0, batch.rows));
    for (let row = 0; row < batch.rows; row++)
      rows.push(
        Array.from({ length: (first[row + 1] ?? 0) - (first[row] ?? 0) }, (_, index) => {
          const cell = (first[row] ?? 0) + index;
          return {
            bytes: [...bytes.slice(cellStarts[cell], cellEnds[cell])],
            mask: masks[cell] ?? 0,
            digits: Math.max(-1, digits[cell] ?? 0),
            decimals: decimals[cell] ?? 0,
          };
        }),
      );
  }, delimiter);
  for (const piece of pieces) scanner.push(piece);
  scanner.end();
  expect(scanner.wrong).toBeUndefined();
  return { rows, numbers, badQuotes: scanner.badQuotes };
}

/** What files contain and what scanners stumble over: quotes, line ends and marks in every order, NUL and any other byte. */
const piece = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('"', '""', ',', '\n', '\r', '\r\n', ';', '\t', '\0', '\xef\xbb\xbf', '.') },
  {
    weight: 2,
    arbitrary: fc.constantFrom('a', 'North West', 'E', '1e5', '-', '+3', '0.5', '12345678', '123456789', '@'),
  },
  fc.integer({ min: 0, max: 99_999_999 }).map(String),
  fc.integer({ min: 0, max: 9_999_999 }).map(whole => (whole / 100).toFixed(2)),
  fc.uint8Array({ maxLength: 40 }).map(bytes => Buffer.from(bytes).toString('latin1')),
);
const hostile = fc.array(piece, { maxLength: 60 }).map(pieces => latin(pieces.join('')));

describe('the CSV scanner', () => {
  it('reads the same cells as a simple reference scanner, whatever the bytes are and wherever they are split', () => {
    fc.assert(
      fc.property(
        hostile,
        fc.constantFrom(44, 59, 9, 124),
        fc.integer({ min: 1, max: 30 }),
        (bytes, delimiter, step) => {
          const plain = plainScan(bytes, delimiter);
          expect(scan([bytes], delimiter)).toEqual(plain);
          const pieces = Array.from({ length: Math.ceil(bytes.length / step) }, (_, index) =>
            bytes.slice(index * step, (index + 1) * step),
          );
          expect(scan(pieces, delimiter)).toEqual(plain);
        },
      ),
      { numRuns: sampleRuns(3000) },
    );
  });

  it('reads the same cells when the file is split in two at any byte', () => {
    fc.assert(
      fc.property(hostile, bytes => {
        const plain = plainScan(bytes, 44);
        for (let place = 0; place <= bytes.length; place++)
          expect(scan([bytes.slice(0, place), bytes.slice(place)])).toEqual(plain);
      }),
      { numRuns: sampleRuns(100) },
    );
  });

  it('classifies every byte at every position of short and long cells', () => {
    for (let byte = 0; byte < 256; byte++)
      for (const length of [1, 2, 7, 8, 9, 15, 16, 17, 33]) {
        const cells = Array.from({ length }, (_, index) =>
          Uint8Array.from({ length }, (_, position) => (position === index ? byte : 0x37)),
        );
        const bytes = Uint8Array.from(cells.flatMap(cell => [44, ...cell]));
        expect(scan([bytes])).toEqual(plainScan(bytes, 44));
      }
  });

  it.each([
    ['rows of one cell, more than a batch holds', 'a\n'.repeat(70_000)],
    ['empty cells, more than a batch holds', ',\n'.repeat(70_000)],
    ['rows with the largest number of columns', `${',1'.repeat(16_383)}\n`.repeat(5)],
    ['only empty lines', '\r\n'.repeat(70_000)],
    ['a long cell', `a,"${'x""'.repeat(100_000)}",b\r\n1,2,3`],
    ['a long cell that is never closed', `a,b\n1,"${'2,3\n'.repeat(50_000)}`],
  ])('reads the same cells as the reference scanner: %s', (_, content) => {
    const bytes = latin(content);
    const plain = plainScan(bytes, 44);
    expect(scan([bytes])).toEqual(plain);
  });

  it('reads a record of 4 MB and refuses one that is a byte longer', () => {
    const read = (length: number) => {
      let cells = 0;
      const scanner = new CsvScanner(({ first, rows }) => {
        cells += first[rows] ?? 0;
      }, 44);
      const bytes = new Uint8Array(length).fill(97);
      scanner.push(bytes);
      scanner.push(latin('\nb\n'));
      scanner.end();
      return { cells, wrong: scanner.wrong };
    };
    expect(read(4 * 2 ** 20)).toEqual({ cells: 2, wrong: undefined });
    expect(read(4 * 2 ** 20 + 1).wrong).toMatch(/4 MB/);
  });

  it('keeps its unfinished cell while another scanner reads', () => {
    const contents: string[] = [];
    const scannerFor = (name: string) =>
      new CsvScanner(({ rows, bytes, cellStarts, cellEnds }) => {
        for (let row = 0; row < rows; row++)
          contents.push(name + Buffer.from(bytes.slice(cellStarts[row], cellEnds[row])).toString());
      }, 44);
    const [first, second] = [scannerFor('first '), scannerFor('second ')];
    first.push(latin('abc'));
    second.push(latin('x'));
    first.push(latin('def\n'));
    second.push(latin('yz\n'));
    expect(contents).toEqual(['first abcdef', 'second xyz']);
  });
});
