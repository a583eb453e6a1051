import type { Action, Cell, FileReport } from '../report.ts';
import type { RowSink } from '../row-sink.ts';
import { escapeHtml, groupDigits, toShortHtml, toVisibleHtml, truncateText } from './escape.ts';
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
  const found = new Map<string, CellFlag>();
  const grave: Action[] = ['block', 'ask', 'warn'];
  for (const [index, { action, rule, cells }] of (report?.findings ?? []).entries())
    for (const { row, column, value, sheet: of } of cells as readonly Cell[]) {
      if (of !== sheet) continue;
      const at = `${row}:${column}`;
      const held = found.get(at);
      const graver = held && grave.indexOf(held.action) <= grave.indexOf(action) ? held.action : action;
      const findings = [...(held?.findings ?? []), index + 1];
      found.set(at, { action: graver, findings, rules: [...(held?.rules ?? []), rule], value });
    }
  return found;
}

/** What a flagged place says of itself: the findings by their numbers, and their rules. */
export const renderFlagMark = ({ findings, rules }: CellFlag) => ({
  about: ` title="Finding ${findings.join(', ')}: ${escapeHtml([...new Set(rules)].join(', '))}"`,
  mark: `<sup>${findings.slice(0, 5).join(',')}</sup>`,
});

/** A cell's beginning, and how many bytes it has beyond it. */
export interface CellExcerpt {
  readonly text: string;
  readonly more: number;
}
type Kept = Map<number, CellExcerpt>;
interface Line {
  readonly number: number;
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
  #long = 0;

