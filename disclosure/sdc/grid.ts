import { quoteForFinding } from '../findings.ts';
import type { Cell } from '../report.ts';
import { type ColumnClass, isTotalLabel } from './columns.ts';
import type { CountColumns } from './counts.ts';
import { readCell, readComposite } from './number.ts';

/** A table small enough to be held in memory: its text by row, with each row's number in the file. */
export class TableGrid {
  static readonly MAX_CELLS = 250_000;
  readonly names: readonly string[];
  /** The heading's row, or 0 where there is none. */
  readonly heading: number;
  readonly sheet: string | undefined;
  readonly path: string;
  /** What stands above the heading. */
  readonly title: string;
  readonly titleLines: readonly string[];
  readonly rows: string[][] = [];
  readonly numbers: number[] = [];

  constructor(
    names: readonly string[],
    heading: number,
    sheet: string | undefined,
    path: string,
    titleLines: string[] = [],
  ) {
    this.names = names;
    this.heading = heading;
    this.sheet = sheet;
    this.path = path;
    this.title = titleLines.join(' ').slice(0, 500);
    this.titleLines = titleLines;
  }

  push(cells: string[], number: number): void {
    this.rows.push(cells);
    this.numbers.push(number);
  }

  /** `column` counts from 0 here and from 1 in the report. */
  cell(row: number, column: number, value: string): Cell {
    return {
      ...(this.sheet === undefined ? {} : { sheet: this.sheet }),
      row,
      column: column + 1,
      value: quoteForFinding(value, 100),
    };
  }
}

/** One count of a table, by the labels of its row and, in a cross-table, the heading of its column. */
export interface CountItem {
  readonly key: readonly string[];
  readonly value: number | undefined;
  readonly text: string;
  readonly row: number;
  readonly column: number;
}

/** The counts of a table in the long form: one item a count, with a value for every dimension. */
export interface CountTable {
  readonly dimensions: readonly string[];
  readonly measure: string;
  readonly items: readonly CountItem[];
  readonly cross: boolean;
}

/** The count in a cell: of `45 (30.0%)` it is the first number. */
export const readCount = (text: string): number | undefined => readCell(text)?.value ?? readComposite(text)?.count;

export function toCountTables(
  grid: TableGrid,
  columns: readonly ColumnClass[],
  countColumns: CountColumns,
): CountTable[] {
  const labels = countColumns.labels.filter(column => !countColumns.columns.includes(column));
  const name = (column: number) => columns[column]?.name.trim() ?? '';
  // A row with one text alone is a note.
  const notes = grid.rows.map(row => row.filter(cell => cell.trim() !== '').length <= 1);
  const item = (row: readonly string[], line: number, column: number, key: string[]): CountItem[] => {
    const text = row[column];
    return text === undefined || notes[line]
      ? []
      : [{ key, value: readCount(text), text, row: grid.numbers[line] ?? 0, column }];
  };
  const keyOf = (row: readonly string[]) => labels.map(column => (row[column] ?? '').trim());
  const across = (cells: readonly number[]): CountTable => ({
    dimensions: [...labels.map(name), '(columns)'],
    measure: '',
    items: grid.rows.flatMap((row, line) =>
      cells.flatMap(column => item(row, line, column, [...keyOf(row), name(column)])),
    ),
    cross: true,
  });
  if (countColumns.cross) return [across(countColumns.columns)];
  const single = countColumns.columns.map(column => ({
    dimensions: labels.map(name),
    measure: name(column),
    items: grid.rows.flatMap((row, line) => item(row, line, column, keyOf(row))),
    cross: false,
  }));
  // Named counts beside their total, such as cases, controls and n_total, add up across the row as well.
  const total = countColumns.columns.filter(
    column => isTotalLabel(name(column)) || ['total', 'denominator'].includes(columns[column]?.role ?? ''),
  );
  return total.length === 1 && countColumns.columns.length > 2
    ? [
        ...single,
        {
          ...across(countColumns.columns),
          items: across(countColumns.columns).items.map(entry =>
            entry.column === total[0] ? { ...entry, key: [...entry.key.slice(0, -1), 'Total'] } : entry,
          ),
        },
      ]
    : single;
}

/** A total and the parts that come to it; without a total, parts that are all there is of something. */
export interface TotalLine {
  readonly total: CountItem | undefined;
  readonly parts: readonly CountItem[];
  readonly dimension: number;
}

/** Every line of a table along every dimension. Where a label comes twice the table has no such lines. */
export function findTotalLines({ dimensions, items }: CountTable): TotalLine[] {
  return dimensions.flatMap((_, dimension) => {
    const groups = new Map<string, CountItem[]>();
    for (const item of items) {
      const key = item.key.map((part, index) => (index === dimension ? '' : part)).join('\u0000');
      const group = groups.get(key);
      if (group) group.push(item);
      else groups.set(key, [item]);
    }
    const lines: TotalLine[] = [];
    for (const group of groups.values()) {
      const labels = group.map(({ key }) => key[dimension] ?? '');
      if (new Set(labels).size < labels.length) continue;
      const totals = group.filter((_, index) => isTotalLabel(labels[index] ?? ''));
      const parts = group.filter((_, index) => !isTotalLabel(labels[index] ?? ''));
      if (totals.length <= 1 && parts.length >= 2) lines.push({ total: totals[0], parts, dimension });
      else if (totals.length > 1) lines.push(...stepped(group, labels, dimension));
    }
    // A column called "all" that the others do not come to is no total: most whole lines must add up.
    const whole = lines.filter(({ total, parts }) => [total, ...parts].every(item => item?.value !== undefined));
    const wrong = whole.filter(
      ({ total, parts }) =>
        Math.abs((total?.value ?? 0) - parts.reduce((sum, { value }) => sum + (value ?? 0), 0)) > parts.length * 3,
    );
    return wrong.length * 2 > whole.length ? lines.map(line => ({ ...line, total: undefined })) : lines;
  });
}

/** A column of parts with a subtotal under each run of them, and a total of the subtotals at its end. */
function stepped(group: readonly CountItem[], labels: readonly string[], dimension: number): TotalLine[] {
  const lines: TotalLine[] = [];
  const subtotals: CountItem[] = [];
  let parts: CountItem[] = [];
  for (const [index, item] of group.entries()) {
    if (!isTotalLabel(labels[index] ?? '')) {
      parts.push(item);
      continue;
    }
    const summands = parts.length > 0 ? parts : subtotals.splice(0);
    if (summands.length >= 2) lines.push({ total: item, parts: summands, dimension });
    if (parts.length > 0) subtotals.push(item);
    parts = [];
  }
  return lines;
}
