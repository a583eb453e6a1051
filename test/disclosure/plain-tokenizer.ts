import { BYTE_CLASSES, CELL_BITS } from '../../disclosure/csv-tokenizer.ts';

/** A cell as the scanner hands it on. */
export interface PlainCell {
  readonly bytes: number[];
  readonly mask: number;
  readonly digits: number;
  readonly decimals: number;
}

const [lf, cr, quote] = [10, 13, 34];

/** The scanner as one would write it who has all the bytes and all the time: what the compiled one is held against. */
export function plainScan(bytes: Uint8Array, delimiter: number) {
  const rows: PlainCell[][] = [];
  const numbers: number[] = [];
  let [at, number, badQuotes] = [bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0, 0, 0];
  const stops = () => at >= bytes.length || [delimiter, lf, cr].includes(bytes[at] as number);
  const cellOf = (start: number, end: number, mask: number): PlainCell => {
    const own = [...bytes.slice(start, end)];
    const all = own.reduce((sum, byte) => sum | (BYTE_CLASSES[byte] as number), mask);
    const text = String.fromCharCode(...own.slice(0, 9));
    const isShort = mask === 0 && own.length <= 8 && /^(\d+\.?\d*|\.\d+)$/.test(text);
    return {
      bytes: own,
      mask: all,
      digits: isShort ? Number(text.replace('.', '')) : -1,
      decimals: isShort && text.includes('.') ? text.length - 1 - text.indexOf('.') : 0,
    };
  };
  const unquoted = (mask: number, start = at): PlainCell => {
    while (!stops()) at++;
    return cellOf(start, at, mask);
  };
  const inQuotes = (): PlainCell => {
    const open = at++;
    let mask: number = CELL_BITS.quoted;
    for (; at < bytes.length; at++) {
      if (bytes[at] !== quote) continue;
      if (bytes[at + 1] !== quote) break;
      mask |= CELL_BITS.escaped;
      at++;
    }
    const close = at;
    if (close < bytes.length) at++;
    if (close < bytes.length && stops()) return cellOf(open + 1, close, mask);
    badQuotes++;
    return close < bytes.length ? unquoted(CELL_BITS.quoted, open) : cellOf(open + 1, close, mask);
  };
  while (at < bytes.length) {
    const row: PlainCell[] = [];
    do row.push(bytes[at] === quote ? inQuotes() : unquoted(0));
    while (bytes[at++] === delimiter);
    if (bytes[at - 1] === cr && bytes[at] === lf) at++;
    number++;
    const [first] = row;
    if (row.length === 1 && first?.bytes.length === 0 && first.mask === 0) continue;
    rows.push(row);
    numbers.push(number);
  }
  return { rows, numbers, badQuotes };
}
