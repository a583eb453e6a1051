import type { FileMetaData } from 'hyparquet';
import type { ByteSource } from '../../disclosure/byte-source.ts';
import { UnreadableError } from '../../disclosure/bytes.ts';
import { readParquetRows } from '../../disclosure/parquet-rows.ts';
import type { RawValue } from '../../disclosure/parquet-values.ts';
import type { ContractTable } from './contract-schemas.ts';
import { IdentifierScan, identifiersByName } from './identifier-scan.ts';
import { createCellFormat } from './parquet-cell.ts';
import { type ParquetTable, readParquetTable } from './parquet-table.ts';
import type { IdentifierCount, TableShape } from './schemas.ts';
import { ParquetCheck, parquetProblems } from './table-contract.ts';
import { IDENTIFIER_ROWS } from './table-scan.ts';

/**
 * The largest row group that is read, packed and unpacked: as Spark writes it. With the values that are held of it, it takes
 * up to about a gigabyte of the function's memory.
 */
const MAX_GROUP_BYTES = 128 * 2 ** 20;
/** The longest row that is read, as of a CSV file. */
const MAX_ROW_BYTES = 4 * 2 ** 20;
/** How many bytes of texts pass between two looks at the clock. */
const CLOCK_BYTES = 2 ** 20;

interface ParquetScan {
  readonly problems: string[];
  readonly identifiers: IdentifierCount[];
  readonly shape: TableShape | undefined;
  /** Why its rows could not be read. */
  readonly unread?: string;
}
interface ScanOptions {
  readonly table: ContractTable | undefined;
  /** Whether its rows are to be read. */
  readonly isRead: boolean;
  readonly isLate?: (() => boolean) | undefined;
}

let lastRead: Promise<unknown> = Promise.resolve();

/** One file at a time: a function has the memory for one row group, and checks many files at once. */
function inTurn<Result>(read: () => Promise<Result>): Promise<Result> {
  const result = lastRead.then(read);
  lastRead = result.catch(() => {});
  return result;
}

/** Checks a Parquet file by its end, and its rows if they are to be read. */
export async function scanParquet(source: ByteSource, options: ScanOptions): Promise<ParquetScan> {
  const { table, isRead } = options;
  const parquet = await readParquetTable(source);
  if (!parquet)
    return {
      problems: table ? ['It cannot be read as a table.'] : [],
      identifiers: [],
      shape: undefined,
      ...(isRead && { unread: 'its end is damaged, or it is no Parquet file' }),
    };
  const byItsEnd = {
    problems: table ? parquetProblems(table, parquet) : [],
    identifiers: identifiersByName(parquet.names),
    shape: parquet.shape,
  };
  if (!isRead) return byItsEnd;
  const rows = await inTurn(() => readRows(source, parquet, options));
  return 'unread' in rows ? { ...byItsEnd, ...rows } : { ...rows, shape: parquet.shape };
}

/** The columns that are lists or have parts, which no row of texts can show. */
const findNestedColumns = ({ schema }: FileMetaData): string[] =>
  schema
    .slice(1)
    .filter(({ num_children: children, repetition_type: repetition }) => children || repetition === 'REPEATED')
    .map(({ name }) => name.slice(0, 100));

/** Takes the rows through the checks of a CSV file. */
async function readRows(
  source: ByteSource,
  parquet: ParquetTable,
  { table, isLate = () => false }: ScanOptions,
): Promise<{ unread: string } | Pick<ParquetScan, 'problems' | 'identifiers'>> {
  const nested = findNestedColumns(parquet.metadata);
  if (nested.length > 0) return { unread: `the columns ${nested.slice(0, 10).join(', ')} are lists or have parts` };
  const check = table && new ParquetCheck(table, parquet);
  const identifiers = new IdentifierScan();
  identifiers.takeRow(parquet.names);
  let [rowCount, bytesToClock] = [1, 0];
  const requireTime = () => {
    if (isLate()) throw new UnreadableError('it takes longer than a check may');
    bytesToClock = CLOCK_BYTES;
  };
  try {
    await readParquetRows(source, parquet.metadata, MAX_GROUP_BYTES, (columns, rows) => {
      requireTime();
      const formats = columns.map(createCellFormat);
      for (const row of rows) {
        bytesToClock -= requireShortRow(row);
        if (bytesToClock < 0) requireTime();
        const cells = formats.map((format, index) => format(row[index]));
        rowCount++;
        check?.takeRow(cells);
        if (rowCount <= IDENTIFIER_ROWS) identifiers.takeRow(cells);
        else if (!check) return false;
      }
      return true;
    });
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    return { unread: error.message };
  }
  return { problems: check?.problems() ?? [], identifiers: identifiers.result() };
}

/** The bytes of a row's texts. One long text in a file can be the value of a million rows. */
function requireShortRow(row: readonly RawValue[]): number {
  let length = 0;
  for (const value of row) if (value instanceof Uint8Array) length += value.length;
  if (length > MAX_ROW_BYTES) throw new UnreadableError('a row of it is longer than 4 MB');
  return length;
}
