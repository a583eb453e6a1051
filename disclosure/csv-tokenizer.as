/**
 * The inner loop of the scanner of CSV, in AssemblyScript: WebAssembly looks at sixteen bytes at a time and reads eight
 * digits at once, which JavaScript cannot. `csv.ts` says what becomes of it, and `scanner.test.ts` compiles it.
 */
const lf: u32 = 10;
const cr: u32 = 13;
const quote: u32 = 34;
/** These are `bits` of `csv.ts`. */
const digit: u32 = 1;
const sign: u32 = 2;
const quoted: u32 = 64;
const escaped: u32 = 128;

export const mostColumns: i32 = 16_384;
/** A row of any width has room behind as many cells of others. */
export const mostCells: i32 = 2 * mostColumns;

// What a batch of rows consists of.
export const first = memory.data(4 * (mostCells + 1), 16);
export const numbers = memory.data(8 * mostCells, 16);
export const starts = memory.data(4 * mostCells, 16);
export const ends = memory.data(4 * mostCells, 16);
export const masks = memory.data(mostCells, 16);
export const digits = memory.data(4 * mostCells, 16);
export const decimals = memory.data(mostCells, 16);
/** The bytes that are scanned, with room behind them for what is loaded beyond their end. */
const room: i32 = (4 << 20) + (1 << 17);
export const bytes = memory.data(room + 128, 64);

// What a scan says of itself.
export let rows: i32 = 0;
export let number: f64 = 0;
export let badQuotes: i32 = 0;
/** The arrays of cells are full: there is more to be scanned. */
export let full: bool = false;
/** A record has more columns than there may be. */
export let wide: bool = false;

/** Quotes of the record being read that are not closed or are followed by more text. */
let bad: i32 = 0;

/**
 * Reads every whole record from `from` to `end`, of which `last` says that no more bytes follow, and returns where the rest
 * begins. Empty records are counted and left out.
 */
export function scan(from: usize, end: usize, last: bool, delimiter: u32, before: f64): usize {
  rows = 0;
  number = before;
  badQuotes = 0;
  full = false;
  wide = false;
  // A line end behind the last byte stops every search, which so needs no test for the end.
  store<u8>(end, lf);
  const divider = i8x16.splat(<i8>delimiter);
  // Which of the 64 bytes from `block` on end a cell: those that are still to come.
  let block = from;
  let stops = stopsIn(block, divider);
  let begin = from;
  let at = from;
  let cell = 0;
  while (begin < end) {
    if (cell > mostCells - mostColumns) {
      full = true;
      return begin;
    }
    const row = cell;
    bad = 0;
    for (;;) {
      if (load<u8>(at) == quote) {
        at = inQuotes(at, end, last, delimiter, cell);
        if (at == 0) return begin;
        block = at + 1;
        stops = stopsIn(block, divider);
      } else {
        while (stops == 0) {
          block += 64;
          stops = stopsIn(block, divider);
        }
        const start = at;
        at = block + <usize>ctz(stops);
        stops &= stops - 1;
        plain(start, at, cell);
      }
      cell++;
      if (load<u8>(at) != delimiter) break;
      at++;
      if (cell - row == mostColumns) {
        wide = true;
        return end;
      }
    }
    if (at >= end && !last) return begin;
    if (load<u8>(at) == cr && at + 1 >= end && !last) return begin;
    if (load<u8>(at) == cr && at + 1 < end && load<u8>(at + 1) == lf) {
      block = at + 2;
      stops = stopsIn(block, divider);
      at++;
    }
    at++;
    number++;
    badQuotes += bad;
    begin = at;
    const isEmpty = cell - row == 1 && get(starts, row) == get(ends, row) && !(load<u8>(masks + row) & quoted);
    if (isEmpty) cell = row;
    else {
      store<f64>(numbers + (rows << 3), number);
      rows++;
      set(first, rows, cell);
    }
  }
  return min(begin, end);
}

@inline
function stopsIn(block: usize, delimiter: v128): u64 {
  return (
    stopsAt(block, delimiter) |
    (stopsAt(block + 16, delimiter) << 16) |
    (stopsAt(block + 32, delimiter) << 32) |
    (stopsAt(block + 48, delimiter) << 48)
  );
}

@inline
function stopsAt(at: usize, delimiter: v128): u64 {
  const some = v128.load(at);
  const lineEnds = v128.or(i8x16.eq(some, i8x16.splat(<i8>lf)), i8x16.eq(some, i8x16.splat(<i8>cr)));
  return i8x16.bitmask(v128.or(i8x16.eq(some, delimiter), lineEnds));
}