  constructor(report: FileReport | undefined, limits: PageLimits, name?: string) {
    this.#limits = limits;
    this.#flagged = flagCells(report, name);
    const places = [...this.#flagged.keys()].slice(0, mostFlags).map(at => at.split(':').map(Number));
    const near = (at: number) => new Set(places.flatMap(place => [-1, 0, 1].map(by => (place[at] ?? 0) + by)));
    [this.#nearRows, this.#nearColumns] = [near(0), near(1)];
  }

  #wants(number: number): boolean {
    return this.#lines.length < this.#limits.rows || this.#nearRows.has(number);
  }

  /** `cell` is asked only for what will be shown. */
  row(number: number, width: number, cell: (index: number) => CellExcerpt): void {
    this.#widest = Math.max(this.#widest, width);
    this.#seen++;
    if (!this.#wants(number)) return;
    const cells: Kept = new Map();
    for (let index = 0; index < width; index++) {
      if (index >= this.#limits.columns && !this.#nearColumns.has(index + 1)) continue;
      const begun = cell(index);
      if (begun.more > 0) this.#long++;
      cells.set(index + 1, begun);
    }
    this.#lines.push({ number, cells });
  }

  /** The same as those take it who read files other than CSV. */
  rows(): RowSink {
    const { cell } = this.#limits;
    return {
      text: (cells, number) =>
        this.row(number, cells.length, index => {
          const { text, more } = truncateText(cells[index] ?? '', cell);
          return { text, more };
        }),
      end: () => {},
      formula: (row, column, text) => {
        if (this.#formulas.size < mostFormulas && this.#wants(row))
          this.#formulas.set(`${row}:${column}`, { row, column, text });
      },
      hidden: says => this.#hidden.add(says),
    };
  }

  /** All of it as a part of a page that has room for so many bytes. */
  part(title: string, room: number, left: readonly string[] = []): PagePart {
    const there = new Set(this.#lines.map(({ number }) => number));
    // A formula without a value is nothing to those who read values; a spreadsheet computes it.
    for (const { row, column } of this.#formulas.values()) {
      this.#widest = Math.max(this.#widest, column);
      if (!there.has(row)) this.#lines.push({ number: row, cells: new Map() });
      there.add(row);
    }
    this.#lines.sort((a, b) => a.number - b.number);
    const columns = this.#columns();
    const rest = this.#seen - this.#lines.length;
    const says = [...this.#hidden].map(what => `<p class="note seen">${escapeHtml(what)} in the file.</p>`).join('');
    return {
      html: `<section><h2>${title}</h2>${says}${this.#draw(columns, room)}</section>`,
      left: [
        ...(this.#long > 0 ? [`The ends of ${groupDigits(this.#long)} long cells.`] : []),
        ...(rest > 0 ? [`${groupDigits(rest)} of ${groupDigits(this.#seen)} rows read.`] : []),
        ...(this.#widest > columns.length
          ? [`${groupDigits(this.#widest - columns.length)} of ${groupDigits(this.#widest)} columns.`]
          : []),
        ...left,
      ],
    };
  }

  #columns(): number[] {
    const most = Math.min(this.#widest, this.#limits.columns);
    const far = [...this.#nearColumns].filter(column => column > most && column <= this.#widest);
    return [...Array.from({ length: most }, (_, index) => index + 1), ...far.sort((a, b) => a - b)];
  }

  #draw(columns: readonly number[], most: number): string {
    const jumps = (column: number, index: number) => index > 0 && column - (columns[index - 1] ?? 0) > 1;
    const head = columns
      .map(
        (column, index) => `${jumps(column, index) ? '<th class="gap">…</th>' : ''}<th>${columnLetters(column)}</th>`,
      )
      .join('');
    const [html, missing] = [[] as string[], new Set(this.#flagged.keys())];
    let [before, room] = [0, most];
    for (const { number, cells } of this.#lines) {
      if (room <= 0) break;
      if (number - before > 1 && before > 0)
        html.push(
          `<tr class="gap"><th>…</th><td colspan="${columns.length + 1}">${groupDigits(number - before - 1)} rows</td></tr>`,
        );
      before = number;
      const line = columns.map((column, index) => {
        const at = `${number}:${column}`;
        missing.delete(at);
        const drawn = cell(cells.get(column), this.#flagged.get(at), this.#formulas.get(at)?.text);
        return `${jumps(column, index) ? '<td class="gap"></td>' : ''}${drawn}`;
      });
      const row = `<tr${number === 1 ? ' class="head"' : ''}><th>${groupDigits(number)}</th>${line.join('')}</tr>`;
      room -= Buffer.byteLength(row);
      html.push(row);
    }
    const lost =
      missing.size > 0
        ? `<p class="note">${groupDigits(missing.size)} flagged cells are not in what is shown here; they are listed above.</p>`
        : '';
    return `<div class="scroll"><table><thead><tr><th></th>${head}</tr></thead><tbody>${html.join('')}</tbody></table></div>${lost}`;
  }
}

const number = /^\s*[-+]?(\d[\d,]*)?\.?\d+([eE][-+]?\d+)?%?\s*$/;
/** What a spreadsheet would run rather than show. */
const runnable = /^\s*([=@]|[+-](?![\d.\s]))/;

function cell(begun: CellExcerpt | undefined, flag: CellFlag | undefined, formula: string | undefined): string {
  const { text = '', more = 0 } = begun ?? {};
  const kind = begun === undefined && formula === undefined ? ['empty'] : number.test(text) ? ['n'] : [];
  const classes = [...(flag ? [flag.action] : []), ...kind].join(' ');
  const { about, mark } = flag ? renderFlagMark(flag) : { about: '', mark: '' };
  const runs = runnable.test(text) ? '<i class="f" title="a spreadsheet would run this">ƒ</i>' : '';
  const computed = formula === undefined ? '' : `<i class="f" title="a formula">ƒ =${toShortHtml(formula, 120)}</i>`;
  const rest = more > 0 ? `<i class="cut">+${groupDigits(more)} bytes</i>` : '';
  return `<td${classes && ` class="${classes}"`}${about}>${runs}${toVisibleHtml(text)}${computed && ` ${computed}`}${rest}${mark}</td>`;
}
