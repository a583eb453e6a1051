import { expect, it } from 'vitest';
import { formatPatternMatches, matchPatterns } from '../../bin/cli/pattern-matches.ts';

const groups = [
  { kind: 'table', paths: ['tables/*.csv', '*.tsv'] },
  { kind: 'supporting', paths: ['**'] },
] as const;

it('shows what each pattern takes, which takes nothing, and what none takes', () => {
  const matches = matchPatterns(['a.tsv', 'tables/a.csv', 'tables/deep/b.csv', 'notes.txt'], groups.slice(0, 1));
  expect(formatPatternMatches(matches)).toBe(
    [
      'table tables/*.csv: 1 file',
      '  tables/a.csv',
      'table *.tsv: 1 file',
      '  a.tsv',
      'No pattern takes these 2 files, so the request would be returned to you:',
      '  notes.txt',
      '  tables/deep/b.csv',
    ].join('\n'),
  );
});

it('gives each file to the first group that takes it, as the seal does', () => {
  const { patterns, remainder } = matchPatterns(['tables/a.csv', 'b.csv'], groups);
  expect(patterns.map(({ files }) => files)).toEqual([['tables/a.csv'], [], ['b.csv']]);
  expect(remainder).toEqual([]);
  expect(formatPatternMatches({ patterns, remainder })).toContain('table *.tsv: no file');
});

it('shows the first files of a pattern that takes many, and how many more', () => {
  const paths = Array.from({ length: 12 }, (_, index) => `t${String(index).padStart(2, '0')}.tsv`);
  expect(formatPatternMatches(matchPatterns(paths, groups))).toMatch(
    /12 files\n( {2}t\d\d\.tsv\n){10} {2}and 2 more\n/,
  );
});
