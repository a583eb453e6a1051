import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import type { SchemaElement } from 'hyparquet';
import { describe, expect, it } from 'vitest';
import { type ByteSource, memorySource } from '../../disclosure/byte-source.ts';
import { createFileCheck } from '../../functions/ingest/file-check.ts';
import { sampleRuns } from '../trials.ts';
import { checkDeliveredFile, contractOf, writeParquet } from './delivered-table.ts';

/** A value of each type as Parquet holds it, and as a CSV file has it. */
type Cell = readonly [value: unknown, text: string];
const seconds = fc.integer({ min: 0, max: 2_000_000_000 });
const sameText = (value: string | number | boolean | bigint): Cell => [value, String(value)];
const kinds: readonly { type: string; element: Omit<SchemaElement, 'name'>; cells: fc.Arbitrary<Cell> }[] = [
  {
    type: 'string',
    element: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
    cells: fc
      .constantFrom('', 'NA', 'North', 'south west', '9434765919', '943 476 5919', 'a@b.org', 'é', 'x'.repeat(30))
      .map(sameText),
  },
  { type: 'integer', element: { type: 'INT32' }, cells: fc.integer({ min: -50, max: 50 }).map(sameText) },
  {
    type: 'integer',
    element: { type: 'INT64' },
    cells: fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n }).map(sameText),
  },
  {
    type: 'number',
    element: { type: 'DOUBLE' },
    cells: fc.double({ noNaN: true, noDefaultInfinity: true }).map(sameText),
  },
  {
    type: 'number',
    element: { type: 'FLOAT' },
    cells: fc.integer({ min: -999, max: 999 }).map(tenths => sameText(tenths / 10)),
  },
  {
    type: 'number',
    element: { type: 'INT32', converted_type: 'DECIMAL', scale: 2, precision: 9 },
    cells: fc.integer({ min: -9999, max: 9999 }).map(cents => [BigInt(cents), (cents / 100).toFixed(2)]),
  },
  { type: 'boolean', element: { type: 'BOOLEAN' }, cells: fc.boolean().map(sameText) },
  {
    type: 'date',
    element: { type: 'INT32', converted_type: 'DATE' },
    cells: fc
      .integer({ min: 0, max: 25_000 })
      .map(days => [days, new Date(days * 86_400_000).toISOString().slice(0, 10)]),
  },
  {
    type: 'datetime',
    element: { type: 'INT64', converted_type: 'TIMESTAMP_MILLIS' },
    cells: seconds.map(second => [BigInt(second * 1000), new Date(second * 1000).toISOString()]),
  },
  {
    type: 'datetime',
    element: { type: 'INT64', logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: false, unit: 'MICROS' } },
    cells: seconds.map(second => [BigInt(second) * 1_000_000n, new Date(second * 1000).toISOString().slice(0, 19)]),
  },
];
const missing: Cell = [null, ''];
const limits: Readonly<Record<string, readonly (string | number)[]>> = {
  integer: [-10, 10],
  number: [-5.5, 5.5],
  date: ['2000-01-01', '2020-12-31'],
  datetime: ['2001-01-01T00:00:00Z', '2020-06-01T12:00:00+02:00'],
};

/** A table with the contract that it is compared with. */
const tables = fc
  .array(
    fc.record({
      kind: fc.constantFrom(...kinds),
      isRequired: fc.boolean(),
      isUnique: fc.boolean(),
      isLimited: fc.boolean(),
      isNamed: fc.boolean(),
      choices: fc.option(fc.constantFrom(['North', '1', '2.50', 'true']), { nil: undefined, freq: 4 }),
    }),
    { minLength: 1, maxLength: 5 },
  )
  .chain(columns =>
    fc.record({
      columns: fc.constant(columns),
      rows: fc.array(
        fc.tuple(...columns.map(({ kind }) => fc.oneof({ weight: 8, arbitrary: kind.cells }, fc.constant(missing)))),
        { minLength: 1, maxLength: 40 },
      ),
      rowGroupSize: fc.integer({ min: 1, max: 50 }),
      maxRows: fc.option(fc.integer({ min: 0, max: 30 }), { nil: undefined }),
      missingValues: fc.constantFrom(['', 'NA'], ['']),
    }),
  );

const quote = (text: string) => `"${text.replaceAll('"', '""')}"`;

