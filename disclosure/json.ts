import type { ByteSource } from './byte-source.ts';
import { readWhole, UnreadableError } from './bytes.ts';
import { MAX_COLUMNS } from './csv-tokenizer.ts';
import type { Findings } from './findings.ts';
import type { RowSink } from './row-sink.ts';
import { splitTextLines } from './tables.ts';
import { TextCheck } from './text.ts';

/** JSON is held whole to be read. */
export const MAX_JSON_BYTES = 64 * 2 ** 20;
const deepest = 60;

export type CreateTable = (sheet?: string) => RowSink;

export function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new UnreadableError('it is no JSON that can be read');
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isPlain = (value: unknown) =>
  value === null || ['string', 'number', 'boolean', 'undefined'].includes(typeof value);
const textOf = (value: unknown): string =>
  value === null || value === undefined ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value);

/** Rows under a heading that has every key of every record, in the order of their first coming. */
function records(rows: readonly Record<string, unknown>[], table: RowSink): void {
  const keys = new Set<string>();
  for (const row of rows) for (const key of Object.keys(row)) if (keys.size < MAX_COLUMNS) keys.add(key);
  const names = [...keys];
  table.text(names, 1);
  for (const [at, row] of rows.entries())
    table.text(
      names.map(name => (Object.hasOwn(row, name) ? textOf(row[name]) : '')),
      at + 2,
    );
  table.end();
}

function lists(names: readonly string[], rows: readonly unknown[][], table: RowSink): void {
  table.text(names, 1);
  for (const [at, row] of rows.entries()) table.text(row.map(textOf), at + 2);
  table.end();
}

/** Every table in a JSON value, in the shapes that programs write them in; every other text for identifiers. */
export function readJsonTables(
  value: unknown,
  newTable: CreateTable,
  text: Pick<TextCheck, 'line'>,
  path = '$',
  depth = 0,
) {
  if (depth > deepest) throw new UnreadableError(`it is nested more than ${deepest} deep`);
  if (typeof value === 'string') return void splitTextLines(value).map(line => text.line(line));
  if (Array.isArray(value)) {
    if (value.length > 0 && value.every(isRecord) && value.some(row => Object.values(row).some(isPlain))) {
      records(value, newTable(path));
      for (const [at, row] of value.entries())
        for (const [key, inner] of Object.entries(row))
          if (!isPlain(inner)) readJsonTables(inner, newTable, text, `${path}[${at}].${key}`.slice(0, 100), depth + 1);
      return;
    }
    if (value.length > 1 && value.every(row => Array.isArray(row) && row.length > 1 && row.every(isPlain))) {
      const [first, ...rest] = value as unknown[][];
      return lists((first ?? []).map(textOf), rest, newTable(path));
    }
    if (value.length > 0 && value.every(isPlain))
      return lists(
        ['value'],
        value.map(one => [one]),
        newTable(path),
      );
    for (const [at, inner] of value.entries())
      readJsonTables(inner, newTable, text, `${path}[${at}]`.slice(0, 100), depth + 1);
    return;
  }
  if (!isRecord(value)) return;
  const { columns, data } = value;
  if (Array.isArray(columns) && columns.every(isPlain) && Array.isArray(data) && data.every(Array.isArray))
    return lists(columns.map(textOf), data as unknown[][], newTable(path));
  const inner = Object.entries(value);
  // {"column": [values]} and {"column": {"row": value}}, pandas's and others' way.
  if (
    inner.length > 1 &&
    inner.every(([, column]) => Array.isArray(column) && column.length > 0 && column.every(isPlain))
  ) {
    const height = Math.max(...inner.map(([, column]) => (column as unknown[]).length));
    const rows = Array.from({ length: height }, (_, at) => inner.map(([, column]) => (column as unknown[])[at]));
    return lists(
      inner.map(([name]) => name),
      rows,
      newTable(path),
    );
  }
  if (
    inner.length > 1 &&
    inner.every(
      ([, column]) => isRecord(column) && Object.keys(column).length > 0 && Object.values(column).every(isPlain),
    )
  ) {
    const index = [...new Set(inner.flatMap(([, column]) => Object.keys(column as object)))];
    const rows = index.map(row => [row, ...inner.map(([, column]) => (column as Record<string, unknown>)[row])]);
    return lists(['index', ...inner.map(([name]) => name)], rows, newTable(path));
  }
  const plain = inner.filter(([, one]) => isPlain(one));
  if (plain.length > 0) {
    const table = newTable(path);
    table.text(['name', 'value'], 1);
    for (const [at, [name, one]] of plain.entries()) table.text([name, textOf(one)], at + 2);
    table.end();
  }
  for (const [key, one] of inner)
    if (!isPlain(one)) readJsonTables(one, newTable, text, `${path}.${key}`.slice(0, 100), depth + 1);
}

export async function checkJson(source: ByteSource, findings: Findings, newTable: CreateTable): Promise<void> {
  readJsonTables(parseJson(await readWhole(source.stream(), MAX_JSON_BYTES)), newTable, new TextCheck(findings));
}

/** One record a line, streaming: the first record's keys are the heading. */
export async function checkJsonLines(source: ByteSource, newTable: CreateTable): Promise<void> {
  const table = newTable();
  const decoder = new TextDecoder();
  let [rest, number] = ['', 0];
  let names: string[] = [];
  const take = (line: string) => {
    number++;
    if (line.trim() === '') return;
    let record: unknown;
    try {
      record = JSON.parse(line);
    } catch {
      throw new UnreadableError(`its line ${number} is no JSON`);
    }
    if (!isRecord(record)) throw new UnreadableError(`its line ${number} is no record`);
    if (names.length === 0) {
      names = Object.keys(record);
      table.text(names, 1);
    }
    const others = Object.keys(record).filter(key => !names.includes(key));
    table.text(
      [...names, ...others].map(name => (Object.hasOwn(record, name) ? textOf(record[name]) : '')),
      number + 1,
    );
  };
  for await (const chunk of source.stream())
    for (let at = 0; at < chunk.length; at += 1 << 16) {
      rest += decoder.decode(chunk.subarray(at, at + (1 << 16)), { stream: true });
      const lines = rest.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) take(line);
      if (rest.length > 4 * 2 ** 20) throw new UnreadableError('a line is longer than 4 MB');
    }
  take(rest);
  table.end();
}
