import type { SchemaElement } from 'hyparquet';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { memorySource } from './byte-source.ts';
import { UnreadableError } from './bytes.ts';
import type { FormatRewrite } from './format.ts';
import { readParquet } from './formats/parquet.ts';
import { type RawValue, readSigned, readUnsigned } from './parquet-values.ts';

/** A table of more cells is not written again, as all are held. */
const MAX_CELLS = 1_000_000;
/** How many digits a decimal of a type can have, whatever its column says. */
const decimalDigits: Readonly<Record<string, number>> = { INT32: 9, INT64: 18 };

/** What a column is, without numbers that mean nothing for its values. JSON is written as the text that it is. */
function cleanColumn(column: SchemaElement): SchemaElement {
  const { name, type = 'BYTE_ARRAY', repetition_type: repetition, converted_type: converted } = column;
  const { logical_type: logical, scale = 0, type_length: length } = column;
  const precision = decimalDigits[type] ?? 38;
  const isDecimal = converted === 'DECIMAL' || logical?.type === 'DECIMAL';
  if (converted === 'BSON' || converted === 'INTERVAL' || logical?.type === 'FLOAT16' || type === 'INT96')
    throw new UnreadableError(`the values of the column ${name} are unusual`);
  // The older way to say it is the one that every program reads.
  const integer = logical?.type === 'INTEGER' && (`${logical.isSigned ? '' : 'U'}INT_${logical.bitWidth}` as 'INT_8');
  return {
    name,
    type,
    ...(repetition !== undefined && { repetition_type: repetition }),
    ...(type === 'FIXED_LEN_BYTE_ARRAY' && length !== undefined && { type_length: length }),
    ...(isDecimal && { converted_type: 'DECIMAL', scale, precision }),
    ...(!isDecimal && converted !== undefined && { converted_type: converted === 'JSON' ? 'UTF8' : converted }),
    ...(integer && { converted_type: integer }),
    ...(!isDecimal && !integer && logical && logical.type !== 'JSON' && { logical_type: logical }),
  };
}

/** A value as the writer takes it, with one of all the bytes that stand for no number. */
function cleanValue(column: SchemaElement, value: RawValue): RawValue {
  if (typeof value === 'number' && Number.isNaN(value)) return Number.NaN;
  if (column.converted_type === 'DECIMAL' && value instanceof Uint8Array) return readSigned(value);
  if (column.converted_type === 'DECIMAL' && typeof value === 'number') return BigInt(value);
  return readUnsigned(column, value) ?? null;
}

/** Writes a table again from its columns and values, with what pandas says of it, which a page shows. */
export const rewriteParquet: FormatRewrite = async bytes => {
  let columns: SchemaElement[] = [];
  const values: RawValue[][] = [];
  const notes: { key: string; value: string }[] = [];
  const table = { text: () => {}, end: () => {} };
  const onNote = (value: string, key: string) => {
    if (key === 'pandas') notes.push({ key, value });
  };
  await readParquet(memorySource(bytes), MAX_CELLS, table, onNote, (schema, rows) => {
    columns = schema.map(cleanColumn);
    if ((rows.length + (values[0]?.length ?? 0)) * columns.length > MAX_CELLS)
      throw new UnreadableError('it has too many cells');
    for (const [index, column] of columns.entries()) {
      const columnValues = values[index] ?? [];
      values[index] = columnValues;
      for (const row of rows) columnValues.push(cleanValue(column, row[index]));
    }
  });
  if (columns.length === 0) return undefined;
  const file = parquetWriteBuffer({
    columnData: columns.map(({ name }, index) => ({ name, data: values[index] ?? [] })),
    schema: [{ name: 'schema', num_children: columns.length }, ...columns],
    kvMetadata: notes,
  });
  return new Uint8Array(file);
};
