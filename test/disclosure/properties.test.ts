import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkFile } from '../../disclosure/check.ts';
import { worstAction } from '../../disclosure/report.ts';
import { policyFor } from '../../disclosure/tier-policy.ts';
import { sampleRuns } from '../trials.ts';
import { buildCheckedFile, buildSource } from './files.ts';

const policy = policyFor(2);
const checkAs = (path: string, text: string, step?: number) =>
  checkFile(buildCheckedFile(path, text), buildSource(text, step), policy, []);
const check = (csv: string, step?: number) => checkAs('t.csv', csv, step);
const csvOf = (rows: readonly (readonly (string | number)[])[]) => `${rows.map(row => row.join(',')).join('\n')}\n`;

/** Tables in the shapes that results come in, with counts that are mostly safe. */
const value = fc.oneof({ weight: 6, arbitrary: fc.integer({ min: 10, max: 5000 }) }, fc.integer({ min: 0, max: 9 }));
const cellText = fc.oneof({ weight: 12, arbitrary: value.map(String) }, fc.constantFrom('*', '[c]', '<10', ''));
const label = fc.constantFrom('North', 'South', 'East', 'West', 'Mid', 'Coast', 'Hill', 'Isles');
const cross = fc
  .record({
    heads: fc.uniqueArray(fc.constantFrom('Male', 'Female', 'Other', 'Unknown', '2019', 'Low risk', 'High'), {
      minLength: 2,
      maxLength: 4,
    }),
    labels: fc.uniqueArray(label, { minLength: 2, maxLength: 6 }),
    cells: fc.array(cellText, { minLength: 24, maxLength: 24 }),
    total: fc.boolean(),
  })
  .map(({ heads, labels, cells, total }) => {
    const rows = labels.map((name, row) => [
      name,
      ...heads.map((_, column) => cells[row * heads.length + column] ?? '10'),
    ]);
    const sum = (list: readonly string[]) => list.reduce((total, cell) => total + (Number(cell) || 12), 0);
    return {
      heading: ['Area', ...heads, ...(total ? ['Total'] : [])],
      rows: total ? rows.map(row => [...row, String(sum(row.slice(1)))]) : rows,
    };
  });
const long = fc
  .record({
    labels: fc.uniqueArray(label, { minLength: 2, maxLength: 8 }),
    cells: fc.array(cellText, { minLength: 8, maxLength: 8 }),
  })
  .map(({ labels, cells }) => ({
    heading: ['area', 'n', 'percent'],
    rows: labels.map((name, index) => [name, cells[index] ?? '10', '50.0']),
  }));
const anyTable = fc.oneof(cross, long);

type Rows = readonly (readonly (string | number)[])[];
/** The ways to write a table as text, each with the name of such a file. */
const writers: readonly (readonly [path: string, write: (rows: Rows) => string])[] = [
  ['t.csv', csvOf],
  ['t.txt', rows => `Some words.\n\n${csvOf(rows)}`],
  ['t.md', rows => rows.map((row, index) => `| ${row.join(' | ')} |\n${index === 0 ? '|---|\n' : ''}`).join('')],
  ['t.log', rows => `${rows.map(row => row.join('   ')).join('\n')}\n`],
  ['t.py', rows => `import os\nx = '''\n${csvOf(rows)}'''\n`],
  ['t.tex', rows => rows.map(row => `${row.join(' & ')} \\\\\n`).join('')],
];
/** A table with more rows or columns than a person would read. */
const large = fc
  .record({ rows: fc.integer({ min: 2, max: 7000 }), columns: fc.integer({ min: 1, max: 900 }) })
  .filter(({ rows, columns }) => rows * columns < 14_000)
  .map(({ rows, columns }) => [
    ['area', ...Array.from({ length: columns }, (_, column) => `c${column}`)],
    ...Array.from({ length: rows }, (_, row) => [
      `A${row}`,
      ...Array.from({ length: columns }, (_, column) => 40 + row + column),
    ]),
  ]);

