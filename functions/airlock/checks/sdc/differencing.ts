import * as z from 'zod';
import { type Findings, quoted } from '../findings.ts';
import { isTotal, plainName } from './columns.ts';
import { earlierThan, shapeOf, tablesWith } from './earlier.ts';
import type { Grid, Item, Melted } from './grid.ts';

/** A table's counts as they are remembered: keys as hashes, so that a summary is small and holds no labels. */
export const Summary = z.object({
  v: z.literal(1),
  path: z.string().max(1024),
  sheet: z.string().max(200).optional(),
  dimensions: z.array(z.string().max(200)),
  measure: z.string().max(200),
  /** Counts that are multiples of 5 or more, whose differences are noise. */
  rounded: z.boolean(),
  /** Every count by its key; null where it was suppressed. */
  cells: z.array(z.tuple([z.string(), z.number().nullable()])),
  /** The sums over all else of each value of each dimension, and of the table: what another table's may be taken from. */
  sums: z.array(z.tuple([z.string(), z.number()])),
  /** The table had more counts than are kept. */
  cut: z.boolean(),
});
export type Summary = z.infer<typeof Summary>;

/** A summary with the release that it left in. */
export const Released = Summary.extend({ release: z.string().max(200) });
export type Released = z.infer<typeof Released>;

/** What a project's earlier releases are to the checks: a summary for every table that has left. */
export const Differencing = z.array(Released);
export type Differencing = z.infer<typeof Differencing>;

const mostKept = 10_000;

/** FNV-1a of 53 bits, in base 36. */
function hash(text: string): string {
  let [high, low] = [0x811c9dc5, 0xdeadbeef];
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    high = Math.imul(high ^ unit, 0x01000193);
    low = Math.imul(low ^ unit ^ (high >>> 15), 0x85ebca6b);
  }
  return ((high >>> 11) * 2 ** 32 + (low >>> 0)).toString(36);
}

const plain = (text: string) => plainName(text).slice(0, 200) || text.trim().toLowerCase().slice(0, 200);

/** A key that does not depend on the order of the columns, on case or on spaces. */
const keyOf = (dimensions: readonly string[], { key }: Item): string =>
  hash(
    key
      .map((part, at) => `${plain(dimensions[at] ?? '')}=${isTotal(part) ? '*' : part.trim().toLowerCase()}`)
      .sort()
      .join('\u0001'),
  );

export function summaryOf(table: Melted, grid: Grid, rounded: boolean): Summary {
  const { items, dimensions, measure } = table;
  const sums = new Map<string, number>();
  const add = (key: string, value: number) => sums.set(key, (sums.get(key) ?? 0) + value);
  for (const { key, value } of items) {
    if (value === undefined || key.some(isTotal)) continue;
    add('*', value);
    for (const [at, part] of key.entries())
      add(hash(`${plain(dimensions[at] ?? '')}=${part.trim().toLowerCase()}`), value);
  }
  return {
    v: 1,
    path: grid.path.slice(0, 1024),
    ...(grid.sheet === undefined ? {} : { sheet: grid.sheet.slice(0, 200) }),
    dimensions: dimensions.map(plain).sort(),
    measure: plain(measure),
    rounded,
    cells: items.slice(0, mostKept).map(item => [keyOf(dimensions, item), item.value ?? null]),
    sums: [...sums].slice(0, mostKept),
    cut: items.length > mostKept,
  };
}

/**
 * What a table and one that left earlier tell by subtraction: the same cell with another value, or sums over the same
 * people in tables of another shape, that differ by less than the threshold but do differ.
 */
export function differences(
  summary: Summary,
  table: Melted,
  grid: Grid,
  released: readonly Released[],
  findings: Findings,
): void {
  if (summary.rounded) return;
  const { threshold } = findings.policy.rules['sdc.minimum-count'];
  const close = (one: number, other: number) => one !== other && Math.abs(one - other) < threshold;
  const index = earlierThan(released, summary.measure);
  if (!index) return;
  const hits = new Map<number, { items: Item[]; sums: number }>();
  const hit = (table: number) => {
    const known = hits.get(table) ?? { items: [], sums: 0 };
    hits.set(table, known);
    return known;
  };
  const shaped = index.cells.get(shapeOf(summary.dimensions));
  for (const item of shaped ? table.items : []) {
    const { value } = item;
    if (value === undefined) continue;
    for (const at of tablesWith(shaped, keyOf(table.dimensions, item), before => close(value, before)))
      hit(at).items.push(item);
  }
  for (const [key, value] of summary.sums)
    for (const at of tablesWith(index.sums, key, before => close(value, before))) hit(at).sums++;
  const [first] = table.items;
  for (const [at, { items, sums }] of [...hits].sort(([one], [other]) => one - other)) {
    const earlier = released[at] as Released;
    const from = `“${quoted(earlier.path, 80)}” of release ${quoted(earlier.release, 60)}`;
    for (const item of items)
      findings.add(
        'sdc.differencing',
        `The same count in ${from} differs by less than ${threshold}, which tells how few people the two differ by. Round both, or release the one alone.`,
        [grid.cell(item.row, item.column, item.text)],
      );
    if (sums > 0 && first)
      findings.add(
        'sdc.differencing',
        `Sums of this table and of ${from} differ by less than ${threshold}: the people in one and not in the other can be told by subtraction.`,
        [grid.cell(first.row, first.column, first.text)],
        sums,
      );
  }
}
