import type { Findings } from '../findings.ts';
import type { Cell } from '../report.ts';
import type { ColumnClass, ColumnRole } from './columns.ts';
import type { TableGrid } from './grid.ts';
import { readComposite, readNumber, readPercentage } from './number.ts';
import { computeCountRange } from './rows.ts';

const baseLabel =
  /^(((un)?weighted )?(n|base|sample)( size)?( ?[(:=].*)?|total n|n total|total|all|overall|(no\.?|number) of (patients|participants|people|persons|subjects|respondents|observations|pupils|students))$/i;
const headed = /\bn\s*=\s*(\d{1,3}(?:[ ,]\d{3})+|\d+)/i;
/** A bracket that names what stands in brackets below it, as in "Turnover (number of respondents)". */
const countsInBrackets = /\((n|no\.?|obs\.?|count|number of [a-z ]+|respondents|patients|people|companies|firms)\)/i;

const wholeOf = (text: string): number | undefined => {
  const read = readNumber(text);
  return read && !read.percent && read.places === 0 && read.value > 0 ? read.value : undefined;
};

const bases: readonly ColumnRole[] = ['denominator', 'count', 'total'];

/** A percentage, or a proportion under a heading that says so. */
function shareOf(text: string, role: ColumnRole): { value: number; places: number } | undefined {
  if (role !== 'proportion') return readPercentage(text, role === 'percent');
  const read = readNumber(text);
  return read && !read.percent && read.value <= 1
    ? { value: read.value * 100, places: Math.max(0, read.places - 2) }
    : undefined;
}

/**
 * Cells whose denominator is not in their row but above them: in the heading (`Cases (N=250)`) or in a row called N, as
 * "Table 1" of a paper has them. A percentage tells the count behind it there, written beside a suppressed count too; and
 * `6 (1.5)` is a count with its percentage where the denominator or the label says so, and else a mean with its deviation.
 */
export function checkPercentages(grid: TableGrid, columns: readonly ColumnClass[], findings: Findings): void {
  const { threshold } = findings.policy.rules['sdc.minimum-count'];
  const small: Cell[] = [];
  const shares: Cell[] = [];
  const sections = sectionsOf(grid);
  const hasBase = columns.some(({ role }) => bases.includes(role));
  for (const [column, { name, role }] of columns.entries()) {
    const [, heading] = headed.exec(name) ?? (hasBase ? [] : headed.exec(grid.title)) ?? [];
    const row = grid.rows.find(cells => baseLabel.test((cells[0] ?? '').trim()) && wholeOf(cells[column] ?? ''));
    const base = heading
      ? Number(heading.replace(/\D/g, ''))
      : column > 0 && row
        ? wholeOf(row[column] ?? '')
        : undefined;
    const bracketed = countsInBrackets.test(name) || countsInBrackets.test(columns[0]?.name ?? '');
    for (const [line, cells] of grid.rows.entries()) {
      const text = cells[column] ?? '';
      const cell = () => grid.cell(grid.numbers[line] ?? 0, column, text);
      const composite = readComposite(text);
      if (composite && bracketed) {
        if (composite.places === 0 && composite.part > 0 && composite.part < threshold) small.push(cell());
      } else if (composite && !composite.percent) {
        const { lowest, highest } =
          base === undefined
            ? { lowest: 1, highest: 0 }
            : computeCountRange(composite.part, 0.5 * 10 ** -composite.places, base);
        const isPercentage = [cells[0], sections[line], name].some(label => /%|\bper ?cent/i.test(label ?? ''));
        if (composite.count > 0 && composite.count < threshold && composite.part <= 100)
          if (isPercentage || (lowest <= composite.count && composite.count <= highest)) small.push(cell());
      } else if (base !== undefined && cells !== row) {
        const share = shareOf(text, role);
        if (!share || share.value <= 0 || share.value >= 100) continue;
        const { lowest, highest } = computeCountRange(share.value, 0.5 * 10 ** -share.places, base);
        const isSmall = (low: number, high: number) => low <= high && high >= 1 && high < threshold;
        if (isSmall(lowest, highest) || isSmall(base - highest, base - lowest)) shares.push(cell());
      }
    }
  }
  if (small.length > 0 && findings.runs('sdc.minimum-count'))
    findings.add(
      'sdc.minimum-count',
      `A count beside its percentage or its statistic is below ${threshold}. Suppress both, or merge categories.`,
      small,
    );
  if (shares.length > 0 && findings.runs('sdc.percentages'))
    findings.add(
      'sdc.percentages',
      'This percentage and the denominator in its heading or in the row N reveal a count below the threshold. Suppress it and its count, or merge categories.',
      shares,
    );
}

/** For every row the label of the last row before it that has a label and nothing else. */
function sectionsOf({ rows }: TableGrid): string[] {
  let section = '';
  return rows.map(cells => {
    const [label = '', ...rest] = cells;
    if (rest.every(cell => /^\s*(NA|nan)?\s*$/i.test(cell))) section = label;
    return section;
  });
}

/** Finds groups in which everybody has a property: a percentage of 100 with a denominator of its own. */
export function checkFullGroups(grid: TableGrid, columns: readonly ColumnClass[], findings: Findings): void {
  if (!columns.some(({ role }) => role === 'denominator' || role === 'count') || !findings.runs('sdc.full-cells'))
    return;
  for (const [column, { name, role }] of columns.entries()) {
    if (role !== 'percent' || /\bcum/i.test(name)) continue;
    const values = grid.rows.map(cells => readNumber(cells[column] ?? '')?.value);
    const sum = values.reduce((total: number, value) => total + (value ?? 0), 0);
    // The parts of a distribution come to 100, its total is 100: they say nothing of anybody.
    if (Math.abs(sum - 100) < 1 || Math.abs(sum - 200) < 2) continue;
    const fullCells = values.flatMap((value, line) =>
      value === 100 && !/^(grand |sub ?)?totals?\b|^(all|overall|sum)\b/i.test((grid.rows[line]?.[0] ?? '').trim())
        ? [grid.cell(grid.numbers[line] ?? 0, column, grid.rows[line]?.[column] ?? '')]
        : [],
    );
    if (fullCells.length > 0)
      findings.add(
        'sdc.full-cells',
        'A percentage of 100 discloses the value of everyone in the group (class disclosure). Merge groups, or remove it.',
        fullCells,
      );
  }
}

/**
 * Those who have not: where a percentage shows one column to be a part of another in every row, what is left of the
 * whole is a count as much as if it were written.
 */
export function checkRemainders(grid: TableGrid, columns: readonly ColumnClass[], findings: Findings): void {
  const percents = columns.flatMap(({ role }, column) => (role === 'percent' ? [column] : []));
  if (percents.length === 0 || columns.length > 30 || grid.rows.length > 2000 || !findings.runs('sdc.percentages'))
    return;
  const { threshold } = findings.policy.rules['sdc.minimum-count'];
  const values = columns.map((_, column) => grid.rows.map(cells => readNumber(cells[column] ?? '')));
  for (const [whole, wholes] of values.entries())
    for (const [part, parts] of values.entries()) {
      if (whole === part || percents.includes(whole) || percents.includes(part)) continue;
      const lines = wholes.flatMap((read, line) => (read && parts[line] ? [line] : []));
      const shows = percents.some(
        column =>
          lines.length >= 2 &&
          lines.every(line => {
            const [wholeCount, partCount, share] = [
              wholes[line]?.value ?? 0,
              parts[line]?.value ?? 0,
              values[column]?.[line],
            ];
            return (
              share &&
              partCount <= wholeCount &&
              Math.abs((100 * partCount) / wholeCount - share.value) <= 0.51 * 10 ** -share.places
            );
          }),
      );
      if (!shows) continue;
      const small = lines.filter(line => {
        const remainder = (wholes[line]?.value ?? 0) - (parts[line]?.value ?? 0);
        return remainder > 0 && remainder < threshold;
      });
      if (small.length > 0)
        findings.add(
          'sdc.percentages',
          'This count and its total differ by less than the threshold, so the few who are not counted are disclosed. Round both, or merge groups.',
          small.map(line => grid.cell(grid.numbers[line] ?? 0, part, grid.rows[line]?.[part] ?? '')),
        );
    }
}