describe('the disclosure rules', () => {
  it('give the same findings whatever the order of the rows', async () => {
    await fc.assert(
      fc.asyncProperty(
        anyTable.chain(table =>
          fc.record({
            one: fc.constant(table),
            other: fc.shuffledSubarray(table.rows, { minLength: table.rows.length, maxLength: table.rows.length }),
          }),
        ),
        async ({ one: firstTable, other: secondTable }) => {
          const rules = async (rows: readonly string[][]) =>
            (await check(csvOf([firstTable.heading, ...rows]))).findings
              .map(({ rule, count }) => `${rule} ${count}`)
              .sort();
          expect(await rules(secondTable)).toEqual(await rules(firstTable.rows));
        },
      ),
      { numRuns: sampleRuns(300) },
    );
  });

  it('block every table to which a small count is added', async () => {
    await fc.assert(
      fc.asyncProperty(
        anyTable,
        fc.integer({ min: 1, max: 9 }),
        fc.nat(),
        async ({ heading, rows }, small, position) => {
          const changedRows = rows.map(row => [...row]);
          const row = changedRows[position % changedRows.length] ?? [];
          row[1] = String(small);
          expect(worstAction((await check(csvOf([heading, ...changedRows]))).findings)).toBe('block');
          const longerTable = [...rows, ['Somewhere', ...heading.slice(1).map(() => String(small))]];
          expect(worstAction((await check(csvOf([heading, ...longerTable]))).findings)).toBe('block');
        },
      ),
      { numRuns: sampleRuns(300) },
    );
  });

  it('block a small count anywhere in a table, whatever its size and file format', async () => {
    await fc.assert(
      fc.asyncProperty(
        large,
        fc.constantFrom(...writers),
        fc.integer({ min: 1, max: 9 }),
        fc.nat(),
        fc.nat(),
        async (rows, [path, write], small, line, column) => {
          const row = rows[1 + (line % (rows.length - 1))] ?? [];
          row[1 + (column % (row.length - 1))] = small;
          expect(worstAction((await checkAs(path, write(rows))).findings)).toBe('block');
        },
      ),
      { numRuns: sampleRuns(60) },
    );
  });

  it('ask or block when some rows are not divided into cells as the others are, in any order', async () => {
    const strayLine = fc.constantFrom('Perth;3', 'Perth|3', 'Perth\t3', 'Perth 3', 'Perth: 3', '"Perth,3"', 'Perth;3,');
    await fc.assert(
      fc.asyncProperty(
        fc
          .tuple(
            fc.array(fc.constantFrom('A,140', 'B,150', 'C,160'), { minLength: 1, maxLength: 30 }),
            fc.array(strayLine, { minLength: 1, maxLength: 5 }),
          )
          .chain(([lines, strayLines]) =>
            fc.shuffledSubarray([...lines, ...strayLines], { minLength: lines.length + strayLines.length }),
          ),
        fc.constantFrom('region,n\n', ''),
        async (rows, heading) => {
          const action = worstAction((await check(`${heading}${rows.join('\n')}\n`)).findings);
          expect(['ask', 'block']).toContain(action);
        },
      ),
      { numRuns: sampleRuns(300) },
    );
  });

  it('give the same findings wherever the file is split into pieces', async () => {
    await fc.assert(
      fc.asyncProperty(anyTable, fc.integer({ min: 1, max: 40 }), async ({ heading, rows }, step) => {
        const csv = csvOf([heading, ...rows]);
        expect(await check(csv, step)).toEqual(await check(csv));
      }),
      { numRuns: sampleRuns(200) },
    );
  });

  it('name the row and column in which a spreadsheet shows the cell', async () => {
    const { findings } = await check('Area,n\n\nNorth,40\n"So\nuth",3\n');
    expect(findings[0]).toMatchObject({ rule: 'sdc.minimum-count', cells: [{ row: 4, column: 2, value: '3' }] });
  });

  it('report when a table is too large for some of the rules', async () => {
    const csv = csvOf([['area', 'n'], ...Array.from({ length: 200_000 }, (_, index) => [`A${index}`, 10 + index])]);
    // Reading stops only at a rule that blocks. With a rule that asks, every row is checked.
    const asking = { ...policy, rules: { ...policy.rules, 'size.rows': { action: 'ask' } as const } };
    const { findings, rows } = await checkFile(
      buildCheckedFile('t.csv', csv),
      buildSource(csv),
      { ...asking, cells: 1e9 },
      [],
    );
    expect(findings.map(({ rule }) => rule)).toEqual(expect.arrayContaining(['size.rows', 'sdc.not-run']));
    expect(rows).toBe(200_000);
  });

  it('stop reading at the largest number of rows or cells that may leave the project, and say so', async () => {
    const csv = csvOf([['area', 'n'], ...Array.from({ length: 200_000 }, (_, index) => [`A${index}`, 10 + index])]);
    const small = { ...policyFor(2), rows: 1000 };
    for (const [rule, caps, step] of [
      ['size.rows', small, 1 << 16],
      ['size.rows', small, 7],
      ['size.cells', { ...small, rows: 1e9, cells: 2000 }, 1 << 16],
    ] as const) {
      const { findings, rows } = await checkFile(buildCheckedFile('t.csv', csv), buildSource(csv, step), caps, []);
      expect(findings.find(finding => finding.rule === rule)).toMatchObject({
        action: 'block',
        message: expect.stringContaining('Reading stopped there.'),
      });
      expect(rows).toBe(1001);
    }
  });

  it.each([1, 2, 3] as const)('always report that a table is too large to be checked in full: tier %i', async tier => {
    const csv = csvOf([['area', 'n'], ...Array.from({ length: 130_000 }, (_, index) => [`A${index}`, 10 + index])]);
    const longPolicy = { ...policyFor(tier), rows: 1e9 };
    // Tiers 2 and 3 block a table that is too large for a rule. Tier 1 asks, and so does a policy that lifts those limits.
    const lax = {
      ...longPolicy,
      cells: 1e9,
      rows: 1e9,
      rules: { ...longPolicy.rules, 'sdc.not-run': { action: 'off' } as const },
    };
    for (const policy of [longPolicy, lax]) {
      const { findings } = await checkFile(buildCheckedFile('t.csv', csv), buildSource(csv), policy, []);
      const blocks = findings.some(({ rule, action }) => rule === 'size.cells' && action === 'block');
      expect(blocks).toBe(policy === longPolicy && tier > 1);
      expect(findings.find(({ rule }) => rule === 'sdc.not-run')).toMatchObject({ action: 'ask' });
    }
  });
});
