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
  for (const [at, { name }] of columns.entries()) {
    const rising = risingName.test(name.trim());
    if (!rising && !fallingName.test(name.trim())) continue;
    const values = grid.rows.flatMap((cells, line) => {
      const read = readNumber(cells[at] ?? '');
      return read && !read.percent && read.places === 0 ? [{ value: read.value, line }] : [];
    });
    values.sort((a, b) => a.value - b.value);
    const small = values.flatMap(({ value }, index): Cell[] => {
      const before = values[index - 1];
      const by = before ? value - before.value : 0;
      const { line } = (rising ? values[index] : before) ?? { line: 0 };
      return by > 0 && by < threshold ? [grid.cell(grid.numbers[line] ?? 0, at, grid.rows[line]?.[at] ?? '')] : [];
    });
    if (small.length > 0)
      findings.add(
        'sdc.minimum-count',
        `From one row to the next fewer than ${threshold} are added or lost, so the difference is a count below the threshold. Merge the rows or round the column.`,
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
  const says = (label = '') => /[([,].*\b(range|min\w*\W+max\w*)\b/i.test(label) && !/inter|iqr/i.test(label);
  const headed = columns.map(({ name }) => says(name));
  const found = grid.rows.flatMap((cells, line) => {
    const labelled = says(cells[0]);
    return cells.flatMap((text, at): Cell[] => {
      const named = /^\s*(min|max)(imum)?\.?\s*:\s*-?\d/i.test(text);
      const ends = at > 0 && (labelled || headed[at]) && bracketed.test(text);
      return named || ends ? [grid.cell(grid.numbers[line] ?? 0, at, text)] : [];
    });
  });
  if (found.length > 0)
    findings.add(
      'sdc.extremes',
      'A minimum or maximum is the value of one person. Leave it out, or give a quantile with enough people beyond it.',
      found,
    );
}

/** `5 (3-11)` under "median (IQR)", of the people that the row counts: a quarter of them is beyond each quartile. */
export function checkQuartilesInCells(grid: TableGrid, columns: readonly ColumnClass[], findings: Findings): void {
  const counts = columns.flatMap(({ role }, at) => (role === 'count' || role === 'denominator' ? [at] : []));
  const [count] = counts;
  if (count === undefined || counts.length > 1 || !findings.runs('sdc.quantiles')) return;
  const { tail } = findings.policy.rules['sdc.quantiles'];
  for (const [at, { name }] of columns.entries()) {
    if (!/\b(iqr|interquartile|q1\W+q3|25\D+75)\b/i.test(name)) continue;
    const few = grid.rows.flatMap((cells, line): Cell[] => {
      const people = readNumber(cells[count] ?? '')?.value;
      const text = cells[at] ?? '';
      return people !== undefined && people / 4 < tail && bracketed.test(text)
        ? [grid.cell(grid.numbers[line] ?? 0, at, text)]
        : [];
    });
    if (few.length > 0)
      findings.add(
        'sdc.quantiles',
        `A quartile needs at least ${tail} people beyond it. Give the median alone, or of a larger group.`,
        few,
      );
  }
}

/** A long table with its counts under "value", which may be sums as well: whole numbers beside labels that name no figure. */
export function checkValueColumn(
  grid: TableGrid,
  columns: readonly ColumnClass[],
  counted: CountColumns,
  findings: Findings,
): void {
  if (counted.columns.length > 0 || !findings.runs('sdc.minimum-count')) return;
  if (columns.some(({ role }) => !['plain', 'ordinal', 'attribute', 'sum'].includes(role))) return;
  const at = columns.findIndex(({ name }) => /^(value|val|weight|width)$/i.test(name.trim()));
  if (at < 0 || columns.length < 2) return;
  const read = grid.rows.map(cells => readNumber(cells[at] ?? ''));
  const whole = read.filter(one => one && !one.percent && one.places === 0 && one.value >= 0);
  const figures = grid.rows.filter(
    ([label = '']) => !['plain', 'ordinal', 'attribute'].includes(classifyColumn(label).role),
  );
  if (whole.length < 2 || whole.length < read.length || figures.length * 2 >= read.length) return;
  const { threshold } = findings.policy.rules['sdc.minimum-count'];
  const small = read.flatMap((one, line): Cell[] =>
    one && one.value > 0 && one.value < threshold
      ? [grid.cell(grid.numbers[line] ?? 0, at, grid.rows[line]?.[at] ?? '')]
      : [],
  );
  if (small.length > 0)
    findings.add(
      'sdc.minimum-count',
      `What looks like a count is below ${threshold}. Suppress it or merge categories; if it is none, name the column by what it is.`,
      small,
    );
}
