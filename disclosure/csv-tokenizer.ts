/** The kinds of bytes in a cell, or-ed together. */
export const CELL_BITS = {
  digit: 1,
  /** `+`, `-` and `.` */
  sign: 2,
  /** `e` and `E`, which a number may have */
  exponent: 4,
  letter: 8,
  at: 16,
  /** Anything else: spaces, signs of currency, brackets, bytes of other scripts. */
  other: 32,
  /** The cell was written in quotes. */
  quoted: 64,
  /** Its quotes are doubled. */
  escaped: 128,
} as const;

/** The kind of each byte. */
export const BYTE_CLASSES = new Uint8Array(256).fill(CELL_BITS.other);
for (let byte = 0x30; byte <= 0x39; byte++) BYTE_CLASSES[byte] = CELL_BITS.digit;
for (let byte = 0x41; byte <= 0x5a; byte++) BYTE_CLASSES[byte] = BYTE_CLASSES[byte + 32] = CELL_BITS.letter;
BYTE_CLASSES[0x45] = BYTE_CLASSES[0x65] = CELL_BITS.exponent;
BYTE_CLASSES[0x40] = CELL_BITS.at;
for (const character of '+-.') BYTE_CLASSES[character.charCodeAt(0)] = CELL_BITS.sign;

/**
 * A batch of rows: row `r` has the cells from `first[r]` to `first[r + 1]`, and cell `i` is `bytes[starts[i]..ends[i])`, with
 * the kinds of its bytes in `masks[i]`. It is valid until anything else is tokenized.
 */
export interface RowBatch {
  readonly bytes: Uint8Array;
  readonly rows: number;
  readonly first: Int32Array;
  readonly cellStarts: Int32Array;
  readonly cellEnds: Int32Array;
  readonly masks: Uint8Array;
  /** The number of a cell of at most eight digits, or of seven and a point; below zero for any other cell. */
  readonly digits: Int32Array;
  /** How many of those digits are behind the point. */
  readonly decimals: Uint8Array;
  /** Each record's number from 1, empty ones counted, as a spreadsheet shows it. */
  readonly numbers: Float64Array;
}

const [LINE_FEED, CARRIAGE_RETURN, QUOTE, POINT, ZERO] = [10, 13, 34, 46, 48] as const;

/** The widest sheet that spreadsheets have. */
export const MAX_COLUMNS = 16_384;
/** A row of any width has room behind as many cells of others. */
const MAX_CELLS = 2 * MAX_COLUMNS;
/** Where bytes are put that `tokenizeRecords` reads: the longest record, one slice of a chunk, and a line end behind both. */
export const TOKENIZER_MEMORY = new Uint8Array((4 << 20) + (1 << 17) + 1);
const lists = {
  bytes: TOKENIZER_MEMORY,
  first: new Int32Array(MAX_CELLS + 1),
  cellStarts: new Int32Array(MAX_CELLS),
  cellEnds: new Int32Array(MAX_CELLS),
  masks: new Uint8Array(MAX_CELLS),
  digits: new Int32Array(MAX_CELLS),
  decimals: new Uint8Array(MAX_CELLS),
  numbers: new Float64Array(MAX_CELLS),
};

function putCell(cell: number, start: number, end: number, mask: number): void {
  lists.cellStarts[cell] = start;
  lists.cellEnds[cell] = end;
  lists.masks[cell] = mask;
  lists.digits[cell] = -1;
  lists.decimals[cell] = 0;
}

/** Adds the number of a short cell of digits, with one point at most. */
function putNumber(cell: number, start: number, end: number): void {
  let [value, point] = [0, -1];
  for (let index = start; index < end; index++) {
    const byte = TOKENIZER_MEMORY[index] as number;
    if (byte === POINT && point < 0) point = index;
    else if (byte < ZERO) return;
    else value = value * 10 + (byte - ZERO);
  }
  lists.digits[cell] = value;
  lists.decimals[cell] = point < 0 ? 0 : end - 1 - point;
}

const endsCell = (byte: number | undefined, delimiter: number) =>
  byte === delimiter || byte === LINE_FEED || byte === CARRIAGE_RETURN;

function maskOf(start: number, end: number): number {
  let mask = 0;
  for (let index = start; index < end; index++) mask |= BYTE_CLASSES[TOKENIZER_MEMORY[index] as number] as number;
  return mask;
}

