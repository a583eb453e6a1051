import type { Cell } from '../../report.ts';
import { bits, cellText, type RowSink } from '../csv.ts';
import { type Findings, quoted } from '../findings.ts';
import { type Candidates, Columns } from './accumulate.ts';
import { isSuppressed, isWord, mayBeMark, type Named, named, type Role } from './columns.ts';
import { countFindings } from './counts.ts';
import { Grid } from './grid.ts';
import { headingLike } from './heading.ts';
import { readComposite, readNumber } from './number.ts';
import type { Summary, TableOf } from './postings.ts';
import { RowRules } from './rows.ts';
import { Screen } from './screen.ts';
import { encoded, texts } from './texts.ts';
import { wholeTable } from './whole.ts';

const numeric = bits.digit | bits.sign;
const mayCount: readonly Role[] = ['count', 'denominator', 'total', 'plain', 'attribute', 'statistic'];
/** Lines above the heading, such as a title, that are let pass. */
const mostAbove = 10;

export interface TableOptions extends TableOf {
  readonly findings: Findings;
  readonly sheet?: string;
  readonly path: string;
}

/**
 * One table, checked as its rows pass. Rules over rows and columns keep a few numbers a column; the rules that need the
 * whole table have it while it is small enough to be read by a person, and say so when it is not.
 */
export class TableCheck implements RowSink {
  rows = 0;
  cells = 0;
  summaries: Summary[] = [];
  readonly #options: TableOptions;
  readonly #findings: Findings;
  readonly #screen: Screen;
  #above: { cells: string[]; number: number }[] = [];
  #columns: readonly Named[] | undefined;
  #state = new Columns(0);
  #grid: Grid | undefined;
  #rules: RowRules | undefined;
  #values = new Float64Array(0);
  #places = new Uint8Array(0);
  /** Which columns may hold counts, by their names. */
  #counting = new Uint8Array(0);
  #ragged: Cell[] = [];
  #raggedRows = 0;
  #base = 5;
  #threshold = 10;

  constructor(options: TableOptions) {
    this.#options = options;
    this.#findings = options.findings;
    this.#screen = new Screen(options.findings, (row, index, value) => this.#cell(row, index, value));
  }

  /** A row of a reader that has text, not bytes: of a sheet, a record, a notebook's table. */
  text(cells: readonly string[], number: number): void {
    const { bytes, count, starts, ends, masks, wholes } = encoded(cells);
    this.row(bytes, count, starts, ends, masks, number, wholes);
  }

  row(
    bytes: Uint8Array,
    cells: number,
    starts: Int32Array,
    ends: Int32Array,
    masks: Uint8Array,
    number: number,
    wholes: Int32Array,
  ): void {
    if (!this.#columns) {
      this.#begin(texts(bytes, cells, starts, ends, masks), number);
      return;
    }
    this.#row(bytes, cells, starts, ends, masks, number, wholes);
  }

  /** Finds the heading: the first row with two cells or more, or the first of all in a table of one column. */
  #begin(texts: string[], number: number): void {
    this.#above.push({ cells: texts, number });
    if (texts.filter(text => text.trim() !== '').length < 2 && this.#above.length <= mostAbove) return;
    this.#start();
  }

