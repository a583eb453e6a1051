import type { Findings } from '../findings.ts';
import { type Grid, type Item, linesOf, type Melted } from './grid.ts';

/** One category has all of a group: whoever is known to be in the group is known to have it. */
export function fullCells(table: Melted, grid: Grid, findings: Findings): void {
  const seen = new Set<Item>();
  for (const { total, parts, dimension } of linesOf(table)) {
    if (parts.some(({ value }) => value === undefined)) continue;
    if (!total && !(table.cross && dimension === table.dimensions.length - 1)) continue;
    const filled = parts.filter(({ value }) => value !== 0);
    const [only] = filled;
    if (filled.length !== 1 || !only || seen.has(only) || only.key.some((key, at) => at !== dimension && key === ''))
      continue;
    seen.add(only);
    findings.add(
      'sdc.full-cells',
      'One category has everyone of a group, and the others nobody: this tells it of each of them. Merge categories or groups.',
      [grid.cell(only.row, only.column, only.text)],
    );
  }
}

interface Bounds {
  low: number;
  high: number;
}

/** What a mark itself says of the value: `<10` is at most 9. */
function boundsOf({ value, text }: Item): Bounds {
  if (value !== undefined) return { low: value, high: value };
  const [, below] = /^<\s?(\d+)$/.exec(text.trim()) ?? [];
  return { low: 0, high: below === undefined ? Number.POSITIVE_INFINITY : Number(below) - 1 };
}

/**
 * Suppressed counts that the totals give away: the bounds of each are narrowed along every line of the table until
 * nothing changes, so that a cell found in one line serves in the next. A value below the threshold that is left with one
 * possibility is disclosed.
 */
export function complementary(table: Melted, grid: Grid, findings: Findings): void {
  const lines = linesOf(table).filter(({ total }) => total !== undefined);
  const hidden = table.items.filter(({ value }) => value === undefined);
  if (hidden.length === 0 || lines.length === 0) return;
  const bounds = new Map(table.items.map(item => [item, boundsOf(item)]));
  const get = (item: Item) => bounds.get(item) ?? { low: 0, high: Number.POSITIVE_INFINITY };
  const open = lines.filter(({ total, parts }) => [total, ...parts].some(item => item && item.value === undefined));
  const narrow = (item: Item, low: number, high: number): boolean => {
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
  const { threshold } = findings.policy.rules['sdc.minimum-count'];
  for (const item of hidden) {
    const { low, high } = get(item);
    if (low === high && low > 0 && low < threshold)
      findings.add(
        'sdc.complementary',
        'A suppressed count below the threshold follows from the totals. Suppress a second cell in its row and its column.',
        [grid.cell(item.row, item.column, item.text)],
      );
  }
}
