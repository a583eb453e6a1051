import { CELL_BITS, MAX_COLUMNS, type RowBatch, TOKENIZER_MEMORY, tokenizeRecords } from './csv-tokenizer.ts';

/** The longest record that is read; a longer one ends the reading as something other than a table. */
const longestRow = 4 * 2 ** 20;

/**
 * A scanner of CSV after RFC 4180, over bytes and without a string per cell: it hands the positions of rows on and keeps
 * nothing but the row that a chunk cut in two. Any delimiter of one byte; rows end with LF, CRLF or CR; a byte order mark
 * is left out; quotes inside an unquoted cell are part of it, as is what follows a closing quote.
 */
export class CsvScanner {
  readonly #sink: (batch: RowBatch) => void;
  readonly #delimiter: number;
  /** The beginning of a record whose end has not come, in pieces, and how much of it was looked through. */
  #rest: Uint8Array[] = [];
  #restBytes = 0;
  #scannedBytes = 0;
  #begun = false;
  #number = 0;
  /** Why the file is no table that can be read, once it is known. */
  wrong: string | undefined;
  /** Cells in which a quote was never closed or was followed by more text. */
  badQuotes = 0;

  constructor(sink: (batch: RowBatch) => void, delimiter: number) {
    this.#sink = sink;
    this.#delimiter = delimiter;
  }

  push(chunk: Uint8Array): void {
    // In slices, so that the room for them stays small whatever the chunks are.
    for (let offset = 0; offset < chunk.length && this.wrong === undefined; offset += 1 << 16)
      this.#take(chunk.subarray(offset, offset + (1 << 16)), false);
  }

  end(): void {
    if (this.wrong === undefined) this.#take(new Uint8Array(0), true);
  }

  #take(chunk: Uint8Array, last: boolean): void {
    this.#rest.push(chunk.slice());
    this.#restBytes += chunk.length;
    // A record is looked through again only when there is twice as much of it.
    if (!last && this.#restBytes < 2 * this.#scannedBytes && this.#restBytes <= longestRow) return;
    let start = 0;
    for (const part of this.#rest) {
      TOKENIZER_MEMORY.set(part, start);
      start += part.length;
    }
    const end = start;
    start = 0;
    if (!this.#begun && (end - start >= 3 || last)) {
      this.#begun = true;
      if (
        end - start >= 3 &&
        TOKENIZER_MEMORY[start] === 0xef &&
        TOKENIZER_MEMORY[start + 1] === 0xbb &&
        TOKENIZER_MEMORY[start + 2] === 0xbf
      )
        start += 3;
    }
    for (let isFull = this.#begun; isFull; ) {
      const read = tokenizeRecords(start, end, last, this.#delimiter, this.#number);
      start = read.used;
      isFull = read.isFull;
      this.#number = read.number;
      this.badQuotes += read.badQuotes;
      if (read.isWide) this.wrong = `a record has more than ${MAX_COLUMNS} columns`;
      if (read.batch.rows > 0) this.#sink(read.batch);
    }
    this.#rest = [TOKENIZER_MEMORY.slice(start, end)];
    this.#restBytes = this.#scannedBytes = end - start;
    if (this.#restBytes > longestRow) this.wrong = 'a record is longer than 4 MB';
  }
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** The text of a cell. */
export function cellText(bytes: Uint8Array, start: number, end: number, mask: number): string {
  const text = decoder.decode(bytes.subarray(start, end));
  return mask & CELL_BITS.escaped ? text.replaceAll('""', '"') : text;
}

/** The texts of a row. */
export const decodeRow = ({ bytes, first, cellStarts, cellEnds, masks }: RowBatch, row: number): string[] => {
  const firstCell = first[row] as number;
  return Array.from({ length: (first[row + 1] as number) - firstCell }, (_, index) =>
    cellText(
      bytes,
      cellStarts[firstCell + index] as number,
      cellEnds[firstCell + index] as number,
      masks[firstCell + index] as number,
    ),
  );
};

/** How many cells each of the first fifty records has. */
export function countRecordCells(head: Uint8Array, delimiter: string): number[] {
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
export function detectDelimiter(head: Uint8Array, preferred = ','): string {
  const score = (delimiter: string): number => {
    const widths = countRecordCells(head, delimiter);
    const counts = new Map<number, number>();
    for (const width of widths) counts.set(width, (counts.get(width) ?? 0) + 1);
    const [width, frequency] = [...counts].filter(([width]) => width > 1).sort((a, b) => b[1] - a[1])[0] ?? [1, 0];
    return (frequency / Math.max(1, widths.length)) * (1 + Math.min(width, 100) / 1000);
  };
  const candidates = [preferred, ...[',', '\t', ';', '|'].filter(delimiter => delimiter !== preferred)];
  const scores = candidates.map(score);
  return candidates[scores.indexOf(Math.max(...scores))] ?? preferred;
}
