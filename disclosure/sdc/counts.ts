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
const isLabel = ({ role, vague }: ColumnClass, at: number, state: ColumnStatistics): boolean => {
  const filled = state.filled(at);
  if (filled === 0) return false;
  // Marks such as `<65` are labels among labels; between numbers they are suppressed counts, however many there are.
  const words = state.texts[at] as number;
  const texts = words > 0 || (state.numbers[at] as number) === 0 ? words + (state.suppressed[at] as number) : 0;
  return (
    role === 'ordinal' ||
    ((role === 'plain' || role === 'attribute' || role === 'total' || vague === true) &&
      texts > filled / 2 &&
      (state.composite[at] as number) === 0)
  );
};

/**
 * Numbers that are categories and not counts, before another column: "Number of children" with each of 0, 1, 2 and so on
 * once, or the row numbers that programs write under no name.
 */
function numbersAsLabels(
  columns: readonly ColumnClass[],
  state: ColumnStatistics,
  at: number,
  threshold: number,
): boolean {
  const cells = [...(state.zeros[at]?.cells ?? []), ...(state.small[at]?.cells ?? [])];
  const values = cells.map(({ value }) => Number(value)).sort((a, b) => a - b);
  const first = values[0] ?? 2;
  const name = columns[at]?.name.trim() ?? '';
  return (
    at === 0 &&
    columns.length > 1 &&
    (name === '' || /^(no|number|num)\b\.? of /i.test(name)) &&
    values.length >= 3 &&
    (cells.length === (state.numbers[at] as number) || (name === '' && values.at(-1) === threshold - 1)) &&
    (state.suppressed[at] as number) === 0 &&
    first <= 1 &&
    values.every((value, index) => value === first + index)
  );
}

/** Parts of one, such as a cross-table divided by its rows: whatever their columns are called they count nobody. */
function partsOfOne(state: ColumnStatistics, at: number): boolean {
  const lists = [state.zeros[at], state.small[at], state.smallParts[at]];
  const all = lists.reduce((sum, list) => sum + (list?.count ?? 0), 0);
  return (
    (state.parts[at] as number) > 0 &&
    all === (state.numbers[at] as number) &&
    lists.every(list => list?.cells.every(({ value }) => Number(value) <= 1))
  );
}

/**
 * Counts are the columns named so. Where none is, the columns of whole numbers beside a column of labels are: a
 * cross-table has its categories for headings. A table of statistics, sums or ids is none.
 */
function findCountColumns(columns: readonly ColumnClass[], state: ColumnStatistics, threshold: number): CountColumns {
  const labelled = (at: number) => numbersAsLabels(columns, state, at, threshold);
  const all = columns.map((_, at) => at);
  const role = (at: number) => columns[at]?.role ?? 'plain';
  const hasNumbers = (at: number) => (state.numbers[at] as number) > 0;
  const mostlyWhole = (at: number) =>
    (state.negative[at] as number) === 0 && state.whole(at) >= 0.9 * (state.numbers[at] as number);
  const fewTexts = (at: number) => (state.texts[at] as number) <= 0.5 * state.filled(at);
  const named = all.filter(
    at =>
      ['count', 'denominator'].includes(role(at)) &&
      hasNumbers(at) &&
      (state.negative[at] as number) === 0 &&
      !labelled(at) &&
      !partsOfOne(state, at),
  );
  const mixed = all.filter(at => (state.composite[at] as number) > 0);
  const totals = all.filter(at => role(at) === 'total' && hasNumbers(at) && mostlyWhole(at) && fewTexts(at));
  let labels = all.filter(at => isLabel(columns[at] as ColumnClass, at, state) || labelled(at));
  const magnitude = all.some(at => ['largest', 'sum'].includes(role(at)));
  const vague = (at: number) =>
    columns[at]?.vague === true && (state.parts[at] as number) === 0 && (state.negative[at] as number) === 0;
  const statistics = all.some(
    at => !vague(at) && ['statistic', 'quantile', 'extreme', 'weight'].includes(role(at)) && hasNumbers(at),
  );
  const plain = all.filter(
    at =>
      (['plain', 'total', 'attribute'].includes(role(at)) || vague(at)) &&
      hasNumbers(at) &&
      mostlyWhole(at) &&
      fewTexts(at) &&
      !labels.includes(at),
  );
  let counts = [...new Set([...named, ...mixed])];
  const onlyTotal = named.every(at => role(at) === 'denominator');
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
  const values = counts.reduce((sum, at) => sum + state.nonzero(at), 0);
  const off = counts.reduce((sum, at) => sum + (state.unrounded[at]?.count ?? 0), 0);
  const parts = counts.some(at => (state.numbers[at] as number) > state.whole(at));
  return { columns: counts, cross, labels, rounded: values >= 3 && off === 0 && !parts };
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
  const counted = findCountColumns(columns, state, threshold);
  for (const at of counted.columns) {
    const name = columns[at]?.name ?? '';
    const of = name.trim() === '' ? '' : ` in “${quoteForFinding(name, 40)}”`;
    const lists = columns[at]?.role === 'plain' ? [state.small[at]] : [state.small[at], state.smallParts[at]];
    if (findings.runs('sdc.minimum-count'))
      for (const list of lists)
        if (list && list.count > 0)
          findings.add(
            'sdc.minimum-count',
            `A count${of} is below ${threshold}. Suppress it, with a second cell so that totals don't give it away, or merge categories.`,
            list.cells,
            list.count,
          );
    const zeros = state.zeros[at];
    if (findings.runs('sdc.zero-cells') && zeros && zeros.count > 0)
      findings.add('sdc.zero-cells', `A count${of} is zero: nobody in this group has it.`, zeros.cells, zeros.count);
  }
  rounding(columns, state, findings, counted);
  if (findings.runs('sdc.percentage-decimals') && rows > 0) {
    const { decimals } = rules['sdc.percentage-decimals'];
    for (const [at, { role, name }] of columns.entries()) {
      const most = role === 'proportion' ? decimals + 2 : decimals;
      if (['percent', 'proportion'].includes(role) && (state.places[at] as number) > most)
        findings.add(
          'sdc.percentage-decimals',
          `“${quoteForFinding(name, 40)}” has ${state.places[at]} decimals, which can tell the counts behind it. Round it to ${most}.`,
        );
    }
  }
  return counted;
}

function rounding(
  columns: readonly ColumnClass[],
  state: ColumnStatistics,
  findings: Findings,
  { columns: counts }: CountColumns,
): void {
  if (!findings.runs('sdc.rounding')) return;
  const { base } = findings.policy.rules['sdc.rounding'];
  for (const at of counts) {
    const off = state.unrounded[at];
    const nonzero = state.nonzero(at);
    if (!off || off.count === 0) continue;
    const says = quoteForFinding(columns[at]?.name ?? '', 40);
    if (base > 1) findings.add('sdc.rounding', `Counts in “${says}” are not rounded to ${base}.`, off.cells, off.count);
    else if (nonzero >= 10 && off.count <= 0.2 * nonzero)
      findings.add('sdc.rounding', `Counts in “${says}” are rounded to 5, but not all of them.`, off.cells, off.count);
  }
}
