import type { Action, Cell, FileReport } from '../report.ts';
import type { RowSink } from '../row-sink.ts';
import { CUT_MARK, escapeHtml, groupDigits, pluralise, toShortHtml, toVisibleHtml, truncateText } from './escape.ts';
import type { PageLimits } from './limits.ts';
import { columnLetters, type PagePart } from './page.ts';

export interface CellFlag {
  readonly action: Action;
  readonly findings: number[];
  readonly rules: string[];
  readonly value: string;
}

/** The flagged cells of a sheet by `row:column`; the gravest finding colours the cell, all are named at it. */
export function flagCells(report: FileReport | undefined, sheet?: string): Map<string, CellFlag> {
  const flags = new Map<string, CellFlag>();
  const grave: Action[] = ['block', 'ask', 'warn'];
  for (const [index, { action, rule, cells }] of (report?.findings ?? []).entries())
    for (const { row, column, value, sheet: flagSheet } of cells as readonly Cell[]) {
      if (flagSheet !== sheet) continue;
      const key = `${row}:${column}`;
      const flag = flags.get(key);
      const graver = flag && grave.indexOf(flag.action) <= grave.indexOf(action) ? flag.action : action;
      const findings = [...(flag?.findings ?? []), index + 1];
      flags.set(key, { action: graver, findings, rules: [...(flag?.rules ?? []), rule], value });
    }
  return flags;
}

/** The flagged lines of a text. A table in it has several cells in a line. */
export function flagLines(report: FileReport | undefined): Map<number, CellFlag> {
  const lines = new Map<number, CellFlag>();
  const grave: Action[] = ['block', 'ask', 'warn'];
  for (const [key, flag] of flagCells(report)) {
    const line = Number(key.split(':')[0]);
    const previous = lines.get(line);
    lines.set(line, {
      action: grave.find(action => action === previous?.action || action === flag.action) ?? flag.action,
      findings: [...new Set([...(previous?.findings ?? []), ...flag.findings])].sort((a, b) => a - b),
      rules: [...new Set([...(previous?.rules ?? []), ...flag.rules])],
      value: flag.value,
    });
  }
  return lines;
}

/** The mark of a flagged place: the numbers of its findings, and their rules. */
export const renderFlagMark = ({ findings, rules }: CellFlag) => ({
  attribute: ` title="Finding ${findings.join(', ')}: ${escapeHtml([...new Set(rules)].join(', '))}"`,
  mark: `<sup>${findings.slice(0, 5).join(',')}</sup>`,
});

/** A cell's beginning, and how many bytes it has beyond it. */
export interface CellExcerpt {
  readonly text: string;
  readonly remainingBytes: number;
}
type Kept = Map<number, CellExcerpt>;
interface Line {
  readonly number: number;
  /** Made for a formula: the reader gave no such row. */
  readonly isAdded?: true;
  readonly cells: Kept;
}
const mostFlags = 500;
const mostFormulas = 5000;

/** The rows of one table that a page shows: the first ones, and wherever they are the flagged ones with their neighbours. */
export class PreviewSheet {
  readonly #limits: PageLimits;
  readonly #flagged: Map<string, CellFlag>;
  readonly #nearRows: Set<number>;
  readonly #nearColumns: Set<number>;
  readonly #lines: Line[] = [];
  readonly #formulas = new Map<string, { row: number; column: number; text: string }>();
  readonly #hidden = new Set<string>();
  #widest = 0;
  #seen = 0;
  #regular = 0;
  #long = 0;
  #lostFormulas = 0;

  constructor(report: FileReport | undefined, limits: PageLimits, name?: string) {
    this.#limits = limits;
    this.#flagged = flagCells(report, name);
    const places = [...this.#flagged.keys()].slice(0, mostFlags).map(key => key.split(':').map(Number));
    const neighbours = (axis: number) =>
      new Set(places.flatMap(place => [-1, 0, 1].map(distance => (place[axis] ?? 0) + distance)));
    [this.#nearRows, this.#nearColumns] = [neighbours(0), neighbours(1)];
  }

  #wants(number: number): boolean {
    const isRegular = number >= this.#limits.start.row && this.#regular < this.#limits.rows;
    return isRegular || this.#nearRows.has(number);
  }

  #wantsColumn(column: number): boolean {
    const { start, columns } = this.#limits;
    return (column >= start.column && column < start.column + columns) || this.#nearColumns.has(column);
  }

