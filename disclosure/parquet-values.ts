import type { SchemaElement } from 'hyparquet';

/** A value as a Parquet file holds it, whatever its column says that it means. */
export type RawValue = number | bigint | boolean | Uint8Array | null | undefined;

/** A column without what it means: its values then come as they are held, and none of their digits is lost. */
export const stripMeaning = ({ converted_type: _, logical_type: __, ...element }: SchemaElement): SchemaElement =>
  element;

const nanosecondsPerDay = 86_400_000_000_000n;
/** The days that a date of JavaScript can be. */
const MAX_DAYS = 100_000_000n;

/** A time to the last digit; only the day where it is midnight. */
function formatTime(value: bigint, perDay: bigint): string {
  const nanoseconds = value * (nanosecondsPerDay / perDay);
  const time = ((nanoseconds % nanosecondsPerDay) + nanosecondsPerDay) % nanosecondsPerDay;
  const days = (nanoseconds - time) / nanosecondsPerDay;
  if (days > MAX_DAYS || days < -MAX_DAYS) return `${nanoseconds} ns`;
  const [day = '', rest = ''] = new Date(Number(days) * 86_400_000 + Number(time / 1_000_000_000n) * 1000)
    .toISOString()
    .split('T');
  const fraction = String(time % 1_000_000_000n)
    .padStart(9, '0')
    .replace(/0+$/, '');
  return time === 0n ? day : `${day} ${rest.slice(0, 8)}${fraction && `.${fraction}`}`;
}

function formatDecimal(value: bigint, scale: number): string {
  const digits = String(value < 0n ? -value : value).padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  return `${value < 0n ? '-' : ''}${whole}${scale > 0 ? `.${digits.slice(-scale)}` : ''}`;
}

/** The whole number that bytes stand for, as decimals have it. */
export const readSigned = (bytes: Uint8Array): bigint =>
  bytes.length === 0 ? 0n : BigInt.asIntN(8 * bytes.length, BigInt(`0x${Buffer.from(bytes).toString('hex')}`));

function formatBytes(bytes: Uint8Array, isText: boolean): string {
  if (!isText) return `0x${Buffer.from(bytes).toString('hex')}`;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return formatBytes(bytes, false);
  }
}

const perDayOf: Readonly<Record<string, bigint>> = {
  MILLIS: 86_400_000n,
  MICROS: 86_400_000_000n,
  NANOS: nanosecondsPerDay,
};

/** A whole number of a column of numbers without a sign as the number that it stands for; other values as they are. */
export function readUnsigned<Value extends RawValue>(element: SchemaElement, value: Value): Value | number | bigint {
  const { converted_type: converted, logical_type: logical } = element;
  if (!/^UINT/.test(converted ?? '') && (logical?.type !== 'INTEGER' || logical.isSigned)) return value;
  if (typeof value === 'bigint') return BigInt.asUintN(64, value);
  return typeof value === 'number' ? value >>> 0 : value;
}

/** A value as a reviewer is shown it: two different values are never shown alike, but for what stands for no number. */
export function formatValue(element: SchemaElement, value: RawValue): string {
  const { type, converted_type: converted, logical_type: logical, scale = 0 } = element;
  if (value === null || value === undefined) return '';
  const unit = logical?.type === 'TIMESTAMP' ? logical.unit : /^TIMESTAMP_(\w+)$/.exec(converted ?? '')?.[1];
  const isDecimal = converted === 'DECIMAL' || logical?.type === 'DECIMAL';
  if (value instanceof Uint8Array)
    return isDecimal ? formatDecimal(readSigned(value), scale) : formatBytes(value, type === 'BYTE_ARRAY');
  if (typeof value === 'boolean') return String(value);
  if (type === 'INT96') return formatTime(BigInt(value), nanosecondsPerDay);
  if (isDecimal) return formatDecimal(BigInt(value), scale);
  if (unit !== undefined && perDayOf[unit] !== undefined) return formatTime(BigInt(value), perDayOf[unit]);
  if (converted === 'DATE' || logical?.type === 'DATE') return formatTime(BigInt(value), 1n);
  const number = readUnsigned(element, value);
  return Object.is(number, -0) ? '-0' : String(number);
}
