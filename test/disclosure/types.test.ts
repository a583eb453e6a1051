import { strToU8, zipSync } from 'fflate';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { describe, expect, it } from 'vitest';
import { checkFile } from '../../disclosure/check.ts';
import type { Tier } from '../../disclosure/policy.ts';
import { policyFor } from '../../disclosure/tier-policy.ts';
import { externalLinkXml, makeDocx, makeGif, makeJpeg, makeNotebook, makePng, makeWebp, makeXlsx } from './builders.ts';
import { buildCheckedFile, buildSource } from './files.ts';

async function check(path: string, content: string | Uint8Array, tier: Tier = 2) {
  const { findings, type } = await checkFile(
    buildCheckedFile(path, content),
    buildSource(content, 4096),
    policyFor(tier),
    [],
  );
  return { type, rules: [...new Set(findings.map(({ rule }) => rule))].sort(), findings };
}
const rules = async (path: string, content: string | Uint8Array, tier?: Tier) =>
  (await check(path, content, tier)).rules;
const safe = [
  ['region', 'n'],
  ['North', 40],
  ['South', 52],
] as const;
const svg = (content: string) => `<svg xmlns="http://www.w3.org/2000/svg">${content}</svg>`;
const parquet = (counts: readonly number[]) =>
  new Uint8Array(
    parquetWriteBuffer({
      columnData: [
        { name: 'region', data: counts.map((_, index) => `R${index}`), type: 'STRING' },
        { name: 'n', data: [...counts], type: 'INT32' },
      ],
    }),
  );
const manyRows = new Uint8Array(
  parquetWriteBuffer({
    columnData: [
      { name: 'region', data: Array.from({ length: 3000 }, (_, index) => `R${index % 40}`), type: 'STRING' },
      {
        name: 'sex',
        data: Array.from({ length: 3000 }, (_, index) => (index % 3 ? 'F' : null)),
        type: 'STRING',
        nullable: true,
      },
      { name: 'year', data: Array.from({ length: 3000 }, (_, index) => 1900 + index), type: 'INT32' },
      {
        name: 'n',
        data: Array.from({ length: 3000 }, (_, index) => (index === 2999 ? 7 : index % 7 ? 40 + index : null)),
        type: 'INT32',
        nullable: true,
      },
      { name: 'mean', data: Array.from({ length: 3000 }, (_, index) => index / 7), type: 'DOUBLE' },
      { name: 'final', data: Array.from({ length: 3000 }, (_, index) => index % 2 === 0), type: 'BOOLEAN' },
    ],
    rowGroupSize: 1000,
  }),
);

it.each([1, 2, 3] as const)(
  'a PDF is refused for export and import at tier %d, and the finding says what to send instead',
  async tier => {
    const pdf = '%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\n%%EOF\n';
    const { type, findings } = await check('a.pdf', pdf, tier);
    expect(type).toBe('application/pdf');
    expect(findings).toMatchObject([
      { rule: 'type.refused', action: 'block', message: expect.stringContaining('PNG') },
    ]);
    expect(policyFor(tier, 'import').types).not.toContain('application/pdf');
  },
);

describe('the check of a safe file', () => {
  it.each<[string, string, string | Uint8Array]>([
    ['a table', 't.csv', 'region,n\nNorth,40\nSouth,52\n'],
    ['a table in UTF-16', 't.csv', Uint8Array.from(Buffer.from('\ufeffregion\tn\nNorth\t40\n', 'utf16le'))],
    ['a workbook', 't.xlsx', makeXlsx(safe)],
    ['Parquet', 't.parquet', parquet([40, 52])],
    ['JSON records', 't.json', '[{"region":"North","n":40},{"region":"South","n":52}]'],
    ['JSON records, one in each line', 't.jsonl', '{"region":"North","n":40}\n{"region":"South","n":52}\n'],
    ['a picture', 'p.png', makePng()],
    ["a plotting program's picture", 'p.png', makePng([['tEXt', 'Software\0Matplotlib version 3.9']])],
    ['a JPEG', 'p.jpg', makeJpeg()],
    ['a drawing', 'p.svg', svg('<path d="M0 0h9"/><use href="#a"/>')],
    ['code', 'fit.R', 'library(survival)\nfit <- coxph(Surv(time, status) ~ x, data)\n'],
    ['a log', 'run.log', 'step 1 of 3\nloss 0.31, 12:30:01\n'],
    ['a notebook without outputs', 'a.ipynb', makeNotebook([{ cell_type: 'code', source: ['x = 1\n'], outputs: [] }])],
    ['a document', 'a.docx', makeDocx('<w:p><w:r><w:t>Of 120 people, 40 answered.</w:t></w:r></w:p>')],
  ])('finds nothing in %s', async (_, path, content) => expect(await rules(path, content)).toEqual([]));
});

