import type { Findings } from '../findings.ts';
import { type CountItem, type CountTable, findTotalLines, type TableGrid, type TotalLine } from './grid.ts';

/** One category has all of a group: whoever is known to be in the group is known to have it. */
export function checkFullCells(table: CountTable, grid: TableGrid, findings: Findings): void {
  const seen = new Set<CountItem>();
  for (const { total, parts, dimension } of findTotalLines(table)) {
    if (parts.some(({ value }) => value === undefined)) continue;
    if (!total && !table.cross) continue;
    const filled = parts.filter(({ value }) => value !== 0);
    const [only] = filled;
    if (filled.length !== 1 || !only || seen.has(only) || only.key.some((key, at) => at !== dimension && key === ''))
      continue;
    seen.add(only);
    findings.add(
      'sdc.full-cells',
      'Everyone in this group is in one category, which discloses each member’s value (class disclosure). Merge categories or groups.',
      [grid.cell(only.row, only.column, only.text)],
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
  const [, below] = /^<\s?(\d+)$/.exec(text.trim()) ?? [];
  return { low: 0, high: below === undefined ? Number.POSITIVE_INFINITY : Number(below) - 1 };
}

/** A label of everybody that other rows are parts of, where no row is called a total. */
const everybody = /^(n|base|sample( size)?|all .{1,20}|united kingdom|uk|great britain|gb|national)$/i;

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
    const left = (greatest.value ?? 0) - rest.reduce((sum, { value }) => sum + (value ?? 0), 0);
    const sure = everybody.test((greatest.key[dimension] ?? '').trim()) || parts.length >= 5;
    return sure && left > 0 && left < threshold ? [{ total: greatest, parts: rest, dimension }] : [];
  });
}

/** More suppressed cells or lines than this are not solved for; their bounds are narrowed all the same. */
const mostUnknown = 300;
const mostLines = 600;

/** Suppressed cells that the sums of all lines together leave one value, by elimination. */
function solved(lines: readonly TotalLine[], hidden: readonly CountItem[]): Map<CountItem, number> {
  const of = new Map(hidden.map((item, at) => [item, at]));
  if (hidden.length > mostUnknown || lines.length > mostLines) return new Map();
  const width = hidden.length;
  const rows = lines.map(({ total, parts }) => {
    const row = new Float64Array(width + 1);
    const put = (item: CountItem, sign: number) => {
      const at = of.get(item);
      if (at === undefined) row[width] = (row[width] as number) - sign * (item.value ?? 0);
      else row[at] = (row[at] as number) + sign;
    };
    for (const part of parts) put(part, 1);
    if (total) put(total, -1);
    return row;
  });
  let rank = 0;
  for (let column = 0; column < width && rank < rows.length; column++) {
    const found = rows.findIndex((row, at) => at >= rank && Math.abs(row[column] as number) > 1e-9);
    if (found < 0) continue;
    const pivot = rows[found];
    const other = rows[rank];
    if (!pivot || !other) break;
    rows[found] = other;
    rows[rank++] = pivot;
    const by = pivot[column] as number;
    for (let at = column; at <= width; at++) pivot[at] = (pivot[at] as number) / by;
    for (const row of rows) {
      const times = row[column] as number;
      if (row === pivot || times === 0) continue;
      for (let at = column; at <= width; at++) row[at] = (row[at] as number) - times * (pivot[at] as number);
    }
  }
  // Totals that do not add up say nothing of their parts.
  if (rows.slice(rank).some(row => Math.abs(row[width] as number) > 1e-6)) return new Map();
  return new Map(
    rows.slice(0, rank).flatMap((row): [CountItem, number][] => {
      const at = row.findIndex((value, index) => index < width && Math.abs(value) > 1e-9);
      const alone = row.every((value, index) => index === at || index === width || Math.abs(value) < 1e-9);
      const item = hidden[at];
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
  const all = findTotalLines(table);
  const lines = [...all.filter(({ total }) => total !== undefined), ...unnamed(all, threshold)];
  const hidden = table.items.filter(({ value }) => value === undefined);
  if (hidden.length === 0 || lines.length === 0) return;
  const bounds = new Map(table.items.map(item => [item, boundsOf(item)]));
  const get = (item: CountItem) => bounds.get(item) ?? { low: 0, high: Number.POSITIVE_INFINITY };
  const open = lines.filter(({ total, parts }) => [total, ...parts].some(item => item && item.value === undefined));
  const narrow = (item: CountItem, low: number, high: number): boolean => {
    const known = get(item);
    const [from, to] = [Math.max(known.low, low), Math.min(known.high, high)];
    // Totals that do not add up say nothing of their parts.
    if (item.value !== undefined || from > to || (from === known.low && to === known.high)) return false;
    bounds.set(item, { low: from, high: to });
    return true;
  };
  for (let turn = 0, changed = true; changed && turn < 30; turn++) {
    changed = false;
    for (const { total, parts } of open) {
      if (!total) continue;
      const low = parts.reduce((sum, part) => sum + get(part).low, 0);
      const unbounded = parts.filter(part => get(part).high === Number.POSITIVE_INFINITY).length;
      const high = parts.reduce((sum, part) => sum + (Number.isFinite(get(part).high) ? get(part).high : 0), 0);
      changed = narrow(total, low, unbounded > 0 ? Number.POSITIVE_INFINITY : high) || changed;
      for (const part of parts) {
        if (part.value !== undefined) continue;
        const own = get(part);
        const others = unbounded - (own.high === Number.POSITIVE_INFINITY ? 1 : 0);
        const most = others > 0 ? Number.POSITIVE_INFINITY : high - (Number.isFinite(own.high) ? own.high : 0);
        changed = narrow(part, get(total).low - most, get(total).high - (low - own.low)) || changed;
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
