import { describe, expect, it } from 'vitest';
import { groupsOf } from '../../bin/cli/airlock-draft.ts';
import { FileGroup } from '../../functions/airlock/request/manifest.ts';
import { runBroch } from './harness.ts';

describe('the groups of files that flags describe', () => {
  it('are one for each kind of file, in the order in which a file is given to a group', () => {
    const groups = groupsOf({
      figure: ['figures/*'],
      table: ['tables/*.csv', 'more/*.csv'],
      purpose: 'paper',
      context: 'Counts by region.',
    });
    expect(groups).toEqual([
      {
        name: 'tables',
        kind: 'table',
        purpose: 'paper',
        context: 'Counts by region.',
        paths: ['tables/*.csv', 'more/*.csv'],
      },
      { name: 'figures', kind: 'figure', purpose: 'paper', context: 'Counts by region.', paths: ['figures/*'] },
    ]);
    for (const group of groups ?? []) expect(FileGroup.safeParse(group).success).toBe(true);
  });

  it('are none when nothing is described', () => expect(groupsOf({})).toBeUndefined());

  it.each([
    [{ table: ['**'] }, /^Say what the files are for: --purpose/],
    [{ purpose: 'paper' }, /^Name the files too: --table, --figure/],
    [
      { table: ['**'], groups: [{ name: 'a', kind: 'table', purpose: 'b', context: '', controls: '', paths: ['**'] }] },
      /^Pass either --groups or --table/,
    ],
  ] as const)('refuses %j with the remedy', (flags, reason) =>
    expect(() => groupsOf(flags as Parameters<typeof groupsOf>[0])).toThrow(reason),
  );
});

describe('broch airlock draft', () => {
  it.each([
    ['airlock draft asthma --title A', /Name the files and what they are for: --table 'tables/],
    ['airlock draft asthma --title A --table ** --pupose paper', /--purpose/],
    ['airlock edit asthma al-0011223344556677', /Name what to change, such as --title or --explanation/],
  ])('asks before it calls anything: %s', async (line, reason) => {
    const { code, err } = await runBroch(line.split(' '));
    expect(code).toBe(2);
    expect(err).toMatch(reason);
  });

  it('explains each flag and the patterns in its help', async () => {
    const { output } = await runBroch(['airlock', 'draft', '--help']);
    for (const words of ['--table', '--supporting', 'stands for any part of a name', 'broch disclosure check'])
      expect(output).toContain(words);
  });
});
