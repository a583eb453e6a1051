import { type FileMetaData, parquetMetadata, type SchemaElement } from 'hyparquet';
import { deserializeTCompactProtocol } from 'hyparquet/src/thrift.js';
import type { ByteSource } from '../byte-source.ts';
import { readBytes, readTail, UnreadableError } from '../bytes.ts';
import { ALL_TIERS, type Format, type FormatInput } from '../format.ts';
import { readFlatColumns } from '../parquet-pages.ts';
import { asUnreadable, readParquetRows } from '../parquet-rows.ts';
import { formatValue, type RawValue } from '../parquet-values.ts';
import type { RowSink } from '../row-sink.ts';
import { TextCheck } from '../text.ts';

export const parquetFormat: Format = {
  type: 'application/vnd.apache.parquet',
  tiers: ALL_TIERS,
  extensions: ['parquet'],
  magic: { letters: 'PAR1' },
  kinds: ['table'],
};

const MAX_GROUP_BYTES = 64 * 2 ** 20;
const footerMost = 8 * 2 ** 20;

export async function checkParquet({ source, findings, newTable }: FormatInput): Promise<void> {
  const text = new TextCheck(findings);
  const { rows } = findings.policy;
  const { rowCount } = await readParquet(source, rows, newTable(), (value, _, isSchema) => {
    if (isSchema) return;
    for (const line of value.split('\n')) text.line(line.slice(0, 20_000));
  });
  if (rowCount > rows && findings.runs('size.rows'))
    findings.add('size.rows', `It has ${rowCount} rows; the maximum is ${rows}. Aggregate the table or split it.`);
}

/** The end of the file with its metadata: its last eight bytes say how long that is. */
async function footer(source: ByteSource): Promise<Uint8Array> {
  const bytes = await readTail(source, 64 * 1024);
  if (bytes.length < 8) return bytes;
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(bytes.length - 8, true) + 8;
  return length <= bytes.length ? bytes : readTail(source, Math.min(length, footerMost));
}

/** What a column's description and statistics take at most in the footer, and an index beside the data. */
const MAX_COLUMN_BYTES = 1024;

/** Polars writes the description of a column behind its data once more. */
async function isColumnCopy(
  source: ByteSource,
  start: number,
  end: number,
  column: readonly [start: number, length: number, path?: string] | undefined,
): Promise<boolean> {
  if (!column || end < start || end - start > 256) return false;
  const bytes = await readBytes(source, start, end);
  const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset: 0 };
  try {
    const { field_3: path, field_7: length } = deserializeTCompactProtocol(reader) as Record<string, unknown>;
    const name = Array.isArray(path) ? path.map(part => new TextDecoder().decode(part as Uint8Array)).join() : '';
    return reader.offset === bytes.length && Number(length) === column[1] && name === column[2];
  } catch {
    return false;
  }
}

/** Every byte must belong to a column, to an index of one or to the footer, and none to two of them. */
async function requireFilled(metadata: FileMetaData, source: ByteSource, footerLength: number): Promise<void> {
  const columns = metadata.row_groups.flatMap(group => group.columns);
  const ranges: [start: number, length: number, path?: string][] = [];
  let indexBytes = 0;
  const add = (
    start: number | bigint | undefined,
    length: number | bigint | undefined,
    isIndex: boolean,
    path?: string,
  ) => {
    if (start === undefined || !Number(length)) return;
    ranges.push([Number(start), Number(length), path]);
    if (isIndex) indexBytes += Number(length);
  };
  for (const column of columns) {
    const { meta_data: meta } = column;
    if (meta)
      add(
        meta.dictionary_page_offset ?? meta.data_page_offset,
        meta.total_compressed_size,
        false,
        meta.path_in_schema.join(),
      );
    add(column.column_index_offset, column.column_index_length, true);
    add(column.offset_index_offset, column.offset_index_length, true);
  }
  ranges.sort((a, b) => a[0] - b[0]);
  let offset = 4;
  let previous: (typeof ranges)[number] | undefined;
  for (const range of ranges) {
    const [start, length] = range;
    if (start !== offset && !(await isColumnCopy(source, offset, start, previous)))
      throw new UnreadableError('it has bytes that belong to no column, or to two');
    offset = start + length;
    previous = range;
  }
  const notes = (metadata.key_value_metadata ?? []).reduce(
    (sum, { key, value }) => sum + key.length + (value?.length ?? 0),
    0,
  );
  const described = MAX_COLUMN_BYTES * (columns.length + metadata.schema.length + 1);
  if (offset !== source.size - 8 - footerLength || footerLength > described + 4 * notes || indexBytes > described)
    throw new UnreadableError('it has bytes that belong to no column, or to two');
}

/**
 * Reads the rows of a table, unless it says that it has more than `longest`, and what it says beside them. `onRows` is given
 * the values as the file holds them.
 */
export async function readParquet(
  source: ByteSource,
  longest: number,
  table: RowSink,
  onMetadata: (text: string, name: string, isSchema: boolean) => void,
  onRows?: (columns: readonly SchemaElement[], rows: readonly (readonly RawValue[])[]) => void,
): Promise<{ rowCount: number }> {
  const bytes = await footer(source);
  let metadata: FileMetaData;
  try {
    // A copy: the memory of a buffer may be shared.
    metadata = parquetMetadata(new Uint8Array(bytes).buffer);
  } catch (error) {
    throw asUnreadable(error);
  }
  for (const { key, value } of metadata.key_value_metadata ?? []) {
    // Arrow's schema of the columns, which is base64: no longer than they need.
    const isSchema = key === 'ARROW:schema' && (value?.length ?? 0) <= 1024 + 512 * metadata.schema.length;
    onMetadata(value ?? '', key, isSchema);
  }
  if (metadata.created_by) onMetadata(metadata.created_by, 'created by', false);
  await requireFilled(metadata, source, new DataView(bytes.buffer, bytes.byteOffset).getUint32(bytes.length - 8, true));
  const columns = readFlatColumns(metadata);
  const rowCount = Number(metadata.num_rows);
  if (rowCount > longest) return { rowCount };
  // What a column is decides how other programs show its values.
  for (const { name, ...column } of columns) onMetadata(JSON.stringify(column), `column ${name}`, true);
  const names = columns.map(({ name }) => name);
  if (new Set(names).size < names.length) throw new UnreadableError('two columns of it have the same name');
  let number = 0;
  await readParquetRows(source, metadata, MAX_GROUP_BYTES, (_, rows) => {
    onRows?.(columns, rows);
    if (number === 0) table.text(names, ++number);
    for (const row of rows)
      table.text(
        columns.map((column, place) => formatValue(column, row[place])),
        ++number,
      );
    return true;
  });
  table.end();
  return { rowCount };
}
