import { createHash } from 'node:crypto';
import type { RecipeColumn } from './recipe.ts';

/** The text that takes the place of a cell's text; undefined if the text cannot be changed as the recipe says. */
export type CellStep = (text: string) => string | undefined;

/** Line ends, other control characters, and bytes that are not UTF-8. A value has none of these, but a misread row does. */
const unusual = /[\p{Cc}\u2028\u2029\ufffd]/u;

const HASH_HEX_DIGITS = 32;
const BLOCK_BYTES = 64;

/** Makes the first 32 hexadecimal digits of the HMAC-SHA-256 of a text. */
type TextHmac = (text: string) => string;

/**
 * HMAC-SHA-256 (RFC 2104) of `<purpose> LF <text>`, so that results for different purposes have nothing in common. The two
 * hashes that have taken the key are kept and copied, because `createHmac` takes the key again each time, which is much
 * slower.
 */
function createTextHmac(key: Uint8Array, purpose: 'pseudonym' | 'sample'): TextHmac {
  const block = Buffer.alloc(BLOCK_BYTES);
  block.set(key);
  const [inner, outer] = [0x36, 0x5c].map(pad => createHash('sha256').update(block.map(byte => byte ^ pad)));
  if (!inner || !outer || key.length > BLOCK_BYTES) throw new RangeError('a key of HMAC has 64 bytes at most');
  inner.update(`${purpose}\n`, 'utf8');
  return text =>
    outer.copy().update(inner.copy().update(text, 'utf8').digest()).digest('hex').slice(0, HASH_HEX_DIGITS);
}

/** The normal form of an identifier: without spaces around it, and with its accents in the Unicode form NFC. */
const normaliseIdentifier = (text: string): string => text.normalize('NFC').trim();

const datePatterns = {
  'yyyy-mm-dd': /^(?<year>\d{4})-(?<month>\d{2})-(?<day>\d{2})(?:[T ]\d{2}:\d{2}[\d:.,]*(?:Z|[+-]\d{2}:?\d{2})?)?$/,
  'dd/mm/yyyy': /^(?<day>\d{1,2})\/(?<month>\d{1,2})\/(?<year>\d{4})$/,
  'mm/dd/yyyy': /^(?<month>\d{1,2})\/(?<day>\d{1,2})\/(?<year>\d{4})$/,
  yyyymmdd: /^(?<year>\d{4})(?<month>\d{2})(?<day>\d{2})$/,
} as const;

function coarsenDate({ to: unit, format }: Extract<RecipeColumn, { do: 'date' }>): CellStep {
  const pattern = datePatterns[format];
  return text => {
    const { year = '', month = '', day = '' } = pattern.exec(text.trim())?.groups ?? {};
    const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
    // JavaScript turns a day that does not exist, such as 31 April, into a day of the next month.
    const isReal = year !== '' && date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day);
    if (!isReal) return undefined;
    if (unit === 'year') return year;
    return unit === 'quarter' ? `${year}-Q${Math.ceil(Number(month) / 3)}` : `${year}-${month.padStart(2, '0')}`;
  };
}

/** A whole postcode, with or without its space, or only its outward code. */
const postcode = /^(?<outward>GIR|(?<area>[A-Z]{1,2})\d[A-Z\d]?)(?: ?\d[A-Z]{2})?$/;

function coarsenPostcode({ to: part }: Extract<RecipeColumn, { do: 'postcode' }>): CellStep {
  return text => {
    const { outward, area = outward } = postcode.exec(text.trim().toUpperCase())?.groups ?? {};
    return part === 'outward' ? outward : area;
  };
}

const decimalsOf = (value: number): number => /\.(\d+)$/.exec(value.toFixed(6).replace(/0+$/, ''))?.[1]?.length ?? 0;

function coarsenNumber({ step, min, max }: Extract<RecipeColumn, { do: 'number' }>): CellStep {
  return text => {
    if (!/^[+-]?\d{1,15}(\.\d{1,15})?$/.test(text.trim())) return undefined;
    const value = Math.min(Math.max(Number(text), min ?? -Infinity), max ?? Infinity);
    if (step === undefined || value === min || value === max) return String(value);
    // Rounded to 14 digits first, because 0.3 / 0.1 is slightly less than 3.
    const count = Math.floor(Number((value / step).toPrecision(14)));
    return String(Math.max(Number((count * step).toFixed(decimalsOf(step))), min ?? -Infinity));
  };
}

function stepFor(column: RecipeColumn, key: Uint8Array): CellStep {
  switch (column.do) {
    case 'keep':
      return text => text;
    case 'hash': {
      const hmac = createTextHmac(key, 'pseudonym');
      return text => hmac(normaliseIdentifier(text));
    }
    case 'date':
      return coarsenDate(column);
    case 'postcode':
      return coarsenPostcode(column);
    case 'number':
      return coarsenNumber(column);
  }
}

/** The function that changes the cells of a column. An empty cell stays empty. A misread cell is never passed on. */
export function createCellStep(column: RecipeColumn, key: Uint8Array): CellStep {
  const step = stepFor(column, key);
  return text => {
    if (text.trim() === '') return '';
    return unusual.test(text) ? undefined : step(text);
  };
}

/** Whether a value belongs to the share of values that a project gets. Empty and misread ones do not. */
export function createSampler(share: number, key: Uint8Array): (text: string) => boolean {
  const hmac = createTextHmac(key, 'sample');
  return text => {
    const identifier = normaliseIdentifier(text);
    if (identifier === '' || unusual.test(identifier)) return false;
    return Number.parseInt(hmac(identifier).slice(0, 12), 16) / 2 ** 48 < share;
  };
}
