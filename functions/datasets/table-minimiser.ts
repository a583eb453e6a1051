import { concatBytes } from '../../disclosure/bytes.ts';
import { CsvScanner, decodeRow, detectDelimiter } from '../../disclosure/csv.ts';
import { CELL_BITS, type RowBatch } from '../../disclosure/csv-tokenizer.ts';
import { extensionOf } from '../../disclosure/file.ts';
import { Refused } from '../refused.ts';
import type { RecipeTable } from './recipe.ts';
import { type CellStep, createCellStep, createSampler } from './recipe-steps.ts';
import type { TableCounts } from './schemas.ts';

/** The number of bytes at the beginning of a file from which the delimiter is detected. */
const HEAD_BYTES = 64 * 1024;

/** A column of the minimised table: its place in the delivered table, the change of its cells, and how many became empty. */
interface OutputColumn {
  readonly index: number;
  readonly label: string;
  readonly step: CellStep;
  readonly kind: RecipeTable['columns'][number]['do'];
  emptied: number;
}

interface TablePlan {
  readonly width: number;
  readonly columns: readonly OutputColumn[];
  readonly sample: { readonly index: number; readonly includes: (text: string) => boolean } | undefined;
}

/**
 * Makes the minimised table while the bytes of the delivered table pass, in flat memory. It leaves out the columns that the
 * recipe does not name, and rows with more or fewer cells than the header. It empties a cell that it cannot change as the
 * recipe says. Messages and counts never repeat a value.
 */
export class TableMinimiser {
  readonly #path: string;
  readonly #recipe: RecipeTable;
  readonly #key: Uint8Array;
  #head: Uint8Array[] = [];
  #headBytes = 0;
  #scanner: CsvScanner | undefined;
  #delimiter = ',';
  #plan: TablePlan | undefined;
  #lines: string[] = [];
  readonly #rows = { read: 0, written: 0, sampledOut: 0, malformed: 0 };

  constructor(path: string, recipe: RecipeTable, key: Uint8Array) {
    this.#path = path;
    this.#recipe = recipe;
    this.#key = key;
  }

  /** Takes bytes of the delivered table, and returns the bytes of the minimised table that are ready. */
  take(bytes: Uint8Array): Uint8Array {
    if (this.#scanner) this.#scanner.push(bytes);
    else {
      this.#head.push(bytes.slice());
      this.#headBytes += bytes.length;
      if (this.#headBytes > HEAD_BYTES) this.#begin();
    }
    return this.#flush();
  }

  /** Returns the last bytes of the minimised table, and the counts. Refuses a file that is not a table. */
  end(): { bytes: Uint8Array; counts: TableCounts } {
    if (!this.#scanner) this.#begin();
    const scanner = this.#scanner;
    scanner?.end();
    const plan = this.#plan;
    if (!scanner || scanner.wrong !== undefined) throw this.#refuse(`cannot be read as a table: ${scanner?.wrong}.`);
    if (!plan) throw this.#refuse('is empty. Ask the data partner for a table with a header.');
    // After a quote that is not closed, several rows look like one cell.
    if (scanner.badQuotes > 0)
      throw this.#refuse(
        `has ${scanner.badQuotes} cells with a quote that is not closed or is followed by more text. Ask the data partner to correct them.`,
      );
    const counts = {
      path: this.#path,
      ...this.#rows,
      columns: plan.columns.map(({ label, kind, emptied }) => ({ name: label, do: kind, emptied })),
      columnsLeftOut: plan.width - new Set(plan.columns.map(({ index }) => index)).size,
    };
    return { bytes: this.#flush(), counts };
  }

  #refuse(sentence: string): Refused {
    return new Refused('conflict', `The table ${this.#path} ${sentence}`);
  }

  #begin(): void {
    const start = concatBytes(this.#head);
    this.#head = [];
    const preferred = extensionOf(this.#path) === 'csv' ? ',' : '\t';
    this.#delimiter = detectDelimiter(start.subarray(0, HEAD_BYTES), preferred);
    this.#scanner = new CsvScanner(batch => this.#takeBatch(batch), this.#delimiter.charCodeAt(0));
    this.#scanner.push(start);
  }

  #flush(): Uint8Array {
    if (this.#lines.length === 0) return new Uint8Array();
    const text = this.#lines.join('');
    this.#lines = [];
    return Buffer.from(text, 'utf8');
  }

  #takeBatch(batch: RowBatch): void {
    const bytes = Buffer.from(batch.bytes.buffer, batch.bytes.byteOffset, batch.bytes.length);
    for (let row = 0; row < batch.rows; row++) {
      if (this.#plan) this.#takeRow(this.#plan, batch, bytes, row);
      else this.#takeHeader(decodeRow(batch, row).map(name => name.trim()));
    }
  }

  #takeHeader(names: readonly string[]): void {
    const { columns, sample } = this.#recipe;
    this.#plan = {
      width: names.length,
      columns: columns.map(column => ({
        index: this.#indexOf(names, column.name),
        label: column.as ?? column.name,
        step: createCellStep(column, this.#key),
        kind: column.do,
        emptied: 0,
      })),
      sample: sample && {
        index: this.#indexOf(names, sample.by),
        includes: createSampler(sample.share, this.#key),
      },
    };
    this.#write(this.#plan.columns.map(({ label }) => label));
  }

  #indexOf(names: readonly string[], name: string): number {
    const index = names.indexOf(name);
    if (index < 0)
      throw this.#refuse(`has no column ${name}, which the recipe names. Ask again with a corrected recipe.`);
    if (names.includes(name, index + 1))
      throw this.#refuse(`has two columns ${name}. Ask the data partner to give each column its own name.`);
    return index;
  }

  #takeRow({ width, columns, sample }: TablePlan, batch: RowBatch, bytes: Buffer, row: number): void {
    const [firstCell, lastCell] = [batch.first[row] as number, batch.first[row + 1] as number];
    const textAt = (index: number): string => {
      const cell = firstCell + index;
      // For a few bytes this is faster than a decoder. Bytes that are not UTF-8 also become U+FFFD.
      const text = bytes.toString('utf8', batch.cellStarts[cell], batch.cellEnds[cell]);
      return (batch.masks[cell] as number) & CELL_BITS.escaped ? text.replaceAll('""', '"') : text;
    };
    this.#rows.read++;
    if (lastCell - firstCell !== width) {
      this.#rows.malformed++;
      return;
    }
    if (sample && !sample.includes(textAt(sample.index))) {
      this.#rows.sampledOut++;
      return;
    }
    const cells = columns.map(column => {
      const text = column.step(textAt(column.index));
      if (text === undefined) column.emptied++;
      return text ?? '';
    });
    this.#write(cells);
    this.#rows.written++;
  }

  #write(cells: readonly string[]): void {
    const delimiter = this.#delimiter;
    const isSpecial = (text: string) => text.includes(delimiter) || text.includes('"') || text !== text.trim();
    const row = cells.map(text => (isSpecial(text) ? `"${text.replaceAll('"', '""')}"` : text)).join(delimiter);
    // A row of one empty cell would be an empty line, which is not a row, so the cell gets quotes.
    this.#lines.push(row === '' ? '""\n' : `${row}\n`);
  }
}