describe('the rows of a Parquet file', () => {
  it('give the findings and the identifiers of the same rows in a CSV file', async () => {
    let heldCount = 0;
    await fc.assert(
      fc.asyncProperty(tables, async ({ columns, rows, rowGroupSize, maxRows, missingValues }) => {
        const names = columns.map(({ isNamed }, index) => (isNamed ? `nhs_number${index || ''}` : `c${index}`));
        const fields = columns.map(({ kind, isRequired, isUnique, isLimited, choices }, index) => {
          const [minimum, maximum] = (isLimited && limits[kind.type]) || [];
          return {
            name: names[index],
            type: kind.type,
            constraints: {
              required: isRequired,
              unique: isUnique,
              ...(minimum !== undefined && { minimum, maximum }),
              ...(kind.type === 'string' && isLimited && { minLength: 3, maxLength: 20 }),
              ...(choices && { enum: choices }),
            },
          };
        });
        const schema = { fields, missingValues, primaryKey: names.slice(0, 2) };
        const parquet = writeParquet({
          rowGroupSize,
          columnData: names.map((name, index) => ({ name, data: rows.map(row => row[index]?.[0]) })),
          schema: [
            { name: 'schema', num_children: names.length },
            ...columns.map(({ kind }, index) => ({
              ...kind.element,
              name: names[index] ?? '',
              repetition_type: 'OPTIONAL' as const,
            })),
          ],
        });
        const csv = [names, ...rows.map(row => row.map(([, text]) => text))]
          .map(cells => `${cells.map(quote).join(',')}\n`)
          .join('');
        const rowLimits = maxRows === undefined ? {} : { maxRows };
        const expected = await checkDeliveredFile('t.csv', Buffer.from(csv), contractOf('t.csv', schema, rowLimits));
        const actual = await checkDeliveredFile('t.parquet', parquet, contractOf('t.parquet', schema, rowLimits));
        expect(actual).toEqual(expected);
        expect((await checkDeliveredFile('t.parquet', parquet)).identifiers).toEqual(
          (await checkDeliveredFile('t.csv', Buffer.from(csv))).identifiers,
        );
        if (expected.problems.length > 0) heldCount++;
      }),
      { numRuns: sampleRuns(400) },
    );
    expect(heldCount).toBeGreaterThan(sampleRuns(400) / 4);
  });

  it('are counted with their columns and kinds, and a finding never has a value of them', async () => {
    const bytes = writeParquet({
      columnData: [
        { name: 'id', data: [1, 2, 2], type: 'INT32' },
        { name: 'contact', data: ['jane@clinic.org', null, 'Zebra'], type: 'STRING' },
      ],
    });
    const fields = [
      { name: 'id', type: 'integer', constraints: { maximum: 1 } },
      { name: 'contact', type: 'string', constraints: { required: true, enum: ['jane@clinic.org'] } },
    ];
    const result = await checkDeliveredFile('t.parquet', bytes, contractOf('t.parquet', { fields, primaryKey: 'id' }));
    expect(result).toEqual({
      problems: [
        'A value of the column id is outside of its range: 2 times, first in row 2.',
        'A value of the column contact is missing: 1 time, first in row 2.',
        'A value of the column contact is not one of the agreed values: 1 time, first in row 3.',
        'The key id repeats: 1 time, first in row 3.',
      ],
      identifiers: [{ column: 'contact', kind: 'e-mail address', count: 1 }],
      unread: undefined,
    });
  });

  it('without a value are missing, whatever texts the contract counts as missing', async () => {
    const bytes = writeParquet({ columnData: [{ name: 'a', data: [null, '', 'x'], type: 'STRING' }] });
    const problemsOf = async (missingValues: string[]) => {
      const fields = [{ name: 'a', type: 'string', constraints: { required: true } }];
      return (await checkDeliveredFile('t.parquet', bytes, contractOf('t.parquet', { fields, missingValues })))
        .problems;
    };
    expect(await problemsOf([])).toEqual(['A value of the column a is missing: 1 time, first in row 1.']);
    expect(await problemsOf([''])).toEqual(['A value of the column a is missing: 2 times, first in row 1.']);
  });

  it('of a column of another type are not compared with the contract once more', async () => {
    const bytes = writeParquet({ columnData: [{ name: 'a', data: ['x', 'y'], type: 'STRING' }] });
    const fields = [{ name: 'a', type: 'integer', constraints: { maximum: 1 } }];
    expect((await checkDeliveredFile('t.parquet', bytes, contractOf('t.parquet', { fields }))).problems).toEqual([
      'The column a is not of the type integer.',
    ]);
  });

  it('are read of the first 10,000 only for identifiers if there is no contract', async () => {
    const data = Array.from({ length: 30_000 }, () => 'a@clinic.org');
    const bytes = writeParquet({ columnData: [{ name: 'a', data, type: 'STRING' }], rowGroupSize: 1000 });
    let readBytes = 0;
    const memory = memorySource(bytes);
    const source: ByteSource = {
      ...memory,
      range: (start, end) => {
        readBytes += end - start;
        return memory.range(start, end);
      },
    };
    const { identifiers } = await createFileCheck('t.parquet', 't.parquet').end(bytes.subarray(0, 64), source, true);
    const csv = await checkDeliveredFile('t.csv', Buffer.from(['a', ...data].join('\n')));
    expect(identifiers).toEqual(csv.identifiers);
    expect(identifiers).toEqual([{ column: 'a', kind: 'e-mail address', count: 9999 }]);
    expect(readBytes).toBeLessThan(bytes.length);
  });
});

it('a Parquet file takes no more memory the more row groups it has', async () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const rowGroupSize = 5000;
  /** Values that are kept would take 40 MB more. The most memory that is in use when a row group has been read, without garbage. */
  const measurePeak = async (groups: number) => {
    const data = Array.from({ length: rowGroupSize * groups }, (_, index) => `person ${index}`);
    const bytes = writeParquet({
      columnData: ['a', 'b', 'c', 'd'].map(name => ({ name, data, type: 'STRING' })),
      rowGroupSize,
    });
    let peak = 0;
    const isLate = () => {
      collectGarbage();
      const { heapUsed, external } = process.memoryUsage();
      peak = Math.max(peak, heapUsed + external);
      return false;
    };
    data.length = 0;
    collectGarbage();
    const { heapUsed, external } = process.memoryUsage();
    const contract = contractOf('t.parquet', { fields: ['a', 'b', 'c', 'd'].map(name => ({ name })) }, { minRows: 1 });
    expect(await checkDeliveredFile('t.parquet', bytes, contract, isLate)).toMatchObject({
      problems: [],
      unread: undefined,
    });
    return peak - heapUsed - external;
  };
  await measurePeak(4);
  expect((await measurePeak(24)) - (await measurePeak(4))).toBeLessThan(8 * 2 ** 20);
});
