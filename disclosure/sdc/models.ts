import type { Findings } from '../findings.ts';
import type { Cell } from '../report.ts';
import { type ColumnClass, classifyColumn } from './columns.ts';
import type { TableGrid } from './grid.ts';
import { readNumber } from './number.ts';

const observations = /^(n|n ?obs|obs|observations|(no|num|number)\.? (of )?obs(ervations)?\.?)$/i;
const left = /resid|error|denom/i;

/** Residual degrees of freedom that stand in the rows of a model's output rather than in a column. */
export function checkDegreesOfFreedom(
  grid: TableGrid,
  columns: readonly ColumnClass[],
  sideways: boolean,
  findings: Findings,
): void {
  if (!findings.runs('sdc.degrees-of-freedom')) return;
  const { least } = findings.policy.rules['sdc.degrees-of-freedom'];
  const found: Cell[] = [];
  const freedoms = columns.flatMap(({ role }, at) => (role === 'freedom' ? [at] : []));
  for (const [line, cells] of grid.rows.entries()) {
    const number = grid.numbers[line] ?? 0;
    const check = (at: number) => {
      const value = readNumber(cells[at] ?? '')?.value;
      if (value !== undefined && value < least) found.push(grid.cell(number, at, cells[at] ?? ''));
    };
    // Analysis of variance: what is left is the row of residuals.
    if (/^(resid\w*|error|within( groups?)?)$/i.test((cells[0] ?? '').trim())) for (const at of freedoms) check(at);
    // Summaries have their facts in pairs, two pairs or more a row.
    for (let at = sideways ? 1 : 0; at + 1 < cells.length; at++) {
      const label = (cells[at] ?? '').trim().replace(/[:.]+$/, '');
      if (left.test(label) && classifyColumn(label).role === 'freedom') check(at + 1);
    }
  }
  const says = `A model needs at least ${least} residual degrees of freedom. Use fewer parameters or more people.`;
  if (found.length > 0) findings.add('sdc.degrees-of-freedom', says, found);
  const stacked = stackedModels(grid, least);
  if (stacked.length > 0) findings.add('sdc.degrees-of-freedom', says, stacked);
}

/** Models side by side with each coefficient above its error in brackets, as papers print them: N less the coefficients. */
function stackedModels(grid: TableGrid, least: number): Cell[] {
  const line = grid.rows.findIndex(([label = '']) => observations.test(label.trim()));
  const counted = grid.rows[line];
  if (!counted) return [];
  return counted.flatMap((text, at) => {
    const people = at > 0 ? readNumber(text)?.value : undefined;
    const errors = grid.rows.filter(
      cells => (cells[0] ?? '').trim() === '' && /^[([]\s*-?\d[\d.,]*\s*[)\]]$/.test((cells[at] ?? '').trim()),
    ).length;
    return people !== undefined && errors >= 2 && people - errors < least
      ? [grid.cell(grid.numbers[line] ?? 0, at, text)]
      : [];
  });
}
