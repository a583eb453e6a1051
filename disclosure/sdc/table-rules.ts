import type { Findings } from '../findings.ts';
import { classifyIdentifyingName } from '../identifiers.ts';
import type { RuleName } from '../policy.ts';
import { summariseTable, type TableContext, type TableSummary } from './cell-index.ts';
import { type ColumnClass, classifyColumn } from './columns.ts';
import { checkComplementarySuppression, checkFullCells } from './complementary.ts';
import type { CountColumns } from './counts.ts';
import { checkFullGroups, checkPercentages, checkRemainders } from './denominators.ts';
import { readCount, TableGrid, toCountTables } from './grid.ts';
import { checkDegreesOfFreedom } from './models.ts';
import { readNumber } from './number.ts';
import { RowRules } from './rows.ts';
import { checkQuartilesInCells, checkRangesInCells, checkRunningTotals, checkValueColumn } from './running-totals.ts';
import { checkUnparsedCells } from './unparsed-cells.ts';

const aggregate = 'count denominator total percent proportion statistic quantile extreme sum weight'.split(' ');

/** Under such a heading a row called "men" has a figure about men and not their number. */
const figures = 'percent proportion statistic quantile extreme weight'.split(' ');

/** A policy that wants one of these can't let a table pass that is too large for it: somebody is asked at least. */
const needWhole: readonly RuleName[] = ['sdc.microdata', 'sdc.full-cells', 'sdc.complementary', 'sdc.differencing'];

/** The rules that need the whole table. Returns what a release must be remembered as. */
export function checkTableRules(
  grid: TableGrid | undefined,
  columns: readonly ColumnClass[],
  countColumns: CountColumns,
  findings: Findings,
  rows: number,
  context: TableContext,
): TableSummary[] {
  if (!grid) {
    const isNeeded = needWhole.some(rule => findings.policy.rules[rule].action !== 'off');
    if (rows > 0 && isNeeded)
      findings.addAtLeast(
        'ask',
        'sdc.not-run',
        `The table is too large (more than ${Math.min(findings.policy.cells, TableGrid.MAX_CELLS)} cells) for the rules on totals, microdata and earlier releases. Give a smaller one.`,
      );
    return [];
  }
  checkUnparsedCells(grid, findings);
  if (findings.runs('sdc.microdata')) {
    const reason = whyMicrodata(grid, columns, countColumns, findings.policy.rules['sdc.microdata'].rows);
    if (reason !== undefined)
      findings.add('sdc.microdata', `This looks like one row per person and not like a table of results: ${reason}.`, [
        grid.cell(grid.numbers[0] ?? 1, 0, grid.rows[0]?.[0] ?? ''),
      ]);
  }
  const lies =
    (countColumns.columns.length === 0 || !countColumns.cross) && sideways(grid, columns, countColumns, findings);
  checkDegreesOfFreedom(grid, columns, lies, findings);
  checkPercentages(grid, columns, findings);
  checkFullGroups(grid, columns, findings);
  checkRemainders(grid, columns, findings);
  checkRunningTotals(grid, columns, findings);
  checkRangesInCells(grid, columns, findings);
  checkQuartilesInCells(grid, columns, findings);
  if (!lies) checkValueColumn(grid, columns, countColumns, findings);
  const melted = toCountTables(grid, columns, countColumns);
  for (const table of melted) {
    if (findings.runs('sdc.full-cells')) checkFullCells(table, grid, findings);
    if (findings.runs('sdc.complementary') && !countColumns.rounded)
      checkComplementarySuppression(table, grid, findings);
  }
  if (!findings.runs('sdc.differencing')) return [];
  return melted.map(table =>
    summariseTable(table, grid, { isRounded: countColumns.rounded, isSingle: melted.length === 1 }, context),
  );
}

/**
 * One row a person: keys of persons, or what describes a person in columns without a single count or statistic. In a
 * table of results every combination of labels comes once; in data on people they come again and again.
 */
