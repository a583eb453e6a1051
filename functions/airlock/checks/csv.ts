/** What the bytes of a cell are, or-ed together. */
export const bits = {
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
  /** Its quotes are doubled: see `cellText`. */
  escaped: 128,
} as const;
/** Above every class of a byte. */
const stop = 128;

/**
 * Rows as a scanner hands them on: row `r` has the cells from `first[r]` to `first[r + 1]`, and cell `i` is
 * `bytes[starts[i]..ends[i])`, with what is in it in `masks[i]`. It is good until the scanner goes on.
 */
export interface Batch {
  readonly bytes: Uint8Array;
  readonly rows: number;
  readonly first: Int32Array;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  readonly masks: Uint8Array;
  /** The value of each cell that is up to nine digits and nothing else; of any other it is below zero. */
  readonly wholes: Int32Array;
  /** Each record's number from 1, empty ones counted, as a spreadsheet shows it. */
  readonly numbers: Float64Array;
}

/** The widest sheet that spreadsheets have. */
export const mostColumns = 16_384;
/** Cells of a batch: a row of any width has room behind as many others. */
const mostCells = 2 * mostColumns;
/** The longest record that is read; a longer one ends the reading as something other than a table. */
const longestRow = 4 * 2 ** 20;
const [lf, cr, quote] = [10, 13, 34];

/** What each byte is to a table, without the delimiter and the line ends. */
export const classes = new Uint8Array(256).fill(bits.other);
for (let byte = 0x30; byte <= 0x39; byte++) classes[byte] = bits.digit;
for (let byte = 0x41; byte <= 0x5a; byte++) classes[byte] = classes[byte + 32] = bits.letter;
classes[0x45] = classes[0x65] = bits.exponent;
classes[0x40] = bits.at;
for (const character of '+-.') classes[character.charCodeAt(0)] = bits.sign;

/**
 * A scanner of CSV after RFC 4180, over bytes and without a string per cell: it hands the positions of rows on and keeps
 * nothing but the row that a chunk cut in two. Any delimiter of one byte; rows end with LF, CRLF or CR; a byte order mark
 * is left out; quotes inside an unquoted cell are part of it, as is what follows a closing quote.
 */
export class CsvScanner {
  readonly #sink: (batch: Batch) => void;
  readonly #delimiter: number;
  readonly #classes: Uint8Array;
  #work = new Uint8Array(1 << 17);
  #held = 0;
  #number = 0;
  #begun = false;
  #rows = 0;
  readonly #first = new Int32Array(mostCells + 1);
  readonly #starts = new Int32Array(mostCells);
  readonly #ends = new Int32Array(mostCells);
  readonly #masks = new Uint8Array(mostCells);
  readonly #wholes = new Int32Array(mostCells);
  readonly #numbers = new Float64Array(mostCells);
  /** Why the file is no table that can be read, once it is known. */
  wrong: string | undefined;
  /** Cells in which a quote was never closed or was followed by more text. */
  badQuotes = 0;
  /** Those of the record being read, which is read again when it was cut. */
  #bad = 0;

  constructor(sink: (batch: Batch) => void, delimiter: number) {
    this.#sink = sink;
    this.#delimiter = delimiter;
    this.#classes = classes.slice();
    for (const byte of [delimiter, lf, cr]) this.#classes[byte] = stop;
  }

  push(chunk: Uint8Array): void {
    // In slices, so that the work buffer stays small whatever the chunks are.
    for (let at = 0; at < chunk.length && this.wrong === undefined; at += 1 << 16)
      this.#take(chunk.subarray(at, at + (1 << 16)), false);
  }

  end(): void {
    if (this.wrong === undefined) this.#take(new Uint8Array(0), true);
  }

  #take(chunk: Uint8Array, last: boolean): void {
    const length = this.#held + chunk.length;
    if (length + 2 > this.#work.length) {
      const grown = new Uint8Array(2 * (length + 2));
      grown.set(this.#work.subarray(0, this.#held));
      this.#work = grown;
    }
    this.#work.set(chunk, this.#held);
    // A line end behind the last byte stops the inner loop, which so needs no test for the end of the buffer.
    this.#work[length] = lf;
    let from = 0;
    if (!this.#begun) {
      if (length < 3 && !last) {
        this.#held = length;
        return;
      }
      this.#begun = true;
      if (length >= 3 && this.#work[0] === 0xef && this.#work[1] === 0xbb && this.#work[2] === 0xbf) from = 3;
    }
    const used = this.#scan(from, length, last);
    this.#flush();
    this.#work.copyWithin(0, used, length);
    this.#held = length - used;
    if (this.#held > longestRow) this.wrong = 'a record is longer than 4 MB';
  }

  #flush(): void {
    if (this.#rows === 0) return;
    this.#sink({
      bytes: this.#work,
      rows: this.#rows,
      first: this.#first,
      starts: this.#starts,
      ends: this.#ends,
      masks: this.#masks,
      wholes: this.#wholes,
      numbers: this.#numbers,
    });
    this.#rows = 0;
  }

