import { cellText } from '../csv.ts';
import type { RowBatch } from '../csv-tokenizer.ts';
import { CELL_BITS } from '../csv-tokenizer.ts';
import type { Findings } from '../findings.ts';
import { type CandidateCells, ColumnStatistics } from './accumulate.ts';
import type { CellScreening } from './cell-screening.ts';
import {
  type ColumnClass,
  type ColumnRole,
  isSuppressionMark,
  mayBeLabelledNumber,
  mayBeSuppressionMark,
  startsWithWord,
} from './columns.ts';
import { readCell, readComposite } from './number.ts';
import type { LocateCell } from './rows.ts';

const numeric = CELL_BITS.digit | CELL_BITS.sign;
const mayCount: readonly ColumnRole[] = ['count', 'denominator', 'total', 'plain', 'attribute', 'statistic'];
/** Values that are held at once: few enough to stay in the processor's nearest memory. */
const MAX_VALUES = 4096;

/**
 * Reads the cells of a table, some rows at once and column by column, as what is asked of a cell is the same all down its
 * column. It counts what they are and leaves their values to the rules over rows.
 */
export class CellReader {
  readonly state: ColumnStatistics;
  /** The values of the rows read last, row after row; NaN for a cell that is no number. */
  readonly values: Float64Array;
  /** How many decimals each of the values is written with. */
  readonly places: Uint8Array;
  /** How many rows are read at once. */
  readonly rows: number;
  readonly width: number;
  readonly #screen: CellScreening;
  readonly #locate: LocateCell;
  /** Which columns may hold counts, by their names. */
  readonly #counting: readonly boolean[];
  readonly #threshold: number;
  readonly #base: number;

  constructor(columns: readonly ColumnClass[], { policy }: Findings, screen: CellScreening, locate: LocateCell) {
    this.width = columns.length;
    this.rows = Math.max(1, Math.floor(MAX_VALUES / columns.length));
    this.state = new ColumnStatistics(columns.length);
    this.values = new Float64Array(Math.max(MAX_VALUES, columns.length));
    this.places = new Uint8Array(this.values.length);
    this.#screen = screen;
    this.#locate = locate;
    this.#counting = columns.map(({ role }) => mayCount.includes(role));
    this.#threshold = policy.rules['sdc.minimum-count'].threshold;
    const { base } = policy.rules['sdc.rounding'];
    this.#base = base > 1 ? base : 5;
  }

  /** Reads rows that all have the same number of cells. */
  read(batch: RowBatch, firstRow: number, endRow: number): void {
    const width = this.width;
    const cells = (batch.first[firstRow + 1] as number) - (batch.first[firstRow] as number);
    for (let column = 0; column < width; column++)
      if (column < cells) this.#column(batch, firstRow, endRow, column);
      else for (let slot = column; slot < (endRow - firstRow) * width; slot += width) this.values[slot] = Number.NaN;
  }

  /** Reads the cells of one column in rows of the same width, and counts what they are. */
  #column(batch: RowBatch, firstRow: number, endRow: number, column: number): void {
    const { bytes, first, cellStarts, cellEnds, masks, digits, decimals, numbers } = batch;
    const [values, places, state, width] = [this.values, this.places, this.state, this.width];
    const [counting, threshold, base] = [this.#counting[column] as boolean, this.#threshold, this.#base];
    const step = (first[firstRow + 1] as number) - (first[firstRow] as number);
    let cell = (first[firstRow] as number) + column;
    let slot = column;
    const unrounded = state.unrounded[column];
    let [wholes, words] = [0, 0];
    for (let row = firstRow; row < endRow; row++, cell += step, slot += width) {
      places[slot] = 0;
      // Most numbers are short, and have been read with their cell.
      const number = digits[cell] as number;
      const decimalCount = decimals[cell] as number;
      if (number >= 0 && decimalCount === 0) {
        values[slot] = number;
        wholes++;
        if (counting && number < threshold) this.#low(column, number, numbers[row] as number);
        if (counting && number % base !== 0) this.#keep(unrounded, numbers[row] as number, column, number);
        continue;
      }
      if (number >= 0) {
        this.#number(column, slot, number / (powers[decimalCount] as number), decimalCount, numbers[row] as number);
        continue;
      }
      const start = cellStarts[cell] as number;
      const end = cellEnds[cell] as number;
      const mask = masks[cell] as number;
      if (start < end && startsWithWord(bytes, start) && !mayBeLabelledNumber(bytes, start, end, mask)) {
        values[slot] = Number.NaN;
        words++;
        if ((mask & (CELL_BITS.digit | CELL_BITS.at)) !== 0) this.#screen.see(batch, cell);
      } else if (start === end) values[slot] = Number.NaN;
      else if ((mask & ~(numeric | CELL_BITS.quoted)) !== 0 || !this.#signed(batch, cell, row, column, slot))
        this.#other(batch, cell, row, column, slot);
    }
    state.numbers[column] = (state.numbers[column] as number) + wholes;
    state.texts[column] = (state.texts[column] as number) + words;
  }

  /** A cell of digits, signs and points alone: a number, unless a sign or a second point is inside (a date, a range). */
  #signed(
    { bytes, cellStarts, cellEnds, masks, numbers }: RowBatch,
    cell: number,
    row: number,
    column: number,
    slot: number,
  ): boolean {
    const [start, end, mask] = [cellStarts[cell] as number, cellEnds[cell] as number, masks[cell] as number];
    if (end - start > 15 || (mask & CELL_BITS.digit) === 0) return false;
    const lead = bytes[start] as number;
    let whole = 0;
    let point = 0;
    for (let index = lead === 45 || lead === 43 ? start + 1 : start; index < end; index++) {
      const digit = (bytes[index] as number) - 48;
      if (digit >= 0) whole = whole * 10 + digit;
      else if (digit === -2 && point === 0) point = index + 1;
      else return false;
    }
    if (end - start === 10 && (mask & CELL_BITS.sign) === 0) this.#screen.tenDigits(bytes, start, column);
    const decimals = point > 0 ? end - point : 0;
    if (decimals > 0) whole /= powers[decimals] as number;
    const value = lead === 45 ? -whole : whole;
    this.#number(column, slot, value, decimals, numbers[row] as number);
    return true;
  }

