import { type Findings, quoteForFinding } from '../findings.ts';
import type { ColumnStatistics } from './accumulate.ts';
import type { ColumnClass } from './columns.ts';

/** Which columns hold counts of people, and whether they are the categories of a cross-table. */
export interface CountColumns {
  readonly columns: readonly number[];
  /** The columns' names are values of one more dimension of the table. */
  readonly cross: boolean;
  readonly labels: readonly number[];
  /** All counts are multiples of 5 or more, so differences between them are noise. */
  readonly rounded: boolean;
}

/** A column of labels: text, or numbers that order or name the rows. */
const isLabel = ({ role, vague }: ColumnClass, column: number, state: ColumnStatistics): boolean => {
  const filledCount = state.filled(column);
  if (filledCount === 0) return false;
  // Marks such as `<65` are labels among labels; between numbers they are suppressed counts, however many there are.
  const words = state.texts[column] as number;
  const texts = words > 0 || (state.numbers[column] as number) === 0 ? words + (state.suppressed[column] as number) : 0;
  return (
    role === 'ordinal' ||
    ((role === 'plain' || role === 'attribute' || role === 'total' || vague === true) &&
      texts > filledCount / 2 &&
      (state.composite[column] as number) === 0)
  );
};

/**
 * Numbers that are categories and not counts, before another column: "Number of children" with each of 0, 1, 2 and so on
 * once, or the row numbers that programs write under no name.
 */
function numbersAsLabels(
  columns: readonly ColumnClass[],
  state: ColumnStatistics,
  column: number,
  threshold: number,
): boolean {
  const cells = [...(state.zeros[column]?.cells ?? []), ...(state.small[column]?.cells ?? [])];
  const values = cells.map(({ value }) => Number(value)).sort((a, b) => a - b);
  const first = values[0] ?? 2;
  const name = columns[column]?.name.trim() ?? '';
  return (
    column === 0 &&
    columns.length > 1 &&
    (name === '' || /^(no|number|num)\b\.? of /i.test(name)) &&
    values.length >= 3 &&
    (cells.length === (state.numbers[column] as number) || (name === '' && values.at(-1) === threshold - 1)) &&
    (state.suppressed[column] as number) === 0 &&
    first <= 1 &&
    values.every((value, index) => value === first + index)
  );
}

/** Whether a column holds fractions that add up to one: they count nobody, whatever the column is called. */
function partsOfOne(state: ColumnStatistics, column: number): boolean {
  const lists = [state.zeros[column], state.small[column], state.smallParts[column]];
  const smallCount = lists.reduce((sum, list) => sum + (list?.count ?? 0), 0);
  return (
    (state.parts[column] as number) > 0 &&
    smallCount === (state.numbers[column] as number) &&
    lists.every(list => list?.cells.every(({ value }) => Number(value) <= 1))
  );
}

/**
 * Counts are the columns named so. Where none is, the columns of whole numbers beside a column of labels are: a
 * cross-table has its categories for headings. A table of statistics, sums or ids is none.
 */
function findCountColumns(columns: readonly ColumnClass[], state: ColumnStatistics, threshold: number): CountColumns {
  const labelled = (column: number) => numbersAsLabels(columns, state, column, threshold);
  const indexes = columns.map((_, column) => column);
  const role = (column: number) => columns[column]?.role ?? 'plain';
  const hasNumbers = (column: number) => (state.numbers[column] as number) > 0;
  const mostlyWhole = (column: number) =>
    (state.negative[column] as number) === 0 && state.whole(column) >= 0.9 * (state.numbers[column] as number);
  const fewTexts = (column: number) => (state.texts[column] as number) <= 0.5 * state.filled(column);
  const namedColumns = indexes.filter(
    column =>
      ['count', 'denominator'].includes(role(column)) &&
      hasNumbers(column) &&
      (state.negative[column] as number) === 0 &&
      !labelled(column) &&
      !partsOfOne(state, column),
  );
  const mixed = indexes.filter(column => (state.composite[column] as number) > 0);
  const totals = indexes.filter(
    column => role(column) === 'total' && hasNumbers(column) && mostlyWhole(column) && fewTexts(column),
  );
  let labels = indexes.filter(column => isLabel(columns[column] as ColumnClass, column, state) || labelled(column));
  const magnitude = indexes.some(column => ['largest', 'sum'].includes(role(column)));
  const vague = (column: number) =>
    columns[column]?.vague === true &&
    (state.parts[column] as number) === 0 &&
    (state.negative[column] as number) === 0;
  const statistics = indexes.some(
    column =>
      !vague(column) && ['statistic', 'quantile', 'extreme', 'weight'].includes(role(column)) && hasNumbers(column),
  );
  const plain = indexes.filter(
    column =>
      (['plain', 'total', 'attribute'].includes(role(column)) || vague(column)) &&
      hasNumbers(column) &&
      mostlyWhole(column) &&
      fewTexts(column) &&
      !labels.includes(column),
  );
  let counts = [...new Set([...namedColumns, ...mixed])];
  const onlyTotal = namedColumns.every(column => role(column) === 'denominator');
  let cross = false;
  if (onlyTotal && !magnitude && !statistics && plain.length > 0) {
    // A cross-table with numbers for labels (years, ages) has them in its first column.
    if (labels.length === 0 && plain.length > 1 && plain[0] === 0) {
      labels = [0];
      plain.shift();
    }
    if (labels.length > 0) {
      counts = [...new Set([...counts, ...plain])];
      cross = counts.length > 1;
    }
  } else if (!magnitude) counts = [...new Set([...counts, ...totals])];
  counts.sort((a, b) => a - b);
  const values = counts.reduce((sum, column) => sum + state.nonzero(column), 0);
  const unroundedCount = counts.reduce((sum, column) => sum + (state.unrounded[column]?.count ?? 0), 0);
  const parts = counts.some(column => (state.numbers[column] as number) > state.whole(column));
  return { columns: counts, cross, labels, rounded: values >= 3 && unroundedCount === 0 && !parts };
}

