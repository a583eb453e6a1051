import type { FileMetaData, SchemaElement } from 'hyparquet';
import { deserializeTCompactProtocol } from 'hyparquet/src/thrift.js';
import { UnreadableError } from './bytes.ts';

/**
 * What a Parquet page says of itself is followed by its reader to the letter: a run of two thousand million values costs
 * as much as it says. So every page is walked first, and only what is in it is believed: counts no larger than the table,
 * runs no longer than their page. Encodings other than plain values and dictionaries are not read.
 */
export type DecompressPage = (codec: string, bytes: Uint8Array, length: number) => Uint8Array;

const [plain, plainDictionary, rle, dictionary] = [0, 2, 3, 8];
/** Values that a page may have: all of them are held to read one. */
const MAX_PAGE_VALUES = 2 ** 20;
const wrong = (): never => {
  throw new UnreadableError('a page of it is damaged or not what it says');
};
const whole = (value: unknown, maximum: number): number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= maximum ? value : wrong();

const countOf = (value: unknown, maximum: number): number => {
  const count = whole(value, maximum);
  if (count > MAX_PAGE_VALUES) throw new UnreadableError('a page of it has more than a million values');
  return count;
};

/** The columns of a flat table, in order. A nested one is none that a reviewer could read. */
export function readFlatColumns({ schema }: FileMetaData): SchemaElement[] {
  const [root, ...columns] = schema;
  if (root?.num_children !== columns.length || columns.length === 0)
    throw new UnreadableError('it is not a flat table');
  for (const { num_children: children, repetition_type: repetition } of columns)
    if (children || repetition === 'REPEATED') throw new UnreadableError('it is not a flat table');
  return columns;
}

/** Walks runs of levels or indices over `[at, end)` until there are `values` of them. Returns how many bits of width 1 are set. */
function runs(bytes: Uint8Array, start: number, end: number, width: number, values: number): number {
  let [offset, remaining, setBits] = [start, values, 0];
  if (end > bytes.length || width > 32) wrong();
  while (remaining > 0) {
    let [header, shift] = [0, 0];
    for (;;) {
      if (offset >= end || shift > 21) wrong();
      const byte = bytes[offset++] as number;
      header |= (byte & 127) << shift;
      if (byte < 128) break;
      shift += 7;
    }
    const count = (header & 1) === 1 ? (header >>> 1) * 8 : header >>> 1;
    const length = (header & 1) === 1 ? (header >>> 1) * width : (width + 7) >> 3;
    if (count === 0 || count - remaining > 7 || ((header & 1) === 0 && count > remaining) || offset + length > end)
      wrong();
    if (width === 1)
      for (let index = 0; index < Math.min(count, remaining); index++)
        setBits +=
          (header & 1) === 1
            ? ((bytes[offset + (index >> 3)] as number) >> (index & 7)) & 1
            : (bytes[offset] as number) & 1;
    offset += length;
    remaining -= Math.min(remaining, count);
  }
  return setBits;
}

const widths: Readonly<Record<string, number>> = { INT32: 4, INT64: 8, INT96: 12, FLOAT: 4, DOUBLE: 8 };

/** Requires that plain values lie within their page: the reader would go on behind it. */
function requirePlain(
  page: Uint8Array,
  start: number,
  { type, type_length: length }: SchemaElement,
  count: number,
): void {
  if (type !== 'BYTE_ARRAY') {
    const bits = type === 'BOOLEAN' ? 1 : 8 * (widths[type ?? ''] ?? length ?? wrong());
    if (start + Math.ceil((bits * count) / 8) > page.length) wrong();
    return;
  }
  const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
  for (let [offset, index] = [start, 0]; index < count; index++) {
    if (offset + 4 > page.length) wrong();
    offset += 4 + view.getUint32(offset, true);
    if (offset > page.length) wrong();
  }
}

/** Walks every page of a column's part in a row group of `rows` rows, and throws where a page is not what it says. */
export function checkParquetPages(
  bytes: Uint8Array,
  column: SchemaElement,
  codec: string,
  rows: number,
  unpack: DecompressPage,
): void {
  const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset: 0 };
  const optional = column.repetition_type === 'OPTIONAL';
  const values = (page: Uint8Array, start: number, encoding: unknown, count: number) => {
    if (encoding === plain) return requirePlain(page, start, column, count);
    if (encoding === rle && column.type === 'BOOLEAN') {
      const length =
        start + 4 <= page.length ? new DataView(page.buffer, page.byteOffset).getUint32(start, true) : wrong();
      runs(page, start + 4, start + 4 + length, 1, count);
    } else if ((encoding === dictionary || encoding === plainDictionary) && column.type !== 'BOOLEAN') {
      if (count > 0 && (page[start] ?? wrong()) > 0) runs(page, start + 1, page.length, page[start] as number, count);
    } else throw new UnreadableError('a page of it is encoded in a way that is not read');
  };
  for (let readValues = 0; readValues < rows; ) {
    if (reader.offset >= bytes.length) wrong();
    const header = deserializeTCompactProtocol(reader) as Record<string, Record<string, unknown> & unknown>;
    const unpacked = whole(header.field_2, 2 ** 31);
    const packed = whole(header.field_3, bytes.length - reader.offset);
    const content = bytes.subarray(reader.offset, reader.offset + packed);
    reader.offset += packed;
    const [firstVersion, dictionaryPage, two] = [header.field_5, header.field_7, header.field_8];
    const kind = whole(header.field_1, 3);
    if (kind === 2 && dictionaryPage)
      values(unpack(codec, content, unpacked), 0, plain, countOf(dictionaryPage.field_1, rows));
    else if (kind === 0 && firstVersion) {
      const count = countOf(firstVersion.field_1, rows - readValues) || wrong();
      const page = unpack(codec, content, unpacked);
      const length = optional ? new DataView(page.buffer, page.byteOffset, page.byteLength).getUint32(0, true) : 0;
      const present = optional ? runs(page, 4, 4 + length, 1, count) : count;
      values(page, optional ? 4 + length : 0, firstVersion.field_2, present);
      readValues += count;
    } else if (kind === 3 && two) {
      const count = countOf(two.field_1, rows - readValues) || wrong();
      const levels = whole(two.field_5, packed);
      if (whole(two.field_6, 0) !== 0 || whole(two.field_3, rows) !== count) wrong();
      const present = optional ? runs(content, 0, levels, 1, count) : count;
      if (whole(two.field_2, count) !== count - present || (!optional && levels > 0)) wrong();
      const rest = content.subarray(levels);
      values(two.field_7 === false ? rest : unpack(codec, rest, unpacked - levels), 0, two.field_4, present);
      readValues += count;
    } else wrong();
  }
}