function whyMicrodata(
  grid: TableGrid,
  columns: readonly ColumnClass[],
  countColumns: CountColumns,
  minRows: number,
): string | undefined {
  const count = grid.rows.length;
  const [key] = columns.filter(({ name }) => classifyIdentifyingName(name) === 'direct');
  if (key && count >= 2) return `“${key.name.slice(0, 40)}” is a key of persons`;
  if (count < minRows || columns.length < 2) return undefined;
  const attributes = columns.filter(({ role }) => role === 'attribute');
  const aggregates = columns.filter(({ role }) => aggregate.includes(role));
  if ((aggregates.length > 0 && attributes.length < 3) || aggregates.length > attributes.length) return undefined;
  const numeric = columns.map(
    (_, column) => grid.rows.filter(row => readNumber(row[column] ?? '') !== undefined).length > count / 2,
  );
  const labels = columns.flatMap((column, index) =>
    !numeric[index] || column.role === 'ordinal' || column.role === 'attribute' ? [index] : [],
  );
  const combinations = new Set(grid.rows.map(row => labels.map(index => row[index] ?? '').join('\u0000'))).size;
  const repeated = labels.length > 0 && combinations < 0.9 * count;
  const ids = columns.some(
    ({ name }, index) =>
      /(^|[_ ])(id|key|uuid|guid|ref)$/i.test(name.trim()) &&
      new Set(grid.rows.map(row => row[index])).size > 0.9 * count,
  );
  if (attributes.length >= 2 && (repeated || ids || attributes.length >= 3)) {
    const names = attributes.slice(0, 3).map(({ name }) => name.slice(0, 30));
    return `its columns describe people (${names.join(', ')}) and none counts them`;
  }
  if (ids && !countColumns.cross) return 'every row has an id of its own and no column counts people';
  if (repeated && labels.length >= 2 && numeric.some((isNumeric, index) => isNumeric && !labels.includes(index)))
    return 'rows with the same labels come again and again, and no column counts people';
  return undefined;
}

/** A table whose rows are statistics and whose columns are groups or variables: the rules of rows, for its columns. */
function sideways(
  grid: TableGrid,
  columns: readonly ColumnClass[],
  countColumns: CountColumns,
  findings: Findings,
): boolean {
  const rows = grid.rows.map((row, index) => ({
    row,
    number: grid.numbers[index] ?? 0,
    name: classifyColumn((row[0] ?? '').replace(/[:.]+$/, '')),
  }));
  const labelled = rows.filter(({ row }) => (row[0] ?? '').trim() !== '' && row.length > 1);
  const statisticRows = labelled.filter(
    ({ name }) => !['plain', 'ordinal', 'attribute', 'total', 'weight'].includes(name.role),
  );
  if (statisticRows.length < 2 || statisticRows.length * 2 < labelled.length || labelled.length > 500) return false;
  const { threshold } = findings.policy.rules['sdc.minimum-count'];
  const width = Math.max(...labelled.map(({ row }) => row.length));
  const rules = new RowRules(
    labelled.map(({ name }) => name),
    findings,
    (line, index, value) => grid.cell(labelled[index]?.number ?? 0, line, value),
  );
  const values = new Float64Array(labelled.length);
  const places = new Uint8Array(labelled.length);
  for (let column = 1; column < width; column++) {
    for (const [index, { row, name, number }] of labelled.entries()) {
      const text = row[column] ?? '';
      const read = readNumber(text);
      values[index] = name.role === 'count' ? (readCount(text) ?? Number.NaN) : (read?.value ?? Number.NaN);
      places[index] = Math.min(15, read?.places ?? 0);
      const value = values[index] as number;
      if (
        name.role === 'count' &&
        value > 0 &&
        value < threshold &&
        !countColumns.columns.includes(column) &&
        !figures.includes(columns[column]?.role ?? 'plain') &&
        findings.runs('sdc.minimum-count')
      )
        findings.add(
          'sdc.minimum-count',
          `A count in the row “${name.name.slice(0, 40)}” is below ${threshold}. Suppress it or merge groups.`,
          [grid.cell(number, column, text)],
        );
    }
    rules.row(column, values, places);
  }
  rules.end();
  return true;
}
