import { readWhole, UnreadableError } from '../bytes.ts';
import { MAX_COLUMNS } from '../csv-tokenizer.ts';
import type { Format } from '../format.ts';
import type { RowSink } from '../row-sink.ts';
import { splitTextLines, TextCheck } from '../text.ts';

export const jsonFormat: Format = {
  extensions: ['txt', 'log', 'json', 'ndjson', 'jsonl'],
  kinds: ['table', 'model', 'code', 'log'],
  check: async ({ source, findings, newTable }) =>
    readJsonTables(parseJson(await readWhole(source.stream(), MAX_JSON_BYTES)), newTable, new TextCheck(findings)),
};

/** JSON is held whole to be read. */
export const MAX_JSON_BYTES = 64 * 2 ** 20;
const deepest = 60;

export function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new UnreadableError('it is no JSON that can be read');
  }
}

export const isJsonRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isPlain = (value: unknown) =>
  value === null || ['string', 'number', 'boolean', 'undefined'].includes(typeof value);
export const jsonText = (value: unknown): string =>
  value === null || value === undefined ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value);

/** Rows under a heading that has every key of every record, in the order of their first coming. */
function records(rows: readonly Record<string, unknown>[], table: RowSink): void {
  const keys = new Set<string>();
  for (const row of rows) for (const key of Object.keys(row)) if (keys.size < MAX_COLUMNS) keys.add(key);
  const names = [...keys];
  table.text(names, 1);
  for (const [index, row] of rows.entries())
    table.text(
      names.map(name => (Object.hasOwn(row, name) ? jsonText(row[name]) : '')),
      index + 2,
    );
  table.end();
}

function lists(names: readonly string[], rows: readonly unknown[][], table: RowSink): void {
  table.text(names, 1);
  for (const [index, row] of rows.entries()) table.text(row.map(jsonText), index + 2);
  table.end();
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
      records(value, newTable(path));
      for (const [index, row] of value.entries())
        for (const [key, inner] of Object.entries(row))
          if (!isPlain(inner))
            readJsonTables(inner, newTable, text, `${path}[${index}].${key}`.slice(0, 100), depth + 1);
      return;
    }
    if (value.length > 1 && value.every(row => Array.isArray(row) && row.length > 1 && row.every(isPlain))) {
      const [first, ...rest] = value as unknown[][];
      return lists((first ?? []).map(jsonText), rest, newTable(path));
    }
    if (value.length > 0 && value.every(isPlain))
      return lists(
        ['value'],
        value.map(item => [item]),
        newTable(path),
      );
    for (const [index, inner] of value.entries())
      readJsonTables(inner, newTable, text, `${path}[${index}]`.slice(0, 100), depth + 1);
    return;
  }
  if (!isJsonRecord(value)) return;
  const { columns, data } = value;
  if (Array.isArray(columns) && columns.every(isPlain) && Array.isArray(data) && data.every(Array.isArray))
    return lists(columns.map(jsonText), data as unknown[][], newTable(path));
  const inner = Object.entries(value);
  // {"column": [values]} and {"column": {"row": value}}, pandas's and others' way.
  if (
    inner.length > 1 &&
    inner.every(([, column]) => Array.isArray(column) && column.length > 0 && column.every(isPlain))
  ) {
    const height = Math.max(...inner.map(([, column]) => (column as unknown[]).length));
    const rows = Array.from({ length: height }, (_, row) => inner.map(([, column]) => (column as unknown[])[row]));
    return lists(
      inner.map(([name]) => name),
      rows,
      newTable(path),
    );
  }
  if (
    inner.length > 1 &&
    inner.every(
      ([, column]) => isJsonRecord(column) && Object.keys(column).length > 0 && Object.values(column).every(isPlain),
    )
  ) {
    const index = [...new Set(inner.flatMap(([, column]) => Object.keys(column as object)))];
    const rows = index.map(row => [row, ...inner.map(([, column]) => (column as Record<string, unknown>)[row])]);
    return lists(['index', ...inner.map(([name]) => name)], rows, newTable(path));
  }
  const plain = inner.filter(([, item]) => isPlain(item));
  if (plain.length > 0) {
    const table = newTable(path);
    table.text(['name', 'value'], 1);
    for (const [index, [name, item]] of plain.entries()) table.text([name, jsonText(item)], index + 2);
    table.end();
  }
  for (const [key, item] of inner)
    if (!isPlain(item)) readJsonTables(item, newTable, text, `${path}.${key}`.slice(0, 100), depth + 1);
}
