import * as z from 'zod';
import { quoteForFinding } from '../findings.ts';
import { normaliseColumnName } from './columns.ts';
import type { CountTable, TableGrid } from './grid.ts';
import { COUNT_MARKS, computeMarginalCounts, type MarginalCounts } from './marginals.ts';

/** What is stored of a table besides its counts, for comparison with later ones: no label, only its file's name. */
export const IndexedTable = z.object({
  path: z.string(),
  sheet: z.string().optional(),
  /** Which of its file's tables it is, from 1. */
  table: z.number().int(),
  /** The hash of what it counts, and whether that is simply people. */
  measure: z.number(),
  general: z.boolean(),
  variables: z.array(z.number()),
  /** Every count is a multiple of 5 or more, so that differences are noise. */
  rounded: z.boolean(),
  cut: z.boolean(),
});
export type IndexedTable = z.infer<typeof IndexedTable>;

/** A table and its counts. */
export type TableSummary = IndexedTable & { readonly counts: MarginalCounts };
/** A summary with the release that it left in. */
export type ReleasedTable = TableSummary & { readonly release: string };
/** Tables that left a project. */
export type ReleasedTables = readonly ReleasedTable[];

const people = new Set(
  'n no number count counts freq freqs frequency frequencies total obs observations records people persons patients participants individuals subjects population unweighted nobs num'.split(
    ' ',
  ),
);

/** A table's place in its file, and what all tables of the file share. */
export interface TableContext {
  /** Which of its tables, from 1. */
  readonly table: number;
  /** Hashes labels, so that none is stored in clear. */
  readonly hash: (text: string) => number;
  /** How many more counts of the file are kept. */
  readonly room: { left: number };
}

export function summariseTable(
  melted: CountTable,
  grid: TableGrid,
  { isRounded, isSingle }: { isRounded: boolean; isSingle: boolean },
  { table, hash, room }: TableContext,
): TableSummary {
  const measure = normaliseColumnName(melted.measure);
  const isBase = /^(base|denom(inator)?|pop(ulation)?|n total|total n|total( count)?|all)$/.test(measure);
  const general =
    melted.cross || (isBase ? isSingle : measure === '' || people.has(measure.replace(/^(n|no|number) (of )?/, '')));
  const counts = computeMarginalCounts(melted, hash, room.left);
  room.left -= counts.keys.length;
  return {
    path: grid.path.slice(0, 1024),
    ...(grid.sheet === undefined ? {} : { sheet: quoteForFinding(grid.sheet, 100) }),
    table,
    measure: hash(general ? '' : isBase ? 'all' : measure),
    general,
    variables: counts.variables,
    rounded: isRounded,
    cut: counts.cut,
    counts,
  };
}

/** The counts of many tables, by key and then by value, so that two such lists are compared in one pass over both. */
export interface CellIndex {
  readonly tables: readonly IndexedTable[];
  readonly keys: Float64Array;
  readonly values: Float64Array;
  /** The index of each count's table. */
  readonly tableIndexes: Uint32Array;
  readonly rows: Uint32Array;
  readonly columns: Uint16Array;
  readonly masks: Uint16Array;
  readonly marks: Uint8Array;
}

type Lists = Omit<CellIndex, 'tables'>;
const lists = ['keys', 'values', 'tableIndexes', 'rows', 'columns', 'masks', 'marks'] as const;

const empty = (length: number): Lists => ({
  keys: new Float64Array(length),
  values: new Float64Array(length),
  tableIndexes: new Uint32Array(length),
  rows: new Uint32Array(length),
  columns: new Uint16Array(length),
  masks: new Uint16Array(length),
  marks: new Uint8Array(length),
});