  #value(column: number, slot: number, value: number, decimals: number): void {
    const { places } = this.state;
    this.values[slot] = value;
    this.places[slot] = decimals;
    if (decimals > (places[column] as number)) places[column] = decimals;
  }

  #number(column: number, slot: number, value: number, decimals: number, row: number): void {
    this.#value(column, slot, value, decimals);
    this.#counted(column, value, decimals, row);
  }

  #counted(column: number, value: number, decimals: number, row: number): void {
    const state = this.state;
    state.numbers[column] = (state.numbers[column] as number) + 1;
    if (!this.#counting[column]) return;
    if (value < 0) state.negative[column] = (state.negative[column] as number) + 1;
    else if (decimals > 0 && value !== Math.floor(value)) {
      state.parts[column] = (state.parts[column] as number) + 1;
      if (value < this.#threshold) this.#keep(state.smallParts[column], row, column, value);
    } else {
      if (value < this.#threshold) this.#low(column, value, row);
      if (value < 0x7fffffff ? (value | 0) % this.#base !== 0 : value % this.#base !== 0)
        this.#keep(state.unrounded[column], row, column, value);
    }
  }

  #low(column: number, value: number, row: number): void {
    const { zeros, small } = this.state;
    this.#keep(value === 0 ? zeros[column] : small[column], row, column, value);
  }

  #keep(list: CandidateCells | undefined, row: number, column: number, value: number): void {
    if (list?.one()) list.cells.push(this.#locate(row, column, String(value)));
  }

  /** A cell that is no plain number: text, a mark, or a number with signs around it. */
  #other(batch: RowBatch, cell: number, row: number, column: number, slot: number): void {
    const { bytes, cellStarts, cellEnds, masks, numbers } = batch;
    const [start, end, mask] = [cellStarts[cell] as number, cellEnds[cell] as number, masks[cell] as number];
    const state = this.state;
    this.values[slot] = Number.NaN;
    const length = end - start;
    const hasDigit = (mask & CELL_BITS.digit) !== 0;
    const last = bytes[end - 1] as number;
    const isPlain =
      hasDigit &&
      (mask & (CELL_BITS.letter | CELL_BITS.at)) === 0 &&
      ((mask & CELL_BITS.other) !== 0 ||
        ((mask & CELL_BITS.exponent) !== 0 && ((bytes[start] as number) | 32) !== 101));
    // Digits of other scripts are none to the scanner.
    const isForeign = !hasDigit && (last >= 0x80 || (bytes[start] as number) >= 0x80);
    if (length <= 40 && (isPlain || isForeign || mayBeLabelledNumber(bytes, start, end, mask))) {
      const text = cellText(bytes, start, end, mask);
      const read = readCell(text);
      if (read) {
        // What is written as a percentage counts nobody, whatever its column is called.
        if (!read.percent) this.#counted(column, read.value, read.places, numbers[row] as number);
        else state.percents[column] = (state.percents[column] as number) + 1;
        this.#value(column, slot, read.value, Math.min(read.places, 15));
        return;
      }
      const parts = last === 41 || last === 93 ? readComposite(text) : undefined;
      if (parts) {
        state.composite[column] = (state.composite[column] as number) + (parts.percent ? 1 : 0);
        if (parts.percent) {
          this.#counted(column, parts.count, 0, numbers[row] as number);
          return;
        }
      }
    }
    if (
      length <= 14 &&
      mayBeSuppressionMark(bytes, start, length) &&
      isSuppressionMark(cellText(bytes, start, end, mask))
    ) {
      state.suppressed[column] = (state.suppressed[column] as number) + 1;
      return;
    }
    state.texts[column] = (state.texts[column] as number) + 1;
    this.#screen.see(batch, cell);
  }
}

const powers = Array.from({ length: 16 }, (_, exponent) => 10 ** exponent);
