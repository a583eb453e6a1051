import { cellText } from '../csv.ts';
import type { RowBatch } from '../csv-tokenizer.ts';
import { BYTE_CLASSES, CELL_BITS } from '../csv-tokenizer.ts';
import type { Findings } from '../findings.ts';
import { classifyIdentifyingName, findIdentifiers, isChiNumber, isNhsNumber } from '../identifiers.ts';
import type { ColumnClass } from './columns.ts';
import type { LocateCell } from './rows.ts';

/** What must not be in any cell whatever the table is: identifiers, and text that a spreadsheet would run. */
export class CellScreening {
  readonly #findings: Findings;
  readonly #locate: LocateCell;
  readonly #identify: boolean;
  readonly #formula: boolean;
  /** Per column: numbers of ten digits, and those with the check digit of an NHS or CHI number. */
  readonly #digits = new Map<number, { ten: number; valid: number }>();
  /** Cells that are still to be read. */
  readonly #seen: number[] = [];
  #ordered = true;

  constructor(findings: Findings, locate: LocateCell) {
    this.#findings = findings;
    this.#locate = locate;
    this.#identify = findings.runs('identifiers.found');
    this.#formula = findings.runs('table.formula');
  }

  heading(names: readonly string[], row: number): void {
    for (const [column, name] of names.entries()) {
      const kind = this.#findings.runs('identifiers.columns') ? classifyIdentifyingName(name) : undefined;
      if (kind)
        this.#findings.add(
          'identifiers.columns',
          kind === 'direct'
            ? 'The name of a column says that each of its values belongs to one person. Results have no rows of single persons: leave the column out.'
            : 'The name of a column says that it helps to identify a person. Leave the column out or make it coarser.',
          [this.#locate(row, column, name)],
        );
      this.#text(name, row, column);
    }
  }

  /** Takes a cell that is no number. Most are harmless; the others are kept until their row is read. */
  see({ bytes, cellStarts, cellEnds, masks }: RowBatch, cell: number): void {
    const [start, end] = [cellStarts[cell] as number, cellEnds[cell] as number];
    if (
      (this.#formula && start < end && mayRun(bytes[start] as number)) ||
      (this.#identify && worthReading(bytes, start, end, masks[cell] as number))
    ) {
      this.#seen.push(cell);
      this.#ordered = false;
    }
  }

  /** Reads the cells kept of a row. Cells are read column by column, but findings come in the file's order. */
  row({ bytes, first, cellStarts, cellEnds, masks, numbers }: RowBatch, row: number): void {
    const pending = this.#seen;
    if (pending.length === 0) return;
    if (!this.#ordered) pending.sort((a, b) => b - a);
    this.#ordered = true;
    const [rowStart, rowEnd] = [first[row] as number, first[row + 1] as number];
    for (let cell = pending.at(-1); cell !== undefined && cell < rowEnd; cell = pending.at(-1)) {
      pending.pop();
      const [start, end, mask] = [cellStarts[cell] as number, cellEnds[cell] as number, masks[cell] as number];
      const [text, number, column] = [cellText(bytes, start, end, mask), numbers[row] as number, cell - rowStart];
      if (this.#formula) this.#formulas(text, number, column);
      if (worthReading(bytes, start, end, mask)) this.#text(text, number, column);
    }
  }

  /** A number of ten digits: one alone says nothing, as every eleventh has the check digit; a column of them does. */
  tenDigits(bytes: Uint8Array, start: number, column: number): void {
    if (!this.#identify) return;
    let text = '';
    for (let index = start; index < start + 10; index++) text += String.fromCharCode(bytes[index] as number);
    const tally = this.#digits.get(column) ?? { ten: 0, valid: 0 };
    tally.ten++;
    if (isNhsNumber(text) || isChiNumber(text)) tally.valid++;
    this.#digits.set(column, tally);
  }

  end(columns: readonly ColumnClass[]): void {
    for (const [column, { ten, valid }] of [...this.#digits].sort(([first], [second]) => first - second))
      if (valid >= 3 && valid * 2 > ten)
        this.#findings.add(
          'identifiers.found',
          'A column holds NHS or CHI numbers: their check digits are right. Leave it out.',
          [this.#locate(1, column, columns[column]?.name ?? '')],
          valid,
        );
  }

  #formulas(text: string, row: number, column: number): void {
    if (/^[=@\t]|^[+-][^\s\d.]/.test(text) && !/^[+-](inf(inity)?|nan)$|^-+$|^\++$/i.test(text))
      this.#findings.add(
        'table.formula',
        'A cell begins like a formula, which a spreadsheet would run. Write a quote or a space before it.',
        [this.#locate(row, column, text)],
      );
  }

  #text(text: string, row: number, column: number): void {
    if (!this.#identify) return;
    for (const { kind, value } of findIdentifiers(text))
      this.#findings.add(
        'identifiers.found',
        `There is ${/^[aeN]/.test(kind) ? 'an' : 'a'} ${kind}. Leave it out.`.replace('an National', 'a National'),
        [this.#locate(row, column, value)],
      );
  }
}

/** Whether a formula can begin so. */
const mayRun = (first: number): boolean => first === 61 || first === 64 || first === 43 || first === 45 || first === 9;

/** Whether text could hold an identifier at all, by its length and a few of its bytes: most cells stop here. */
function worthReading(bytes: Uint8Array, start: number, end: number, mask: number): boolean {
  const length = end - start;
  if ((mask & CELL_BITS.at) !== 0) return true;
  if ((mask & CELL_BITS.digit) === 0 || length < 5) return false;
  if (length > 24) return true;
  const kind = (index: number) => BYTE_CLASSES[bytes[index] as number] as number;
  const letter = (index: number) => (kind(index) & (CELL_BITS.letter | CELL_BITS.exponent)) !== 0;
  if (length <= 8) return letter(end - 1) && letter(end - 2) && kind(end - 3) === CELL_BITS.digit && letter(start);
  if (letter(start)) return length <= 13 && letter(start + 1) && letter(end - 1);
  const first = bytes[start] as number;
  return first === 43 || first === 48 || first === 40 || (length === 12 && kind(start + 3) !== CELL_BITS.digit);
}
