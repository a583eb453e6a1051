import { cellText } from '../csv.ts';
import type { RowBatch } from '../csv-tokenizer.ts';
import { type Findings, quoteForFinding } from '../findings.ts';
import type { Cell } from '../report.ts';
import type { RowBudget } from '../row-budget.ts';
import type { TableContext, TableSummary } from './cell-index.ts';
import { CellScreening } from './cell-screening.ts';
import { CellReader } from './cells.ts';
import { type ColumnClass, classifyColumn } from './columns.ts';
import { checkCounts } from './counts.ts';
import { TableGrid } from './grid.ts';
import { looksLikeHeading } from './heading.ts';
import { type LocateCell, RowRules } from './rows.ts';
import { checkTableRules } from './table-rules.ts';
import { decodeRowTexts, encodeRow } from './texts.ts';

/** Lines above the heading, such as a title, that are let pass. */
const MAX_TITLE_LINES = 10;

export interface TableOptions extends TableContext {
  readonly findings: Findings;
  readonly sheet?: string;
  readonly path: string;
  /** What all tables of the file share. */
  readonly budget: RowBudget;
}

/**
 * One table, checked as its rows pass. Rules over rows and columns keep a few numbers a column; the rules that need the
 * whole table have it while it is small enough to be read by a person, and say so when it is not.
 */
export class TableCheck {
  rows = 0;
  cells = 0;
  summaries: TableSummary[] = [];
  readonly #options: TableOptions;
  readonly #findings: Findings;
  readonly #screen: CellScreening;
  #above: { cells: string[]; number: number }[] = [];
  #columns: readonly ColumnClass[] | undefined;
  #reader: CellReader | undefined;
  #grid: TableGrid | undefined;
  #rules: RowRules | undefined;
  #ragged: Cell[] = [];
  #raggedRows = 0;

  constructor(options: TableOptions) {
    this.#options = options;
    this.#findings = options.findings;
    this.#screen = new CellScreening(options.findings, (row, index, value) => this.#cell(row, index, value));
  }

  /** A row of a reader that has text, not bytes: of a sheet, a record, a notebook's table. */
  text(cells: readonly string[], number: number): void {
    this.take(encodeRow(cells, number));
  }

  take(batch: RowBatch): void {
    let row = 0;
    for (; row < batch.rows && !this.#reader; row++)
      this.#begin(decodeRowTexts(batch, row), batch.numbers[row] as number);
    while (this.#reader && row < batch.rows) row = this.#some(batch, row, this.#reader);
  }

  /** Finds the heading: the first row with two cells or more, or the first of all in a table of one column. */
  #begin(texts: string[], number: number): void {
    this.#above.push({ cells: texts, number });
    if (texts.filter(text => text.trim() !== '').length < 2 && this.#above.length <= MAX_TITLE_LINES) return;
    this.#start();
  }

  #start(): void {
    const wide = this.#above.findIndex(({ cells }) => cells.filter(text => text.trim() !== '').length >= 2);
    const rest = this.#above.slice(Math.max(0, wide));
    const title = this.#above.slice(0, Math.max(0, wide)).map(({ cells }) => cells.join(' ').trim());
    this.#above = [];
    const [first] = rest;
    if (!first) return;
    const isHeading = looksLikeHeading(first.cells);
    const names = isHeading ? first.cells : first.cells.map(() => '');
    const { findings, path, sheet } = this.#options;
    this.#columns = names.map(name => classifyColumn(name));
    const locate: LocateCell = (line, index, value) => this.#cell(line, index, value);
    this.#reader = new CellReader(this.#columns, findings, this.#screen, locate);
    this.#grid = new TableGrid(names, isHeading ? first.number : 0, sheet, path, title);
    this.#rules = new RowRules(this.#columns, findings, locate);
    if (isHeading) this.#screen.heading(names, first.number);
    for (const { cells, number } of isHeading ? rest.slice(1) : rest) this.text(cells, number);
  }

  #cell(row: number, index: number, value: string): Cell {
    const { sheet } = this.#options;
    return { ...(sheet === undefined ? {} : { sheet }), row, column: index + 1, value: quoteForFinding(value, 100) };
  }

  /** Judges the next rows that have the same number of cells, and returns which one is next. */
  #some(batch: RowBatch, firstRow: number, reader: CellReader): number {
    const { first, numbers } = batch;
    const { width } = reader;
    const cells = (first[firstRow + 1] as number) - (first[firstRow] as number);
    const end = Math.min(batch.rows, firstRow + reader.rows);
    let endRow = firstRow + 1;
    while (endRow < end && (first[endRow + 1] as number) - (first[endRow] as number) === cells) endRow++;
    endRow = firstRow + this.#options.budget.take(endRow - firstRow, cells);
    this.rows += endRow - firstRow;
    this.cells += cells * (endRow - firstRow);
    if (cells !== width) for (let row = firstRow; row < endRow; row++) this.#unlike(batch, row, width);
    reader.read(batch, firstRow, endRow);
    const rules = this.#rules?.idle ? undefined : this.#rules;
    for (let row = firstRow; row < endRow; row++) {
      this.#screen.row(batch, row);
      rules?.row(numbers[row] as number, reader.values, reader.places, (row - firstRow) * width);
    }
    if (this.cells > Math.min(this.#findings.policy.cells, TableGrid.MAX_CELLS)) this.#grid = undefined;
    if (this.#grid)
      for (let row = firstRow; row < endRow; row++) this.#grid.push(decodeRowTexts(batch, row), numbers[row] as number);
    this.#options.budget.settle();
    return endRow;
  }

  /** A row of another width. One with a single text is a note below the table. */
  #unlike(batch: RowBatch, row: number, width: number): void {
    const { bytes, first, cellStarts, cellEnds, numbers } = batch;
    const [rowStart, rowEnd] = [first[row] as number, first[row + 1] as number];
    let filledCount = 0;
    for (let cell = rowStart; cell < rowEnd; cell++) {
      if ((cellStarts[cell] as number) < (cellEnds[cell] as number)) filledCount++;
      if (cell - rowStart >= width) this.#screen.see(batch, cell);
    }
    if (filledCount <= 1) return;
    this.#raggedRows++;
    if (this.#ragged.length < 50) {
      const label = cellText(bytes, cellStarts[rowStart] as number, cellEnds[rowStart] as number, 0);
      this.#ragged.push(this.#cell(numbers[row] as number, rowEnd - rowStart - 1, label));
    }
  }

  end(): void {
    if (!this.#reader) this.#start();
    const [columns, reader] = [this.#columns, this.#reader];
    if (!columns || !reader) return;
    const findings = this.#findings;
    if (this.#raggedRows > 0 && findings.runs('table.ragged'))
      findings.add(
        'table.ragged',
        'Rows have more or fewer cells than the heading, so values may stand in the wrong column. Give every row the cells of the heading.',
        this.#ragged,
        this.#raggedRows,
      );
    this.#rules?.end();
    this.#screen.end(columns);
    const countColumns = checkCounts(columns, reader.state, findings, this.rows);
    this.summaries = checkTableRules(this.#grid, columns, countColumns, findings, this.rows, this.#options);
    // A file may have many tables: what this one needed is let go.
    this.#grid = undefined;
    this.#reader = undefined;
    this.#rules = undefined;
  }
}