  /** Reads every whole record of `work[from..length)` and returns where the rest begins. */
  #scan(from: number, length: number, last: boolean): number {
    const [work, table, delimiter] = [this.#work, this.#classes, this.#delimiter];
    const [starts, ends, masks, wholes] = [this.#starts, this.#ends, this.#masks, this.#wholes];
    const [first, numbers] = [this.#first, this.#numbers];
    let begin = from;
    let at = from;
    while (begin < length) {
      if ((first[this.#rows] as number) > mostCells - mostColumns) this.#flush();
      const row = first[this.#rows] as number;
      let cell = row;
      this.#bad = 0;
      for (;;) {
        if (work[at] === quote && at < length) {
          at = this.#quoted(at, length, last, cell);
          if (at < 0) return begin;
        } else {
          let mask = 0;
          // The inner loop of the whole scanner. It reads digits as it goes, so that nobody needs to go over them again.
          let whole = 0;
          const start = at;
          starts[cell] = at;
          for (;;) {
            const byte = work[at] as number;
            const kind = table[byte] as number;
            if (kind >= stop) break;
            mask |= kind;
            whole = (whole * 10 + byte - 48) | 0;
            at++;
          }
          ends[cell] = at;
          masks[cell] = mask;
          wholes[cell] = mask === bits.digit && at - start <= 9 ? whole : -1;
        }
        cell++;
        if (at >= length && !last) return begin;
        if (at < length && work[at] === delimiter) {
          at++;
          if (cell - row < mostColumns) continue;
          this.wrong = `a record has more than ${mostColumns} columns`;
          return length;
        }
        break;
      }
      if (at < length && work[at] === cr) {
        if (at + 1 >= length && !last) return begin;
        at += work[at + 1] === lf && at + 1 < length ? 2 : 1;
      } else at++;
      this.#number++;
      this.badQuotes += this.#bad;
      if (cell - row > 1 || (starts[row] as number) < (ends[row] as number) || (masks[row] as number) & bits.quoted) {
        numbers[this.#rows++] = this.#number;
        first[this.#rows] = cell;
      }
      begin = at;
    }
    return Math.min(begin, length);
  }

  /**
   * Reads a quoted cell and returns where it ends (at a delimiter, a line end or `length`), or -1 when more bytes are needed.
   * Doubled quotes stay as they are and are said in the mask.
   */
  #quoted(open: number, length: number, last: boolean, cell: number): number {
    const [work, table] = [this.#work, this.#classes];
    let at = open + 1;
    let doubled = 0;
    for (;;) {
      const next = work.indexOf(quote, at);
      if (next < 0 || next >= length) {
        if (!last) return -1;
        this.#bad++;
        at = length;
        return this.#put(open + 1, length, doubled, cell, length);
      }
      if (next + 1 >= length && !last) return -1;
      if (next + 1 < length && work[next + 1] === quote) {
        doubled++;
        at = next + 2;
        continue;
      }
      at = next + 1;
      if (at >= length || (table[work[at] as number] as number) === stop)
        return this.#put(open + 1, next, doubled, cell, at);
      // More text behind the closing quote: the cell goes on to the next delimiter, as written.
      while ((table[work[at] as number] as number) < stop) at++;
      if (at >= length && !last) return -1;
      this.#bad++;
      return this.#put(open, at, 0, cell, at);
    }
  }

  #put(from: number, to: number, doubled: number, cell: number, end: number): number {
    let mask: number = bits.quoted | (doubled > 0 ? bits.escaped : 0);
    for (let at = from; at < to; at++) mask |= classes[this.#work[at] as number] as number;
    this.#starts[cell] = from;
    this.#ends[cell] = to;
    this.#masks[cell] = mask;
    this.#wholes[cell] = -1;
    return end;
  }
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** The text of a cell. */
export function cellText(bytes: Uint8Array, start: number, end: number, mask: number): string {
  const text = decoder.decode(bytes.subarray(start, end));
  return mask & bits.escaped ? text.replaceAll('""', '"') : text;
}

/** The texts of a row. */
export const textsOf = ({ bytes, first, starts, ends, masks }: Batch, row: number): string[] => {
  const from = first[row] as number;
  return Array.from({ length: (first[row + 1] as number) - from }, (_, at) =>
    cellText(bytes, starts[from + at] as number, ends[from + at] as number, masks[from + at] as number),
  );
};

/** How many cells each of the first fifty records has. */
export function widthsOf(head: Uint8Array, delimiter: string): number[] {
  const widths: number[] = [];
  const scanner = new CsvScanner(({ rows, first }) => {
    for (let row = 0; row < rows && widths.length < 50; row++)
      widths.push((first[row + 1] as number) - (first[row] as number));
  }, delimiter.charCodeAt(0));
  scanner.push(head);
  scanner.end();
  return widths;
}

/**
 * The delimiter of a table by its first bytes: the one that divides the most of the first records into the same number of
 * cells, two or more; the name's own (`.tsv`) or a comma where none does.
 */
export function delimiterOf(head: Uint8Array, preferred = ','): string {
  const score = (delimiter: string): number => {
    const widths = widthsOf(head, delimiter);
    const counts = new Map<number, number>();
    for (const width of widths) counts.set(width, (counts.get(width) ?? 0) + 1);
    const [width, same] = [...counts].filter(([width]) => width > 1).sort((a, b) => b[1] - a[1])[0] ?? [1, 0];
    return (same / Math.max(1, widths.length)) * (1 + Math.min(width, 100) / 1000);
  };
  const candidates = [preferred, ...[',', '\t', ';', '|'].filter(delimiter => delimiter !== preferred)];
  const scores = candidates.map(score);
  return candidates[scores.indexOf(Math.max(...scores))] ?? preferred;
}
