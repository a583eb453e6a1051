import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkFile } from '../../disclosure/check.ts';
import { policyFor } from '../../disclosure/policy.ts';
import type { ReleasedTable } from '../../disclosure/sdc/cell-index.ts';
import { buildCheckedFile, buildSource, summariseFile } from './files.ts';

const policy = policyFor(2);
const left = async (text: string, path = 'before.csv', release = 'al-1'): Promise<ReleasedTable[]> =>
  (await summariseFile(buildCheckedFile(path, text), buildSource(text), policy)).map(summary => ({
    ...summary,
    release,
  }));
const found = async (text: string, ...before: string[]) => {
  const released = await Promise.all(before.map((one, at) => left(one, `before${at}.csv`, `al-${at}`)));
  const { findings } = await checkFile(buildCheckedFile('now.csv', text), buildSource(text), policy, released.flat());
  return findings.filter(({ rule }) => rule === 'sdc.differencing');
};
const verdict = async (text: string, ...before: string[]) => (await found(text, ...before))[0]?.action ?? 'pass';
/** A table in one line: its rows with a bar between them. */
const csv = ([text = '']: TemplateStringsArray) => `${text.replaceAll(' | ', '\n')}\n`;
const table = (head: string, rows: readonly (readonly (string | number)[])[]) =>
  `${head}\n${rows.map(row => row.join(',')).join('\n')}\n`;

