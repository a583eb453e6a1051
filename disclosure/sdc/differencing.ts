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
  readonly distance: number;
  /** One of the two is a sum over cells from there on. */
  readonly sum: boolean;
}

/** What two tables tell by subtraction. */
export interface TableDifference {
  readonly table: number;
  readonly otherTable: number;
  /** Whether they surely count the same people but for a few. Where it may be chance, a person decides. */
  readonly certain: boolean;
  readonly nearbyCounts: readonly NearbyCounts[];
  readonly count: number;
}

/** For each new table, the other tables that have counts near to its own. */
export type CandidatePairs = Map<number, Set<number>>;

/** The most pairs of counts that a difference names. */
const MAX_NAMED_COUNTS = 50;
/** The most tables of one list that a new table is compared with. */
export const MAX_CANDIDATE_TABLES = 500;

/** The accepted probability of calling two unrelated tables related. */
const chance = 0.05;

/**
 * Whether the measures of two tables can be subtracted: both count the same thing, or one counts people and the other some
 * of them.
 */
const relates = (first: IndexedTable, second: IndexedTable) =>
  first.measure === second.measure ||
  (first.general !== second.general && first.variables.join() === second.variables.join());

/** Two tables of one grid, such as two columns of counts: the rules on one table already compare them. */
const sameGrid = (first: IndexedTable, second: IndexedTable) =>
  first.path === second.path && first.table === second.table;

const shares = (first: IndexedTable, second: IndexedTable) =>
  first.variables.some(name => second.variables.includes(name));

/** Whether the counts at two places can be subtracted, whatever they are. */
function comparable(
  newIndex: CellIndex,
  place: number,
  otherIndex: CellIndex,
  otherPlace: number,
  isSame: boolean,
): boolean {
  const [newMarks, otherMarks] = [newIndex.marks[place] as number, otherIndex.marks[otherPlace] as number];
  const hidden = (newMarks & COUNT_MARKS.hidden) + (otherMarks & COUNT_MARKS.hidden);
  if (hidden > 1) return false;
  if ((otherMarks & COUNT_MARKS.probe) !== 0) return false;
  if ((newMarks & COUNT_MARKS.probe) !== 0) return (otherMarks & COUNT_MARKS.bound) !== 0;
  return !isSame || (newIndex.tableIndexes[place] as number) > (otherIndex.tableIndexes[otherPlace] as number);
}

/**
 * The pairs of tables that have counts of the same people with a small difference. `same` compares a list with itself.
 * One pass over both lists: what has the same key lies together, and within that what has nearly the same value.
 */
export function findCandidatePairs(
  newIndex: CellIndex,
  otherIndex: CellIndex,
  threshold: number,
  isSame: boolean,
  candidates: CandidatePairs = new Map(),
): CandidatePairs {
  const pairs = new Map<number, boolean>();
  const related = (newTable: number, otherTable: number): boolean => {
    const pair = newTable * otherIndex.tables.length + otherTable;
    let fits = pairs.get(pair);
    if (fits === undefined) {
      const [firstTable, secondTable] = [newIndex.tables[newTable], otherIndex.tables[otherTable]];
      fits =
        firstTable !== undefined &&
        secondTable !== undefined &&
        !(isSame && (newTable === otherTable || sameGrid(firstTable, secondTable))) &&
        !firstTable.rounded &&
        !secondTable.rounded &&
        shares(firstTable, secondTable) &&
        relates(firstTable, secondTable);
      if (pairs.size > 100_000) pairs.clear();
      pairs.set(pair, fits);
    }
    return fits;
  };
  for (let place = 0, otherPlace = 0; place < newIndex.keys.length && otherPlace < otherIndex.keys.length; ) {
    const [newKey, otherKey] = [newIndex.keys[place] as number, otherIndex.keys[otherPlace] as number];
    if (newKey < otherKey) place++;
    else if (otherKey < newKey) otherPlace++;
    else {
      let [first, end] = [otherPlace, otherPlace];
      while (otherIndex.keys[end] === otherKey) end++;
      for (; newIndex.keys[place] === newKey; place++) {
        const value = newIndex.values[place] as number;
        while (first < end && (otherIndex.values[first] as number) <= value - threshold) first++;
        for (
          let position = first;
          position < end && (otherIndex.values[position] as number) < value + threshold;
          position++
        ) {
          if (otherIndex.values[position] === value || !comparable(newIndex, place, otherIndex, position, isSame))
            continue;
          let [newTable, otherTable] = [
            newIndex.tableIndexes[place] as number,
            otherIndex.tableIndexes[position] as number,
          ];
          if (isSame && otherTable > newTable) [newTable, otherTable] = [otherTable, newTable];
          const tables = candidates.get(newTable);
          if (tables && (tables.has(otherTable) || tables.size > MAX_CANDIDATE_TABLES)) continue;
          if (!related(newTable, otherTable)) continue;
          if (tables) tables.add(otherTable);
          else candidates.set(newTable, new Set([otherTable]));
        }
      }
      otherPlace = end;
    }
  }
  return candidates;
}

