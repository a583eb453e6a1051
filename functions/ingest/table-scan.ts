import { concatBytes } from '../../disclosure/bytes.ts';
import { CsvScanner, decodeRow, detectDelimiter } from '../../disclosure/csv.ts';
import type { RowBatch } from '../../disclosure/csv-tokenizer.ts';
import { extensionOf } from '../../disclosure/file.ts';
import type { ContractTable } from './contract-schemas.ts';
import { IdentifierScan } from './identifier-scan.ts';
import type { IdentifierCount } from './schemas.ts';
import { ContractCheck } from './table-contract.ts';

/** As many bytes show the delimiter. */
const HEAD_BYTES = 64 * 1024;
/** Without a contract only the first rows are looked at, for identifiers. */
export const IDENTIFIER_ROWS = 10_000;

/** Checks the rows of a table of lines as its bytes pass. */
export interface TableScan {
  take(bytes: Uint8Array): void;
  end(): { problems: string[]; identifiers: IdentifierCount[] };
}

/** A scan of a file with this name; undefined if its name is not that of a table of lines. */
export function createTableScan(path: string, table: ContractTable | undefined): TableScan | undefined {
  const preferred = { csv: ',', tsv: '\t', tab: '\t' }[extensionOf(path)];
  if (preferred === undefined) return undefined;
  const check = table && new ContractCheck(table);
  const identifiers = new IdentifierScan();
  let head: Uint8Array[] = [];
  let headBytes = 0;
  let rowCount = 0;
  let scanner: CsvScanner | undefined;
  const takeBatch = (batch: RowBatch) => {
    for (let row = 0; row < batch.rows; row++) {
      rowCount++;
      const cells = decodeRow(batch, row);
      check?.takeRow(cells);
      if (rowCount <= IDENTIFIER_ROWS) identifiers.takeRow(cells);
    }
  };
  const begin = () => {
    const start = concatBytes(head);
    head = [];
    scanner = new CsvScanner(takeBatch, detectDelimiter(start.subarray(0, HEAD_BYTES), preferred).charCodeAt(0));
    scanner.push(start);
  };
  return {
    take(bytes) {
      if (!check && rowCount > IDENTIFIER_ROWS) return;
      if (scanner) {
        scanner.push(bytes);
        return;
      }
      head.push(bytes.slice());
      headBytes += bytes.length;
      if (headBytes > HEAD_BYTES) begin();
    },
    end() {
      if (!scanner) begin();
      scanner?.end();
      const damage = check && scanner?.wrong !== undefined ? [`It cannot be read as a table: ${scanner.wrong}.`] : [];
      return { problems: [...damage, ...(check?.problems() ?? [])], identifiers: identifiers.result() };
    },
  };
}
