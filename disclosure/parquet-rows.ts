import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import {
  type AsyncBuffer,
  type ColumnMetaData,
  type Compressors,
  type FileMetaData,
  parquetRead,
  type RowGroup,
  type SchemaElement,
  snappyUncompress,
} from 'hyparquet';
import type { ByteSource } from './byte-source.ts';
import { readBytes, UnreadableError } from './bytes.ts';
import { checkParquetPages, type DecompressPage, readFlatColumns } from './parquet-pages.ts';
import { type RawValue, stripMeaning } from './parquet-values.ts';

/** Values that are held at a time, beside the bytes of a row group. */
const MAX_CELLS = 2 ** 20;
/** A row group with more values is not read: without values, they take no bytes. */
const MAX_GROUP_CELLS = 2 ** 28;

/**
 * hyparquet reads Parquet in plain JavaScript (MIT, no dependencies, 70 KB bundled); DuckDB would be a native binary of
 * tens of megabytes in a Lambda. It is given one column of one row group at a time, in memory, whose pages were walked
 * before, and unpacks with Node's own zlib under a limit: a hostile file costs no more than that.
 */
const createCompressors = (mostBytes: number): Compressors => {
  const limitOutput = (length: number) => {
    if (!(length >= 0) || length > mostBytes) throw tooMuch(mostBytes);
    return { maxOutputLength: length + 1024 };
  };
  return {
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
};

const tooMuch = (mostBytes: number) =>
  new UnreadableError(`a row group of it unpacks to more than ${Math.floor(mostBytes / 2 ** 20)} MB`);

/** Unpacks the pages of one row group, which together may not be larger than `mostBytes`. */
function createUnpack(compressors: Compressors, mostBytes: number): DecompressPage {
  let total = 0;
  return (codec, bytes, length) => {
    if (!(length >= 0)) throw new UnreadableError('a page of it is damaged or not what it says');
    total += length;
    if (total > mostBytes) throw tooMuch(mostBytes);
    if (codec === 'UNCOMPRESSED') return bytes.length === length ? bytes : new Uint8Array(0);
    const decompress = compressors[codec as keyof Compressors];
    if (!decompress) throw new UnreadableError(`it is packed with ${codec ?? 'an unknown method'}, which is not read`);
    const output = decompress(bytes, length);
    if (output.length !== length) throw new UnreadableError('a page of it is damaged or not what it says');
    return output;
  };
}

/** Errors of the readers are about the file. */
export const asUnreadable = (error: unknown): UnreadableError =>
  error instanceof UnreadableError
    ? error
    : new UnreadableError('it is damaged, cut short or written in a way that is not read');

function readable<Result>(read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    throw asUnreadable(error);
  }
}

