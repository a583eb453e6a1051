import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkFile } from '../../disclosure/check.ts';
import type { Tier } from '../../disclosure/policy.ts';
import { policyFor } from '../../disclosure/tier-policy.ts';
import { sampleRuns } from '../trials.ts';
import { makeDocx } from './builders.ts';
import { buildCheckedFile, buildSource } from './files.ts';

async function check(path: string, content: string | Uint8Array, tier: Tier = 2) {
  const open = buildSource(content);
  const { findings, type } = await checkFile(buildCheckedFile(path, content), open, policyFor(tier), []);
  const rules = [...new Set(findings.map(({ rule, action }) => `${rule} ${action}`))].sort();
  return { type, rules, findings };
}
const lines = (count: number, line: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => line(index)).join('');
const small = 'region,n\nPerth,3\n';
const block = 'sdc.minimum-count block';
const notRun = 'sdc.not-run ask';

describe('a table in a file that is named as code', () => {
  it.each(['t.r', 't.yaml', 't.css', 't.sql', 't.toml', 't.tex'])(
    'is checked as a table when the file is named %s',
    async path =>
      expect(await check(path, small)).toMatchObject({ type: 'text/csv', rules: [block, 'type.mismatch block'] }),
  );

  it('is checked as a table after the first line of a script (#!) and after comments', async () => {
    expect((await check('run', `#!\n${small}`)).rules).toEqual([block]);
    expect((await check('t.r', `# A\n\n# B\n${small}`)).rules).toContain(block);
  });

  it('is blocked as microdata when each of its rows is a person', async () => {
    const people = `id,age,sex,smoker\n${lines(300, index => `${index},${20 + (index % 60)},${index % 2 ? 'F' : 'M'},${index % 3 ? 'y' : 'n'}\n`)}`;
    for (const path of ['micro.sql', 'micro.csv'])
      expect((await check(path, people)).rules).toContain('sdc.microdata block');
  });

  it('is checked as a table when it is written as JSON', async () =>
    expect((await check('t.py', '[{"region":"Perth","n":3}]')).rules).toEqual([block, 'type.mismatch block']));

  it('is checked as a table between lines of code', async () => {
    expect((await check('a.py', `import os\nx = """\n${small}Hobart,40\n"""\n`)).rules).toEqual([block]);
    expect((await check('a.py', 'import os\n# region   n\n# Perth    3\n# Hobart   40\n')).rules).toEqual([block]);
  });

  it.each([
    ['one row between lines of code', `import os\n${small}`],
    ['a matrix', 'm = [\n  [1, 2, 3],\n  [4, 5, 6],\n  [7, 8, 9],\n]\n'],
    ['numbers below each other', 'alpha:   3\nbeta:    4\ngamma:   5\n'],
  ])('is left to a reviewer when it may or may not be a table: %s', async (_, content) =>
    expect((await check('a.py', content)).rules).toEqual([notRun]),
  );

  it.each([
    ['fit.R', 'library(survival)\nfit <- coxph(Surv(time, status) ~ x, data)\n'],
    ['q.sql', 'SELECT a, b\nFROM t, u\n'],
    ['a.js', 'const a = 1;\nconst b = 2;\nconst c = 3;\n'],
    ['a.css', 'a { margin: 0; }\nb { margin: 1px; }\n'],
    ['a.sh', '#!/bin/sh\ncat x | sort\ncat y | sort\n'],
    ['a.go', 'package a\n\nfunc f() {\n\treturn g(1, 2)\n}\n'],
    ['c.yaml', 'seed: 3\nepochs: 5\nlayers: [4, 5]\n'],
    ['a.tex', 'We fit\n\\begin{align}\ny &= a + 3x \\\\\nz &= 4b \\\\\n\\end{align}\nR\\&D and so on.\n'],
  ])('is not found in plain code: %s', async (path, content) => expect((await check(path, content)).rules).toEqual([]));
});

