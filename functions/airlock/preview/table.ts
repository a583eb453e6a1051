import { CsvScanner, cellText, delimiterOf } from '../checks/csv.ts';
import type { Action, Cell, FileReport } from '../report.ts';
import { cut, grouped, visible } from './escape.ts';
import type { Limits } from './limits.ts';
import { letters, type Part } from './page.ts';

interface Flag {
  readonly action: Action;
  readonly findings: number[];
  readonly value: string;
}

/** The flagged cells by `row:column`; the gravest finding colours the cell, all are named at it. */
export function flags(report: FileReport | undefined): Map<string, Flag> {
  const found = new Map<string, Flag>();
  const grave: Action[] = ['block', 'ask', 'warn'];
  for (const [index, { action, cells }] of (report?.findings ?? []).entries())
    for (const { row, column, value } of cells as readonly Cell[]) {
      const at = `${row}:${column}`;
      const held = found.get(at);
      const graver = held && grave.indexOf(held.action) <= grave.indexOf(action) ? held.action : action;
      found.set(at, { action: graver, findings: [...(held?.findings ?? []), index + 1], value });
    }
  return found;
}

/** A cell's beginning, and how many bytes it has beyond it. */
interface Begun {
  readonly text: string;
  readonly more: number;
}
type Kept = Map<number, Begun>;
const mostFlags = 500;

/** Only what is shown is decoded: a string cut from a longer one would keep all of that in memory. */
function begin(work: Uint8Array, start: number, end: number, mask: number, limits: Limits): Begun {
  const { text } = cut(cellText(work, start, Math.min(end, start + 4 * limits.cell), mask), limits.cell);
  const more = end - start <= limits.cell ? 0 : end - start - Buffer.byteLength(text);
  return { text, more: Math.max(0, more) };
}

/**
 * A table's first rows and columns as text, and wherever they are the flagged ones with their neighbours. Read by the
 * scanner that the checks use, so that a row here is the row that they mean.
 */
export async function table(
  bytes: AsyncIterable<Uint8Array>,
  report: FileReport | undefined,
  limits: Limits,
  preferred: string,
): Promise<Part> {
  const flagged = flags(report);
  const places = [...flagged.keys()].slice(0, mostFlags).map(at => at.split(':').map(Number) as [number, number]);
  const nearRows = new Set(places.flatMap(([row]) => [row - 1, row, row + 1]));
  const nearColumns = new Set(places.flatMap(([, column]) => [column - 1, column, column + 1]));
  const rows = new Map<number, Kept>();
  let [widest, last, read, whole] = [0, 0, 0, true];
  const columnsShown = () => {
    const most = Math.min(widest, limits.columns);
    return [
      ...Array.from({ length: most }, (_, i) => i + 1),
      ...[...nearColumns].filter(column => column > most && column <= widest).sort((a, b) => a - b),
    ];
  };
  let scanner: CsvScanner | undefined;
  for await (const chunk of bytes) {
    scanner ??= new CsvScanner(
      {
        row(work, cells, starts, ends, masks, number) {
          widest = Math.max(widest, cells);
          last = number;
          if (rows.size >= limits.rows && !nearRows.has(number)) return;
          const kept: Kept = new Map();
          for (let i = 0; i < cells; i++) {
            if (i >= limits.columns && !nearColumns.has(i + 1)) continue;
            kept.set(i + 1, begin(work, starts[i] ?? 0, ends[i] ?? 0, masks[i] ?? 0, limits));
          }
          rows.set(number, kept);
        },
      },
      delimiterOf(chunk.subarray(0, 1 << 16), preferred).charCodeAt(0),
    );
    read += chunk.length;
    scanner.push(chunk);
    if (scanner.wrong !== undefined || read > limits.bytes) {
      whole = false;
      break;
    }
  }
  if (whole) scanner?.end();
  const columns = columnsShown();
  const long = [...rows.values()].flatMap(kept => [...kept.values()]).filter(({ more }) => more > 0).length;
  const left = [
    ...(long > 0 ? [`The ends of ${grouped(long)} long cells.`] : []),
    ...(last > rows.size ? [`${grouped(last - rows.size)} of ${grouped(last)} rows read.`] : []),
    ...(widest > columns.length ? [`${grouped(widest - columns.length)} of ${grouped(widest)} columns.`] : []),
    ...(whole ? [] : [scanner?.wrong ? `The rest: ${scanner.wrong}.` : 'All after the first megabytes of the file.']),
  ];
  return { html: draw(rows, columns, flagged, limits), left };
}

function draw(rows: Map<number, Kept>, columns: readonly number[], flagged: Map<string, Flag>, limits: Limits): string {
  const jumps = (column: number, i: number) => i > 0 && column - (columns[i - 1] ?? 0) > 1;
  const head = columns
    .map((column, i) => `${jumps(column, i) ? '<th class="gap">…</th>' : ''}<th>${letters(column)}</th>`)
    .join('');
  const [lines, missing] = [[] as string[], new Set(flagged.keys())];
  let [before, room] = [0, limits.html];
  for (const [number, cells] of rows) {
    if (room <= 0) break;
    if (number - before > 1 && before > 0)
      lines.push(
        `<tr class="gap"><th>…</th><td colspan="${columns.length + 1}">${grouped(number - before - 1)} rows</td></tr>`,
      );
    before = number;
    const line = columns.map((column, i) => {
      const at = `${number}:${column}`;
      const flag = flagged.get(at);
      if (flag) missing.delete(at);
      return `${jumps(column, i) ? '<td class="gap"></td>' : ''}${cell(cells.get(column), flag)}`;
    });
    const row = `<tr${number === 1 ? ' class="head"' : ''}><th>${grouped(number)}</th>${line.join('')}</tr>`;
    room -= Buffer.byteLength(row);
    lines.push(row);
  }
  const lost =
    missing.size > 0
      ? `<p class="note">${grouped(missing.size)} flagged cells are not in what is shown here; they are listed above.</p>`
      : '';
  return `<section><h2>Table</h2><div class="scroll"><table><thead><tr><th></th>${head}</tr></thead><tbody>${lines.join('')}</tbody></table></div>${lost}</section>`;
}

const number = /^\s*[-+]?(\d[\d,]*)?\.?\d+([eE][-+]?\d+)?%?\s*$/;
/** What a spreadsheet would run rather than show. */
const formula = /^\s*([=@]|[+-](?![\d.\s]))/;

function cell(begun: Begun | undefined, flag: Flag | undefined): string {
  const { text = '', more = 0 } = begun ?? {};
  const kind = begun === undefined ? ['empty'] : number.test(text) ? ['n'] : [];
  const classes = [...(flag ? [flag.action] : []), ...kind].join(' ');
  const about = flag ? ` title="Finding ${flag.findings.join(', ')}"` : '';
  const mark = flag ? `<sup>${flag.findings.slice(0, 5).join(',')}</sup>` : '';
  const runs = formula.test(text) ? '<i class="f" title="a spreadsheet would run this">ƒ</i>' : '';
  const rest = more > 0 ? `<i class="cut">+${grouped(more)} bytes</i>` : '';
  return `<td${classes && ` class="${classes}"`}${about}>${runs}${visible(text)}${rest}${mark}</td>`;
}