  /** `cell` is asked only for what will be shown. */
  row(number: number, width: number, cell: (index: number) => CellExcerpt): void {
    this.#widest = Math.max(this.#widest, width);
    this.#seen++;
    if (!this.#wants(number)) return;
    if (number >= this.#limits.start.row) this.#regular++;
    const cells: Kept = new Map();
    for (let index = 0; index < width; index++) {
      if (!this.#wantsColumn(index + 1)) continue;
      const excerpt = cell(index);
      if (excerpt.remainingBytes > 0) this.#long++;
      cells.set(index + 1, excerpt);
    }
    this.#lines.push({ number, cells });
  }

  /** The rows of readers that give texts, as of every format but CSV. */
  rows(): RowSink {
    const { cell, start } = this.#limits;
    return {
      text: (cells, number) =>
        this.row(number, cells.length, index => {
          const { text, rest } = truncateText((cells[index] ?? '').slice(start.character - 1), cell);
          return { text, remainingBytes: rest };
        }),
      end: () => {},
      formula: (row, column, text) => {
        if (this.#formulas.size < mostFormulas && this.#wants(row))
          this.#formulas.set(`${row}:${column}`, { row, column, text });
        else this.#lostFormulas++;
      },
      hidden: note => this.#hidden.add(note),
    };
  }

  /** The sheet as a part of a page, within a number of bytes of HTML. */
  part(title: string, room: number, omissions: readonly string[] = []): PagePart {
    const rowNumbers = new Set(this.#lines.map(({ number }) => number));
    // A formula without a value is nothing to those who read values; a spreadsheet computes it.
    for (const { row, column } of this.#formulas.values()) {
      this.#widest = Math.max(this.#widest, column);
      if (!rowNumbers.has(row)) this.#lines.push({ number: row, cells: new Map(), isAdded: true });
      rowNumbers.add(row);
    }
    this.#lines.sort((a, b) => a.number - b.number);
    const columns = this.#columns();
    const { html, lines } = this.#draw(columns, room);
    const rest = this.#seen - lines.filter(({ isAdded }) => !isAdded).length;
    const formulaCount = this.#lostFormulas + this.#lines.slice(lines.length).filter(({ isAdded }) => isAdded).length;
    const notes = [...this.#hidden].map(note => `<p class="note seen">${escapeHtml(note)} in the file.</p>`).join('');
    return {
      html: `<section><h2>${title}</h2>${notes}${html}</section>`,
      omissions: [
        ...(this.#limits.start.character > 1 ? ['The beginnings of cells.'] : []),
        ...(this.#long > 0 ? [`The ends of ${groupDigits(this.#long)} long cells.`] : []),
        ...(rest > 0 ? [`${groupDigits(rest)} of ${groupDigits(this.#seen)} rows read.`] : []),
        ...(formulaCount > 0 ? [`${pluralise(formulaCount, 'formula')}.`] : []),
        ...(this.#widest > columns.length
          ? [`${groupDigits(this.#widest - columns.length)} of ${groupDigits(this.#widest)} columns.`]
          : []),
        ...omissions,
      ],
    };
  }

  #columns(): number[] {
    const { start, columns } = this.#limits;
    const regular = Array.from({ length: columns }, (_, index) => start.column + index);
    const columnNumbers = [...new Set([...regular, ...this.#nearColumns])].filter(
      column => column > 0 && column <= this.#widest,
    );
    return columnNumbers.sort((a, b) => a - b);
  }

  /** The rows that there is room for. */
  #draw(columns: readonly number[], maxBytes: number): { html: string; lines: Line[] } {
    const jumps = (column: number, index: number) => index > 0 && column - (columns[index - 1] ?? 0) > 1;
    const head = columns
      .map(
        (column, index) => `${jumps(column, index) ? '<th class="gap">…</th>' : ''}<th>${columnLetters(column)}</th>`,
      )
      .join('');
    const [html, missing] = [[] as string[], new Set(this.#flagged.keys())];
    const lines: Line[] = [];
    let [previousRow, room] = [0, maxBytes];
    for (const entry of this.#lines) {
      const { number, cells } = entry;
      if (room <= 0) break;
      lines.push(entry);
      if (number - previousRow > 1 && previousRow > 0)
        html.push(
          `<tr class="gap"><th>…</th><td colspan="${columns.length + 1}">${groupDigits(number - previousRow - 1)} rows</td></tr>`,
        );
      previousRow = number;
      const line = columns.map((column, index) => {
        const key = `${number}:${column}`;
        missing.delete(key);
        const cellHtml = cell(cells.get(column), this.#flagged.get(key), this.#formulas.get(key)?.text);
        return `${jumps(column, index) ? '<td class="gap"></td>' : ''}${cellHtml}`;
      });
      const row = `<tr${number === 1 ? ' class="head"' : ''}><th>${groupDigits(number)}</th>${line.join('')}</tr>`;
      room -= Buffer.byteLength(row);
      html.push(row);
    }
    const lostNote =
      missing.size > 0
        ? `<p class="note">${groupDigits(missing.size)} flagged cells are not in what is shown here; they are listed above.</p>`
        : '';
    return {
      html: `<div class="scroll"><table><thead><tr><th></th>${head}</tr></thead><tbody>${html.join('')}</tbody></table></div>${lostNote}`,
      lines,
    };
  }
}

const number = /^\s*[-+]?(\d[\d,]*)?\.?\d+([eE][-+]?\d+)?%?\s*$/;
/** What a spreadsheet would run rather than show. */
const runnable = /^\s*([=@]|[+-](?![\d.\s]))/;

function cell(excerpt: CellExcerpt | undefined, flag: CellFlag | undefined, formula: string | undefined): string {
  const { text = '', remainingBytes = 0 } = excerpt ?? {};
  const kind = excerpt === undefined && formula === undefined ? ['empty'] : number.test(text) ? ['n'] : [];
  const classes = [...(flag ? [flag.action] : []), ...kind].join(' ');
  const { attribute, mark } = flag ? renderFlagMark(flag) : { attribute: '', mark: '' };
  const runs = runnable.test(text) ? '<i class="f" title="a spreadsheet would run this">ƒ</i>' : '';
  const computed = formula === undefined ? '' : `<i class="f" title="a formula">ƒ =${toShortHtml(formula, 120)}</i>`;
  const rest = remainingBytes > 0 ? `${CUT_MARK}+${groupDigits(remainingBytes)} bytes</i>` : '';
  return `<td${classes && ` class="${classes}"`}${attribute}>${runs}${toVisibleHtml(text)}${computed && ` ${computed}`}${rest}${mark}</td>`;
}
