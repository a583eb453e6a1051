import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkFile } from '../../disclosure/check.ts';
import type { ReleasedTable } from '../../disclosure/sdc/cell-index.ts';
import { policyFor } from '../../disclosure/tier-policy.ts';
import { sampleRuns } from '../trials.ts';
import { buildCheckedFile, buildSource, summariseFile } from './files.ts';

const policy = policyFor(2);
const releaseTables = async (text: string, path = 'before.csv', release = 'al-1'): Promise<ReleasedTable[]> =>
  (await summariseFile(buildCheckedFile(path, text), buildSource(text), policy)).map(summary => ({
    ...summary,
    release,
  }));
const findDifferences = async (text: string, ...earlier: string[]) => {
  const releases = await Promise.all(
    earlier.map((table, index) => releaseTables(table, `before${index}.csv`, `al-${index}`)),
  );
  const { findings } = await checkFile(buildCheckedFile('now.csv', text), buildSource(text), policy, releases.flat());
  return findings.filter(({ rule }) => rule === 'sdc.differencing');
};
const verdict = async (text: string, ...earlier: string[]) =>
  (await findDifferences(text, ...earlier))[0]?.action ?? 'pass';
/** A table in one line: its rows with a bar between them. */
const csv = ([text = '']: TemplateStringsArray) => `${text.replaceAll(' | ', '\n')}\n`;
const table = (head: string, rows: readonly (readonly (string | number)[])[]) =>
  `${head}\n${rows.map(row => row.join(',')).join('\n')}\n`;

