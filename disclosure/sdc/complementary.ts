import type { Findings } from '../findings.ts';
import { type CountItem, type CountTable, findTotalLines, type TableGrid, type TotalLine } from './grid.ts';

/** One category has all of a group: whoever is known to be in the group is known to have it. */
export function checkFullCells(table: CountTable, grid: TableGrid, findings: Findings): void {
  const reportedItems = new Set<CountItem>();
  for (const { total, parts, dimension } of findTotalLines(table)) {
    if (parts.some(({ value }) => value === undefined)) continue;
    if (!total && !table.cross) continue;
    const nonzeroParts = parts.filter(({ value }) => value !== 0);
    const [item] = nonzeroParts;
    if (
      nonzeroParts.length !== 1 ||
      !item ||
      reportedItems.has(item) ||
      item.key.some((key, index) => index !== dimension && key === '')
    )
      continue;
    reportedItems.add(item);
    findings.add(
      'sdc.full-cells',
      'Everyone in this group is in one category, which discloses each member’s value (class disclosure). Merge categories or groups.',
      [grid.cell(item.row, item.column, item.text)],
    );
  }
}

interface Bounds {
  low: number;
  high: number;
}

/** What a mark itself says of the value: `<10` is at most 9. */
function boundsOf({ value, text }: CountItem): Bounds {
  if (value !== undefined) return { low: value, high: value };
  const [, limit] = /^<\s?(\d+)$/.exec(text.trim()) ?? [];
  return { low: 0, high: limit === undefined ? Number.POSITIVE_INFINITY : Number(limit) - 1 };
}

/** A label of everybody that other rows are parts of, where no row is called a total. */
const wholePopulation = /^(n|base|sample( size)?|all .{1,20}|united kingdom|uk|great britain|gb|national)$/i;

/**
 * Lines whose total is not called so: a row N above its characteristics, a country below its parts, or the greatest of
 * five or more if the others come to just less.
 */
function unnamed(lines: readonly TotalLine[], threshold: number): TotalLine[] {
  return lines.flatMap(({ total, parts, dimension }) => {
    const hidden = parts.filter(({ value }) => value === undefined).length;
    if (total || hidden !== 1) return [];
    const greatest = parts.reduce((a, b) => ((b.value ?? 0) > (a.value ?? 0) ? b : a));
    const rest = parts.filter(part => part !== greatest);
    const remainder = (greatest.value ?? 0) - rest.reduce((sum, { value }) => sum + (value ?? 0), 0);
    const sure = wholePopulation.test((greatest.key[dimension] ?? '').trim()) || parts.length >= 5;
    return sure && remainder > 0 && remainder < threshold ? [{ total: greatest, parts: rest, dimension }] : [];
  });
}

/** More suppressed cells or lines than this are not solved for; their bounds are narrowed all the same. */
const MAX_UNKNOWNS = 300;
const MAX_LINES = 600;

/** Suppressed cells that the sums of all lines together leave one value, by elimination. */
function solved(lines: readonly TotalLine[], hidden: readonly CountItem[]): Map<CountItem, number> {
  const unknowns = new Map(hidden.map((item, index) => [item, index]));
  if (hidden.length > MAX_UNKNOWNS || lines.length > MAX_LINES) return new Map();
  const width = hidden.length;
  const rows = lines.map(({ total, parts }) => {
    const row = new Float64Array(width + 1);
    const put = (item: CountItem, sign: number) => {
      const index = unknowns.get(item);
      if (index === undefined) row[width] = (row[width] as number) - sign * (item.value ?? 0);
      else row[index] = (row[index] as number) + sign;
    };
    for (const part of parts) put(part, 1);
    if (total) put(total, -1);
    return row;
  });
  let rank = 0;
  for (let column = 0; column < width && rank < rows.length; column++) {
    const pivotRow = rows.findIndex((row, index) => index >= rank && Math.abs(row[column] as number) > 1e-9);
    if (pivotRow < 0) continue;
    const pivot = rows[pivotRow];
    const displaced = rows[rank];
    if (!pivot || !displaced) break;
    rows[pivotRow] = displaced;
    rows[rank++] = pivot;
    const divisor = pivot[column] as number;
    for (let index = column; index <= width; index++) pivot[index] = (pivot[index] as number) / divisor;
    for (const row of rows) {
      const times = row[column] as number;
      if (row === pivot || times === 0) continue;
      for (let index = column; index <= width; index++)
        row[index] = (row[index] as number) - times * (pivot[index] as number);
    }
  }
  // Totals that do not add up say nothing of their parts.
  if (rows.slice(rank).some(row => Math.abs(row[width] as number) > 1e-6)) return new Map();
  return new Map(
    rows.slice(0, rank).flatMap((row): [CountItem, number][] => {
      const unknown = row.findIndex((value, index) => index < width && Math.abs(value) > 1e-9);
      const alone = row.every((value, index) => index === unknown || index === width || Math.abs(value) < 1e-9);
      const item = hidden[unknown];
      return item && alone ? [[item, Math.round(row[width] as number)]] : [];
    }),
  );
}

