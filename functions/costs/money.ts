import * as z from 'zod';

/** An amount of money in integer millionths of its currency, as a decimal string, because JSON has no big integers. */
export const Micros = z.string().regex(/^-?\d+$/);

/** An exact decimal number: `units` × 10^-`scale`. Bills are summed in these and rounded once at the end. */
export interface Decimal {
  readonly units: bigint;
  readonly scale: number;
}

export const MICRO_SCALE = 6;
export const ZERO_DECIMAL: Decimal = { units: 0n, scale: 0 };

// Cost Explorer writes tiny amounts as 8.3E-9. The bounds stop a forged exponent from filling the memory.
const form = /^([+-]?)(\d{1,30})(?:\.(\d{0,30}))?(?:[eE]([+-]?\d{1,3}))?$/;

/** Parses a decimal of a bill exactly, without floating point. */
export function parseDecimal(text: string): Decimal {
  const [, sign, whole, part = '', exponent = '0'] = form.exec(text) ?? [];
  if (whole === undefined) throw new Error(`not an amount: ${JSON.stringify(text.slice(0, 40))}`);
  const units = BigInt(`${sign}${whole}${part}`);
  const scale = part.length - Number(exponent);
  return scale < 0 ? { units: units * 10n ** BigInt(-scale), scale: 0 } : { units, scale };
}

const rescale = ({ units, scale }: Decimal, targetScale: number): bigint => units * 10n ** BigInt(targetScale - scale);

export function addDecimals(a: Decimal, b: Decimal): Decimal {
  const scale = Math.max(a.scale, b.scale);
  return { units: rescale(a, scale) + rescale(b, scale), scale };
}

const floorDivide = (value: bigint, divisor: bigint): bigint =>
  value < 0n && value % divisor !== 0n ? value / divisor - 1n : value / divisor;

/** `value` / `by`, rounded to the nearest integer; halves are rounded away from zero. */
export function divideRounded(value: bigint, divisor: bigint): bigint {
  const half = (value < 0n ? -value : value) * 2n + divisor;
  return (value < 0n ? -1n : 1n) * (half / (divisor * 2n));
}

/** Rounds to the nearest multiple of 10^-`scale`; halves are rounded away from zero. */
export const roundDecimal = (value: Decimal, scale: number): bigint =>
  value.scale <= scale ? rescale(value, scale) : divideRounded(value.units, 10n ** BigInt(value.scale - scale));

/**
 * Rounds `parts` to 10^-`scale` so that they sum to exactly the rounded sum: all are rounded down, and the missing units
 * go to the largest remainders, one each. Equal remainders are served in the given order, so callers sort first. Every
 * part differs from its exact amount by less than one unit.
 */
export function apportion(parts: readonly Decimal[], scale: number): bigint[] {
  const total = roundDecimal(parts.reduce(addDecimals, ZERO_DECIMAL), scale);
  const common = Math.max(scale, ...parts.map(part => part.scale));
  const unit = 10n ** BigInt(common - scale);
  const exact = parts.map(part => rescale(part, common));
  const shares = exact.map(value => floorDivide(value, unit));
  const missing = Number(total - shares.reduce((sum, share) => sum + share, 0n));
  const remainder = (index: number) => (exact[index] ?? 0n) - (shares[index] ?? 0n) * unit;
  const order = exact.map((_, index) => index).sort((a, b) => compareValues(remainder(b), remainder(a)) || a - b);
  for (const index of order.slice(0, missing)) shares[index] = (shares[index] ?? 0n) + 1n;
  return shares;
}

export const compareValues = <T extends bigint | string>(a: T, b: T): number => (a < b ? -1 : a > b ? 1 : 0);

export const microsToDecimal = (micros: string): Decimal => ({ units: BigInt(micros), scale: MICRO_SCALE });

/** Formats whole cents (hundredths): `$1,234.50`, `-$3.00`. Exact at any size. */
export function formatMoney(cents: bigint, currency: string): string {
  const digits = (cents < 0n ? -cents : cents).toString().padStart(3, '0');
  const text = `${cents < 0n ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}` as `${number}`;
  return new Intl.NumberFormat('en-US', {
    style: 'currency',
    currency,
    minimumFractionDigits: 2,
    maximumFractionDigits: 2,
  }).format(text);
}

export const toCents = (micros: string): bigint => roundDecimal(microsToDecimal(micros), 2);
