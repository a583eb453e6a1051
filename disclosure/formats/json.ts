import { readWhole, UnreadableError } from '../bytes.ts';
import { MAX_COLUMNS } from '../csv-tokenizer.ts';
import { ALL_TIERS, type Format, type FormatCheck } from '../format.ts';
import type { RowSink } from '../row-sink.ts';
import { splitTextLines, TextCheck } from '../text.ts';

export const jsonFormat: Format = {
  type: 'application/json',
  tiers: ALL_TIERS,
  extensions: ['txt', 'log', 'json', 'ndjson', 'jsonl'],
  kinds: ['table', 'model', 'code', 'log'],
};

export const checkJson: FormatCheck = async ({ source, findings, newTable }) =>
  readJsonTables(parseJson(await readWhole(source.stream(), MAX_JSON_BYTES)), newTable, new TextCheck(findings));

/** JSON is held whole to be read. */
export const MAX_JSON_BYTES = 64 * 2 ** 20;
const deepest = 60;

export function parseJson(bytes: Uint8Array): unknown {
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    value = JSON.parse(text);
  } catch {
    throw new UnreadableError('it is no JSON that can be read');
  }
  requireDistinctKeys(text);
  return value;
}

/** Of a key that an object has twice, programs show one value and keep the other. `text` is valid JSON. */
function requireDistinctKeys(text: string): void {
  const objects: (Set<string> | undefined)[] = [];
  let last = '';
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]:]/g)) {
    if (token === '{') objects.push(new Set());
    else if (token === '[') objects.push(undefined);
    else if (token === '}' || token === ']') objects.pop();
    else if (token !== ':') last = token;
    else {
      const key = last.includes('\\') ? (JSON.parse(last) as string) : last.slice(1, -1);
      if (objects.at(-1)?.has(key)) throw new UnreadableError('an object in it has a key twice');
      objects.at(-1)?.add(key);
    }
  }
}

/** White space of JSON that programs do not write: it can hold anything, and no page shows it. */
export function hasUnusualSpace(text: string): boolean {
  let [depth, unit] = [0, 0];
  let gap = '';
  for (const [token] of text.matchAll(/\s+|"(?:[^"\\]|\\.)*"|[{}[\]]|[^\s{}[\]"]+/g)) {
    if (/^\s/.test(token)) {
      gap = token;
      continue;
    }
    if (token === '}' || token === ']') depth--;
    const indentation = /^\r?\n( *|\t*)$/.exec(gap)?.[1]?.length;
    if (unit === 0 && depth > 0 && indentation) unit = indentation / depth;
    if (gap !== '' && gap !== ' ' && indentation !== depth * unit) return true;
    if (token === '{' || token === '[') depth++;
    gap = '';
  }
  return !/^(\r?\n)?$/.test(gap);
}

export const isJsonRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isPlain = (value: unknown) =>
  value === null || ['string', 'number', 'boolean', 'undefined'].includes(typeof value);
export const jsonText = (value: unknown): string =>
  value === null || value === undefined ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value);

/** A large table with more cells than this for each value in it is none that a person reads. */
const MAX_CELLS_PER_VALUE = 50;
const MAX_SPARSE_CELLS = 1_000_000;

function* makeRows<Item>(
  items: Iterable<Item>,
  row: (item: Item) => readonly unknown[],
): Generator<readonly unknown[]> {
  for (const item of items) yield row(item);
}

/** Hands a table on row by row, so that a cap of the policy stops it before the rest of it is made. */
function putTable(
  table: RowSink,
  names: readonly string[],
  rows: Iterable<readonly unknown[]>,
  { height = 0, values = Number.POSITIVE_INFINITY } = {},
): void {
  const cells = names.length * height;
  if (names.length > MAX_COLUMNS) throw new UnreadableError(`a table in it has more than ${MAX_COLUMNS} columns`);
  if (cells > MAX_SPARSE_CELLS && cells > MAX_CELLS_PER_VALUE * values)
    throw new UnreadableError('a table in it has hardly any values in its rows and columns');
  table.text(names, 1);
  let number = 1;
  for (const row of rows) table.text(row.map(jsonText), ++number);
  table.end();
}

