import type { Findings } from '../findings.ts';
import type { Cell } from '../report.ts';
import { type ColumnClass, classifyColumn } from './columns.ts';
import type { CountColumns } from './counts.ts';
import type { TableGrid } from './grid.ts';
import { readNumber } from './number.ts';

const risingName = /^cum(ulative|\.)?( |$)(?!.*(percent|pct|prop|%|inc|haz|surv))/i;
const fallingName = /^(n )?(remaining|retained)\b/i;

/** Counts that are the steps between the rows of a column: of running totals, and of those who remain after exclusions. */
export function checkRunningTotals(grid: TableGrid, columns: readonly ColumnClass[], findings: Findings): void {
  if (!findings.runs('sdc.minimum-count')) return;
  const { threshold } = findings.policy.rules['sdc.minimum-count'];
  for (const [column, { name }] of columns.entries()) {
    const rising = risingName.test(name.trim());
    if (!rising && !fallingName.test(name.trim())) continue;
    const values = grid.rows.flatMap((cells, line) => {
      const read = readNumber(cells[column] ?? '');
      return read && !read.percent && read.places === 0 ? [{ value: read.value, line }] : [];
    });
    values.sort((a, b) => a.value - b.value);
    const small = values.flatMap(({ value }, index): Cell[] => {
      const previous = values[index - 1];
      const difference = previous ? value - previous.value : 0;
      const { line } = (rising ? values[index] : previous) ?? { line: 0 };
      return difference > 0 && difference < threshold
        ? [grid.cell(grid.numbers[line] ?? 0, column, grid.rows[line]?.[column] ?? '')]
        : [];
    });
    if (small.length > 0)
      findings.add(
        'sdc.minimum-count',
        `From one row to the next, fewer than ${threshold} people are added or lost, so the difference is a count below the threshold. Merge the rows or round the column.`,
        small,
      );
  }
}

/** `5 (3-11)`, a figure with two others in brackets. */
const bracketed = /^[^([]*\d[^([]*[([][^)\]\d]*\d+[^)\]\d]+\d/;

/**
 * `54 (18-103)` under "median (range)": the ends are one person's values as much as in columns of their own. So are those
 * that R writes into the cells, as `Min.   :18`.
 */
export function checkRangesInCells(grid: TableGrid, columns: readonly ColumnClass[], findings: Findings): void {
  if (!findings.runs('sdc.extremes')) return;
  const namesRange = (label = '') => /[([,].*\b(range|min\w*\W+max\w*)\b/i.test(label) && !/inter|iqr/i.test(label);
  const headed = columns.map(({ name }) => namesRange(name));
  const rangeCells = grid.rows.flatMap((cells, line) => {
    const labelled = namesRange(cells[0]);
    return cells.flatMap((text, column): Cell[] => {
      const isNamed = /^\s*(min|max)(imum)?\.?\s*:\s*-?\d/i.test(text);
      const isRange = column > 0 && (labelled || headed[column]) && bracketed.test(text);
      return isNamed || isRange ? [grid.cell(grid.numbers[line] ?? 0, column, text)] : [];
    });
  });
  if (rangeCells.length > 0)
    findings.add(
      'sdc.extremes',
      'A minimum or maximum is the value of one person. Leave it out, or give a quantile with enough people beyond it.',
      rangeCells,
    );
}

/** `5 (3-11)` under "median (IQR)", of the people that the row counts: a quarter of them is beyond each quartile. */
export function checkQuartilesInCells(grid: TableGrid, columns: readonly ColumnClass[], findings: Findings): void {
  const counts = columns.flatMap(({ role }, column) => (role === 'count' || role === 'denominator' ? [column] : []));
  const [count] = counts;
  if (count === undefined || counts.length > 1 || !findings.runs('sdc.quantiles')) return;
  const { tail } = findings.policy.rules['sdc.quantiles'];
  for (const [column, { name }] of columns.entries()) {
    if (!/\b(iqr|interquartile|q1\W+q3|25\D+75)\b/i.test(name)) continue;
    const quartiles = grid.rows.flatMap((cells, line): Cell[] => {
      const people = readNumber(cells[count] ?? '')?.value;
      const text = cells[column] ?? '';
      return people !== undefined && people / 4 < tail && bracketed.test(text)
        ? [grid.cell(grid.numbers[line] ?? 0, column, text)]
        : [];
    });
    if (quartiles.length > 0)
      findings.add(
        'sdc.quantiles',
        `A quartile needs at least ${tail} people beyond it. Give the median alone, or the quartile of a larger group.`,
        quartiles,
      );
  }
}

/** A long table with its counts under "value", which may be sums as well: whole numbers beside labels that name no figure. */
export function checkValueColumn(
  grid: TableGrid,
  columns: readonly ColumnClass[],
  countColumns: CountColumns,
  findings: Findings,
): void {
  if (countColumns.columns.length > 0 || !findings.runs('sdc.minimum-count')) return;
  if (columns.some(({ role }) => !['plain', 'ordinal', 'attribute', 'sum'].includes(role))) return;
  const column = columns.findIndex(({ name }) => /^(value|val|weight|width)$/i.test(name.trim()));
  if (column < 0 || columns.length < 2) return;
  const read = grid.rows.map(cells => readNumber(cells[column] ?? ''));
  const whole = read.filter(number => number && !number.percent && number.places === 0 && number.value >= 0);
  const figures = grid.rows.filter(
    ([label = '']) => !['plain', 'ordinal', 'attribute'].includes(classifyColumn(label).role),
  );
  if (whole.length < 2 || whole.length < read.length || figures.length * 2 >= read.length) return;
  const { threshold } = findings.policy.rules['sdc.minimum-count'];
  const small = read.flatMap((number, line): Cell[] =>
    number && number.value > 0 && number.value < threshold
      ? [grid.cell(grid.numbers[line] ?? 0, column, grid.rows[line]?.[column] ?? '')]
      : [],
  );
  if (small.length > 0)
    findings.add(
      'sdc.minimum-count',
      `A number that looks like a count is below ${threshold}. Suppress it or merge categories. If it is no count, say in the heading of the column what it is.`,
      small,
    );
}
