import { expect, it } from 'vitest';
import { formatFileChanges } from '../../bin/cli/dataset-text.ts';
import type { FileChange } from '../../functions/ingest/schemas.ts';

const screen = { width: undefined };
const shape = (columns: string[], rows: number) => ({ columns, columnCount: columns.length, rows });
const changes: FileChange[] = [
  { path: 'a.csv', change: 'removed', before: shape(['id'], 1) },
  { path: 'b.csv', change: 'changed', before: shape(['id', 'dob'], 1000), after: shape(['id', 'age'], 1234) },
  { path: 'c.csv', change: 'changed', before: shape(['id'], 10), after: shape(['id'], 10) },
  { path: 'd.csv', change: 'added', after: shape(['id', 'n'], 0) },
  { path: 'notes.txt', change: 'changed' },
];

it('says of each file what changed, and of tables how their columns and rows did', () => {
  expect(formatFileChanges(changes, screen)).toBe(
    [
      'removed  a.csv: 1 column, 1 row',
      'changed  b.csv: 1,000 → 1,234 rows; new columns: age; columns left out: dob',
      'changed  c.csv: the same columns, and 10 rows as before',
      'added    d.csv: 2 columns, 0 rows',
      'changed  notes.txt',
    ].join('\n'),
  );
});

it('says so when nothing changed', () =>
  expect(formatFileChanges([], screen)).toBe('Nothing changed between these versions.'));

it('names at most ten columns', () => {
  const names = Array.from({ length: 30 }, (_, index) => `c${index}`);
  const text = formatFileChanges(
    [{ path: 'a.csv', change: 'changed', before: shape([], 1), after: shape(names, 1) }],
    screen,
  );
  expect(text).toContain('new columns: c0, c1, c2, c3, c4, c5, c6, c7, c8, c9 and 20 more');
});

it('tells only the number of columns where their names were not kept', () => {
  const wide = (columnCount: number) => ({ columns: [], columnCount, rows: 5 });
  expect(formatFileChanges([{ path: 'a.csv', change: 'changed', before: wide(300), after: wide(301) }], screen)).toBe(
    'changed  a.csv: 5 rows as before; 300 → 301 columns',
  );
});
