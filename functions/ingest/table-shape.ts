import { concatBytes } from '../../disclosure/bytes.ts';
import { detectDelimiter } from '../../disclosure/csv.ts';
import type { TableShape, TableShapes } from './schemas.ts';

/** What is kept of a table: enough to recognise it, little enough for ten thousand files. */
const MAX_COLUMNS = 200;
const MAX_NAME = 100;
/** A first line that is longer than this is no header. */
const MAX_HEADER_BYTES = 64 * 1024;

const extensionOf = (path: string): string => /\.([a-z]+)$/i.exec(path)?.[1]?.toLowerCase() ?? '';

export const isParquet = (path: string): boolean => extensionOf(path) === 'parquet';

export const shapeFrom = (names: readonly string[], rows: number): TableShape => ({
  columns: names.slice(0, MAX_COLUMNS).map(name => name.slice(0, MAX_NAME)),
  columnCount: names.length,
  rows,
});

/** Names of columns that are kept of one chunk of files, in characters: a version has at most 40 chunks. */
const MAX_CHUNK_NAMES = 256 * 1024;

/** Leaves out the names of columns of further tables once the chunk has too many. Their number stays. */
export function limitColumnNames(tables: TableShapes): TableShapes {
  let remaining = MAX_CHUNK_NAMES;
  return Object.fromEntries(
    Object.entries(tables).map(([path, shape]) => {
      const length = shape.columns.join().length;
      if (length > remaining) return [path, { ...shape, columns: [] }];
      remaining -= length;
      return [path, shape];
    }),
  );
}

/** Counts the rows of a table of lines as its bytes pass. */
export interface RowCounter {
  take(bytes: Uint8Array): void;
  /** Undefined if it is no table: empty, not text, or without a header. */
  shape(): TableShape | undefined;
}

const [quote, lineFeed, carriageReturn] = [0x22, 0x0a, 0x0d];

/** Where a record is: at the start of a cell, in one, in a quoted one, or behind a quote in a quoted one. */
const [atStart, inCell, inQuotes, behindQuote] = [0, 1, 2, 3];

/** Splits records into cells as RFC 4180 has it: a quote counts only at the start of a cell. */
class RecordReader {
  readonly #delimiter: number;
  #place = atStart;
  #isEmpty = true;
  #cell: number[] = [];
  readonly header: string[] = [];
  records = 0;

  constructor(delimiter: number) {
    this.#delimiter = delimiter;
  }

  take(bytes: Uint8Array): void {
    let offset = 0;
    while (this.records === 0 && offset < bytes.length) {
      this.#readHeader(bytes[offset] ?? 0);
      offset += 1;
    }
    this.#count(bytes, offset);
  }

  end(): void {
    if (!this.#isEmpty) this.#endRecord();
  }

  /** Reads the next byte of the first record, whose cells are kept. */
  #readHeader(byte: number): void {
    const wasQuoted = this.#place === inQuotes;
    const isSecondQuote = this.#place === behindQuote && byte === quote;
    const next = this.#next(byte);
    if (!wasQuoted && byte === lineFeed) {
      if (!this.#isEmpty) this.#endRecord();
    } else if (!wasQuoted && byte === this.#delimiter) {
      this.#endCell();
      this.#isEmpty = false;
    } else {
      const isKept = wasQuoted ? byte !== quote : next === inCell && byte !== carriageReturn;
      if (isKept || isSecondQuote) this.#cell.push(byte);
      if (byte !== carriageReturn) this.#isEmpty = false;
    }
    this.#place = next;
  }

  #next(byte: number): number {
    if (this.#place === inQuotes) return byte === quote ? behindQuote : inQuotes;
    if (byte === quote && this.#place !== inCell) return inQuotes;
    if (byte === lineFeed || byte === this.#delimiter) return atStart;
    return byte === carriageReturn ? this.#place : inCell;
  }

  /** The same without keeping anything, in one loop, because it sees every byte of a delivery. */
  #count(bytes: Uint8Array, start: number): void {
    const delimiter = this.#delimiter;
    let place = this.#place;
    let isEmpty = this.#isEmpty;
    let records = 0;
    for (let offset = start; offset < bytes.length; offset++) {
      const byte = bytes[offset];
      if (place === inQuotes) {
        if (byte === quote) place = behindQuote;
      } else if (byte === lineFeed) {
        if (!isEmpty) records += 1;
        isEmpty = true;
        place = atStart;
      } else if (byte === delimiter) {
        isEmpty = false;
        place = atStart;
      } else if (byte === quote && place !== inCell) {
        isEmpty = false;
        place = inQuotes;
      } else if (byte !== carriageReturn) {
        isEmpty = false;
        place = inCell;
      }
    }
    this.#place = place;
    this.#isEmpty = isEmpty;
    this.records += records;
  }

  #endCell(): void {
    if (this.records === 0) this.header.push(new TextDecoder().decode(Uint8Array.from(this.#cell)));
    this.#cell = [];
  }

  #endRecord(): void {
    this.#endCell();
    this.records += 1;
    this.#isEmpty = true;
    this.#place = atStart;
  }
}

/** A counter for a file with this name; undefined if its name is not that of a table of lines. */
export function createRowCounter(path: string): RowCounter | undefined {
  const preferred = { csv: ',', tsv: '\t', tab: '\t' }[extensionOf(path)];
  if (preferred === undefined) return undefined;
  let head: Uint8Array[] = [];
  let headBytes = 0;
  let reader: RecordReader | undefined;
  let isTable = true;
  const feed = (bytes: Uint8Array) => {
    reader?.take(bytes);
    if (bytes.includes(0) || (reader?.records === 0 && headBytes > MAX_HEADER_BYTES)) isTable = false;
  };
  const begin = () => {
    const start = concatBytes(head);
    head = [];
    const bom = start[0] === 0xef && start[1] === 0xbb && start[2] === 0xbf ? 3 : 0;
    reader = new RecordReader(detectDelimiter(start.subarray(bom, MAX_HEADER_BYTES), preferred).charCodeAt(0));
    feed(start.subarray(bom));
  };
  return {
    take(bytes) {
      if (!isTable) return;
      if (reader) return feed(bytes);
      head.push(bytes.slice());
      headBytes += bytes.length;
      if (headBytes > MAX_HEADER_BYTES) begin();
    },
    shape() {
      if (!reader) begin();
      reader?.end();
      if (!isTable || !reader || reader.records === 0) return undefined;
      return shapeFrom(reader.header, reader.records - 1);
    },
  };
}
