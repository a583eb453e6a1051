/** A number as tables write them: with separators of thousands, a sign of currency or percent, the mark of a note, or an exponent. */
const numberPattern =
  /^[£$€]?\s?([+-]?(?:\d{1,3}(?:([, \u00a0\u2009\u202f'’])\d{3})(?:\2\d{3})*|\d+)?(?:\.(\d*))?)\s?(%)?\s?(?:[*†‡§¶]{1,3}|\[[a-z\d]\])?$/;
const parts =
  /^(\d{1,3}(?:,\d{3})+|\d+)(?:\s?\/\s?(?:\d{1,3}(?:,\d{3})+|\d+))?\s*[([]\s*(\d+(?:\.(\d+))?)\s*(%)?\s*[)\]]$/;
const share =
  /^(?:(?:[*#–—-]+|\[?[a-z.]{1,12}\]?|[<≤] ?=? ?\d{1,4}) ?(?=[([]))?[([]?\s*(\d{1,3}(?:\.(\d+))?)\s*(%)?\s*[)\]]?$/i;

export interface WrittenNumber {
  readonly value: number;
  /** How many decimals are written. */
  readonly places: number;
  readonly percent: boolean;
}

/** Names of a count that are written before it in its own cell. */
const counting =
  /^(?:n|no\.?|num|number|counts?|freq|frequency|obs|cases|events|deaths|people|persons|patients|total|sum|value|val|f|c|x)\s?[=:]\s?(?=[\d+-])/i;

/** A digit of any script as the one it is: each script has its ten behind each other, from a place that ends with 0 or 6. */
function digit(character: string): string {
  const point = character.codePointAt(0) ?? 0;
  const base = point & ~15;
  const zero = /\p{Nd}/u.test(String.fromCodePoint(base)) ? base : base + 6;
  return String(point - zero);
}

/** Digits, signs and spaces of any script and width as plain ones; without raised notes, what is unseen and the mark of a text. */
const plainly = (text: string): string =>
  text
    .replace(/[\p{Cf}\u00b2\u00b3\u00b9\u2070-\u209f]/gu, '')
    .normalize('NFKC')
    .replace(/\p{Nd}/gu, digit)
    .replaceAll('\u066b', '.')
    .replaceAll('\u066c', ',')
    .trim()
    .replace(/^['’‘`´]\s?/, '');

export function readNumber(text: string): WrittenNumber | undefined {
  const content = text.trim();
  if (content.length > 40) return undefined;
  return readPlain(content) ?? (/^['`]|[^ -~]/.test(content) ? readPlain(plainly(content)) : undefined);
}

/** The number of a cell, whose count may have its name before it: `n=3`. Above a column that is a base, and no number. */
export const readCell = (text: string): WrittenNumber | undefined =>
  readNumber(text) ??
  (/[=:＝：]/.test(text) ? readNumber(plainly(text.slice(0, 80)).replace(counting, '')) : undefined);

function readPlain(text: string): WrittenNumber | undefined {
  if (!/\d/.test(text)) return undefined;
  const [, digits, separator, decimals, percent] = numberPattern.exec(text) ?? [];
  if (digits !== undefined)
    return {
      value: Number(separator ? digits.replaceAll(separator, '') : digits),
      places: decimals?.length ?? 0,
      percent: percent !== undefined,
    };
  if (/^[+-]?\d+(\.\d*)?e[+-]?\d{1,3}$/i.test(text)) {
    const value = Number(text);
    return Number.isFinite(value) ? { value, places: Number.isInteger(value) ? 0 : 15, percent: false } : undefined;
  }
  return undefined;
}

/** A count with its percentage in one cell, as "Table 1" has them: `45 (30.0%)`. */
export function readComposite(
  text: string,
): { count: number; part: number; places: number; percent: boolean } | undefined {
  const [, count, part, decimals, percent] = parts.exec(text.trim()) ?? [];
  if (count === undefined || part === undefined) return undefined;
  return {
    count: Number(count.replaceAll(',', '')),
    part: Number(part),
    places: decimals?.length ?? 0,
    percent: percent !== undefined,
  };
}

/** A percentage by itself or behind a mark of suppression: `3.2%`, `<10 (3.2%)`. `plain`: its heading has the sign. */
export function readPercentage(text: string, plain: boolean): Pick<WrittenNumber, 'value' | 'places'> | undefined {
  const [, value, decimals, percent] = share.exec(text.trim()) ?? [];
  if (value === undefined || (percent === undefined && !plain)) return undefined;
  return { value: Number(value), places: decimals?.length ?? 0 };
}
