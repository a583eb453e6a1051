import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import {
  type AsyncBuffer,
  type Compressors,
  type FileMetaData,
  parquetMetadata,
  parquetRead,
  type SchemaElement,
  snappyUncompress,
} from 'hyparquet';
import { deserializeTCompactProtocol } from 'hyparquet/src/thrift.js';
import type { ByteSource } from '../byte-source.ts';
import { readBytes, readTail, UnreadableError } from '../bytes.ts';
import { ALL_TIERS, type Format, type FormatInput } from '../format.ts';
import { checkParquetPages, type DecompressPage, readFlatColumns } from '../parquet-pages.ts';
import { formatValue, type RawValue, stripMeaning } from '../parquet-values.ts';
import type { RowSink } from '../row-sink.ts';
import { TextCheck } from '../text.ts';

export const parquetFormat: Format = {
  type: 'application/vnd.apache.parquet',
  tiers: ALL_TIERS,
  extensions: ['parquet'],
  magic: { letters: 'PAR1' },
  kinds: ['table'],
};

/**
 * hyparquet reads Parquet in plain JavaScript (MIT, no dependencies, 70 KB bundled); DuckDB would be a native binary of
 * tens of megabytes in a Lambda that reads tables of a few thousand rows. It is given one row group at a time, in memory,
 * whose pages were walked before, and unpacks with Node's own zlib under a limit: a hostile file costs no more than that.
 */
const MAX_GROUP_BYTES = 64 * 2 ** 20;
const footerMost = 8 * 2 ** 20;

const limitOutput = (length: number) => {
  if (!(length >= 0) || length > MAX_GROUP_BYTES)
    throw new UnreadableError('a page of it unpacks to more than is read');
  return { maxOutputLength: length + 1024 };
};
const compressors: Compressors = {
  SNAPPY: (input, length) => {
    limitOutput(length);
    const output = new Uint8Array(length);
    snappyUncompress(input, output);
    return output;
  },
  GZIP: (input, length) => gunzipSync(input, limitOutput(length)),
  BROTLI: (input, length) => brotliDecompressSync(input, limitOutput(length)),
  ZSTD: (input, length) => zstdDecompressSync(input, limitOutput(length)),
};

const unpack: DecompressPage = (codec, bytes, length) => {
  if (codec === 'UNCOMPRESSED') return bytes.length === length ? bytes : new Uint8Array(0);
  const output = compressors[codec as keyof Compressors]?.(bytes, length);
  if (!output || output.length !== length) throw new UnreadableError('it is packed in a way that is not read');
  return output;
};

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
  const { size } = source;
  const bytes = await footer(source);
  const rethrow = (error: unknown): never => {
    throw error instanceof UnreadableError
      ? error
      : new UnreadableError('it is damaged, cut short or written in a way that is not read');
  };
  let metadata: ReturnType<typeof parquetMetadata>;
  try {
    // A copy: the memory of a buffer may be shared.
    metadata = parquetMetadata(new Uint8Array(bytes).buffer);
  } catch (error) {
    return rethrow(error);
  }
  for (const { key, value } of metadata.key_value_metadata ?? []) {
    // Arrow's schema of the columns, which is base64: no longer than they need.
    const isSchema = key === 'ARROW:schema' && (value?.length ?? 0) <= 1024 + 512 * metadata.schema.length;
    onMetadata(value ?? '', key, isSchema);
  }
  if (metadata.created_by) onMetadata(metadata.created_by, 'created by', false);
  await requireFilled(metadata, source, new DataView(bytes.buffer, bytes.byteOffset).getUint32(bytes.length - 8, true));
  const columns = readFlatColumns(metadata);
  const rows = Number(metadata.num_rows);
  if (rows > longest) return { rowCount: rows };
  let first = 0;
  // What a column is decides how other programs show its values.
  for (const { name, ...column } of columns) onMetadata(JSON.stringify(column), `column ${name}`, true);
  const names = columns.map(({ name }) => name);
  if (new Set(names).size < names.length) throw new UnreadableError('two columns of it have the same name');
  const schema = metadata.schema.map(stripMeaning);
  let isHeadingRead = false;
  for (const group of metadata.row_groups) {
    const chunks = group.columns.flatMap(({ meta_data: meta }) => (meta ? [meta] : []));
    const chunkStarts = chunks.map(meta => Number(meta.dictionary_page_offset ?? meta.data_page_offset));
    const chunkEnds = chunks.map((meta, index) => (chunkStarts[index] ?? 0) + Number(meta.total_compressed_size));
    const [groupStart, groupEnd] = [Math.min(...chunkStarts), Math.max(...chunkEnds)];
    const count = Number(group.num_rows);
    if (!(groupStart >= 4) || !(groupEnd <= size) || groupEnd - groupStart > MAX_GROUP_BYTES || count > rows)
      throw new UnreadableError('a row group of it is larger than is read, or lies outside of it');
    const groupBytes = await readBytes(source, groupStart, groupEnd);
    try {
      for (const [index, column] of columns.entries()) {
        const [meta, start = 0, end = 0] = [chunks[index], chunkStarts[index], chunkEnds[index]];
        if (
          !meta ||
          meta.path_in_schema.join('.') !== column.name ||
          meta.type !== column.type ||
          Number(meta.num_values) !== count
        )
          throw new UnreadableError('its columns are not those it says');
        checkParquetPages(groupBytes.slice(start - groupStart, end - groupStart), column, meta.codec, count, unpack);
      }
    } catch (error) {
      rethrow(error);
    }
    // Metadata of this group alone, whose offsets are those of the file.
    const file: AsyncBuffer = {
      byteLength: size,
      slice: (start, end = size) => {
        if (start < groupStart || end > groupEnd)
          throw new UnreadableError('a page of it lies outside of its row group');
        return new Uint8Array(groupBytes.subarray(start - groupStart, end - groupStart)).buffer;
      },
    };
    try {
      let rows: RawValue[][] = [];
      await parquetRead({
        file,
        metadata: { ...metadata, schema, row_groups: [group], num_rows: group.num_rows },
        compressors,
        utf8: false,
        parsers: { timestampFromNanoseconds: (nanoseconds: bigint) => nanoseconds as unknown as Date },
        rowFormat: 'array',
        onComplete: complete => {
          rows = complete as RawValue[][];
        },
      });
      if (rows.length !== count) throw new UnreadableError('a row group has not as many rows as it says');
      onRows?.(columns, rows);
      if (!isHeadingRead) table.text(names, 1);
      isHeadingRead = true;
      for (const [index, row] of rows.entries())
        table.text(
          columns.map((column, place) => formatValue(column, row[place])),
          first + index + 2,
        );
    } catch (error) {
      rethrow(error);
    }
    first += count;
  }
  table.end();
  return { rowCount: rows };
}