/** The place of the next quote, or `end`. */
function nextQuote(start: number, end: number): number {
  let index = start;
  while (index < end && TOKENIZER_MEMORY[index] !== QUOTE) index++;
  return Math.min(index, end);
}

/** Whether the cell's quotes were not closed, or were followed by more text. */
let isMalformed = false;

/** Reads a cell in quotes. Returns where it ends, or -1 where more bytes are needed. Doubled quotes stay as they are. */
function readQuoted(open: number, end: number, last: boolean, delimiter: number, cell: number): number {
  let doubling = 0;
  let close = nextQuote(open + 1, end);
  while (close + 1 < end && TOKENIZER_MEMORY[close + 1] === QUOTE) {
    doubling = CELL_BITS.escaped;
    close = nextQuote(close + 2, end);
  }
  if (close + 1 >= end && !last) return -1;
  const isClosed = close < end;
  let index = Math.min(close + 1, end);
  isMalformed = false;
  if (isClosed && (index === end || endsCell(TOKENIZER_MEMORY[index], delimiter))) {
    putCell(cell, open + 1, close, CELL_BITS.quoted | doubling | maskOf(open + 1, close));
    return index;
  }
  // More text behind the closing quote: the cell goes on to the next delimiter, as written.
  while (!endsCell(TOKENIZER_MEMORY[index], delimiter)) index++;
  if (index >= end && !last) return -1;
  isMalformed = true;
  const start = isClosed ? open : open + 1;
  putCell(cell, start, index, CELL_BITS.quoted | (isClosed ? 0 : doubling) | maskOf(start, index));
  return index;
}

/** Reads a cell without quotes. Returns where it ends. */
function readPlain(start: number, delimiter: number, cell: number): number {
  let [index, mask] = [start, 0];
  let byte = TOKENIZER_MEMORY[index] as number;
  while (byte !== delimiter && byte !== LINE_FEED && byte !== CARRIAGE_RETURN) {
    mask |= BYTE_CLASSES[byte] as number;
    byte = TOKENIZER_MEMORY[++index] as number;
  }
  putCell(cell, start, index, mask);
  if (mask & CELL_BITS.digit && mask <= (CELL_BITS.digit | CELL_BITS.sign) && index - start <= 8)
    putNumber(cell, start, index);
  return index;
}

/**
 * Reads whole records of `TOKENIZER_MEMORY` from `start` to `end`, whose numbers follow `before`; `used` is where the rest
 * begins. `last` says that no more bytes follow. Empty records are counted and left out.
 */
export function tokenizeRecords(start: number, end: number, last: boolean, delimiter: number, precedingRows: number) {
  // A line end behind the last byte stops every search, so that none needs a test for the end.
  TOKENIZER_MEMORY[end] = LINE_FEED;
  let [rows, number, badQuotes, cell, begin, index] = [0, precedingRows, 0, 0, start, start];
  const result = (used: number, isFull = false, isWide = false) => ({
    used,
    batch: { ...lists, rows } satisfies RowBatch,
    number,
    badQuotes,
    /** There may be more: a batch holds a limited number of cells. */
    isFull,
    isWide,
  });
  while (begin < end) {
    if (cell > MAX_CELLS - MAX_COLUMNS) return result(begin, true);
    const row = cell;
    let bad = 0;
    for (;;) {
      if (TOKENIZER_MEMORY[index] === QUOTE) {
        index = readQuoted(index, end, last, delimiter, cell);
        if (index < 0) return result(begin);
        if (isMalformed) bad++;
      } else index = readPlain(index, delimiter, cell);
      cell++;
      if (TOKENIZER_MEMORY[index] !== delimiter) break;
      index++;
      if (cell - row === MAX_COLUMNS) return result(end, false, true);
    }
    const isReturn = TOKENIZER_MEMORY[index] === CARRIAGE_RETURN;
    if (!last && (index >= end || (isReturn && index + 1 >= end))) return result(begin);
    if (isReturn && index + 1 < end && TOKENIZER_MEMORY[index + 1] === LINE_FEED) index++;
    index++;
    number++;
    badQuotes += bad;
    begin = index;
    const isQuoted = ((lists.masks[row] as number) & CELL_BITS.quoted) !== 0;
    if (cell - row === 1 && lists.cellStarts[row] === lists.cellEnds[row] && !isQuoted) cell = row;
    else {
      lists.numbers[rows++] = number;
      lists.first[rows] = cell;
    }
  }
  return result(Math.min(begin, end));
}
