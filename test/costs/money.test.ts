import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addDecimals,
  apportion,
  divideRounded,
  formatMoney,
  parseDecimal,
  roundDecimal,
  ZERO_DECIMAL,
} from '../../functions/costs/money.ts';

const amount = fc
  .tuple(fc.bigInt({ min: -(10n ** 15n), max: 10n ** 15n }), fc.integer({ min: 0, max: 12 }))
  .map(([units, scale]) => ({ units, scale }));

describe('an amount of a bill', () => {
  it.each([
    ['85.35', 85_350_000n],
    ['0.0101516483', 10_152n],
    ['8.3E-9', 0n],
    ['1.5E-6', 2n],
    ['-1.5E-6', -2n],
    ['12e3', 12_000_000_000n],
    ['-0.0000005', -1n],
    ['0', 0n],
    ['+7', 7_000_000n],
    ['123456789012345678.123456', 123_456_789_012_345_678_123_456n],
  ])('reads %s as %d micros', (text, micros) => expect(roundDecimal(parseDecimal(text), 6)).toBe(micros));

  it.each(['', '.5', '1,5', '1.2.3', '0x10', 'NaN', '1e9999', '$3', ' 1', 'Infinity'])(
    'refuses %j as an amount',
    text => expect(() => parseDecimal(text)).toThrow(/not an amount/),
  );

  it('reads any decimal without loss', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 20n }), fc.integer({ min: 0, max: 20 }), (units, scale) => {
        const digits = `${units}`.padStart(scale + 1, '0');
        const text = scale === 0 ? digits : `${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
        expect(parseDecimal(text)).toEqual({ units, scale });
        expect(parseDecimal(`-${text}`)).toEqual({ units: -units, scale });
      }),
    );
  });
});

describe('rounding', () => {
  it.each([
    [5n, 2n, 3n],
    [-5n, 2n, -3n],
    [4n, 3n, 1n],
    [-4n, 3n, -1n],
    [0n, 7n, 0n],
  ])('rounds %d / %d to %d, halves away from zero', (value, divisor, result) =>
    expect(divideRounded(value, divisor)).toBe(result),
  );
});

describe('apportioning', () => {
  it('makes parts sum to the rounded sum exactly, each within one unit of its amount', () => {
    fc.assert(
      fc.property(fc.array(amount, { maxLength: 40 }), fc.integer({ min: 0, max: 6 }), (parts, scale) => {
        const shares = apportion(parts, scale);
        expect(shares.reduce((a, b) => a + b, 0n)).toBe(roundDecimal(parts.reduce(addDecimals, ZERO_DECIMAL), scale));
        parts.forEach((part, index) => {
          const difference = addDecimals(part, { units: -(shares[index] ?? 0n), scale });
          const unit = 10n ** BigInt(Math.max(difference.scale - scale, 0));
          expect(difference.units < unit && difference.units > -unit).toBe(true);
        });
      }),
    );
  });

  it('makes no parts of nothing', () => expect(apportion([], 6)).toEqual([]));
});

describe('the form of money', () => {
  it.each([
    [0n, 'USD', '$0.00'],
    [5n, 'USD', '$0.05'],
    [-5n, 'USD', '-$0.05'],
    [123_456_789n, 'USD', '$1,234,567.89'],
    [900719925474099399n, 'EUR', '€9,007,199,254,740,993.99'],
  ])('shows %d cents of %s as %s', (cents, currency, text) => expect(formatMoney(cents, currency)).toBe(text));
});