/** The worked examples are those of the ESSnet handbook, of the ABS's and the UK Data Service's guides, with our own numbers. */
describe('the comparison of a table with an earlier one', () => {
  const earlierTable = csv`region,sex,n | North,Male,452 | North,Female,480 | South,Male,231 | South,Female,268`;

  it('blocks the same table with one person more', async () => {
    const laterTable = earlierTable.replace('268', '269');
    const [finding] = await findDifferences(laterTable, earlierTable);
    expect(finding).toMatchObject({
      action: 'block',
      cells: expect.arrayContaining([{ row: 5, column: 3, value: '269' }]),
    });
    expect(finding?.message).toContain('“before0.csv” of release al-0');
    expect(finding?.message).toContain('row 5, column 3 and there row 5, column 3 (1 apart)');
  });

  it.each([
    [
      'with its rows and columns in another order',
      'sex,n,region\nFemale,269,South\nMale,452,North\nFemale,480,North\nMale,231,South\n',
    ],
    ['as a cross-table with totals', 'Region,Male,Female,Total\nNorth,452,480,932\nSouth,231,269,500\n'],
    ['without the breakdown', 'region,n\nNorth,932\nSouth,500\n'],
    ['with another breakdown', 'region,smoker,n\nNorth,yes,132\nNorth,no,800\nSouth,yes,90\nSouth,no,410\n'],
    [
      'under other column names',
      'Region,Gender,Number of patients\nNorth,Male,452\nNorth,Female,480\nSouth,Male,231\nSouth,Female,269\n',
    ],
    [
      'with one count hidden and its total shown',
      'region,sex,n\nNorth,Male,452\nNorth,Female,480\nSouth,Male,231\nSouth,Female,*\nSouth,Total,492\n',
    ],
  ])('blocks a table of the same people %s', async (_, laterTable) => {
    expect(await verdict(laterTable, earlierTable)).toBe('block');
  });

  it('blocks a table of everybody and a table of all but a few of them', async () => {
    const wards = csv`ward,n | A,1043 | B,998 | C,1207 | D,366`;
    const residents = csv`ward,n | A,1040 | B,998 | C,1205 | D,366`;
    expect(await verdict(residents, wards)).toBe('block');
    expect(await verdict(wards, residents)).toBe('block');
  });

  it('blocks a table when the earlier total reveals how many people were left out', async () => {
    const wards = csv`ward,n | A,143 | B,98 | C,207 | Total,454`;
    expect(await verdict(csv`ward,n | A,143 | B,98 | C,207`, wards)).toBe('block');
  });

  it('blocks an area when its parts add up to a few people less', async () => {
    const parts = csv`region,district,n | North,N1,140 | North,N2,233 | South,S1,310 | South,S2,171`;
    expect(await verdict(csv`region,n | North,375 | South,481`, parts)).toBe('block');
    expect(await verdict(csv`region,n | North,373 | South,481`, parts)).toBe('pass');
  });

  it('blocks age bands that are shifted by a year, and passes bands that reveal no small group', async () => {
    const firstBands = csv`age_band,n | 16-29,410 | 30-44,520 | 45+,707`;
    const secondBands = csv`Age group,n | 16-30,414 | 31-44,516 | 45+,707`;
    const [finding] = await findDifferences(secondBands, firstBands);
    expect(finding).toMatchObject({ action: 'block' });
    expect(finding?.message).toContain('4 apart');
    // The same people in wider bands tell nothing new.
    expect(await verdict(csv`age,n | 16-44,930 | 45 and over,707`, firstBands)).toBe('pass');
    // Nor do bands that differ by enough people.
    expect(await verdict(csv`age,n | 16-34,590 | 35-44,340 | 45+,707`, firstBands)).toBe('pass');
  });

  it('asks a reviewer when the two tables may or may not count the same people', async () => {
    // A table of everybody and one of women: every ward but one has enough men.
    const wards = csv`ward,n | A,1043 | B,998 | C,1207`;
    const women = csv`ward,n | A,521 | B,995 | C,610`;
    expect(await verdict(women, wards)).toBe('ask');
    expect(await verdict(csv`ward,n | A,33`, csv`ward,n | A,31`)).toBe('ask');
    expect(await verdict(csv`ward,deaths | A,1040 | B,521`, wards)).toBe('ask');
  });

  it.each([
    [
      'counts of the same name by different variables',
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
    ['counts of different things', csv`region,deaths | N,104 | S,98`, csv`region,births | N,106 | S,97`],
    ['similar counts of other categories', csv`region,n | N,104 | S,98`, csv`region,n | Nice,103 | Seville,97`],
    ['two rounded tables', csv`region,n | N,105 | S,100 | E,60`, csv`region,n | N,110 | S,100 | E,65`],
    ['the same table once more', csv`region,n | N,104 | S,98`, csv`region,n | S,98 | N,104`],
    ['tables of different years', csv`year,n | 2019,104 | 2020,98`, csv`year,n | 2021,103 | 2022,97`],
  ])('passes %s', async (_, firstTable, secondTable) => {
    expect(await verdict(firstTable, secondTable)).toBe('pass');
    expect(await verdict(secondTable, firstTable)).toBe('pass');
  });

  it('finds a small difference between two tables of one file', async () => {
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

  it('gives the same verdict whatever the order of the rows and of the two tables', async () => {
    const counts = fc.array(fc.integer({ min: 10, max: 2000 }), { minLength: 2, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(counts, counts, fc.integer({ min: 0, max: 7 }), async (firstCounts, secondCounts, turn) => {
        const rows = (list: readonly number[]) => list.map((count, index) => [`r${index}`, count]);
        const rotation = rows(firstCounts).map((_, index, list) => list[(index + turn) % list.length] ?? []);
        const first = await verdict(table('region,n', rows(firstCounts)), table('region,n', rows(secondCounts)));
        expect(await verdict(table('region,n', rotation), table('region,n', rows(secondCounts)))).toBe(first);
        expect(await verdict(table('region,n', rows(secondCounts)), table('region,n', rows(firstCounts)))).toBe(first);
      }),
      { numRuns: sampleRuns(60) },
    );
  });

  it('never passes a table of any size in which one count grew by up to nine people', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 20, max: 5000 }), { minLength: 4, maxLength: 40 }),
        fc.nat(),
        fc.integer({ min: 1, max: 9 }),
        async (counts, position, joined) => {
          const rows = counts.map((count, index) => [`r${index}`, count] as const);
          const laterTable = rows.map(
            ([name, count], index) => [name, index === position % rows.length ? count + joined : count] as const,
          );
          if ([rows, laterTable].some(list => list.every(([, count]) => count % 5 === 0))) return;
          expect(await verdict(table('region,n', laterTable), table('region,n', rows))).not.toBe('pass');
        },
      ),
      { numRuns: sampleRuns(60) },
    );
  });
});

it('differencing blocks at most 3 of 600 pairs of unrelated tables', async () => {
  let state = 7;
  const random = (limit: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) % limit;
  };
  const randomTable = () => {
    const size = 20 * 4 ** random(5);
    return table(
      'region,n',
      Array.from({ length: 8 }, (_, index) => [`r${index}`, size + random(size)]),
    );
  };
  const tally = { block: 0, ask: 0, pass: 0 };
  for (let turn = 0; turn < 600; turn++) {
    const action = await verdict(randomTable(), randomTable());
    if (action !== 'warn') tally[action]++;
  }
  process.stdout.write(`differencing of 600 unrelated pairs of tables: ${JSON.stringify(tally)}\n`);
  expect(tally.block).toBeLessThanOrEqual(3);
  expect(tally.ask).toBeLessThanOrEqual(18);
});
