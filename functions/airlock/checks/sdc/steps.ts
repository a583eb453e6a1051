import type { Cell } from '../../report.ts';
import type { Findings } from '../findings.ts';
import type { Named } from './columns.ts';
import type { Grid } from './grid.ts';
import { readNumber } from './number.ts';

const risingName = /^cum(ulative|\.)?( |$)(?!.*(percent|pct|prop|%|inc|haz|surv))/i;
const fallingName = /^(n )?(remaining|retained)\b/i;

/** Counts that are the steps between the rows of a column: of running totals, and of those who remain after exclusions. */
export function steps(grid: Grid, columns: readonly Named[], findings: Findings): void {
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

/** `54 (18-103)` under "median (range)": the ends are one person's values as much as in columns of their own. */
export function ranges(grid: Grid, columns: readonly Named[], findings: Findings): void {
  if (!findings.runs('sdc.extremes')) return;
  const says = (label = '') => /[([,].*\b(range|min\w*\W+max\w*)\b/i.test(label) && !/inter|iqr/i.test(label);
  const headed = columns.map(({ name }) => says(name));
  const found = grid.rows.flatMap((cells, line) => {
    const labelled = says(cells[0]);
    return cells.flatMap((text, at): Cell[] =>
      at > 0 && (labelled || headed[at]) && /^[^([]*\d[^([]*[([][^)\]\d]*\d+[^)\]\d]+\d/.test(text)
        ? [grid.cell(grid.numbers[line] ?? 0, at, text)]
        : [],
    );
  });
  if (found.length > 0)
    findings.add(
      'sdc.extremes',
      'A minimum or maximum is the value of one person. Leave it out, or give a quantile with enough people beyond it.',
      found,
    );
}