/** A cell without quotes around it. */
@inline
function plain(start: usize, end: usize, cell: i32): void {
  const length = end - start;
  if (length - 1 < 8) {
    // Its bytes are the last of the eight before its end; in the place of others come zeros, which change no number.
    const others: u64 = (8 - length) << 3;
    const word = ((load<u64>(end - 8) ^ 0x3030303030303030) >> others) << others;
    // The highest bit of each byte that is no digit.
    const odd = ((word + 0x7676767676767676) | word) & 0x8080808080808080;
    if (odd == 0) return put(cell, start, end, digit, valueOf(word), 0);
    const point = ctz(odd) & 56;
    if ((odd & (odd - 1)) == 0 && ((word >> point) & 0xff) == (0x2e ^ 0x30) && length > 1) {
      const above = (<u64>1 << point) - 1;
      const without = ((word & above) << 8) | (word & (~above << 8));
      return put(cell, start, end, digit | sign, valueOf(without), 7 - (<u32>point >> 3));
    }
  }
  put(cell, start, end, maskOf(start, end), -1, 0);
}

/** The number of eight digits: neighbours become pairs, pairs fours, and fours the whole. */
@inline
function valueOf(word: u64): i32 {
  const pairs = word * 10 + (word >> 8);
  const high = (pairs & 0x000000ff000000ff) * (100 + (1_000_000 << 32));
  const low = ((pairs >> 16) & 0x000000ff000000ff) * (1 + (10_000 << 32));
  return <i32>((high + low) >> 32);
}

/** What the bytes of a cell are, or-ed together. */
function maskOf(start: usize, end: usize): u32 {
  // A byte is of a kind if both its halves say so. Letters are of two kinds here, as their halves are from two ranges.
  const high = i8x16(0, 0, 2, 1, 16 | 4 | 8, 64, 4 | 8, 64, 0, 0, 0, 0, 0, 0, 0, 0);
  const low = i8x16(81, 73, 73, 73, 73, 69, 73, 73, 73, 73, 72, 10, 8, 10, 10, 8);
  const lanes = i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  let all = i8x16.splat(0);
  for (let at = start; at < end; at += 16) {
    const some = v128.load(at);
    const left = i8x16.swizzle(high, i8x16.shr_u(some, 4));
    const kinds = v128.and(left, i8x16.swizzle(low, v128.and(some, i8x16.splat(15))));
    const other = v128.and(i8x16.eq(kinds, i8x16.splat(0)), i8x16.splat(32));
    const within = i8x16.lt_u(lanes, i8x16.splat(<i8>min<usize>(end - at, 16)));
    all = v128.or(all, v128.and(v128.or(kinds, other), within));
  }
  let mask = i64x2.extract_lane(all, 0) | i64x2.extract_lane(all, 1);
  mask |= mask >> 32;
  mask |= mask >> 16;
  mask |= mask >> 8;
  return <u32>((mask & 63) | ((mask & 64) >> 3));
}

/**
 * Reads a cell in quotes and returns where it ends (at a delimiter, a line end or `end`), or 0 when more bytes are needed.
 * Doubled quotes stay as they are and are said in the mask.
 */
function inQuotes(open: usize, end: usize, last: bool, delimiter: u32, cell: i32): usize {
  let doubled: u32 = 0;
  let close = nextQuote(open + 1, end);
  while (close + 1 < end && load<u8>(close + 1) == quote) {
    doubled = escaped;
    close = nextQuote(close + 2, end);
  }
  if (close + 1 >= end && !last) return 0;
  let at = min(close + 1, end);
  const isClosed = close < end;
  if (isClosed && (at == end || stops(load<u8>(at), delimiter))) {
    put(cell, open + 1, close, quoted | doubled | maskOf(open + 1, close), -1, 0);
    return at;
  }
  // More text behind the closing quote: the cell goes on to the next delimiter, as written.
  while (!stops(load<u8>(at), delimiter)) at++;
  if (at >= end && !last) return 0;
  bad++;
  const start = isClosed ? open : open + 1;
  put(cell, start, at, quoted | (isClosed ? 0 : doubled) | maskOf(start, at), -1, 0);
  return at;
}

@inline
function stops(byte: u32, delimiter: u32): bool {
  return byte == delimiter || byte == lf || byte == cr;
}

/** Where the next quote is, or `end`. */
function nextQuote(from: usize, end: usize): usize {
  for (let at = from; at < end; at += 16) {
    const quotes = i8x16.bitmask(i8x16.eq(v128.load(at), i8x16.splat(<i8>quote)));
    if (quotes != 0) return min(at + ctz(quotes), end);
  }
  return end;
}

@inline
function put(cell: i32, start: usize, end: usize, mask: u32, value: i32, places: u32): void {
  set(starts, cell, <i32>start);
  set(ends, cell, <i32>end);
  store<u8>(masks + cell, mask);
  set(digits, cell, value);
  store<u8>(decimals + cell, places);
}

@inline
function get(list: usize, at: i32): i32 {
  return load<i32>(list + (<usize>at << 2));
}

@inline
function set(list: usize, at: i32, value: i32): void {
  store<i32>(list + (<usize>at << 2), value);
}