describe('the check of an unsafe file', () => {
  it.each<[string, string, string | Uint8Array, string[]]>([
    [
      'a small count in a workbook',
      't.xlsx',
      makeXlsx([
        ['region', 'n'],
        ['North', 4],
      ]),
      ['sdc.minimum-count'],
    ],
    ['a small count in Parquet', 't.parquet', parquet([40, 3]), ['sdc.minimum-count']],
    ['a small count in the last of many rows of Parquet', 't.parquet', manyRows, ['sdc.minimum-count']],
    ['a small count in JSON', 't.json', '[{"region":"North","n":40},{"region":"South","n":5}]', ['sdc.minimum-count']],
    ['a small count in columns of JSON', 't.json', '{"region":["A","B"],"n":[40,5]}', ['sdc.minimum-count']],
    ['a small count in lines of JSON', 't.jsonl', '{"r":"A","n":40}\n{"r":"B","n":5}\n', ['sdc.minimum-count']],
    [
      "a small count in a notebook's output",
      'a.ipynb',
      makeNotebook([
        {
          outputs: [
            { data: { 'text/html': ['<table><tr><th>r</th><th>n</th></tr><tr><td>A</td><td>3</td></tr></table>'] } },
          ],
        },
      ]),
      ['notebook.outputs', 'sdc.minimum-count'],
    ],
    [
      'a picture in a notebook',
      'a.ipynb',
      makeNotebook([{ outputs: [{ data: { 'image/png': 'aGk=' } }] }]),
      ['notebook.embedded', 'notebook.outputs'],
    ],
    ['the state of widgets', 'a.ipynb', makeNotebook([], { widgets: { state: {} } }), ['notebook.widgets']],
    ['content of another type than the name says', 't.csv', makePng(), ['type.mismatch']],
    ['a program', 'a.exe', 'MZ\u0090\0\u0003\0\0\0', ['type.refused']],
    ['random bytes', 'x.bin', Uint8Array.from([1, 2, 3, 0, 255, 254]), ['type.refused']],
    ['an empty file', 't.csv', '', ['type.mismatch', 'type.unreadable']],
    ['a web page', 'a.html', '<!doctype html><script>1</script>', ['type.refused']],
    ['a zip', 'a.zip', zipSync({ 'a.csv': strToU8('a,b\n') }), ['archive.refused']],
    [
      'a zip with a path that leads out of its folder',
      'a.zip',
      zipSync({ '../a.csv': strToU8('a,b\n') }),
      ['archive.refused', 'archive.unsafe'],
    ],
    ['a zip bomb', 'a.zip', zipSync({ a: new Uint8Array(30e6) }), ['archive.refused', 'archive.unsafe']],
    ['a gzip file', 'a.csv.gz', Uint8Array.from([0x1f, 0x8b, 8, 0]), ['archive.refused']],
    [
      'macros in a workbook',
      't.xlsx',
      makeXlsx(safe, { parts: { 'xl/vbaProject.bin': 'x' } }),
      ['office.macros', 'office.unseen'],
    ],
    [
      'an embedded object',
      't.xlsx',
      makeXlsx(safe, { parts: { 'xl/embeddings/oleObject1.bin': 'x' } }),
      ['office.embedded', 'office.unseen'],
    ],
    [
      'the data of a pivot table',
      't.xlsx',
      makeXlsx(safe, { parts: { 'xl/pivotCache/pivotCacheRecords1.xml': '<a/>' } }),
      ['office.embedded', 'office.unseen'],
    ],
    [
      'custom XML',
      't.docx',
      makeDocx('<w:t>a</w:t>', { 'customXml/item1.xml': '<a/>' }),
      ['office.embedded', 'office.unseen'],
    ],
    [
      'a link to another workbook',
      't.xlsx',
      makeXlsx(safe, { parts: { 'xl/_rels/x.rels': `<Relationships>${externalLinkXml}</Relationships>` } }),
      ['office.external', 'office.unseen'],
    ],
    ['a hidden sheet', 't.xlsx', makeXlsx(safe, { state: ' state="veryHidden"' }), ['office.hidden']],
    [
      'hidden rows',
      't.xlsx',
      makeXlsx(safe, { sheet: '<row r="9" hidden="1"><c r="B9"><v>50</v></c></row>' }),
      ['office.hidden'],
    ],
    [
      'hidden columns',
      't.xlsx',
      makeXlsx(safe, { cols: '<cols><col min="3" max="3" hidden="1"/></cols>' }),
      ['office.hidden'],
    ],
    [
      'a sheet that the workbook does not list',
      't.xlsx',
      makeXlsx(safe, { parts: { 'xl/worksheets/sheet9.xml': '<a/>' } }),
      ['office.hidden', 'office.unseen'],
    ],
    [
      'comments',
      't.xlsx',
      makeXlsx(safe, { parts: { 'xl/comments1.xml': '<a/>' } }),
      ['office.comments', 'office.unseen'],
    ],
    [
      'an author',
      't.xlsx',
      makeXlsx(safe, {
        parts: { 'docProps/core.xml': '<cp:coreProperties><dc:creator>Jane Doe</dc:creator></cp:coreProperties>' },
      }),
      ['office.properties'],
    ],
    ['hidden text', 't.docx', makeDocx('<w:r><w:rPr><w:vanish/></w:rPr><w:t>secret</w:t></w:r>'), ['office.hidden']],
    ['an identifier in a document', 't.docx', makeDocx('<w:t>jane.doe@trust.nhs.uk</w:t>'), ['identifiers.found']],
    ['a chart', 't.xlsx', makeXlsx(safe, { parts: { 'xl/charts/chart1.xml': '<a/>' } }), ['office.unseen']],
    [
      'strings that no cell shows',
      't.xlsx',
      makeXlsx(safe, {
        parts: { 'xl/sharedStrings.xml': `<sst>${'<si><t>n</t></si>'.repeat(9)}<si><t>Jane was ill</t></si></sst>` },
      }),
      ['office.unseen'],
    ],
    [
      'a list of values to choose from',
      't.xlsx',
      makeXlsx(safe, {
        cols: '<dataValidations><dataValidation><formula1>"Perth"</formula1></dataValidation></dataValidations>',
      }),
      ['office.unseen'],
    ],
    [
      'variables of a document',
      't.docx',
      makeDocx('<w:t>a</w:t>', { 'word/settings.xml': '<w:settings><w:docVars w:val="Jane was ill"/></w:settings>' }),
      ['office.unseen'],
    ],
    [
      'an alternative text',
      't.docx',
      makeDocx('<w:t>a</w:t><w:drawing><wp:docPr descr="Jane was ill"/></w:drawing>'),
      ['office.unseen'],
    ],
    [
      'a comment in an archive',
      't.xlsx',
      Uint8Array.from([...makeXlsx(safe).slice(0, -2), 4, 0, ...strToU8('Jane')]),
      ['archive.refused', 'archive.unsafe', 'type.mismatch'],
    ],
    ['EXIF data in a JPEG', 'p.jpg', makeJpeg([[0xe1, 'Exif\0\0data']]), ['image.metadata']],
    ['a comment in a JPEG', 'p.jpg', makeJpeg([[0xfe, 'hello']]), ['image.metadata']],
    ['text in a PNG', 'p.png', makePng([['iTXt', 'XML:com.adobe.xmp\0<x/>']]), ['image.metadata']],
    ['a private chunk of a PNG', 'p.png', makePng([['daTa', 'rows and rows']]), ['image.metadata']],
    ['bytes after the end of a PNG', 'p.png', makePng([], 'patient_id,age\n'), ['image.trailing']],
    ['bytes after the end of a JPEG', 'p.jpg', makeJpeg([], 'more'), ['image.trailing']],
    ['a GIF, which cannot be shown', 'p.gif', makeGif(), ['type.refused']],
    ['a WebP picture, which cannot be shown', 'p.webp', makeWebp(), ['type.refused']],
    ['a script in a drawing', 'p.svg', svg('<script>1</script>'), ['image.active']],
    [
      'a drawing that loads a picture from elsewhere',
      'p.svg',
      svg('<image href="https://a.b/c.png"/>'),
      ['image.active'],
    ],
    [
      'a style that loads from elsewhere, in escaped letters',
      'p.svg',
      svg('<style>rect{fill:u\\72l(https://a.b/c)}</style>'),
      ['image.active'],
    ],
    [
      'a style sheet that is imported in escaped letters',
      'p.svg',
      svg('<style>@\\69mport "https://a.b/c";</style>'),
      ['image.active'],
    ],
    ['an animation of a drawing', 'p.svg', svg('<animateTransform attributeName="x"/>'), ['image.active']],
    ['a drawing with a document type', 'p.svg', `<!DOCTYPE svg [<!ENTITY a "b">]>${svg('')}`, ['type.unreadable']],
    ['text after the end of a drawing', 'p.svg', `${svg('')}more`, ['type.unreadable']],
    ['a web page in a drawing', 'p.svg', svg('<foreignObject/>'), ['image.active']],
    ['an event handler in a drawing', 'p.svg', svg('<path onload="x()"/>'), ['image.active']],
    [
      'a picture that is an archive as well',
      'p.png',
      Uint8Array.from([...makePng(), ...zipSync({ a: strToU8('b') })]),
      ['image.trailing', 'type.polyglot'],
    ],
    ['a pickle', 'm.pkl', Uint8Array.from([0x80, 4, 0x95, 0, 0]), ['model.executable']],
    ['a pickle as text', 'm.txt', '(dp0\nS"a"\np1\n', ['model.executable']],
    ['a PyTorch model', 'm.pt', zipSync({ 'archive/data.pkl': strToU8('x') }), ['model.executable']],
    ['NumPy arrays', 'm.npz', zipSync({ 'a.npy': strToU8('x') }), ['model.executable']],
    [
      'an HDF5 file',
      'm.h5',
      Uint8Array.from([0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a, 0]),
      ['model.executable'],
    ],
  ])('reports %s', async (_, path, content, expected) => {
    const { rules, findings } = await check(path, content);
    expect(rules, JSON.stringify(findings)).toEqual(expect.arrayContaining(expected));
    expect(
      rules.filter(
        rule => !expected.includes(rule) && !['type.mismatch', 'type.refused', 'sdc.zero-cells'].includes(rule),
      ),
    ).toEqual([]);
  });
});
