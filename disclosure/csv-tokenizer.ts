import { wasm } from './csv-tokenizer.wasm.ts';

/**
 * Rows as a scanner hands them on: row `r` has the cells from `first[r]` to `first[r + 1]`, and cell `i` is
 * `bytes[starts[i]..ends[i])`, with what is in it in `masks[i]`. It is good until anything else is scanned.
 */
export interface RowBatch {
  readonly bytes: Uint8Array;
  readonly rows: number;
  readonly first: Int32Array;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  readonly masks: Uint8Array;
  /** Of a cell of eight digits at most, or of seven and a point among them, the digits' number; of any other below zero. */
  readonly digits: Int32Array;
  /** How many of those digits are behind the point. */
  readonly decimals: Uint8Array;
  /** Each record's number from 1, empty ones counted, as a spreadsheet shows it. */
  readonly numbers: Float64Array;
}

interface Value {
  readonly value: number;
}
/** What `csv-tokenizer.as` exports, and says more of. */
interface Compiled extends Readonly<Record<keyof RowBatch, Value>> {
  readonly memory: WebAssembly.Memory;
  readonly scan: (from: number, end: number, last: boolean, delimiter: number, before: number) => number;
  readonly mostColumns: Value;
  readonly mostCells: Value;
  readonly number: Value;
  readonly badQuotes: Value;
  readonly full: Value;
  readonly wide: Value;
}

/** One for all, as nobody scans while another does, and as its memory is of one size whatever is scanned. */
const { exports } = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(wasm, 'base64')));
const compiled = exports as unknown as Compiled;
const { buffer } = compiled.memory;
const cells = compiled.mostCells.value;

/** The widest sheet that spreadsheets have. */
export const MAX_COLUMNS = compiled.mostColumns.value;
/** Where bytes are to be put that `scan` is to read. */
export const INPUT_OFFSET = compiled.bytes.value;
export const TOKENIZER_MEMORY = new Uint8Array(buffer);
const lists = {
  bytes: TOKENIZER_MEMORY,
  first: new Int32Array(buffer, compiled.first.value, cells + 1),
  starts: new Int32Array(buffer, compiled.starts.value, cells),
  ends: new Int32Array(buffer, compiled.ends.value, cells),
  masks: new Uint8Array(buffer, compiled.masks.value, cells),
  digits: new Int32Array(buffer, compiled.digits.value, cells),
  decimals: new Uint8Array(buffer, compiled.decimals.value, cells),
  numbers: new Float64Array(buffer, compiled.numbers.value, cells),
};

/** Reads whole records of `bytes[from..end)`, whose numbers follow `before`; `used` is where the rest begins. */
export function tokenizeRecords(from: number, end: number, last: boolean, delimiter: number, before: number) {
  const used = compiled.scan(from, end, last, delimiter, before);
  const { rows, number, badQuotes, full, wide } = compiled;
  return {
    used,
    batch: { ...lists, rows: rows.value } satisfies RowBatch,
    number: number.value,
    badQuotes: badQuotes.value,
    /** There may be more: a batch has only so much room. */
    isFull: full.value === 1,
    isWide: wide.value === 1,
  };
}