/** The worked examples are those of the ESSnet handbook, of the ABS's and the UK Data Service's guides, in numbers of our own. */
describe('what two tables tell by subtraction', () => {
  const before = csv`region,sex,n | North,Male,452 | North,Female,480 | South,Male,231 | South,Female,268`;

  it('one person joined: the same table before and after', async () => {
    const after = before.replace('268', '269');
    const [finding] = await found(after, before);
    expect(finding).toMatchObject({
      action: 'block',
      cells: expect.arrayContaining([{ row: 5, column: 3, value: '269' }]),
    });
    expect(finding?.says).toContain('“before0.csv” of release al-0');
    expect(finding?.says).toContain('row 5, column 3 and there row 5, column 3 (1 apart)');
  });

  it.each([
    [
      'its rows and columns in another order',
      'sex,n,region\nFemale,269,South\nMale,452,North\nFemale,480,North\nMale,231,South\n',
    ],
    ['as a cross-table with totals', 'Region,Male,Female,Total\nNorth,452,480,932\nSouth,231,269,500\n'],
    ['without the breakdown', 'region,n\nNorth,932\nSouth,500\n'],
    ['with another breakdown', 'region,smoker,n\nNorth,yes,132\nNorth,no,800\nSouth,yes,90\nSouth,no,410\n'],
    [
      'under another name for the same',
      'Region,Gender,Number of patients\nNorth,Male,452\nNorth,Female,480\nSouth,Male,231\nSouth,Female,269\n',
    ],
    [
      'with a row less and its margins',
      'region,sex,n\nNorth,Male,452\nNorth,Female,480\nSouth,Male,231\nSouth,Female,*\nSouth,Total,492\n',
    ],
  ])('the same people %s', async (_, after) => {
    expect(await verdict(after, before)).toBe('block');
  });

  it('all and all but a few: total and subgroup, published apart', async () => {
    const all = csv`ward,n | A,1043 | B,998 | C,1207 | D,366`;
    const residents = csv`ward,n | A,1040 | B,998 | C,1205 | D,366`;
    expect(await verdict(residents, all)).toBe('block');
    expect(await verdict(all, residents)).toBe('block');
  });

  it('rows that were left out, by their total', async () => {
    const all = csv`ward,n | A,143 | B,98 | C,207 | Total,454`;
    expect(await verdict(csv`ward,n | A,143 | B,98 | C,207`, all)).toBe('block');
  });

  it('areas in areas: the parts come to a few people less than the whole', async () => {
    const parts = csv`region,district,n | North,N1,140 | North,N2,233 | South,S1,310 | South,S2,171`;
    expect(await verdict(csv`region,n | North,375 | South,481`, parts)).toBe('block');
    expect(await verdict(csv`region,n | North,373 | South,481`, parts)).toBe('pass');
  });

  it('bands of age that are shifted by a year', async () => {
    const one = csv`age_band,n | 16-29,410 | 30-44,520 | 45+,707`;
    const other = csv`Age group,n | 16-30,414 | 31-44,516 | 45+,707`;
    const [finding] = await found(other, one);
    expect(finding).toMatchObject({ action: 'block' });
    expect(finding?.says).toContain('4 apart');
    // The same people in wider bands tell nothing new.
    expect(await verdict(csv`age,n | 16-44,930 | 45 and over,707`, one)).toBe('pass');
    // Nor do bands between which there are enough people.
    expect(await verdict(csv`age,n | 16-34,590 | 35-44,340 | 45+,707`, one)).toBe('pass');
  });

  it('asks where the two may be of the same people, and may not', async () => {
    // Women among all: men are enough everywhere but in one ward.
    const all = csv`ward,n | A,1043 | B,998 | C,1207`;
    const women = csv`ward,n | A,521 | B,995 | C,610`;
    expect(await verdict(women, all)).toBe('ask');
    expect(await verdict(csv`ward,n | A,33`, csv`ward,n | A,31`)).toBe('ask');
    expect(await verdict(csv`ward,deaths | A,1040 | B,521`, all)).toBe('ask');
  });

  it.each([
    [
      'counts of the same name by other variables',
      csv`sex,n | Male,520 | Female,523`,
      csv`smoker,n | yes,120 | no,921`,
    ],
    [
      'two diseases by region, with a count that is near by chance',
      csv`region,n | N,130 | S,400 | E,200 | W,350`,
      csv`region,n | N,135 | S,300 | E,260 | W,290`,
    ],
    [
      'two diseases as common as each other',
      csv`region,n | N,1043 | S,998 | E,1207 | W,640`,
      csv`region,n | N,1051 | S,1031 | E,1172 | W,672`,
    ],
    ['other measures', csv`region,deaths | N,104 | S,98`, csv`region,births | N,106 | S,97`],
    ['the same values of other categories', csv`region,n | N,104 | S,98`, csv`region,n | Nice,103 | Seville,97`],
    ['both rounded', csv`region,n | N,105 | S,100 | E,60`, csv`region,n | N,110 | S,100 | E,65`],
    ['the same once more', csv`region,n | N,104 | S,98`, csv`region,n | S,98 | N,104`],
    ['two years', csv`year,n | 2019,104 | 2020,98`, csv`year,n | 2021,103 | 2022,97`],
  ])('passes %s', async (_, one, other) => {
    expect(await verdict(one, other)).toBe('pass');
    expect(await verdict(other, one)).toBe('pass');
  });

  it('finds it among the sheets of one file', async () => {
    const json = JSON.stringify({
      first: [
        { region: 'N', n: 104 },
        { region: 'S', n: 298 },
      ],
      second: [
        { region: 'N', n: 104 },
        { region: 'S', n: 297 },
      ],
    });
    const { findings } = await checkFile(buildCheckedFile('t.json', json), buildSource(json), policy, []);
    expect(findings.map(({ rule }) => rule)).toContain('sdc.differencing');
  });

  it('never depends on the order of rows, nor of what came first', async () => {
    const counts = fc.array(fc.integer({ min: 10, max: 2000 }), { minLength: 2, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(counts, counts, fc.integer({ min: 0, max: 7 }), async (one, other, turn) => {
        const rows = (list: readonly number[]) => list.map((n, at) => [`r${at}`, n]);
        const turned = rows(one).map((_, at, all) => all[(at + turn) % all.length] ?? []);
        const first = await verdict(table('region,n', rows(one)), table('region,n', rows(other)));
        expect(await verdict(table('region,n', turned), table('region,n', rows(other)))).toBe(first);
        expect(await verdict(table('region,n', rows(other)), table('region,n', rows(one)))).toBe(first);
      }),
      { numRuns: 60 },
    );
  });

  it('finds whoever joined a table of any size', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 20, max: 5000 }), { minLength: 4, maxLength: 40 }),
        fc.nat(),
        fc.integer({ min: 1, max: 9 }),
        async (counts, where, joined) => {
          const rows = counts.map((n, at) => [`r${at}`, n] as const);
          const after = rows.map(([name, n], at) => [name, at === where % rows.length ? n + joined : n] as const);
          if ([rows, after].some(list => list.every(([, n]) => n % 5 === 0))) return;
          expect(await verdict(table('region,n', after), table('region,n', rows))).not.toBe('pass');
        },
      ),
      { numRuns: 60 },
    );
  });
});

it('blocks hardly any two tables that have nothing to do with each other', async () => {
  let state = 7;
  const random = (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) % below;
  };
  const any = () => {
    const size = 20 * 4 ** random(5);
    return table(
      'region,n',
      Array.from({ length: 8 }, (_, at) => [`r${at}`, size + random(size)]),
    );
  };
  const tally = { block: 0, ask: 0, pass: 0 };
  for (let turn = 0; turn < 600; turn++) {
    const action = await verdict(any(), any());
    if (action !== 'warn') tally[action]++;
  }
  process.stdout.write(`differencing of 600 unrelated pairs of tables: ${JSON.stringify(tally)}\n`);
  expect(tally.block).toBeLessThanOrEqual(3);
  expect(tally.ask).toBeLessThanOrEqual(18);
});