/** Where the counts of each table are in a list. */
function placesIn({ tables, tableIndexes }: CellIndex, isWanted: (table: number) => boolean): number[][] {
  const places: number[][] = tables.map(() => []);
  for (let position = 0; position < tableIndexes.length; position++)
    if (isWanted(tableIndexes[position] as number)) places[tableIndexes[position] as number]?.push(position);
  return places;
}

/** What two tables tell by all that they have in common. `pairCount` says how many candidate pairs the new table is in. */
export function findTableDifferences(
  newIndex: CellIndex,
  otherIndex: CellIndex,
  threshold: number,
  pairs: CandidatePairs,
  pairCount: (table: number) => number,
): TableDifference[] {
  const otherTables = new Set([...pairs.values()].flatMap(tables => [...tables]));
  const [newPlaces, otherPlaces] = [
    placesIn(newIndex, table => pairs.has(table)),
    placesIn(otherIndex, table => otherTables.has(table)),
  ];
  return [...pairs].flatMap(([table, tables]) =>
    [...tables].flatMap(otherTable => {
      const difference = judge(
        newIndex,
        newPlaces[table] ?? [],
        otherIndex,
        otherPlaces[otherTable] ?? [],
        threshold,
        chance / pairCount(table),
      );
      return difference ? [{ table, otherTable, ...difference }] : [];
    }),
  );
}

/** Every pair of places with the same key; both lists are in the order of keys. */
function* common(
  newIndex: CellIndex,
  newPlaces: readonly number[],
  otherIndex: CellIndex,
  otherPlaces: readonly number[],
) {
  for (let cursor = 0, otherCursor = 0; cursor < newPlaces.length && otherCursor < otherPlaces.length; ) {
    const [place, otherPlace] = [newPlaces[cursor] as number, otherPlaces[otherCursor] as number];
    const order = (newIndex.keys[place] as number) - (otherIndex.keys[otherPlace] as number);
    if (order < 0) cursor++;
    else if (order > 0) otherCursor++;
    else {
      yield [place, otherPlace] as const;
      // A key may come twice in a table: as a bound and, nearby, as what another may have.
      let next = otherCursor + 1;
      for (; next < otherPlaces.length && otherIndex.keys[otherPlaces[next] as number] === newIndex.keys[place]; next++)
        yield [place, otherPlaces[next] as number] as const;
      cursor++;
    }
  }
}