/** The rules that need no more than a column: the minimum count, zeros, rounding, decimals. */
export function checkCounts(
  columns: readonly ColumnClass[],
  state: ColumnStatistics,
  findings: Findings,
  rows: number,
): CountColumns {
  const { rules } = findings.policy;
  const { threshold } = rules['sdc.minimum-count'];
  const countColumns = findCountColumns(columns, state, threshold);
  for (const column of countColumns.columns) {
    const name = columns[column]?.name ?? '';
    const place = name.trim() === '' ? '' : ` in “${quoteForFinding(name, 40)}”`;
    const lists =
      columns[column]?.role === 'plain' ? [state.small[column]] : [state.small[column], state.smallParts[column]];
    if (findings.runs('sdc.minimum-count'))
      for (const list of lists)
        if (list && list.count > 0)
          findings.add(
            'sdc.minimum-count',
            `A count${place} is below ${threshold}. Suppress it, with a second cell so that totals don't give it away, or merge categories.`,
            list.cells,
            list.count,
          );
    const zeros = state.zeros[column];
    if (findings.runs('sdc.zero-cells') && zeros && zeros.count > 0)
      findings.add(
        'sdc.zero-cells',
        `A count${place} is zero: nobody in this group is in this category. Merge categories, or say why the zero reveals nothing.`,
        zeros.cells,
        zeros.count,
      );
  }
  rounding(columns, state, findings, countColumns);
  if (findings.runs('sdc.percentage-decimals') && rows > 0) {
    const { decimals } = rules['sdc.percentage-decimals'];
    for (const [column, { role, name }] of columns.entries()) {
      const maxDecimals = role === 'proportion' ? decimals + 2 : decimals;
      if (['percent', 'proportion'].includes(role) && (state.places[column] as number) > maxDecimals)
        findings.add(
          'sdc.percentage-decimals',
          `“${quoteForFinding(name, 40)}” has ${state.places[column]} decimals, which can tell the counts behind it. Round it to ${maxDecimals}.`,
        );
    }
  }
  return countColumns;
}

function rounding(
  columns: readonly ColumnClass[],
  state: ColumnStatistics,
  findings: Findings,
  { columns: counts }: CountColumns,
): void {
  if (!findings.runs('sdc.rounding')) return;
  const { base } = findings.policy.rules['sdc.rounding'];
  for (const column of counts) {
    const unrounded = state.unrounded[column];
    const nonzero = state.nonzero(column);
    if (!unrounded || unrounded.count === 0) continue;
    const label = quoteForFinding(columns[column]?.name ?? '', 40);
    if (base > 1)
      findings.add(
        'sdc.rounding',
        `Counts in “${label}” are not rounded to ${base}. Round them.`,
        unrounded.cells,
        unrounded.count,
      );
    else if (nonzero >= 10 && unrounded.count <= 0.2 * nonzero)
      findings.add(
        'sdc.rounding',
        `Some counts in “${label}” are rounded to 5 and others are not. Round all of them.`,
        unrounded.cells,
        unrounded.count,
      );
  }
}
