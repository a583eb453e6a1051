import { zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { unreadRowsFinding } from '../../functions/ingest/delivery-scan.ts';
import { sampleRuns } from '../trials.ts';
import { checkDeliveredFile, contractOf, writeParquet } from './delivered-table.ts';

const numbers = Array.from({ length: 1000 }, (_, index) => index);
const plain = {
  columnData: [{ name: 'a', data: numbers, type: 'INT32', encoding: 'PLAIN', nullable: false }],
  codec: 'UNCOMPRESSED',
} as const;
const fields = [{ name: 'a' }];

/** The file with other bytes in the place of a pattern, which it must have. */
function patchBytes(bytes: Uint8Array, pattern: readonly number[], replacement: readonly number[], isLast = false) {
  const file = Buffer.from(bytes);
  const offset = isLast ? file.lastIndexOf(Buffer.from(pattern)) : file.indexOf(Buffer.from(pattern));
  expect(offset).toBeGreaterThan(0);
  file.set(replacement, offset);
  return new Uint8Array(file);
}

describe('a Parquet file whose rows cannot be read is held with the reason:', () => {
  const onePage = { pageSize: 2 ** 30, rowGroupSize: 2 ** 21 };
  const zeros = 'x'.repeat(8 * 2 ** 20);
  const bomb = () =>
    writeParquet({
      columnData: [
        {
          name: 'a',
          data: Array.from({ length: 20 }, (_, index) => index + zeros),
          type: 'STRING',
          encoding: 'PLAIN',
          statistics: false,
        },
      ],
      codec: 'ZSTD',
      compressors: { ZSTD: bytes => zstdCompressSync(bytes) },
    });
  const longRows = () =>
    writeParquet({ columnData: [{ name: 'a', data: Array.from({ length: 1000 }, () => zeros), type: 'STRING' }] });
  const twoColumns = writeParquet({
    columnData: [
      { name: 'a', data: numbers, type: 'INT32' },
      { name: 'b', data: numbers, type: 'INT32' },
    ],
  });
  const cases: readonly (readonly [string, () => Uint8Array, RegExp])[] = [
    ['it unpacks to more than is read', bomb, /^a row group of it unpacks to more than 128 MB$/],
    ['one long text in all rows', longRows, /^a row of it is longer than 4 MB$/],
    [
      'a codec that is not read',
      () =>
        writeParquet({
          ...plain,
          columnData: [...plain.columnData],
          codec: 'LZ4_RAW',
          compressors: { LZ4_RAW: bytes => bytes },
        }),
      /^it is packed with LZ4_RAW, which is not read$/,
    ],
    [
      'lists',
      () =>
        writeParquet({
          columnData: [{ name: 'a', data: [[1], [2, 3]] }],
          schema: [
            { name: 'schema', num_children: 1 },
            { name: 'a', repetition_type: 'OPTIONAL', num_children: 1, converted_type: 'LIST' },
            { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
            { name: 'element', type: 'INT32', repetition_type: 'OPTIONAL' },
          ],
        }),
      /^the columns a, list are lists or have parts$/,
    ],
    [
      'a page of nothing but nulls, more than are held',
      () =>
        writeParquet({
          columnData: [{ name: 'a', data: new Array(2 ** 20 + 1).fill(null), type: 'INT32' }],
          ...onePage,
        }),
      /^a page of it has more than a million values$/,
    ],
    ['no Parquet file', () => Buffer.from('id,age\n1,2\n'), /^its end is damaged, or it is no Parquet file$/],
  ];
  it.each(cases)('%s', async (_, build, reason) => {
    const bytes = build();
    for (const contract of [undefined, contractOf('t.parquet', { fields })]) {
      const { unread } = await checkDeliveredFile('t.parquet', bytes, contract);
      expect(unread).toMatch(reason);
    }
    expect(unreadRowsFinding('t.parquet', 'it is damaged')).toMatchObject({
      unscanned: true,
      reason: expect.stringMatching(/cannot be read: it is damaged\. So its values .* accept-unscanned\.$/),
    });
  });

  it('a page that ends before its values, or a column with other lengths', async () => {
    const bytes = writeParquet({ ...plain, columnData: [...plain.columnData] });
    expect((await checkDeliveredFile('t.parquet', bytes)).unread).toBeUndefined();
    // The size of the page and the number of its values, as its header has them: 4000 and 1000.
    const [size, count] = [
      [0xc0, 0x3e],
      [0xd0, 0x0f],
    ];
    const sizes = [0x15, ...size, 0x15, ...size];
    const shortPage = patchBytes(bytes, sizes, [0x15, 0xbe, 0x3e, 0x15, 0xbe, 0x3e]);
    expect((await checkDeliveredFile('t.parquet', shortPage)).unread).toMatch(/damaged/);
    const bothColumns = contractOf('t.parquet', { fields: [{ name: 'a' }, { name: 'b' }] });
    // 999 and 1001 values: of a page, and of the second column in the footer.
    for (const otherCount of [
      [0xce, 0x0f],
      [0xd2, 0x0f],
    ]) {
      const otherPage = patchBytes(bytes, [0x15, ...count], [0x15, ...otherCount]);
      expect((await checkDeliveredFile('t.parquet', otherPage)).unread).toMatch(/damaged/);
      const otherColumn = patchBytes(twoColumns, [0x16, ...count, 0x16], [0x16, ...otherCount], true);
      expect((await checkDeliveredFile('t.parquet', otherColumn, bothColumns)).unread).toMatch(
        /not those it says|not as many rows/,
      );
    }
  });

  it('it takes longer than a check may', async () => {
    const bytes = writeParquet({ ...plain, columnData: [...plain.columnData] });
    expect((await checkDeliveredFile('t.parquet', bytes, undefined, () => true)).unread).toBe(
      'it takes longer than a check may',
    );
  });

  it('any bytes of it are others, unless it can be read all the same; it is never a fault', async () => {
    const bytes = writeParquet({
      columnData: [
        { name: 'a', data: numbers, type: 'INT32' },
        { name: 'b', data: numbers.map(String), type: 'STRING', nullable: true },
      ],
      rowGroupSize: 300,
    });
    let unreadCount = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        async changes => {
          const damaged = bytes.slice();
          for (const [offset, byte] of changes) damaged[offset] = byte;
          const { unread } = await checkDeliveredFile('t.parquet', damaged, contractOf('t.parquet', { fields }));
          if (unread !== undefined) unreadCount++;
        },
      ),
      { numRuns: sampleRuns(400) },
    );
    expect(unreadCount).toBeGreaterThan(0);
  });

  it('but bloom filters and indexes beside its columns do not matter', async () => {
    const columnData = [{ name: 'a', data: numbers, type: 'INT32' as const, bloomFilter: true, columnIndex: true }];
    const { problems, unread } = await checkDeliveredFile(
      't.parquet',
      writeParquet({ columnData }),
      contractOf('t.parquet', { fields }),
    );
    expect([problems, unread]).toEqual([[], undefined]);
  });
});
