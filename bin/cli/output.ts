import { stripVTControlCharacters, styleText } from 'node:util';
import Table from 'cli-table3';
import { formatMoney as inCurrency, toCents } from '../../functions/costs/money.ts';
import type { OutputShape, ShapeField } from './shape.ts';

/** The screen that output is formatted for. */
export interface OutputScreen {
  /** Columns of the terminal; undefined when there is none: then nothing is folded or coloured. */
  readonly width: number | undefined;
}

/**
 * Makes other people's text (file names, titles, reasons) safe to print: characters that would move the cursor, change
 * colours, reverse the line or be invisible are shown as numbers.
 */
export const escapeForTerminal = (text: string): string =>
  text.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the expression finds control characters
    /[\u0000-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g,
    character => {
      const code = character.charCodeAt(0);
      return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
    },
  );

/** 1.2 GB: at most three digits, in decimal units. */
export function formatBytes(count: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let [value, unit] = [count, 0];
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toPrecision(value >= 99.5 ? 3 : 2)} ${units[unit]}`;
}

/** Integer millionths as 1,234.56 or $1,234.56, rounded like the cost card and without floating point. */
export const formatMicros = (micros: string, currency = ''): string =>
  /^[A-Z]{3}$/.test(currency)
    ? inCurrency(toCents(micros), currency)
    : inCurrency(toCents(micros), 'XXX').replace('¤', '').trim();

const zoneName = new Intl.DateTimeFormat('en-GB', { timeZoneName: 'short' });

/** Local time to the second with its zone, such as `2026-07-01 09:05:07 BST`; the JSON has the exact instant. */
export function formatTime(iso: string): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return escapeForTerminal(iso);
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const zone = zoneName.formatToParts(date).find(({ type }) => type === 'timeZoneName')?.value ?? '';
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())} ${zone}`;
}

export const formatCount = (count: number): string => String(count).replace(/\B(?=(\d{3})+$)/g, ',');

const good = new Set(['ready', 'registered', 'sent', 'approved', 'released']);
const bad = new Set(['failed', 'held', 'unsent', 'refused', 'rejected']);

const formatStatus = (text: string, { width }: OutputScreen): string => {
  const colour = good.has(text) ? 'green' : bad.has(text) ? 'red' : 'yellow';
  return width === undefined
    ? escapeForTerminal(text)
    : styleText(colour, escapeForTerminal(text), { stream: process.stdout });
};

interface CellContext {
  readonly screen: OutputScreen;
  readonly currency?: string | undefined;
}

/** One value in a cell. Lists of plain values are joined; lists of records are counted and shown below. */
function cell(value: unknown, shape: OutputShape, surroundings: CellContext): string {
  if (value === undefined || value === null) return '';
  if (shape.kind === 'list' && Array.isArray(value))
    return shape.of.kind === 'record'
      ? formatCount(value.length)
      : value.map(item => cell(item, shape.of, surroundings)).join(', ');
  if (shape.kind === 'time' && typeof value === 'string') return formatTime(value);
  if (shape.kind === 'bytes' && typeof value === 'number') return formatBytes(value);
  if (shape.kind === 'count' && typeof value === 'number') return formatCount(value);
  if (shape.kind === 'money' && typeof value === 'string' && /^-?\d+$/.test(value))
    return formatMicros(value, surroundings.currency);
  if (shape.kind === 'status') return formatStatus(String(value), surroundings.screen);
  return escapeForTerminal(typeof value === 'object' ? JSON.stringify(value) : String(value));
}

const rightward = new Set<OutputShape['kind']>(['bytes', 'count', 'money']);

/** requestedAt → requested, readyMinutes → ready minutes. */
const label = ({ name, shape }: ShapeField): string =>
  name
    .replace(/Name$/, '')
    .replace(shape.kind === 'time' ? /At$/ : /$^/, '')
    .replace(/[A-Z]/g, letter => ` ${letter.toLowerCase()}`);

const plain = Object.fromEntries(
  'top top-mid top-left top-right bottom bottom-mid bottom-left bottom-right left left-mid mid mid-mid right right-mid'
    .split(' ')
    .map(name => [name, '']),
);

