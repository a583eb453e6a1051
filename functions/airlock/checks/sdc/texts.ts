import { bits, cellText, classes, mostColumns } from '../csv.ts';

const encoder = new TextEncoder();

/** The cells of a reader that has text, as the scanner of bytes would give them. */
export function encoded(cells: readonly string[]) {
  const count = Math.min(cells.length, mostColumns);
  const texts = cells.slice(0, count).map(cell => encoder.encode(cell.length > 32_768 ? cell.slice(0, 32_768) : cell));
  const bytes = new Uint8Array(texts.reduce((sum, { length }) => sum + length, 0));
  const [starts, ends, masks] = [new Int32Array(count), new Int32Array(count), new Uint8Array(count)];
  const wholes = new Int32Array(count);
  let at = 0;
  for (const [index, cell] of texts.entries()) {
    bytes.set(cell, at);
    starts[index] = at;
    at += cell.length;
    ends[index] = at;
    let mask = 0;
    for (const byte of cell) mask |= classes[byte] as number;
    masks[index] = mask;
    if (mask === bits.digit && cell.length <= 9) wholes[index] = Number(cells[index]);
  }
  return { bytes, count, starts, ends, masks, wholes };
}

/**
 * The text of each cell, as far as anybody looks. A row of ASCII, as most are, is decoded at once and then cut; of a long one
 * only what is kept is decoded, as a piece of a text keeps all of it in memory.
 */
export function texts(
  bytes: Uint8Array,
  cells: number,
  starts: Int32Array,
  ends: Int32Array,
  masks: Uint8Array,
): string[] {
  const first = starts[0] as number;
  const last = ends[cells - 1] as number;
  const row = last - first <= 4096 ? cellText(bytes, first, last, 0) : '';
  const ascii = row.length === last - first;
  return Array.from({ length: cells }, (_, at) => {
    const [start, end, mask] = [starts[at] as number, ends[at] as number, masks[at] as number];
    if (ascii && (mask & bits.escaped) === 0) return row.slice(start - first, end - first).slice(0, 200);
    return cellText(bytes, start, Math.min(end, start + 1600), mask).slice(0, 200);
  });
}
