import { cellText } from '../csv.ts';
import { BYTE_CLASSES, CELL_BITS, MAX_COLUMNS, type RowBatch } from '../csv-tokenizer.ts';

const encoder = new TextEncoder();

/** A row of a reader that has text, as the scanner of bytes would give it. */
export function encodeRow(cells: readonly string[], number: number): RowBatch {
  const count = Math.min(cells.length, MAX_COLUMNS);
  const texts = cells.slice(0, count).map(cell => encoder.encode(cell.length > 32_768 ? cell.slice(0, 32_768) : cell));
  const bytes = new Uint8Array(texts.reduce((sum, { length }) => sum + length, 0));
  const [cellStarts, cellEnds, masks] = [new Int32Array(count), new Int32Array(count), new Uint8Array(count)];
  const [digits, decimals] = [new Int32Array(count), new Uint8Array(count)];
  let offset = 0;
  for (const [index, cell] of texts.entries()) {
    bytes.set(cell, offset);
    cellStarts[index] = offset;
    offset += cell.length;
    cellEnds[index] = offset;
    let mask = 0;
    for (const byte of cell) mask |= BYTE_CLASSES[byte] as number;
    masks[index] = mask;
    digits[index] = mask === CELL_BITS.digit && cell.length <= 8 ? Number(cells[index]) : -1;
  }
  const [first, numbers] = [Int32Array.of(0, count), Float64Array.of(number)];
  return { bytes, rows: 1, first, cellStarts, cellEnds, masks, digits, decimals, numbers };
}

/**
 * The text of each cell of a row, as far as anybody looks. A row of ASCII, as most are, is decoded at once and then cut; of
 * a long one only what is kept is decoded, as a piece of a text keeps all of it in memory.
 */
export function decodeRowTexts({ bytes, first, cellStarts, cellEnds, masks }: RowBatch, row: number): string[] {
  const [rowStart, rowEnd] = [first[row] as number, first[row + 1] as number];
  const [begin, end] = [cellStarts[rowStart] as number, cellEnds[rowEnd - 1] as number];
  const whole = end - begin <= 4096 ? cellText(bytes, begin, end, 0) : '';
  const ascii = whole.length === end - begin;
  return Array.from({ length: rowEnd - rowStart }, (_, index) => {
    const [start, end, mask] = [
      cellStarts[rowStart + index] as number,
      cellEnds[rowStart + index] as number,
      masks[rowStart + index] as number,
    ];
    if (ascii && (mask & CELL_BITS.escaped) === 0) return whole.slice(start - begin, end - begin).slice(0, 200);
    return cellText(bytes, start, Math.min(end, start + 1600), mask).slice(0, 200);
  });
}
