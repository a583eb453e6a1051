import { randomBytes } from 'node:crypto';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { describe, expect, it } from 'vitest';
import { memorySource } from '../../disclosure/byte-source.ts';
import { DataContract } from '../../functions/ingest/contract-schemas.ts';
import { createFileCheck } from '../../functions/ingest/file-check.ts';
import { readParquetTable } from '../../functions/ingest/parquet-table.ts';

type Columns = Parameters<typeof parquetWriteBuffer>[0]['columnData'];
const write = (columnData: Columns) => new Uint8Array(parquetWriteBuffer({ columnData }));
const day = new Date('2026-11-28T00:00:00Z');
const columns: Record<string, Columns[number]> = {
  integer: { name: 'v', data: [1, 2], type: 'INT32' },
  number: { name: 'v', data: [1.5, 2], type: 'DOUBLE' },
  boolean: { name: 'v', data: [true, false], type: 'BOOLEAN' },
  string: { name: 'v', data: ['a', 'b'], type: 'STRING' },
  datetime: { name: 'v', data: [day, day], type: 'TIMESTAMP' },
};
const types = ['any', 'string', 'integer', 'number', 'boolean', 'date', 'datetime'] as const;

async function problemsOf(bytes: Uint8Array, type: (typeof types)[number]): Promise<string[]> {
  const contract = DataContract.parse({
    resources: [{ path: 'a.parquet', schema: { fields: [{ name: 'v', type }] } }],
  });
  const check = createFileCheck('a.parquet', 'a.parquet', contract);
  const { findings } = await check.end(bytes.subarray(0, 64), memorySource(bytes), false);
  return findings.map(({ reason }) => reason);
}

describe('a Parquet file', () => {
  it('tells its columns, their types and its rows at its end', async () => {
    const data = Array.from({ length: 1234 }, (_, index) => index);
    const bytes = write([
      { name: 'id', data, type: 'INT32' },
      { name: 'name', data: data.map(String), type: 'STRING' },
    ]);
    const table = await readParquetTable(memorySource(bytes));
    expect(table?.shape).toEqual({ columns: ['id', 'name'], columnCount: 2, rows: 1234 });
    expect([...(table?.types ?? [])]).toEqual([
      ['id', ['integer', 'number']],
      ['name', ['string']],
    ]);
    for (const damaged of [bytes.subarray(0, -4), Buffer.from('PAR1PAR1'), Buffer.alloc(0), randomBytes(64)])
      expect(await readParquetTable(memorySource(damaged))).toBeUndefined();
  });

  it.each(Object.keys(columns))('with a column of the type %s agrees with a contract of this type only', async name => {
    const bytes = write([columns[name] ?? expect.fail()]);
    const accepted = [];
    for (const type of types) {
      const problems = await problemsOf(bytes, type);
      if (problems.length === 0) accepted.push(type);
      else expect(problems).toEqual([expect.stringMatching(`^The column v is not of the type ${type}. Correct it`)]);
    }
    expect(accepted).toEqual(name === 'integer' ? ['any', 'integer', 'number'] : ['any', name]);
  });

  it('shows by the names of its columns what identifies people', async () => {
    const bytes = write([
      { name: 'nhs_number', data: ['9434765919'], type: 'STRING' },
      { name: 'region', data: ['North'], type: 'STRING' },
    ]);
    const { identifiers } = await createFileCheck('a.parquet', 'a.parquet').end(bytes, memorySource(bytes), false);
    expect(identifiers).toEqual([{ column: 'nhs_number', kind: 'by its name', count: 0 }]);
  });

  it('cannot be compared with a contract if its end is damaged', async () => {
    const bytes = write([columns.string ?? expect.fail()]);
    expect(await problemsOf(bytes.subarray(0, -4), 'string')).toEqual([
      expect.stringContaining('It cannot be read as a table.'),
    ]);
  });
});
