import type { CellIndex, IndexedTable } from './cell-index.ts';
import { COUNT_MARKS } from './marginals.ts';
import { combineProbabilities, nearnessProbability } from './statistics.ts';

/** A count of a new table and one of another, of the same people as far as labels tell, that differ by a few. */
export interface NearbyCounts {
  readonly row: number;
  readonly column: number;
  readonly value: number;
  /** The other table's. */
  readonly otherRow: number;
  readonly otherColumn: number;
  readonly by: number;
  /** One of the two is a sum over cells from there on. */
  readonly sum: boolean;
}

/** What two tables tell by subtraction. */
export interface TableDifference {
  readonly table: number;
  readonly other: number;
  /** That they count the same people, but for a few, is no chance. Where it may be one, a person must say. */
  readonly certain: boolean;
  readonly near: readonly NearbyCounts[];
  readonly count: number;
}

/** Pairs of tables with counts near each other: of each new table, the tables of the others. */
export type CandidatePairs = Map<number, Set<number>>;

/** A difference names so many pairs of counts. */
const mostNamed = 50;
/** So many tables of one list are looked at for one new table. */
export const MAX_CANDIDATE_TABLES = 500;

/** The chance that is taken of calling two unrelated tables related. */
const chance = 0.05;

/**
 * Whether the measures of two tables can be subtracted: both count the same thing, or one counts people and the other some
 * of them.
 */
const relates = (one: IndexedTable, other: IndexedTable) =>
  one.measure === other.measure || (one.general !== other.general && one.variables.join() === other.variables.join());

/** Tables of one grid, such as two columns of counts, say nothing more to each other than the rules on one table have said. */
const sameGrid = (one: IndexedTable, other: IndexedTable) => one.path === other.path && one.table === other.table;

const shares = (one: IndexedTable, other: IndexedTable) => one.variables.some(name => other.variables.includes(name));

/** Whether the counts at two places can be subtracted, whatever they are. */
function comparable(a: CellIndex, i: number, b: CellIndex, j: number, same: boolean): boolean {
  const [one, other] = [a.marks[i] as number, b.marks[j] as number];
  const hidden = (one & COUNT_MARKS.hidden) + (other & COUNT_MARKS.hidden);
  if (hidden > 1) return false;
  if ((other & COUNT_MARKS.probe) !== 0) return false;
  if ((one & COUNT_MARKS.probe) !== 0) return (other & COUNT_MARKS.bound) !== 0;
  return !same || (a.of[i] as number) > (b.of[j] as number);
}

/**
 * The pairs of tables that have counts of the same people with a small difference. `same` compares a list with itself.
 * One pass over both lists: what has the same key lies together, and within that what has nearly the same value.
 */
export function findCandidatePairs(
  a: CellIndex,
  b: CellIndex,
  threshold: number,
  same: boolean,
  found: CandidatePairs = new Map(),
): CandidatePairs {
  const pairs = new Map<number, boolean>();
  const related = (one: number, other: number): boolean => {
    const pair = one * b.tables.length + other;
    let fits = pairs.get(pair);
    if (fits === undefined) {
      const [left, right] = [a.tables[one], b.tables[other]];
      fits =
        left !== undefined &&
        right !== undefined &&
        !(same && (one === other || sameGrid(left, right))) &&
        !left.rounded &&
        !right.rounded &&
        shares(left, right) &&
        relates(left, right);
      if (pairs.size > 100_000) pairs.clear();
      pairs.set(pair, fits);
    }
    return fits;
  };
  for (let i = 0, j = 0; i < a.keys.length && j < b.keys.length; ) {
    const [left, right] = [a.keys[i] as number, b.keys[j] as number];
    if (left < right) i++;
    else if (right < left) j++;
    else {
      let [first, end] = [j, j];
      while (b.keys[end] === right) end++;
      for (; a.keys[i] === left; i++) {
        const value = a.values[i] as number;
        while (first < end && (b.values[first] as number) <= value - threshold) first++;
        for (let at = first; at < end && (b.values[at] as number) < value + threshold; at++) {
          if (b.values[at] === value || !comparable(a, i, b, at, same)) continue;
          let [one, other] = [a.of[i] as number, b.of[at] as number];
          if (same && other > one) [one, other] = [other, one];
          const known = found.get(one);
          if (known && (known.has(other) || known.size > MAX_CANDIDATE_TABLES)) continue;
          if (!related(one, other)) continue;
          if (known) known.add(other);
          else found.set(one, new Set([other]));
        }
      }
      j = end;
    }
  }
  return found;
}

/** Where the counts of each table are in a list. */
function placesIn({ tables, of }: CellIndex, wanted: (table: number) => boolean): number[][] {
  const places: number[][] = tables.map(() => []);
  for (let at = 0; at < of.length; at++) if (wanted(of[at] as number)) places[of[at] as number]?.push(at);
  return places;
}

