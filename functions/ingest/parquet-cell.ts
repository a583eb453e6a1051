import type { SchemaElement } from 'hyparquet';
import { formatValue, type RawValue } from '../../disclosure/parquet-values.ts';

/** The text of a value as a CSV file would have it; undefined if there is none. */
type CellFormat = (value: RawValue) => string | undefined;

/** The shortest text that stands for the same number of 32 bits, as programs write it: 0.1 and not 0.10000000149011612. */
function formatFloat(value: number): string {
  for (let digits = 6; digits < 9; digits++) {
    const text = String(Number(value.toPrecision(digits)));
    if (Math.fround(Number(text)) === value) return text;
  }
  return String(value);
}

function readHalf([low = 0, high = 0]: Uint8Array): number {
  const [exponent, fraction] = [(high >> 2) & 31, ((high & 3) << 8) | low];
  const size =
    exponent === 31
      ? fraction > 0
        ? Number.NaN
        : Number.POSITIVE_INFINITY
      : exponent === 0
        ? fraction * 2 ** -24
        : (1024 + fraction) * 2 ** (exponent - 25);
  return high > 127 ? -size : size;
}

const formatUuid = (bytes: Uint8Array): string =>
  Buffer.from(bytes)
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');

/** The time of ISO 8601, of a value that says the day, or the day and the time behind a space. */
const toIsoTime = (text: string, zone: string): string => {
  const [day, time = '00:00:00'] = text.split(' ');
  return `${day}T${time}${zone}`;
};

/** How the values of a column are written as texts. The data contract has its types in the same forms. */
export function createCellFormat(column: SchemaElement): CellFormat {
  const { type, converted_type: converted, logical_type: logical } = column;
  const write = (value: RawValue) => formatValue(column, value);
  const unlessNull =
    (format: (value: NonNullable<RawValue>) => string): CellFormat =>
    value =>
      value === null || value === undefined ? undefined : format(value);
  if (type === 'INT96') return unlessNull(value => toIsoTime(write(value), ''));
  if (logical?.type === 'TIMESTAMP' || /^TIMESTAMP_/.test(converted ?? '')) {
    const isLocal = logical?.type === 'TIMESTAMP' && !logical.isAdjustedToUTC;
    return unlessNull(value => toIsoTime(write(value), isLocal ? '' : 'Z'));
  }
  if (type === 'FLOAT') return unlessNull(value => (typeof value === 'number' ? formatFloat(value) : write(value)));
  if (logical?.type === 'FLOAT16')
    return unlessNull(value => (value instanceof Uint8Array ? String(readHalf(value)) : write(value)));
  if (logical?.type === 'UUID')
    return unlessNull(value => (value instanceof Uint8Array ? formatUuid(value) : write(value)));
  return unlessNull(write);
}
