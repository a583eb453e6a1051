import { styleText } from 'node:util';
import Table from 'cli-table3';
import { formatMoney as inCurrency, toCents } from '../../functions/costs/money.ts';
import { formatFields, indentedTexts, measureText, narrowWidth, section } from './layout.ts';
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

/** An amount in millionths of a dollar. */
export const formatDollars = (micros: number): string => formatMicros(String(micros), 'USD');

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

/** timedOut → timed out. */
export const formatStatusWords = (status: string): string =>
  escapeForTerminal(status.replace(/[A-Z]/g, letter => ` ${letter.toLowerCase()}`));

const formatStatus = (text: string, { width }: OutputScreen): string => {
  const colour = good.has(text) ? 'green' : bad.has(text) ? 'red' : 'yellow';
  return width === undefined
    ? formatStatusWords(text)
    : styleText(colour, formatStatusWords(text), { stream: process.stdout });
};

interface CellContext {
  readonly screen: OutputScreen;
  readonly currency?: string | undefined;
}

type Values = Readonly<Record<string, unknown>>;
const isRecord = (value: unknown): value is Values =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A person as the API names one: the id is for programs. */
const isPerson = (value: Values): value is { id: string; name: string } =>
  Object.keys(value).sort().join() === 'id,name' && typeof value.name === 'string';

/** Whether a value is shown in one place: text, a number, a person, or a list of such. */
function isPlain(value: unknown): boolean {
  if (Array.isArray(value)) return value.every(item => isPlain(item) && !Array.isArray(item));
  return !isRecord(value) || isPerson(value);
}

/** One plain value. */
function cell(value: unknown, shape: OutputShape, surroundings: CellContext): string {
  if (value === undefined || value === null) return '';
  if (Array.isArray(value)) {
    const itemShape = shape.kind === 'list' ? shape.of : ({ kind: 'unknown' } as const);
    return value.map(item => cell(item, itemShape, surroundings)).join(', ');
  }
  if (isRecord(value)) return escapeForTerminal(String(value.name));
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (shape.kind === 'time' && typeof value === 'string') return formatTime(value);
  if (shape.kind === 'bytes' && typeof value === 'number') return formatBytes(value);
  if (shape.kind === 'count' && typeof value === 'number') return formatCount(value);
  if (shape.kind === 'money' && typeof value === 'string' && /^-?\d+$/.test(value))
    return formatMicros(value, surroundings.currency);
  if (shape.kind === 'status') return formatStatus(String(value), surroundings.screen);
  return escapeForTerminal(String(value));
}

const rightward = new Set<OutputShape['kind']>(['bytes', 'count', 'money']);

/** requestedAt → requested, readyMinutes → ready minutes; an amount of money is shown in its currency, so not in micros. */
const label = ({ name, shape }: Pick<ShapeField, 'name' | 'shape'>): string =>
  name
    .replace(/Name$/, '')
    .replace(shape.kind === 'time' ? /At$/ : /$^/, '')
    .replace(shape.kind === 'money' ? /Micros$/ : /$^/, '')
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

/** Aligned columns if they fit the screen, otherwise undefined. */
export function fitColumns(
  rows: readonly (readonly string[])[],
  head: readonly string[],
  right: readonly number[],
  width: number | undefined,
): string | undefined {
  const table = formatColumns(rows, head, right);
  const columns = Math.max(...table.split('\n').map(measureText));
  return width === undefined || columns <= width ? table : undefined;
}

/** The fields that a person reads: an id is left out where the name of the person is there, too. */
function readFields(fields: readonly ShapeField[], value: Values): ShapeField[] {
  const isPresent = (name: string) => value[name] !== undefined && value[name] !== null;
  return fields.filter(({ name }) => {
    if (!isPresent(name) || isPresent(`${name}Name`)) return false;
    return !((name === 'by' || name === 'user') && isPresent('name'));
  });
}

type RecordShape = Extract<OutputShape, { kind: 'record' }>;

/** The columns of a table. Where the fields depend on the status, those that every status has, and a reason. */
function tableFields({ fields, isUnion }: RecordShape, rows: readonly Values[]): ShapeField[] {
  const presentNames = new Set(rows.flatMap(row => readFields(fields, row).map(({ name }) => name)));
  const common = new Set(fields.filter(({ isCommon }) => isCommon).map(({ name }) => name));
  const isColumn = (name: string) =>
    !isUnion || common.has(name) || common.has(name.replace(/Name$/, '')) || name === 'reason';
  return fields.filter(({ name }) => presentNames.has(name) && isColumn(name));
}

/** Formats records as a table if they fit, otherwise as one block for each record. */
export function formatRecords(rows: readonly Values[], shape: OutputShape, screen: OutputScreen): string {
  if (rows.length === 0) return 'Nothing to show.';
  if (shape.kind !== 'record')
    return indentedTexts(
      rows.map(row => cell(row, shape, { screen })),
      screen.width,
      0,
    );
  const columns = tableFields(shape, rows);
  if (columns.length > 0 && rows.every(row => columns.every(({ name }) => isPlain(row[name])))) {
    const lines = rows.map(row => {
      const surroundings = { screen, currency: row.currency as string | undefined };
      return columns.map(({ name, shape }) => cell(row[name], shape, surroundings));
    });
    const right = columns.flatMap(({ shape }, column) => (rightward.has(shape.kind) ? [column] : []));
    const table = fitColumns(lines, columns.map(label), right, screen.width);
    if (table !== undefined) return table;
  }
  // A list of things with a status shows of each what a table would; the command that shows one has the rest.
  const block: OutputShape = shape.isUnion ? { ...shape, fields: columns } : shape;
  return rows.map(row => formatRecord(row, block, screen)).join('\n\n');
}

/** The shape of a value whose schema names no fields. */
const looseShape = (value: Values): RecordShape => ({
  kind: 'record',
  isUnion: false,
  fields: Object.keys(value).map(name => ({ name, shape: { kind: 'unknown' }, isCommon: false })),
});

/** Formats one record: its plain values line by line, then what has parts of its own, each below its name. */
export function formatRecord(value: Values, shape: OutputShape, screen: OutputScreen): string {
  const { fields } = shape.kind === 'record' && shape.fields.length > 0 ? shape : looseShape(value);
  const currency = value.currency as string | undefined;
  const inner = { ...screen, width: narrowWidth(screen.width, 2) };
  const rows: [string, string][] = [];
  const sections: string[] = [];
  for (const field of readFields(fields, value)) {
    const content = value[field.name];
    if (isPlain(content)) {
      const text = cell(content, field.shape, { screen, currency });
      if (text !== '') rows.push([label(field), text]);
    } else {
      const inherit = (item: unknown) => ({ ...(currency !== undefined && { currency }), ...(item as Values) });
      const itemShape = field.shape.kind === 'list' ? field.shape.of : field.shape;
      const block = Array.isArray(content)
        ? formatRecords(content.map(inherit), itemShape, inner)
        : formatRecord(inherit(content), itemShape, inner);
      sections.push(section(label(field), block));
    }
  }
  return [...(rows.length > 0 ? [formatFields(rows, screen.width)] : []), ...sections].join('\n\n');
}