/** What is known of two tables from all that they have in common. `among` is how many such pairs the new table is in. */
export function findTableDifferences(
  a: CellIndex,
  b: CellIndex,
  threshold: number,
  pairs: CandidatePairs,
  among: (table: number) => number,
): TableDifference[] {
  const others = new Set([...pairs.values()].flatMap(tables => [...tables]));
  const [ours, theirs] = [placesIn(a, table => pairs.has(table)), placesIn(b, table => others.has(table))];
  return [...pairs].flatMap(([table, tables]) =>
    [...tables].flatMap(other => {
      const found = judge(a, ours[table] ?? [], b, theirs[other] ?? [], threshold, chance / among(table));
      return found ? [{ table, other, ...found }] : [];
    }),
  );
}

/** Every pair of places with the same key; both lists are in the order of keys. */
function* common(a: CellIndex, ours: readonly number[], b: CellIndex, theirs: readonly number[]) {
  for (let i = 0, j = 0; i < ours.length && j < theirs.length; ) {
    const [at, there] = [ours[i] as number, theirs[j] as number];
    const order = (a.keys[at] as number) - (b.keys[there] as number);
    if (order < 0) i++;
    else if (order > 0) j++;
    else {
      yield [at, there] as const;
      // A key may come twice in a table: as a bound and, nearby, as what another may have.
      let next = j + 1;
      for (; next < theirs.length && b.keys[theirs[next] as number] === a.keys[at]; next++)
        yield [at, theirs[next] as number] as const;
      i++;
    }
  }
}

function judge(
  a: CellIndex,
  ours: readonly number[],
  b: CellIndex,
  theirs: readonly number[],
  threshold: number,
  alpha: number,
): Pick<TableDifference, 'certain' | 'near' | 'count'> | undefined {
  const [one, other] = [a.tables[a.of[ours[0] ?? 0] as number], b.tables[b.of[theirs[0] ?? 0] as number]];
  if (!one || !other) return undefined;
  const sameVariables = one.variables.join() === other.variables.join();
  const [cells, sums]: [NearbyCounts[], NearbyCounts[]] = [[], []];
  let [inCells, inSums, far, published, bounded] = [0, 0, 0, false, false];
  // Bit 1: ours has more people somewhere; bit 2: the other has.
  let [nearSigns, farSigns] = [0, 0];
  const groups = new Map<number, { logs: number; count: number }>();
  for (const [i, j] of common(a, ours, b, theirs)) {
    const [left, right] = [a.marks[i] as number, b.marks[j] as number];
    const [mine, its] = [a.values[i] as number, b.values[j] as number];
    const shifted = ((left | right) & COUNT_MARKS.probe) !== 0;
    if (shifted && ((left & right & COUNT_MARKS.probe) !== 0 || ((left | right) & COUNT_MARKS.bound) === 0)) continue;
    const hidden = (left & COUNT_MARKS.hidden) + (right & COUNT_MARKS.hidden);
    if (hidden > 1) continue;
    const by = mine - its;
    const sign = by > 0 ? 1 : by < 0 ? 2 : 0;
    if (by !== 0 && Math.abs(by) < threshold) {
      const sum = ((left | right) & COUNT_MARKS.derived) !== 0;
      if (sum) inSums++;
      else inCells++;
      const near = sum ? sums : cells;
      if (!shifted && hidden === 0) nearSigns |= sign;
      bounded ||= ((left | right) & COUNT_MARKS.bound) !== 0;
      published ||= (left & right & COUNT_MARKS.derived) === 0;
      if (near.length < mostNamed)
        near.push({
          row: a.rows[i] as number,
          column: a.columns[i] as number,
          value: mine,
          otherRow: b.rows[j] as number,
          otherColumn: b.columns[j] as number,
          by: Math.abs(by),
          sum,
        });
    }
    if (hidden > 0 || shifted || ((left | right) & COUNT_MARKS.bound) !== 0) continue;
    if (Math.abs(by) >= threshold) {
      far++;
      farSigns |= sign;
    }
    const mask = a.masks[i] as number;
    const group = groups.get(mask) ?? { logs: 0, count: 0 };
    groups.set(mask, group);
    group.logs += Math.log(nearnessProbability(mine, its));
    group.count++;
  }
  // Sums differ where their cells do: they are reported only where no cell is.
  const [near, count] = inCells > 0 ? [cells, inCells] : [sums, inSums];
  if (count === 0) return undefined;
  const finer = [...groups].filter(([mask]) => mask !== 0).map(([, group]) => group);
  const tried = finer.length > 0 ? finer : [...groups.values()];
  const least = Math.min(1, ...tried.map(({ logs, count }) => combineProbabilities(logs, count)));
  const byChance = least * Math.max(1, tried.length) >= alpha;
  // Where no label is common to both, as with areas cut in another way, the total alone says too little to be sure.
  if (finer.length === 0 && !bounded) return byChance || !sameVariables ? undefined : { certain: false, near, count };
  if (one.measure === other.measure && !byChance) return { certain: true, near, count };
  // People of one table can all be in the other only where that has no fewer of them anywhere.
  const signs = nearSigns | farSigns;
  const within = far === 0 || signs < 3;
  const part = one.measure === other.measure || signs === (one.general ? 1 : 2);
  return within && part && (published || sameVariables) ? { certain: false, near, count } : undefined;
}
