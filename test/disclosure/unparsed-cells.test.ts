import { describe, expect, it } from 'vitest';
import { checkFile } from '../../disclosure/check.ts';
import type { Tier } from '../../disclosure/policy.ts';
import { worstAction } from '../../disclosure/report.ts';
import { readCell, readNumber } from '../../disclosure/sdc/number.ts';
import { looksLikeUndividedRow } from '../../disclosure/sdc/unparsed-cells.ts';
import { policyFor } from '../../disclosure/tier-policy.ts';
import { buildCheckedFile, buildSource } from './files.ts';

async function check(path: string, content: string, tier: Tier = 2) {
  const { findings } = await checkFile(buildCheckedFile(path, content), buildSource(content), policyFor(tier), []);
  return {
    rules: [...new Set(findings.map(({ rule, action }) => `${rule} ${action}`))].sort(),
    worst: worstAction(findings),
  };
}
const lines = (count: number, line: () => string) => Array.from({ length: count }, line).join('');
const block = 'sdc.minimum-count block';

describe('a row that is not divided into cells as the heading is', () => {
  const rest = 'region,n\nA,140\nB,150\n';
  it.each([
    'Perth;3',
    'Perth 3',
    'Perth\t3',
    'Perth|3',
    'Perth: 3',
    'Perth (3)',
    'Perth  3',
    '"Perth,3"',
    '3;Perth',
    '3',
    'Perth;3,',
    'Perth,40,3',
    'Perth ３',
  ])('is blocked or left to a reviewer: %s', async row => {
    for (const tier of [1, 2, 3] as const)
      for (const content of [`${rest}${row}\n`, `${row}\n${rest}`, `region,n\n${row}\nA,140\nB,150\n`]) {
        const { worst } = await check('t.csv', content, tier);
        expect(['ask', 'block']).toContain(worst);
      }
  });

  it.each([
    'Source: ONS 2021',
    'Counts below 10 are suppressed',
    '"Counts below 10, and zeros, are suppressed"',
    'N = 290',
    'Table 3',
    'Rounded to base 5',
    '* p < 0.05',
    '"Waves 1, 2, and 3"',
    'Figures as of 30 June 2021',
    '1 Excludes Wales',
    'Note: 95% CI',
    'Source: ONS,',
  ])('passes when it reads as a note: %s', async note =>
    expect(['warn', undefined]).toContain((await check('t.csv', `${rest}${note}\n`)).worst),
  );

  it('is blocked or left to a reviewer among thousands of other rows, in any order', async () => {
    const [strayRows, plainRows] = [lines(8000, () => 'r;140\n'), lines(60, () => 'y,3\n')];
    for (const heading of ['region;n\n', 'region,n\n', ''])
      for (const content of [heading + strayRows + plainRows, heading + plainRows + strayRows]) {
        const { worst } = await check('t.csv', content);
        expect(['ask', 'block']).toContain(worst);
      }
  });

  it('is left to a reviewer when no row of the file is divided', async () => {
    expect((await check('t.csv', 'Perth 3\nHobart 100\n')).worst).toBe('ask');
    expect((await check('t.csv', 'Perth 3\n')).worst).toBe('ask');
  });

  it('is left to a reviewer even when the policy turns off the rules for such rows', async () => {
    const tierPolicy = policyFor(1);
    const disabled = { action: 'off' } as const;
    const lax = { ...tierPolicy, rules: { ...tierPolicy.rules, 'sdc.not-run': disabled, 'table.ragged': disabled } };
    const findRules = (content: string, path: string) =>
      checkFile(buildCheckedFile(path, content), buildSource(content), lax, []);
    expect(worstAction((await findRules(`${rest}Perth;3\n`, 't.csv')).findings)).toBe('ask');
    expect(worstAction((await findRules('\\begin{pmatrix} 1 & 3 \\\\ 4 & 5 \\end{pmatrix}', 't.tex')).findings)).toBe(
      'ask',
    );
  });

  it('raises only a warning in an import', async () => {
    const content = `${rest}Perth;3\n`;
    const { findings } = await checkFile(
      buildCheckedFile('t.csv', content),
      buildSource(content),
      policyFor(2, 'import'),
      [],
    );
    expect(worstAction(findings)).toBe('warn');
  });

  it('differs from a sentence that contains a number', () => {
    for (const text of ['Perth;3', '2019,140', 'a, 1,204', 'n=3'])
      expect([text, looksLikeUndividedRow(text, 10)]).toEqual([text, true]);
    for (const text of ['1,204 adults', '1,204', 'N=1,204', 'until 2021'])
      expect([text, looksLikeUndividedRow(text, 10)]).toEqual([text, false]);
  });
});

describe('a number in a table', () => {
  it.each([
    'n=3',
    'N = 3',
    'count: 3',
    'freq=3',
    "'3",
    '’3',
    '３',
    '٣',
    '۳',
    '३',
    '𝟑',
    '3\u200b',
    '3²',
    "'３",
    'n=３',
    '＝3'.slice(1),
  ])('is read, and blocked as a small count, however it is written: %s', async text => {
    expect(readCell(text)?.value).toBe(3);
    expect((await check('t.csv', `region,n\nA,30\nB,${text}\n`)).rules).toContain(block);
  });

  it('is not read from the base of a column (N=279) or from a label (Stage: 3), but is read in other digits', () => {
    expect(readNumber('N=279')).toBeUndefined();
    expect(readCell('Stage: 3')).toBeUndefined();
    expect(readCell('１，２０４')?.value).toBe(1204);
    expect(readCell('٣٫٥')?.value).toBe(3.5);
  });

  it('is left to a reviewer when the scanner takes it for a word', async () =>
    expect((await check('t.csv', 'region,n\nA,30\nB,freq=３\n')).rules).toEqual(['table.ragged ask']));

  it('is left to a reviewer when it is the base of a column and below the threshold', async () => {
    expect((await check('t.csv', 'x,A (n=3),B (n=40)\nmean age,51,50\n')).worst).toBe('ask');
    expect((await check('t.csv', 'x,A (n=30),B (n=40)\nmean age,51,50\n')).worst).not.toBe('ask');
  });
});
