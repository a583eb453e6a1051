import type { TableCheck } from './sdc/table.ts';

/** Rules between rows, as of Markdown and of what statistics programs print. */
const ruled = /^[\s|+:=_-]*$/;
const between = /\s*\|\s*|\t+|\s{2,}/;
const numeric = /^[<≤]?\s?[\d.,]+\s*(%|\([\d.,]+\s*%?\))?$/;
/** A table longer than this is no longer one that somebody reads in a text. */
const mostRows = 5000;
/** Texts with more tables than this are checked up to here. */
const mostTables = 500;

/**
 * Tables inside of a text: of Markdown (`| a | 4 |`), and those that programs print with two spaces or more between
 * columns. Two rows with numbers under something else are a table; sentences are none.
 */
export class TextTables {
  readonly #newTable: () => TableCheck;
  #rows: { cells: string[]; number: number }[] = [];
  #tables = 0;

  constructor(newTable: () => TableCheck) {
    this.#newTable = newTable;
  }

  line(text: string, number: number): void {
    if (text.length > 2000 || this.#tables >= mostTables) return;
    if (text.trim() !== '' && ruled.test(text)) return;
    const trimmed = text.trim();
    const cells = trimmed
      .slice(trimmed.startsWith('|') ? 1 : 0, trimmed.length > 1 && trimmed.endsWith('|') ? -1 : undefined)
      .trim()
      .split(between);
    if (cells.length < 2) this.end();
    else if (this.#rows.length < mostRows) this.#rows.push({ cells, number });
  }

  end(): void {
    const rows = this.#rows;
    this.#rows = [];
    const filled = rows.filter(({ cells }) => cells.slice(1).some(cell => numeric.test(cell)));
    if (rows.length < 3 || filled.length < 2) return;
    this.#tables++;
    const width = Math.max(...filled.map(({ cells }) => cells.length));
    const table = this.#newTable();
    // R and pandas leave the heading of the rows' names out.
    for (const { cells, number } of rows)
      table.text(cells.length === width - 1 && number === rows[0]?.number ? ['', ...cells] : cells, number);
    table.end();
  }
}
