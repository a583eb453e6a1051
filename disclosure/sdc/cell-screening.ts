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
  readonly #digits = new Map<number, { ten: number; checked: number }>();
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
    for (const [at, name] of names.entries()) {
      const kind = this.#findings.runs('identifiers.columns') ? classifyIdentifyingName(name) : undefined;
      if (kind)
        this.#findings.add(
          'identifiers.columns',
          kind === 'direct'
            ? 'A column is named like a key of one person each. Results have no rows of single persons: leave it out.'
            : 'A column is named like what identifies a person. Leave it out or make it coarser.',
          [this.#locate(row, at, name)],
        );
      this.#text(name, row, at);
    }
  }

  /** A cell that is no number. Most are seen to be harmless; the others are kept until it is their row's turn. */
  see({ bytes, cellStarts: starts, cellEnds: ends, masks }: RowBatch, cell: number): void {
    const [start, end] = [starts[cell] as number, ends[cell] as number];
    if (
      (this.#formula && start < end && mayRun(bytes[start] as number)) ||
      (this.#identify && worthReading(bytes, start, end, masks[cell] as number))
    ) {
      this.#seen.push(cell);
      this.#ordered = false;
    }
  }

  /** Reads what was kept of a row. Columns are seen one by one, but found is what stands first in the file. */
  row({ bytes, first, cellStarts: starts, cellEnds: ends, masks, numbers }: RowBatch, row: number): void {
    const seen = this.#seen;
    if (seen.length === 0) return;
    if (!this.#ordered) seen.sort((a, b) => b - a);
    this.#ordered = true;
    const [from, to] = [first[row] as number, first[row + 1] as number];
    for (let cell = seen.at(-1); cell !== undefined && cell < to; cell = seen.at(-1)) {
      seen.pop();
      const [start, end, mask] = [starts[cell] as number, ends[cell] as number, masks[cell] as number];
      const [text, number, at] = [cellText(bytes, start, end, mask), numbers[row] as number, cell - from];
      if (this.#formula) this.#formulas(text, number, at);
      if (worthReading(bytes, start, end, mask)) this.#text(text, number, at);
    }
  }

  /** A number of ten digits: one alone says nothing, as every eleventh has the check digit; a column of them does. */
  tenDigits(bytes: Uint8Array, start: number, at: number): void {
    if (!this.#identify) return;
    let text = '';
    for (let index = start; index < start + 10; index++) text += String.fromCharCode(bytes[index] as number);
    const known = this.#digits.get(at) ?? { ten: 0, checked: 0 };
    known.ten++;
    if (isNhsNumber(text) || isChiNumber(text)) known.checked++;
    this.#digits.set(at, known);
  }

  end(columns: readonly ColumnClass[]): void {
    for (const [at, { ten, checked }] of [...this.#digits].sort(([a], [b]) => a - b))
      if (checked >= 3 && checked * 2 > ten)
        this.#findings.add(
          'identifiers.found',
          'A column holds NHS or CHI numbers: their check digits are right. Leave it out.',
          [this.#locate(1, at, columns[at]?.name ?? '')],
          checked,
        );
  }

  #formulas(text: string, row: number, at: number): void {
    if (/^[=@\t]|^[+-][^\s\d.]/.test(text) && !/^[+-](inf(inity)?|nan)$|^-+$|^\++$/i.test(text))
      this.#findings.add(
        'table.formula',
        'A cell begins like a formula, which a spreadsheet would run. Write a quote or a space before it.',
        [this.#locate(row, at, text)],
      );
  }

  #text(text: string, row: number, at: number): void {
    if (!this.#identify) return;
    for (const { kind, value } of findIdentifiers(text))
      this.#findings.add(
        'identifiers.found',
        `There is ${/^[aeN]/.test(kind) ? 'an' : 'a'} ${kind}. Leave it out.`.replace('an National', 'a National'),
        [this.#locate(row, at, value)],
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