/**
 * Suppressed counts that the totals give away: the bounds of each are narrowed along every line of the table until
 * nothing changes, so that a cell found in one line serves in the next; and what several lines give only together is
 * solved for. A value below the threshold that is left with one possibility is disclosed.
 */
export function checkComplementarySuppression(table: CountTable, grid: TableGrid, findings: Findings): void {
  const { threshold } = findings.policy.rules['sdc.minimum-count'];
  const totalLines = findTotalLines(table);
  const lines = [...totalLines.filter(({ total }) => total !== undefined), ...unnamed(totalLines, threshold)];
  const hidden = table.items.filter(({ value }) => value === undefined);
  if (hidden.length === 0 || lines.length === 0) return;
  const bounds = new Map(table.items.map(item => [item, boundsOf(item)]));
  const get = (item: CountItem) => bounds.get(item) ?? { low: 0, high: Number.POSITIVE_INFINITY };
  const open = lines.filter(({ total, parts }) => [total, ...parts].some(item => item && item.value === undefined));
  const narrow = (item: CountItem, low: number, high: number): boolean => {
    const current = get(item);
    const [newLow, newHigh] = [Math.max(current.low, low), Math.min(current.high, high)];
    // Totals that do not add up say nothing of their parts.
    if (item.value !== undefined || newLow > newHigh || (newLow === current.low && newHigh === current.high))
      return false;
    bounds.set(item, { low: newLow, high: newHigh });
    return true;
  };
  for (let turn = 0, hasChanged = true; hasChanged && turn < 30; turn++) {
    hasChanged = false;
    for (const { total, parts } of open) {
      if (!total) continue;
      const low = parts.reduce((sum, part) => sum + get(part).low, 0);
      const unbounded = parts.filter(part => get(part).high === Number.POSITIVE_INFINITY).length;
      const high = parts.reduce((sum, part) => sum + (Number.isFinite(get(part).high) ? get(part).high : 0), 0);
      hasChanged = narrow(total, low, unbounded > 0 ? Number.POSITIVE_INFINITY : high) || hasChanged;
      for (const part of parts) {
        if (part.value !== undefined) continue;
        const partBounds = get(part);
        const otherUnbounded = unbounded - (partBounds.high === Number.POSITIVE_INFINITY ? 1 : 0);
        const otherHigh =
          otherUnbounded > 0
            ? Number.POSITIVE_INFINITY
            : high - (Number.isFinite(partBounds.high) ? partBounds.high : 0);
        hasChanged = narrow(part, get(total).low - otherHigh, get(total).high - (low - partBounds.low)) || hasChanged;
      }
    }
  }
  const exact = solved(open, hidden);
  for (const item of hidden) {
    const { low, high } = get(item);
    const value = low === high ? low : (exact.get(item) ?? 0);
    if (value > 0 && value < threshold)
      findings.add(
        'sdc.complementary',
        'A suppressed count below the threshold follows from the totals. Suppress a second cell in its row and its column.',
        [grid.cell(item.row, item.column, item.text)],
      );
  }
}
