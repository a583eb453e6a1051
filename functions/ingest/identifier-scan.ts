import { classifyIdentifyingName, findIdentifiers, isChiNumber, isNhsNumber } from '../../disclosure/identifiers.ts';
import type { IdentifierCount } from './schemas.ts';

/** Cells of a column that are looked at: a column of identifiers shows itself long before. */
const MAX_CELLS = 10_000;
/** Columns that are looked at. */
const MAX_SCANNED_COLUMNS = 2000;

interface ColumnScan {
  readonly name: string;
  readonly counts: Map<string, number>;
  tenDigits: number;
  numbers: number;
  cells: number;
}

/** The columns that hold direct identifiers by their name, for a table whose values are not read. */
export function identifiersByName(columns: readonly string[]): IdentifierCount[] {
  const scan = new IdentifierScan();
  scan.takeRow(columns);
  return scan.result();
}

/** Counts direct identifiers in the columns of a table as its rows pass. It keeps counts and names of columns, no value. */
export class IdentifierScan {
  #columns: ColumnScan[] | undefined;

  takeRow(cells: readonly (string | undefined)[]): void {
    if (!this.#columns) {
      this.#columns = cells
        .slice(0, MAX_SCANNED_COLUMNS)
        .map((name = '') => ({ name: name.slice(0, 100), counts: new Map(), tenDigits: 0, numbers: 0, cells: 0 }));
      return;
    }
    for (const [index, column] of this.#columns.entries()) {
      const text = cells[index];
      if (text === undefined || text.length < 6 || column.cells >= MAX_CELLS) continue;
      column.cells++;
      if (/^\d{10}$/.test(text)) {
        column.tenDigits++;
        if (isNhsNumber(text) || isChiNumber(text)) column.numbers++;
      }
      for (const { kind } of findIdentifiers(text)) column.counts.set(kind, (column.counts.get(kind) ?? 0) + 1);
    }
  }

  /** The columns with identifiers, by the values that were looked at or by their name. */
  result(): IdentifierCount[] {
    return (this.#columns ?? []).flatMap(({ name, counts, tenDigits, numbers }) => {
      // One random number in eleven has the check digit, so a column of such numbers has many more.
      const isNumberColumn = numbers > 0 && numbers * 2 > tenDigits;
      const kinds = new Map([...counts, ...(isNumberColumn ? [['NHS or CHI number', numbers] as const] : [])]);
      const byName = classifyIdentifyingName(name) === 'direct' && kinds.size === 0;
      return [
        ...[...kinds].map(([kind, count]) => ({ column: name, kind, count })),
        ...(byName ? [{ column: name, kind: 'by its name', count: 0 }] : []),
      ];
    });
  }
}
