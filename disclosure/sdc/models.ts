import type { Findings } from '../findings.ts';
import type { Cell } from '../report.ts';
import { type ColumnClass, classifyColumn } from './columns.ts';
import type { TableGrid } from './grid.ts';
import { readNumber } from './number.ts';

const observations = /^(n|n ?obs|obs|observations|(no|num|number)\.? (of )?obs(ervations)?\.?)$/i;
const residual = /resid|error|denom/i;

/** Residual degrees of freedom that stand in the rows of a model's output rather than in a column. */
export function checkDegreesOfFreedom(
  grid: TableGrid,
  columns: readonly ColumnClass[],
  sideways: boolean,
  findings: Findings,
): void {
  if (!findings.runs('sdc.degrees-of-freedom')) return;
  const { least: minFreedom } = findings.policy.rules['sdc.degrees-of-freedom'];
  const smallFreedoms: Cell[] = [];
  const freedoms = columns.flatMap(({ role }, column) => (role === 'freedom' ? [column] : []));
  for (const [line, cells] of grid.rows.entries()) {
    const number = grid.numbers[line] ?? 0;
    const check = (column: number) => {
      const value = readNumber(cells[column] ?? '')?.value;
      if (value !== undefined && value < minFreedom) smallFreedoms.push(grid.cell(number, column, cells[column] ?? ''));
    };
    // Analysis of variance: what is left is the row of residuals.
    if (/^(resid\w*|error|within( groups?)?)$/i.test((cells[0] ?? '').trim()))
      for (const column of freedoms) check(column);
    // Summaries have their facts in pairs, two pairs or more a row.
    for (let column = sideways ? 1 : 0; column + 1 < cells.length; column++) {
      const label = (cells[column] ?? '').trim().replace(/[:.]+$/, '');
      if (residual.test(label) && classifyColumn(label).role === 'freedom') check(column + 1);
    }
  }
  const message = `A model needs at least ${minFreedom} residual degrees of freedom. Use fewer parameters or more people.`;
  if (smallFreedoms.length > 0) findings.add('sdc.degrees-of-freedom', message, smallFreedoms);
  const stacked = stackedModels(grid, minFreedom);
  if (stacked.length > 0) findings.add('sdc.degrees-of-freedom', message, stacked);
}

/** Models side by side with each coefficient above its error in brackets, as papers print them: N less the coefficients. */
function stackedModels(grid: TableGrid, minFreedom: number): Cell[] {
  const line = grid.rows.findIndex(([label = '']) => observations.test(label.trim()));
  const observationRow = grid.rows[line];
  if (!observationRow) return [];
  return observationRow.flatMap((text, column) => {
    const people = column > 0 ? readNumber(text)?.value : undefined;
    const errors = grid.rows.filter(
      cells => (cells[0] ?? '').trim() === '' && /^[([]\s*-?\d[\d.,]*\s*[)\]]$/.test((cells[column] ?? '').trim()),
    ).length;
    return people !== undefined && errors >= 2 && people - errors < minFreedom
      ? [grid.cell(grid.numbers[line] ?? 0, column, text)]
      : [];
  });
}