function judge(
  newIndex: CellIndex,
  newPlaces: readonly number[],
  otherIndex: CellIndex,
  otherPlaces: readonly number[],
  threshold: number,
  alpha: number,
): Pick<TableDifference, 'certain' | 'nearbyCounts' | 'count'> | undefined {
  const [newTable, otherTable] = [
    newIndex.tables[newIndex.tableIndexes[newPlaces[0] ?? 0] as number],
    otherIndex.tables[otherIndex.tableIndexes[otherPlaces[0] ?? 0] as number],
  ];
  if (!newTable || !otherTable) return undefined;
  const sameVariables = newTable.variables.join() === otherTable.variables.join();
  const [cells, sums]: [NearbyCounts[], NearbyCounts[]] = [[], []];
  let [inCells, inSums, far, published, bounded] = [0, 0, 0, false, false];
  // Bit 1: the new table has more people somewhere; bit 2: the other has.
  let [nearSigns, farSigns] = [0, 0];
  const groups = new Map<number, { logs: number; count: number }>();
  for (const [place, otherPlace] of common(newIndex, newPlaces, otherIndex, otherPlaces)) {
    const [newMarks, otherMarks] = [newIndex.marks[place] as number, otherIndex.marks[otherPlace] as number];
    const [newValue, otherValue] = [newIndex.values[place] as number, otherIndex.values[otherPlace] as number];
    const shifted = ((newMarks | otherMarks) & COUNT_MARKS.probe) !== 0;
    if (
      shifted &&
      ((newMarks & otherMarks & COUNT_MARKS.probe) !== 0 || ((newMarks | otherMarks) & COUNT_MARKS.bound) === 0)
    )
      continue;
    const hidden = (newMarks & COUNT_MARKS.hidden) + (otherMarks & COUNT_MARKS.hidden);
    if (hidden > 1) continue;
    const difference = newValue - otherValue;
    const sign = difference > 0 ? 1 : difference < 0 ? 2 : 0;
    if (difference !== 0 && Math.abs(difference) < threshold) {
      const sum = ((newMarks | otherMarks) & COUNT_MARKS.derived) !== 0;
      if (sum) inSums++;
      else inCells++;
      const nearby = sum ? sums : cells;
      if (!shifted && hidden === 0) nearSigns |= sign;
      bounded ||= ((newMarks | otherMarks) & COUNT_MARKS.bound) !== 0;
      published ||= (newMarks & otherMarks & COUNT_MARKS.derived) === 0;
      if (nearby.length < MAX_NAMED_COUNTS)
        nearby.push({
          row: newIndex.rows[place] as number,
          column: newIndex.columns[place] as number,
          value: newValue,
          otherRow: otherIndex.rows[otherPlace] as number,
          otherColumn: otherIndex.columns[otherPlace] as number,
          distance: Math.abs(difference),
          sum,
        });
    }
    if (hidden > 0 || shifted || ((newMarks | otherMarks) & COUNT_MARKS.bound) !== 0) continue;
    if (Math.abs(difference) >= threshold) {
      far++;
      farSigns |= sign;
    }
    const mask = newIndex.masks[place] as number;
    const group = groups.get(mask) ?? { logs: 0, count: 0 };
    groups.set(mask, group);
    group.logs += Math.log(nearnessProbability(newValue, otherValue));
    group.count++;
  }
  // Sums differ where their cells do: they are reported only where no cell is.
  const [nearbyCounts, count] = inCells > 0 ? [cells, inCells] : [sums, inSums];
  if (count === 0) return undefined;
  const finer = [...groups].filter(([mask]) => mask !== 0).map(([, group]) => group);
  const tried = finer.length > 0 ? finer : [...groups.values()];
  const lowestProbability = Math.min(1, ...tried.map(({ logs, count }) => combineProbabilities(logs, count)));
  const byChance = lowestProbability * Math.max(1, tried.length) >= alpha;
  // Where no label is common to both, as with areas cut in another way, the total alone says too little to be sure.
  if (finer.length === 0 && !bounded)
    return byChance || !sameVariables ? undefined : { certain: false, nearbyCounts, count };
  if (newTable.measure === otherTable.measure && !byChance) return { certain: true, nearbyCounts, count };
  // People of one table can all be in the other only where that has no fewer of them anywhere.
  const signs = nearSigns | farSigns;
  const mayContain = far === 0 || signs < 3;
  const part = newTable.measure === otherTable.measure || signs === (newTable.general ? 1 : 2);
  return mayContain && part && (published || sameVariables) ? { certain: false, nearbyCounts, count } : undefined;
}