/** Aligned columns without lines. `right` has the numbers of right-aligned columns. */
export function formatColumns(
  rows: readonly (readonly string[])[],
  head: readonly string[] = [],
  right: readonly number[] = [],
) {
  const width = Math.max(head.length, ...rows.map(row => row.length));
  const table = new Table({
    ...(head.length > 0 && { head: [...head] }),
    chars: { ...plain, middle: '  ' },
    style: { head: [], border: [], compact: true, 'padding-left': 0, 'padding-right': 0 },
    colAligns: Array.from({ length: width }, (_, column) => (right.includes(column) ? 'right' : 'left')),
  });
  table.push(...rows.map(row => [...row]));
  return table
    .toString()
    .split('\n')
    .map(line => line.trimEnd())
    .join('\n');
}

/** The columns of a table: fields that every status has, and a reason; a person's name instead of their id. */
function tableFields(fields: readonly ShapeField[], rows: readonly Record<string, unknown>[]): ShapeField[] {
  const names = new Set(fields.map(({ name }) => name));
  return fields.filter(({ name, shape, isCommon }) => {
    if (!isCommon && name !== 'reason') return false;
    if (names.has(`${name}Name`) || shape.kind === 'record' || shape.kind === 'unknown') return false;
    return isCommon || rows.some(row => row[name] !== undefined);
  });
}

/** Formats records as a table if it fits the screen, otherwise as one block for each record. */
export function formatRecords(
  rows: readonly Record<string, unknown>[],
  shape: OutputShape,
  screen: OutputScreen,
): string {
  if (rows.length === 0) return 'Nothing to show.';
  if (shape.kind !== 'record') return rows.map(row => cell(row, shape, { screen })).join('\n');
  const columns = tableFields(shape.fields, rows);
  const lines = rows.map(row => {
    const surroundings = { screen, currency: row.currency as string | undefined };
    return columns.map(({ name, shape }) => cell(row[name], shape, surroundings));
  });
  const right = columns.flatMap(({ shape }, column) =>
    rightward.has(shape.kind) || (shape.kind === 'list' && shape.of.kind === 'record') ? [column] : [],
  );
  const table = formatColumns(lines, columns.map(label), right);
  const wide = Math.max(...table.split('\n').map(line => stripVTControlCharacters(line).length));
  if (screen.width === undefined || wide <= screen.width) return table;
  const heads = columns.map(label);
  return lines.map(line => formatColumns(line.map((value, column) => [heads[column] ?? '', value]))).join('\n\n');
}

/** Formats one record: its values line by line, then its lists as tables. */
export function formatRecord(value: Record<string, unknown>, shape: OutputShape, screen: OutputScreen): string {
  if (shape.kind !== 'record' || shape.fields.length === 0) return JSON.stringify(value, null, 2);
  const surroundings = { screen, currency: value.currency as string | undefined };
  const fields = shape.fields.filter(({ name }) => value[name] !== undefined && value[name] !== null);
  const rows: string[][] = [];
  const sections: string[] = [];
  for (const field of fields) {
    const content = value[field.name];
    if (field.shape.kind === 'record' && typeof content === 'object') {
      const inner = field.shape.fields.filter(({ name }) => (content as Record<string, unknown>)[name] !== undefined);
      for (const subfield of inner)
        rows.push([
          `${label(field)} ${label(subfield)}`,
          cell((content as Record<string, unknown>)[subfield.name], subfield.shape, surroundings),
        ]);
    } else if (field.shape.kind === 'list' && field.shape.of.kind === 'record' && Array.isArray(content)) {
      const things = content.map(thing => ({
        ...(surroundings.currency && { currency: surroundings.currency }),
        ...thing,
      }));
      if (content.length > 0) sections.push(`${label(field)}:\n${formatRecords(things, field.shape.of, screen)}`);
    } else
      rows.push([label({ ...field, name: idLabel(field.name, fields) }), cell(content, field.shape, surroundings)]);
  }
  return [formatColumns(rows), ...sections].join('\n\n');
}

/** If a person's id and name are both shown, the id is labelled as such. */
const idLabel = (name: string, fields: readonly ShapeField[]): string =>
  fields.some(field => field.name === `${name}Name`) ? `${name}Id` : name;
