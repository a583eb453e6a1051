import { type FileMetaData, parquetMetadata, type SchemaElement } from 'hyparquet';
import type { ByteSource } from '../../disclosure/byte-source.ts';
import { readTail } from '../../disclosure/bytes.ts';
import type { ContractField } from './contract-schemas.ts';
import type { TableShape } from './schemas.ts';
import { shapeFrom } from './table-shape.ts';

const MAX_FOOTER_BYTES = 8 * 2 ** 20;

/** What the footer of a Parquet file says: its columns, each with the types of a contract that its values have. */
export interface ParquetTable {
  readonly metadata: FileMetaData;
  readonly shape: TableShape;
  /** The names of all columns; the shape has the first only. */
  readonly names: readonly string[];
  readonly rows: number;
  readonly types: ReadonlyMap<string, readonly ContractField['type'][]>;
}

const annotated: Readonly<Record<string, readonly ContractField['type'][]>> = {
  STRING: ['string'],
  UTF8: ['string'],
  ENUM: ['string'],
  JSON: ['string'],
  UUID: ['string'],
  DATE: ['date'],
  TIMESTAMP: ['datetime'],
  TIMESTAMP_MILLIS: ['datetime'],
  TIMESTAMP_MICROS: ['datetime'],
  DECIMAL: ['number'],
  FLOAT16: ['number'],
};
const stored: Readonly<Record<string, readonly ContractField['type'][]>> = {
  BOOLEAN: ['boolean'],
  INT32: ['integer', 'number'],
  INT64: ['integer', 'number'],
  INT96: ['datetime'],
  FLOAT: ['number'],
  DOUBLE: ['number'],
  BYTE_ARRAY: ['string'],
};
/** Annotations of whole numbers, which say no more than how they are stored. */
const isInteger = (annotation: string) => /^(INTEGER|U?INT_\d+)$/.test(annotation);

/** The types of a contract that a column can be of; none for lists, times of day and what else a contract does not know. */
function typesOf({
  type,
  logical_type: logical,
  converted_type: converted,
  repetition_type: repetition,
}: SchemaElement) {
  const annotation = logical?.type ?? converted;
  if (repetition === 'REPEATED') return [];
  return (annotation === undefined || isInteger(annotation) ? stored[type ?? ''] : annotated[annotation]) ?? [];
}

/** Reads the end of a Parquet file; undefined if it cannot be read. */
export async function readParquetTable(source: ByteSource): Promise<ParquetTable | undefined> {
  const tail = await readTail(source, 8);
  if (tail.length < 8 || new TextDecoder().decode(tail.subarray(4)) !== 'PAR1') return undefined;
  const length = new DataView(tail.buffer, tail.byteOffset).getUint32(0, true) + 8;
  if (length > MAX_FOOTER_BYTES || length > source.size) return undefined;
  const footer = await readTail(source, length);
  try {
    // A copy: the memory of a buffer may be shared.
    return describe(parquetMetadata(new Uint8Array(footer).buffer));
  } catch {
    // It is the partner's file: that its end is damaged is for those who read it to say.
    return undefined;
  }
}

function describe(metadata: FileMetaData): ParquetTable | undefined {
  const columns = metadata.schema.filter(({ num_children: children }) => children === undefined);
  const names = columns.map(({ name }) => name);
  const rows = Number(metadata.num_rows);
  if (!names.every(name => typeof name === 'string') || !Number.isSafeInteger(rows) || rows < 0) return undefined;
  return {
    metadata,
    shape: shapeFrom(names, rows),
    names,
    rows,
    types: new Map(columns.map(column => [column.name, typesOf(column)])),
  };
}