describe('tables inside a text', () => {
  const heading = '| region | n |\n|---|---|\n';
  it('are checked down to their last row', async () => {
    const rows = (mark: string) =>
      lines(9000, index => `${mark} R${index}   ${mark || ' '} ${index === 8990 ? 3 : 100 + index} ${mark}\n`);
    expect((await check('t.md', heading + rows('|'))).findings[0]).toMatchObject({
      cells: [{ row: 8993, value: '3' }],
    });
    expect((await check('t.log', `region   n\n${rows('')}`)).rules).toContain(block);
    expect(
      (
        await check(
          't.txt',
          `Some words.\n\nregion,n\n${lines(9000, index => `R${index},${index === 8990 ? 3 : 100 + index}\n`)}`,
        )
      ).rules,
    ).toContain(block);
  });

  it('are checked in all their columns', async () => {
    const wide = `| r | ${lines(3000, index => `c${index} | `)}\n|---|\n| A | ${lines(3000, () => '44 | ')}\n| B | ${lines(3000, index => `${index === 2900 ? 3 : 55} | `)}\n`;
    expect((await check('t.md', wide)).rules).toContain(block);
  });

  it('are left to a reviewer when there are too many of them or a line is too long', async () => {
    const tables = lines(501, () => 'region   n\nR1   100\nR2   120\n\n\n');
    expect((await check('t.txt', `${tables}region   n\nR1   100\nR2   3\n`)).rules).toEqual([notRun]);
    expect(
      (
        await check(
          't.txt',
          lines(40_000, index => `a  ${index} `),
        )
      ).rules,
    ).toContain(notRun);
  });

  it('are found although empty lines separate their rows', async () =>
    expect((await check('t.txt', 'region   n\n\nPerth    3\n\nHobart   40\n')).rules).toEqual([block]));

  it.each([
    [
      'in a tabular environment',
      '\\begin{tabular}{l*{2}{r}}\n\\toprule\nregion & n \\\\\n\\midrule\nPerth & 3 \\\\[2pt]\nHobart & 40 \\\\\n\\end{tabular}\n',
    ],
    ['rows without an environment', 'Perth & 3 \\\\\nHobart & 40 \\\\\n'],
    [
      'the whole table on one line',
      '\\begin{tabular}{lr} region & n \\\\ Perth & \\textbf{3} \\\\ Hobart & $40$ \\end{tabular}',
    ],
    [
      'rows that are spread over several lines',
      '\\begin{longtable}{lr}\nregion\n& n \\\\\nPerth % a note\n& \\num{3} \\\\\nHobart & 40 \\\\\n\\end{longtable}',
    ],
    [
      'numbers with note marks',
      '\\begin{tabular}{lr} region & n \\\\ Perth & 3$^{a}$ \\\\ Hobart & 3\\tnote{b} \\\\ \\end{tabular}',
    ],
    [
      'a heading over several columns',
      '\\begin{tabular}{lrr}\n& \\multicolumn{2}{c}{n} \\\\\nregion & a & b \\\\\nPerth & 40 & 3 \\\\\n\\end{tabular}',
    ],
  ])('are checked when they are written in LaTeX: %s', async (_, content) => {
    for (const tier of [1, 2, 3] as const) expect((await check('t.tex', content, tier)).rules).toContain(block);
    expect((await check('notes.md', `Words\n\n${content}`)).rules.length).toBeGreaterThan(0);
  });

  it.each([
    [
      'an end of a row inside braces',
      '\\begin{tabular}{lr} region & n \\\\ Perth & \\makecell{3 \\\\ 4} \\\\ \\end{tabular}',
    ],
    ['a power', '\\begin{tabular}{lr} region & n \\\\ Perth & $10^{3}$ \\\\ \\end{tabular}'],
    ['a command that the author defined', '\\begin{tabular}{lr} region & n \\\\ Perth & \\x \\\\ \\end{tabular}'],
    ['a matrix', '\\begin{pmatrix} 1 & 3 \\\\ 4 & 5 \\\\ \\end{pmatrix}'],
  ])('are left to a reviewer when their LaTeX cannot be read: %s', async (_, content) =>
    expect((await check('t.tex', content)).rules).toEqual([notRun]),
  );

  it.each([
    ['with end tags', '<table><tr><th>r</th><th>n</th></tr><tr><td>Perth</td><td>3</td></tr></table>'],
    ['without end tags', '<TABLE>\n<TR><TH>r<TH>n\n<TR><TD\n title="a>b">Perth<TD><!-- <td> > -->&#51;</TABLE>'],
    [
      'after very long text on the same line',
      `<p>${'x '.repeat(100_000)}</p><table><tr><th>r<th>n<tr><td>Perth<td>3</table>`,
    ],
    ['numbers with note marks', '<table><tr><th>r<th>n<tr><td>Perth<td>3<sup>1</sup></table>'],
    ['a table inside a table', '<table><tr><td><table><tr><th>r<th>n<tr><td>Perth<td>3</table></table>'],
    ['a table that is never closed', '<table><tr><th>r<th>n<tr><td>Perth<td>3'],
  ])('are checked when they are written in HTML: %s', async (_, content) => {
    expect((await check('t.html', `<!doctype html>${content}`, 1)).rules).toContain(block);
    expect((await check('t.md', `Words\n\n${content}\n`)).rules).toContain(block);
  });

  it('are left to a reviewer on a web page with scripts', async () =>
    expect((await check('t.html', '<!doctype html><script>x</script>', 1)).rules).toEqual([notRun]));

  it('are checked in a Word document', async () => {
    const cell = (text: string) => `<w:tc><w:p><w:r><w:t>${text}</w:t></w:r></w:p></w:tc>`;
    const row = (...cells: string[]) => `<w:tr>${cells.map(cell).join('')}</w:tr>`;
    expect((await check('t.docx', makeDocx(`<w:tbl>${row('r', 'n')}${row('Perth', '3')}</w:tbl>`))).rules).toEqual([
      block,
    ]);
  });

  it('give the same findings wherever the file is split into pieces', async () => {
    const parts = fc.constantFrom(
      heading,
      '| A | 3 |\n',
      '| B | 40 |\n',
      'A & 3 \\\\\n',
      '\\begin{tabular}{lr}\n',
      '\\end{tabular}\n',
      '<table>',
      '<tr><td>A',
      '<td>3\n',
      '</table>',
      '<!--',
      '-->',
      'r,n\n',
      'A,3\n',
      'A,40\n',
      'r   n\n',
      'A   3\n',
      '\n',
      'Words.\n',
    );
    await fc.assert(
      fc.asyncProperty(fc.array(parts, { maxLength: 12 }), fc.integer({ min: 1, max: 9 }), async (sections, step) => {
        const text = `Words\n${sections.join('')}`;
        const report = (step?: number) =>
          checkFile(buildCheckedFile('t.md', text), buildSource(text, step), policyFor(2), []);
        expect(await report(step)).toEqual(await report());
      }),
      { numRuns: sampleRuns(200) },
    );
  });
});