/** Rows under a heading that has every key of every record, in the order of their first coming. */
function putRecords(records: readonly Record<string, unknown>[], table: RowSink): void {
  const keys = new Set<string>();
  let values = 0;
  for (const record of records)
    for (const key of Object.keys(record)) {
      keys.add(key);
      values++;
    }
  const names = [...keys];
  const rows = makeRows(records, record => names.map(name => (Object.hasOwn(record, name) ? record[name] : '')));
  putTable(table, names, rows, { height: records.length, values });
}

/** Every table in a JSON value, in the shapes that programs write them in; every other text for identifiers. */
export function readJsonTables(
  value: unknown,
  newTable: (sheet?: string) => RowSink,
  text: Pick<TextCheck, 'line'>,
  path = '$',
  depth = 0,
) {
  if (depth > deepest) throw new UnreadableError(`it is nested more than ${deepest} deep`);
  if (typeof value === 'string') return void splitTextLines(value).map(line => text.line(line));
  if (Array.isArray(value)) {
    if (value.length > 0 && value.every(isJsonRecord) && value.some(row => Object.values(row).some(isPlain))) {
      putRecords(value, newTable(path));
      for (const [index, row] of value.entries())
        for (const [key, inner] of Object.entries(row))
          if (!isPlain(inner))
            readJsonTables(inner, newTable, text, `${path}[${index}].${key}`.slice(0, 100), depth + 1);
      return;
    }
    if (value.length > 1 && value.every(row => Array.isArray(row) && row.length > 1 && row.every(isPlain))) {
      const [first, ...rest] = value as unknown[][];
      return putTable(newTable(path), (first ?? []).map(jsonText), rest);
    }
    if (value.length > 0 && value.every(isPlain))
      return putTable(
        newTable(path),
        ['value'],
        makeRows(value, item => [item]),
      );
    for (const [index, inner] of value.entries())
      readJsonTables(inner, newTable, text, `${path}[${index}]`.slice(0, 100), depth + 1);
    return;
  }
  if (!isJsonRecord(value)) return;
  const { columns, data } = value;
  if (Array.isArray(columns) && columns.every(isPlain) && Array.isArray(data) && data.every(Array.isArray))
    return putTable(newTable(path), columns.map(jsonText), data as unknown[][]);
  const inner = Object.entries(value);
  const names = inner.map(([name]) => name);
  const isEvery = (test: (column: unknown) => boolean) => inner.length > 1 && inner.every(([, column]) => test(column));
  // {"column": [values]} and {"column": {"row": value}}, pandas's and others' way.
  if (isEvery(column => Array.isArray(column) && column.length > 0 && column.every(isPlain))) {
    const columns = inner.map(([, column]) => column as unknown[]);
    const height = columns.reduce((maximum, { length }) => Math.max(maximum, length), 0);
    const values = columns.reduce((sum, { length }) => sum + length, 0);
    const rows = columns.reduce((longest, column) => (column.length > longest.length ? column : longest));
    return putTable(
      newTable(path),
      names,
      makeRows(rows.keys(), row => columns.map(column => column[row])),
      { height, values },
    );
  }
  const isColumn = (column: unknown) =>
    isJsonRecord(column) && Object.keys(column).length > 0 && Object.values(column).every(isPlain);
  if (isEvery(isColumn)) {
    const columns = inner.map(([, column]) => column as Record<string, unknown>);
    const keys = columns.flatMap(column => Object.keys(column));
    const index = new Set(keys);
    return putTable(
      newTable(path),
      ['index', ...names],
      makeRows(index, row => [row, ...columns.map(column => (Object.hasOwn(column, row) ? column[row] : ''))]),
      { height: index.size, values: keys.length },
    );
  }
  const plain = inner.filter(([, item]) => isPlain(item));
  if (plain.length > 0) {
    putTable(newTable(path), ['name', 'value'], plain);
  }
  for (const [key, item] of inner)
    if (!isPlain(item)) readJsonTables(item, newTable, text, `${path}.${key}`.slice(0, 100), depth + 1);
}