interface Chunk {
  readonly column: SchemaElement;
  readonly meta: ColumnMetaData;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Where the parts of the columns of a row group are. */
function locateGroup(group: RowGroup, size: number, mostBytes: number) {
  const metas = group.columns.flatMap(({ meta_data: meta }) => (meta ? [meta] : []));
  const chunkStarts = metas.map(meta => Number(meta.dictionary_page_offset ?? meta.data_page_offset));
  const chunkEnds = metas.map((meta, index) => (chunkStarts[index] ?? 0) + Number(meta.total_compressed_size));
  const [groupStart, groupEnd] = [Math.min(...chunkStarts), Math.max(...chunkEnds)];
  if (!(groupStart >= 4) || !(groupEnd <= size)) throw new UnreadableError('a row group of it lies outside of it');
  if (groupEnd - groupStart > mostBytes)
    throw new UnreadableError(`a row group of it is larger than ${Math.floor(mostBytes / 2 ** 20)} MB`);
  return { metas, chunkStarts, chunkEnds, groupStart, groupEnd };
}

/** Reads the bytes of a row group and walks its pages. */
async function readGroup(
  source: ByteSource,
  group: RowGroup,
  columns: readonly SchemaElement[],
  { mostBytes, compressors }: { mostBytes: number; compressors: Compressors },
): Promise<Chunk[]> {
  const { metas, chunkStarts, chunkEnds, groupStart, groupEnd } = readable(() =>
    locateGroup(group, source.size, mostBytes),
  );
  const groupBytes = await readBytes(source, groupStart, groupEnd);
  const unpack = createUnpack(compressors, mostBytes);
  const count = Number(group.num_rows);
  return readable(() =>
    columns.map((column, index) => {
      const [meta, start = 0, end = 0] = [metas[index], chunkStarts[index], chunkEnds[index]];
      if (
        !meta ||
        meta.path_in_schema.join('.') !== column.name ||
        meta.type !== column.type ||
        Number(meta.num_values) !== count
      )
        throw new UnreadableError('its columns are not those it says');
      // A copy with a buffer of its own, so that no slice of rows needs another. `slice` of a Buffer would be none.
      const bytes = new Uint8Array(groupBytes.subarray(start - groupStart, end - groupStart));
      checkParquetPages(bytes, column, meta.codec, count, unpack);
      return { column, meta, bytes };
    }),
  );
}

/** Reads the values `[first, end)` of one column of a row group. */
async function readValues(
  { column, meta, bytes }: Chunk,
  group: RowGroup,
  [rowStart, rowEnd]: readonly [number, number],
  compressors: Compressors,
): Promise<RawValue[]> {
  // Metadata of this column alone, whose offsets are those of the file.
  const offset = Number(meta.dictionary_page_offset ?? meta.data_page_offset);
  const file: AsyncBuffer = {
    byteLength: offset + bytes.length,
    slice: (start, end = offset + bytes.length) => {
      if (start < offset || end > offset + bytes.length)
        throw new UnreadableError('a page of it lies outside of its row group');
      const isWhole = start === offset && end === offset + bytes.length;
      return isWhole ? bytes.buffer : bytes.slice(start - offset, end - offset).buffer;
    },
  };
  let values: RawValue[] = [];
  await parquetRead({
    file,
    metadata: {
      version: 1,
      metadata_length: 0,
      schema: [{ name: 'schema', num_children: 1 }, stripMeaning(column)],
      row_groups: [{ ...group, columns: [{ file_offset: 0n, meta_data: meta }] }],
      num_rows: group.num_rows,
    },
    compressors,
    utf8: false,
    parsers: { timestampFromNanoseconds: (nanoseconds: bigint) => nanoseconds as unknown as Date },
    rowFormat: 'array',
    rowStart,
    rowEnd,
    onComplete: complete => {
      values = (complete as RawValue[][]).map(row => row[0]);
    },
  });
  if (values.length !== rowEnd - rowStart) throw new UnreadableError('a row group has not as many rows as it says');
  return values;
}

/** The columns of a flat table whose row groups have as many rows as it says, and not too many. */
function requireGroups(metadata: FileMetaData): SchemaElement[] {
  const columns = readFlatColumns(metadata);
  const counts = metadata.row_groups.map(group => Number(group.num_rows));
  if (counts.some(count => count < 0) || counts.reduce((sum, count) => sum + count, 0) !== Number(metadata.num_rows))
    throw new UnreadableError('it has not as many rows as it says');
  if (counts.some(count => count * columns.length > MAX_GROUP_CELLS))
    throw new UnreadableError(`a row group of it has more than ${MAX_GROUP_CELLS / 2 ** 20} million values`);
  return columns;
}

/**
 * Reads the rows of a flat table in order, some at a time, with the values as the file holds them. It holds one row group,
 * which may have `mostBytes`, packed and unpacked, and a million values. `onRows` returns whether it wants more.
 */
export async function readParquetRows(
  source: ByteSource,
  metadata: FileMetaData,
  mostBytes: number,
  onRows: (columns: readonly SchemaElement[], rows: readonly (readonly RawValue[])[]) => boolean,
): Promise<void> {
  const columns = readable(() => requireGroups(metadata));
  const compressors = createCompressors(mostBytes);
  const step = Math.max(1, Math.floor(MAX_CELLS / columns.length));
  for (const group of metadata.row_groups) {
    const count = Number(group.num_rows);
    if (count === 0) continue;
    const chunks = await readGroup(source, group, columns, { mostBytes, compressors });
    for (let first = 0; first < count; first += step) {
      const range = [first, Math.min(first + step, count)] as const;
      const values: RawValue[][] = [];
      try {
        for (const chunk of chunks) values.push(await readValues(chunk, group, range, compressors));
      } catch (error) {
        throw asUnreadable(error);
      }
      const rows = Array.from({ length: range[1] - first }, (_, row) => values.map(column => column[row]));
      if (!onRows(columns, rows)) return;
    }
  }
}
