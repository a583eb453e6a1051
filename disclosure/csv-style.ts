import { CELL_BITS, MAX_COLUMNS, type RowBatch } from './csv-tokenizer.ts';

const [LINE_FEED, CARRIAGE_RETURN, SPACE, QUOTE] = [10, 13, 32, 34] as const;
const numberBits = CELL_BITS.digit | CELL_BITS.sign | CELL_BITS.exponent;

/**
 * How the cells and rows of a table are written: no page shows whether a cell is in quotes, or which line end a row has.
 * Programs quote a column's numbers all or none, and its words all or none; only cells that need quotes, missing values and
 * the first row are written by other rules.
 */
export class CsvStyle {
  /** For each column, its words without and in quotes, then its numbers. */
  readonly #counts = new Int32Array(4 * MAX_COLUMNS);
  readonly #lineEnds = { lf: 0, cr: 0, crlf: 0 };
  readonly #delimiter: number;
  #width = 0;

  constructor(delimiter: number) {
    this.#delimiter = delimiter;
  }

  take(batch: RowBatch): void {
    const { bytes, rows, first, cellStarts, cellEnds, masks, numbers } = batch;
    for (let row = 0; row < rows; row++) {
      const [start, end] = [first[row] as number, first[row + 1] as number];
      this.#width = Math.max(this.#width, end - start);
      this.#countLineEnd(bytes, cellEnds[end - 1] as number);
      if (numbers[row] === 1) continue;
      for (let cell = start; cell < end; cell++) {
        const [cellStart, cellEnd, mask] = [
          cellStarts[cell] as number,
          cellEnds[cell] as number,
          masks[cell] as number,
        ];
        const isQuoted = (mask & CELL_BITS.quoted) !== 0;
        if (
          cellStart === cellEnd ||
          (!isQuoted && isMissing(bytes, cellStart, cellEnd)) ||
          (isQuoted && this.#needsQuotes(bytes, cellStart, cellEnd, mask))
        )
          continue;
        const isNumber = (mask & ~(numberBits | CELL_BITS.quoted)) === 0;
        const slot = 4 * (cell - start) + (isNumber ? 2 : 0) + (isQuoted ? 1 : 0);
        this.#counts[slot] = (this.#counts[slot] as number) + 1;
      }
    }
  }

  /** How many cells and rows are written unlike the others. */
  get exceptions(): number {
    let exceptions = 0;
    for (let slot = 0; slot < 4 * this.#width; slot += 2)
      exceptions += Math.min(this.#counts[slot] as number, this.#counts[slot + 1] as number);
    const { lf, cr, crlf } = this.#lineEnds;
    // The last row may have none.
    return exceptions + Math.max(0, lf + cr + crlf - Math.max(lf, cr, crlf) - 1);
  }

  #countLineEnd(bytes: Uint8Array, cellEnd: number): void {
    const offset = bytes[cellEnd] === QUOTE ? cellEnd + 1 : cellEnd;
    if (bytes[offset] !== CARRIAGE_RETURN) this.#lineEnds.lf++;
    else if (bytes[offset + 1] === LINE_FEED) this.#lineEnds.crlf++;
    else this.#lineEnds.cr++;
  }

  #needsQuotes(bytes: Uint8Array, start: number, end: number, mask: number): boolean {
    if (!(mask & CELL_BITS.other)) return false;
    if (bytes[start] === SPACE || bytes[end - 1] === SPACE) return true;
    for (let index = start; index < end; index++) {
      const byte = bytes[index];
      if (byte === this.#delimiter || byte === QUOTE || byte === LINE_FEED || byte === CARRIAGE_RETURN) return true;
    }
    return false;
  }
}

/** R writes NA without quotes. */
const isMissing = (bytes: Uint8Array, start: number, end: number) =>
  end - start === 2 && bytes[start] === 78 && bytes[start + 1] === 65;
