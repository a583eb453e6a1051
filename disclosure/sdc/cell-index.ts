import * as z from 'zod';
import { quoteForFinding } from '../findings.ts';
import { normaliseColumnName } from './columns.ts';
import type { CountTable, TableGrid } from './grid.ts';
import { COUNT_MARKS, computeMarginalCounts, type MarginalCounts } from './marginals.ts';

/** A table as later ones are compared with it, without its counts: no label of it but its file's name. */
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

/** What a table is to its file. */
export interface TableContext {
  /** Which of its tables, from 1. */
  readonly table: number;
  /** What keeps labels from being remembered in clear. */
  readonly hash: (text: string) => number;
  /** How many more counts of the file are kept. */
  readonly room: { left: number };
}

export function summariseTable(
  melted: CountTable,
  grid: TableGrid,
  { rounded, only }: { rounded: boolean; only: boolean },
  { table, hash, room }: TableContext,
): TableSummary {
  const measure = normaliseColumnName(melted.measure);
  const all = /^(base|denom(inator)?|pop(ulation)?|n total|total n|total( count)?|all)$/.test(measure);
  const general =
    melted.cross || (all ? only : measure === '' || people.has(measure.replace(/^(n|no|number) (of )?/, '')));
  const counts = computeMarginalCounts(melted, hash, room.left);
  room.left -= counts.keys.length;
  return {
    path: grid.path.slice(0, 1024),
    ...(grid.sheet === undefined ? {} : { sheet: quoteForFinding(grid.sheet, 100) }),
    table,
    measure: hash(general ? '' : all ? 'all' : measure),
    general,
    variables: counts.variables,
    rounded,
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
  readonly of: Uint32Array;
  readonly rows: Uint32Array;
  readonly columns: Uint16Array;
  readonly masks: Uint16Array;
  readonly marks: Uint8Array;
}

type Lists = Omit<CellIndex, 'tables'>;
const lists = ['keys', 'values', 'of', 'rows', 'columns', 'masks', 'marks'] as const;

const empty = (length: number): Lists => ({
  keys: new Float64Array(length),
  values: new Float64Array(length),
  of: new Uint32Array(length),
  rows: new Uint32Array(length),
  columns: new Uint16Array(length),
  masks: new Uint16Array(length),
  marks: new Uint8Array(length),
});

/** Puts lists one behind another, each with the indexes of its tables moved up, and sorts them. */
function sorted(tables: readonly IndexedTable[], parts: readonly { lists: Lists; first: number }[]): CellIndex {
  const length = parts.reduce((sum, { lists }) => sum + lists.keys.length, 0);
  const [all, out] = [empty(length), empty(length)];
  let next = 0;
  for (const { lists: part, first } of parts) {
    for (const name of lists) all[name].set(part[name], next);
    for (let at = next; at < next + part.keys.length; at++) all.of[at] = (all.of[at] as number) + first;
    next += part.keys.length;
  }
  const { keys, values, of } = all;
  const order = new Uint32Array(length).map((_, index) => index);
  order.sort(
    (a, b) =>
      (keys[a] as number) - (keys[b] as number) ||
      (values[a] as number) - (values[b] as number) ||
      (of[a] as number) - (of[b] as number),
  );
  for (const name of lists) {
    const [from, to] = [all[name], out[name]];
    for (let at = 0; at < length; at++) to[at] = from[order[at] as number] as number;
  }
  return { tables, ...out };
}

export const buildCellIndex = (summaries: readonly TableSummary[]): CellIndex =>
  sorted(
    summaries.map(({ counts: _, ...table }) => IndexedTable.parse(table)),
    summaries.map(({ counts }, first) => ({ lists: { ...counts, of: new Uint32Array(counts.keys.length) }, first })),
  );

/** Several lists as one. */
export function mergeCellIndexes(parts: readonly CellIndex[]): CellIndex {
  const [only] = parts;
  if (parts.length === 1 && only) return only;
  const tables: IndexedTable[] = [];
  const moved = parts.map(part => ({ lists: part, first: tables.push(...part.tables) - part.tables.length }));
  return sorted(tables, moved);
}

/** The same without some of the tables; and, to be remembered, without what only a new table is compared by. */
export function removeTables(all: CellIndex, left: (table: IndexedTable) => boolean, keep?: 'probes'): CellIndex {
  const index = new Map<number, number>();
  const tables: IndexedTable[] = [];
  // A sheet's name may say anything; its place in the file says enough.
  for (const [at, table] of all.tables.entries())
    if (!left(table)) {
      const { sheet: _, ...rest } = table;
      index.set(at, tables.push(rest) - 1);
    }
  const stays = (_: number, at: number) =>
    index.has(all.of[at] as number) && (keep === 'probes' || ((all.marks[at] as number) & COUNT_MARKS.probe) === 0);
  return {
    tables,
    keys: all.keys.filter(stays),
    values: all.values.filter(stays),
    of: all.of.filter(stays).map(table => index.get(table) ?? 0),
    rows: all.rows.filter(stays),
    columns: all.columns.filter(stays),
    masks: all.masks.filter(stays),
    marks: all.marks.filter(stays),
  };
}

const Head = z.object({ v: z.literal(1), length: z.number().int(), tables: z.array(IndexedTable) });

/** As a file: a line of JSON, filled up with spaces to eight bytes, and the lists one behind another. */
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
  const all = empty(length);
  let at = line;
  for (const name of lists) {
    const list = all[name];
    if (at + list.byteLength > bytes.length) break;
    new Uint8Array(list.buffer).set(bytes.subarray(at, at + list.byteLength));
    at += list.byteLength;
  }
  if (at !== bytes.length) throw new Error('a list of counts has another length than it says');
  return { tables, ...all };
}
