import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import { type AsyncBuffer, type Compressors, parquetMetadata, parquetReadObjects, snappyUncompress } from 'hyparquet';
import type { ByteSource } from '../byte-source.ts';
import { readBytes, readTail, UnreadableError } from '../bytes.ts';
import type { Format, FormatInput } from '../format.ts';
import { checkParquetPages, type DecompressPage, readFlatColumns } from '../parquet-pages.ts';
import type { RowSink } from '../row-sink.ts';
import { TextCheck } from '../text.ts';

export const parquetFormat: Format = {
  extensions: ['parquet'],
  magic: { letters: 'PAR1' },
  kinds: ['table'],
  check: checkParquet,
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

const textOf = (value: unknown): string => {
  if (value === null || value === undefined) return '';
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? '' : value.toISOString().slice(0, 10);
  if (typeof value === 'object')
    return JSON.stringify(value, (_, inner) => (typeof inner === 'bigint' ? String(inner) : inner)).slice(0, 32_768);
  return String(value);
};

async function checkParquet({ source, findings, newTable }: FormatInput): Promise<void> {
  const text = new TextCheck(findings);
  const { rows } = findings.policy;
  const { rowCount } = await readParquet(source, rows, newTable(), value => {
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

/** Reads the rows of a table, unless it says that it has more than `longest`, and what it says beside them. */
export async function readParquet(
  source: ByteSource,
  longest: number,
  table: RowSink,
  onMetadata: (text: string, name: string) => void,
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
    metadata = parquetMetadata(bytes.slice().buffer);
  } catch (error) {
    return rethrow(error);
  }
  for (const { key, value } of metadata.key_value_metadata ?? []) onMetadata(value ?? '', key);
  const columns = readFlatColumns(metadata);
  const rows = Number(metadata.num_rows);
  if (rows > longest) return { rowCount: rows };
  let first = 0;
  let names: string[] | undefined;
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
        return groupBytes.slice(start - groupStart, end - groupStart).buffer as ArrayBuffer;
      },
    };
    try {
      const objects = await parquetReadObjects({
        file,
        metadata: { ...metadata, row_groups: [group], num_rows: group.num_rows },
        compressors,
        rowFormat: 'object',
      } as Parameters<typeof parquetReadObjects>[0]);
      if (objects.length !== count) throw new UnreadableError('a row group has not as many rows as it says');
      for (const [index, row] of objects.entries()) {
        if (!names) {
          names = Object.keys(row);
          table.text(names, 1);
        }
        table.text(
          names.map(name => textOf(row[name])),
          first + index + 2,
        );
      }
    } catch (error) {
      rethrow(error);
    }
    first += count;
  }
  table.end();
  return { rowCount: rows };
}
