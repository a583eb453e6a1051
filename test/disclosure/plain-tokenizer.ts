import { BYTE_CLASSES, CELL_BITS } from '../../disclosure/csv-tokenizer.ts';

/** A cell as the scanner reports it. */
export interface PlainCell {
  readonly bytes: number[];
  readonly mask: number;
  readonly digits: number;
  readonly decimals: number;
}

const [lf, cr, quote] = [10, 13, 34];

/** A simple, slow scanner that has all the bytes at once: the tests compare the compiled scanner with it. */
export function plainScan(bytes: Uint8Array, delimiter: number) {
  const rows: PlainCell[][] = [];
  const numbers: number[] = [];
  let [offset, number, badQuotes] = [bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0, 0, 0];
  const stops = () => offset >= bytes.length || [delimiter, lf, cr].includes(bytes[offset] as number);
  const cellOf = (start: number, end: number, mask: number): PlainCell => {
    const content = [...bytes.slice(start, end)];
    const classes = content.reduce((sum, byte) => sum | (BYTE_CLASSES[byte] as number), mask);
    const text = String.fromCharCode(...content.slice(0, 9));
    const isShort = mask === 0 && content.length <= 8 && /^(\d+\.?\d*|\.\d+)$/.test(text);
    return {
      bytes: content,
      mask: classes,
      digits: isShort ? Number(text.replace('.', '')) : -1,
      decimals: isShort && text.includes('.') ? text.length - 1 - text.indexOf('.') : 0,
    };
  };
  const unquoted = (mask: number, start = offset): PlainCell => {
    while (!stops()) offset++;
    return cellOf(start, offset, mask);
  };
  const inQuotes = (): PlainCell => {
    const open = offset++;
    let mask: number = CELL_BITS.quoted;
    for (; offset < bytes.length; offset++) {
      if (bytes[offset] !== quote) continue;
      if (bytes[offset + 1] !== quote) break;
      mask |= CELL_BITS.escaped;
      offset++;
    }
    const close = offset;
    if (close < bytes.length) offset++;
    if (close < bytes.length && stops()) return cellOf(open + 1, close, mask);
    badQuotes++;
    return close < bytes.length ? unquoted(CELL_BITS.quoted, open) : cellOf(open + 1, close, mask);
  };
  while (offset < bytes.length) {
    const row: PlainCell[] = [];
    do row.push(bytes[offset] === quote ? inQuotes() : unquoted(0));
    while (bytes[offset++] === delimiter);
    if (bytes[offset - 1] === cr && bytes[offset] === lf) offset++;
    number++;
    const [first] = row;
    if (row.length === 1 && first?.bytes.length === 0 && first.mask === 0) continue;
    rows.push(row);
    numbers.push(number);
  }
  return { rows, numbers, badQuotes };
}