  #start(): void {
    const wide = this.#above.findIndex(({ cells }) => cells.filter(text => text.trim() !== '').length >= 2);
    const rest = this.#above.slice(Math.max(0, wide));
    const title = this.#above.slice(0, Math.max(0, wide)).map(({ cells }) => cells.join(' ').trim());
    this.#above = [];
    const [first] = rest;
    if (!first) return;
    const isHeading = headingLike(first.cells);
    const names = isHeading ? first.cells : first.cells.map(() => '');
    const { findings, path, sheet } = this.#options;
    this.#columns = names.map(name => named(name));
    this.#state = new Columns(names.length);
    this.#values = new Float64Array(names.length);
    this.#places = new Uint8Array(names.length);
    this.#counting = Uint8Array.from(this.#columns, ({ role }) => (mayCount.includes(role) ? 1 : 0));
    this.#grid = new Grid(names, isHeading ? first.number : 0, sheet, path, title.join(' ').slice(0, 500));
    this.#rules = new RowRules(this.#columns, findings, (line, index, value) => this.#cell(line, index, value));
    this.#threshold = findings.policy.rules['sdc.minimum-count'].threshold;
    const { base } = findings.policy.rules['sdc.rounding'];
    this.#base = base > 1 ? base : 5;
    if (isHeading) this.#screen.heading(names, first.number);
    for (const { cells, number } of isHeading ? rest.slice(1) : rest) this.text(cells, number);
  }

  #cell(row: number, index: number, value: string): Cell {
    const { sheet } = this.#options;
    return { ...(sheet === undefined ? {} : { sheet }), row, column: index + 1, value: quoted(value, 100) };
  }

  #row(
    bytes: Uint8Array,
    cells: number,
    starts: Int32Array,
    ends: Int32Array,
    masks: Uint8Array,
    number: number,
    wholes: Int32Array,
  ): void {
    const [values, places, words] = [this.#values, this.#places, this.#state.texts];
    const width = values.length;
    const count = Math.min(cells, width);
    this.rows++;
    this.cells += cells;
    if (cells !== width) this.#unlike(bytes, cells, starts, ends, masks, number);
    for (let at = 0; at < count; at++) {
      const start = starts[at] as number;
      const end = ends[at] as number;
      const mask = masks[at] as number;
      if (mask === bits.digit && end - start <= 9) {
        // Most numbers are short and whole, and have been read with their cell.
        const whole = wholes[at] as number;
        values[at] = whole;
        places[at] = 0;
        this.#whole(at, whole, number);
      } else if (start < end && isWord(bytes, start)) {
        values[at] = Number.NaN;
        places[at] = 0;
        words[at] = (words[at] as number) + 1;
        if ((mask & (bits.digit | bits.at)) !== 0) this.#screen.cell(bytes, start, end, mask, number, at);
      } else if (start === end) {
        values[at] = Number.NaN;
        places[at] = 0;
      } else if ((mask & ~(numeric | bits.quoted)) !== 0 || !this.#signed(bytes, start, end, mask, number, at))
        this.#other(bytes, start, end, mask, number, at);
    }
    for (let at = count; at < width; at++) values[at] = Number.NaN;
    const rules = this.#rules;
    if (rules && !rules.idle) rules.row(number, values, places);
    if (this.cells > Math.min(this.#findings.policy.cells, Grid.most)) this.#grid = undefined;
    this.#grid?.push(texts(bytes, cells, starts, ends, masks), number);
  }

  /** A cell of digits, signs and points alone: a number, unless a sign or a second point is inside (a date, a range). */
  #signed(bytes: Uint8Array, start: number, end: number, mask: number, row: number, at: number): boolean {
    if (end - start > 15 || (mask & bits.digit) === 0) return false;
    const lead = bytes[start] as number;
    let whole = 0;
    let point = 0;
    for (let index = lead === 45 || lead === 43 ? start + 1 : start; index < end; index++) {
      const digit = (bytes[index] as number) - 48;
      if (digit >= 0) whole = whole * 10 + digit;
      else if (digit === -2 && point === 0) point = index + 1;
      else return false;
    }
    if (end - start === 10 && (mask & bits.sign) === 0) this.#screen.tenDigits(bytes, start, at);
    const decimals = point > 0 ? end - point : 0;
    if (decimals > 0) whole /= powers[decimals] as number;
    const value = lead === 45 ? -whole : whole;
    this.#value(at, value, decimals);
    this.#number(at, value, decimals, row);
    return true;
  }

  #value(at: number, value: number, decimals: number): void {
    const { places } = this.#state;
    this.#values[at] = value;
    this.#places[at] = decimals;
    if (decimals > (places[at] as number)) places[at] = decimals;
  }

  #whole(at: number, value: number, row: number): void {
    const { numbers, zeros, small, unrounded } = this.#state;
    numbers[at] = (numbers[at] as number) + 1;
    if (this.#counting[at] === 0) return;
    if (value < this.#threshold) this.#keep(value === 0 ? zeros[at] : small[at], row, at, value);
    if (value % this.#base !== 0) this.#keep(unrounded[at], row, at, value);
  }

  #number(at: number, value: number, decimals: number, row: number): void {
    const state = this.#state;
    state.numbers[at] = (state.numbers[at] as number) + 1;
    if (this.#counting[at] === 0) return;
    if (value < 0) state.negative[at] = (state.negative[at] as number) + 1;
    else if (decimals > 0 && value !== Math.floor(value)) {
      state.parts[at] = (state.parts[at] as number) + 1;
      if (value < this.#threshold) this.#keep(state.smallParts[at], row, at, value);
    } else if (value < this.#threshold) {
      this.#keep(value === 0 ? state.zeros[at] : state.small[at], row, at, value);
      if (value % this.#base !== 0) this.#keep(state.unrounded[at], row, at, value);
    } else if (value < 0x7fffffff ? (value | 0) % this.#base !== 0 : value % this.#base !== 0)
      this.#keep(state.unrounded[at], row, at, value);
  }

  #keep(list: Candidates | undefined, row: number, at: number, value: number): void {
    if (list?.one()) list.cells.push(this.#cell(row, at, String(value)));
  }

  /** A cell that is no plain number: text, a mark, or a number with signs around it. Leaves its value in `values[at]`. */
  #other(bytes: Uint8Array, start: number, end: number, mask: number, row: number, at: number): void {
    const state = this.#state;
    this.#values[at] = Number.NaN;
    this.#places[at] = 0;
    const length = end - start;
    const hasDigit = (mask & bits.digit) !== 0;
    const last = bytes[end - 1] as number;
    if (
      hasDigit &&
      length <= 40 &&
      (mask & (bits.letter | bits.at)) === 0 &&
      ((mask & bits.other) !== 0 || ((mask & bits.exponent) !== 0 && ((bytes[start] as number) | 32) !== 101))
    ) {
      const text = cellText(bytes, start, end, mask);
      const read = readNumber(text);
      if (read) {
        // What is written as a percentage counts nobody, whatever its column is called.
        if (!read.percent) this.#number(at, read.value, read.places, row);
        else state.percents[at] = (state.percents[at] as number) + 1;
        this.#value(at, read.value, Math.min(read.places, 15));
        return;
      }
      const parts = last === 41 || last === 93 ? readComposite(text) : undefined;
      if (parts) {
        state.composite[at] = (state.composite[at] as number) + (parts.percent ? 1 : 0);
        if (parts.percent) {
          this.#number(at, parts.count, 0, row);
          return;
        }
      }
    }
    if (length <= 14 && mayBeMark(bytes, start, length) && isSuppressed(cellText(bytes, start, end, mask))) {
      state.suppressed[at] = (state.suppressed[at] as number) + 1;
      return;
    }
    state.texts[at] = (state.texts[at] as number) + 1;
    this.#screen.cell(bytes, start, end, mask, row, at);
  }

  /** A row of another width. One with a single text is a note below the table. */
  #unlike(
    bytes: Uint8Array,
    cells: number,
    starts: Int32Array,
    ends: Int32Array,
    masks: Uint8Array,
    number: number,
  ): void {
    let filled = 0;
    for (let at = 0; at < cells; at++) if ((starts[at] as number) < (ends[at] as number)) filled++;
    for (let at = this.#values.length; at < cells; at++)
      this.#screen.cell(bytes, starts[at] as number, ends[at] as number, masks[at] as number, number, at);
    if (filled <= 1) return;
    this.#raggedRows++;
    if (this.#ragged.length < 50)
      this.#ragged.push(this.#cell(number, cells - 1, cellText(bytes, starts[0] as number, ends[0] as number, 0)));
  }

  end(): void {
    if (!this.#columns) this.#start();
    const columns = this.#columns;
    if (!columns) return;
    const findings = this.#findings;
    if (this.#raggedRows > 0 && findings.runs('table.ragged'))
      findings.add(
        'table.ragged',
        'Rows have more or fewer cells than the heading, so values may stand in the wrong column.',
        this.#ragged,
        this.#raggedRows,
      );
    this.#rules?.end();
    this.#screen.end(columns);
    const counted = countFindings(columns, this.#state, findings, this.rows);
    this.summaries = wholeTable(this.#grid, columns, counted, findings, this.rows, this.#options);
  }
}

const powers = Array.from({ length: 16 }, (_, at) => 10 ** at);
