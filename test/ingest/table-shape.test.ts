import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRowCounter, limitColumnNames } from '../../functions/ingest/table-shape.ts';

/** The shape of a text, given in pieces of `step` bytes. */
function shapeOf(path: string, text: string | Uint8Array, step = 7) {
  const bytes = Buffer.from(text);
  const counter = createRowCounter(path);
  for (let start = 0; start < bytes.length; start += step) counter?.take(bytes.subarray(start, start + step));
  return counter?.shape();
}

describe('the shape of a table of lines', () => {
  it.each([
    ['a.csv', 'id,age\n1,2\n3,4\n', ['id', 'age'], 2],
    ['a.CSV', '\ufeffid;age\r\n1;2\r\n3;4', ['id', 'age'], 2],
    ['a.tsv', 'id\tage\n1\t2\n\n', ['id', 'age'], 1],
    ['a.csv', 'id,"na""me, full"\n1,"two\nlines"\n2,5" pipe\n', ['id', 'na"me, full'], 2],
    ['a.csv', 'id\n', ['id'], 0],
  ])('%s: %j', (path, text, columns, rows) => {
    for (const step of [1, 7, 1000])
      expect(shapeOf(path, text, step)).toEqual({ columns, columnCount: columns.length, rows });
  });

  it.each([
    ['notes.md', 'a,b\n'],
    ['a.csv', ''],
    ['a.csv', Buffer.from('i\0d\0\n\0')],
    ['a.csv', `${'x'.repeat(70_000)}\n1\n`],
  ])('is unknown of %s with %#', (path, text) => expect(shapeOf(path, text)).toBeUndefined());

  it('counts rows as they were written, whatever is in the cells and wherever the pieces end', () => {
    const cellText = fc.stringMatching(/^[a-z",\n ]{0,6}$/);
    const row = fc.tuple(cellText, cellText);
    const quote = (text: string) => `"${text.replaceAll('"', '""')}"`;
    fc.assert(
      fc.property(fc.array(row, { maxLength: 20 }), fc.integer({ min: 1, max: 30 }), (rows, step) => {
        const lines = rows.map(cells => `${cells.map(quote).join(',')}\n`);
        expect(shapeOf('a.csv', `id,text\n${lines.join('')}`, step)).toEqual({
          columns: ['id', 'text'],
          columnCount: 2,
          rows: rows.length,
        });
      }),
    );
  });

  it('names at most 200 columns and counts all', () => {
    const header = Array.from({ length: 300 }, (_, index) => `c${index}`);
    const shape = shapeOf('a.csv', `${header.join(',')}\n`);
    expect(shape).toMatchObject({ columnCount: 300, rows: 0 });
    expect(shape?.columns).toHaveLength(200);
  });
});

it('of very many tables only the first keep the names of their columns', () => {
  const table = { columns: Array.from({ length: 200 }, () => 'x'.repeat(100)), columnCount: 200, rows: 1 };
  const shapes = limitColumnNames(
    Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`${index}.csv`, table])),
  );
  expect(JSON.stringify(shapes).length).toBeLessThan(300_000);
  expect(shapes['0.csv']).toEqual(table);
  expect(shapes['99.csv']).toEqual({ ...table, columns: [] });
});
