import type { Released } from './differencing.ts';

/** Values that left under a key, each followed by the index of its table. */
type Left = Map<string, number[]>;

/** What left before with one measure: cells by the shape of their tables (its dimensions) and their key, and sums. */
interface Earlier {
  readonly cells: Map<string, Left>;
  readonly sums: Left;
}

export const shapeOf = (dimensions: readonly string[]): string => dimensions.join('\u0001');

const made = new WeakMap<readonly Released[], Map<string, Earlier>>();

/**
 * The index of all that left, made once for all files that are compared with it: ten thousand tables against ten thousand
 * would else be a hundred million comparisons.
 */
export function earlierThan(released: readonly Released[], measure: string): Earlier | undefined {
  const known = made.get(released);
  if (known) return known.get(measure);
  const index = new Map<string, Earlier>();
  const add = (left: Left, entries: readonly (readonly [string, number | null])[], table: number) => {
    for (const [key, value] of new Map(entries)) {
      if (value === null) continue;
      const there = left.get(key);
      if (there) there.push(value, table);
      else left.set(key, [value, table]);
    }
  };
  for (const [table, { rounded, measure, dimensions, cells, sums }] of released.entries()) {
    if (rounded) continue;
    const of = index.get(measure) ?? { cells: new Map(), sums: new Map() };
    index.set(measure, of);
    const shape = shapeOf(dimensions);
    const shaped: Left = of.cells.get(shape) ?? new Map();
    of.cells.set(shape, shaped);
    add(shaped, cells, table);
    add(of.sums, sums, table);
  }
  made.set(released, index);
  return index.get(measure);
}

/** The tables which had a value under the key that fits. */
export function* tablesWith(left: Left | undefined, key: string, fits: (value: number) => boolean): Generator<number> {
  const pairs = left?.get(key) ?? [];
  for (let at = 0; at < pairs.length; at += 2) if (fits(pairs[at] as number)) yield pairs[at + 1] as number;
}