/** Joins lists, each with the indexes of its tables moved up, and sorts them. */
function sorted(tables: readonly IndexedTable[], parts: readonly { lists: Lists; first: number }[]): CellIndex {
  const length = parts.reduce((sum, { lists }) => sum + lists.keys.length, 0);
  const [source, result] = [empty(length), empty(length)];
  let next = 0;
  for (const { lists: part, first } of parts) {
    for (const name of lists) source[name].set(part[name], next);
    for (let index = next; index < next + part.keys.length; index++)
      source.tableIndexes[index] = (source.tableIndexes[index] as number) + first;
    next += part.keys.length;
  }
  const { keys, values, tableIndexes } = source;
  const order = new Uint32Array(length).map((_, index) => index);
  order.sort(
    (a, b) =>
      (keys[a] as number) - (keys[b] as number) ||
      (values[a] as number) - (values[b] as number) ||
      (tableIndexes[a] as number) - (tableIndexes[b] as number),
  );
  for (const name of lists) {
    const [sourceList, resultList] = [source[name], result[name]];
    for (let index = 0; index < length; index++) resultList[index] = sourceList[order[index] as number] as number;
  }
  return { tables, ...result };
}

export const buildCellIndex = (summaries: readonly TableSummary[]): CellIndex =>
  sorted(
    summaries.map(({ counts: _, ...table }) => IndexedTable.parse(table)),
    summaries.map(({ counts }, first) => ({
      lists: { ...counts, tableIndexes: new Uint32Array(counts.keys.length) },
      first,
    })),
  );

/** Several lists as one. */
export function mergeCellIndexes(parts: readonly CellIndex[]): CellIndex {
  const [cellIndex] = parts;
  if (parts.length === 1 && cellIndex) return cellIndex;
  const tables: IndexedTable[] = [];
  const segments = parts.map(part => ({ lists: part, first: tables.push(...part.tables) - part.tables.length }));
  return sorted(tables, segments);
}

/** The index without some of the tables and, for the ledger, without the entries that only a new table needs. */
export function removeTables(
  cellIndex: CellIndex,
  isExcluded: (table: IndexedTable) => boolean,
  keep?: 'probes',
): CellIndex {
  const index = new Map<number, number>();
  const tables: IndexedTable[] = [];
  // A sheet's name may say anything; its place in the file says enough.
  for (const [tableIndex, table] of cellIndex.tables.entries())
    if (!isExcluded(table)) {
      const { sheet: _, ...rest } = table;
      index.set(tableIndex, tables.push(rest) - 1);
    }
  const stays = (_: number, position: number) =>
    index.has(cellIndex.tableIndexes[position] as number) &&
    (keep === 'probes' || ((cellIndex.marks[position] as number) & COUNT_MARKS.probe) === 0);
  return {
    tables,
    keys: cellIndex.keys.filter(stays),
    values: cellIndex.values.filter(stays),
    tableIndexes: cellIndex.tableIndexes.filter(stays).map(table => index.get(table) ?? 0),
    rows: cellIndex.rows.filter(stays),
    columns: cellIndex.columns.filter(stays),
    masks: cellIndex.masks.filter(stays),
    marks: cellIndex.marks.filter(stays),
  };
}

const Head = z.object({ v: z.literal(1), length: z.number().int(), tables: z.array(IndexedTable) });

/** Encodes an index: a line of JSON, padded with spaces to eight bytes, then its lists. */
export function encodeCellIndex(postings: CellIndex): Uint8Array {
  const head = Buffer.from(JSON.stringify({ v: 1, length: postings.keys.length, tables: postings.tables }));
  const line = Buffer.alloc(Math.ceil((head.length + 1) / 8) * 8, ' ');
  head.copy(line);
  line[line.length - 1] = 10;
  return Buffer.concat([
    line,
    ...lists.map(name => Buffer.from(postings[name].buffer, postings[name].byteOffset, postings[name].byteLength)),
  ]);
}

export function decodeCellIndex(bytes: Uint8Array): CellIndex {
  const line = bytes.indexOf(10) + 1;
  const { length, tables } = Head.parse(JSON.parse(Buffer.from(bytes.subarray(0, line)).toString('utf8')));
  const contents = empty(length);
  let offset = line;
  for (const name of lists) {
    const list = contents[name];
    if (offset + list.byteLength > bytes.length) break;
    new Uint8Array(list.buffer).set(bytes.subarray(offset, offset + list.byteLength));
    offset += list.byteLength;
  }
  if (offset !== bytes.length) throw new Error('a list of counts has another length than it says');
  return { tables, ...contents };
}
