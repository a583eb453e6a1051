import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Cell } from '../../../disclosure/report.ts';
import { sampleRuns } from '../../trials.ts';
import {
  makeArchiveWithText,
  makeDocumentWithText,
  makeDrawingWithMarkup,
  makeJsonWithText,
  makeModelWithText,
  makeNotebookWithText,
  makeParquetWithText,
  makeWorkbookWithText,
} from './kinds.ts';
import { buildBlockReport, expectInert, renderTestPreview } from './pages.ts';

const reportOn = (cell: Cell) => {
  const report = buildBlockReport([[cell.row, cell.column, cell.value]]);
  return { ...report, findings: report.findings.map(finding => ({ ...finding, cells: [cell] })) };
};
const flagged = /<td class="block n?"? ?n?"[^>]*>3<sup>1<\/sup>/;
const text = async (...file: Parameters<typeof renderTestPreview>) => {
  const { html, truncated } = await renderTestPreview(...file);
  expectInert(html);
  return { html, truncated, body: html.slice(html.indexOf('<body>')) };
};

describe('a workbook', () => {
  it('shows every sheet, the hidden one as hidden, and formulas as such', async () => {
    const { body } = await text(
      'a.xlsx',
      'x',
      makeWorkbookWithText('a'),
      reportOn({ sheet: 'Results', row: 2, column: 2, value: '3' }),
    );
    expect(body).toContain('Sheet “Results”');
    expect(body).toContain('Sheet “Secret &lt;b&gt;”');
    expect(body).toContain('A sheet is hidden in the file.');
    expect(body).toContain('Columns are hidden in the file.');
    expect(body).toMatch(/>3 <i class="f"[^>]*>ƒ =SUM\(B2:B2\)<\/i>/);
    expect(body).toContain('ƒ =HYPERLINK(');
    expect(body).toMatch(flagged);
    expect(body.match(/<td class="block/g)).toHaveLength(1);
  });

  it('that is damaged gets a card that says why', async () => {
    const bytes = makeWorkbookWithText('a');
    expect((await text('a.xlsx', 'x', bytes.subarray(0, bytes.length - 30))).body).toMatch(/It cannot be followed: it/);
  });
});

it('a Parquet table is shown with what is written beside it', async () => {
  const { body } = await text(
    'a.parquet',
    'x',
    makeParquetWithText('said'),
    reportOn({ row: 2, column: 2, value: '3' }),
  );
  expect(body).toMatch(flagged);
  expect(body).toContain('pandas: said');
  expect(body).toContain('Table of 2 rows');
});

describe('JSON', () => {
  it('is shown as the tables that it holds, and as it is', async () => {
    const { body } = await text(
      'a.json',
      'x',
      makeJsonWithText('a'),
      reportOn({ sheet: '$.rows', row: 2, column: 2, value: '3' }),
    );
    expect(body).toContain('Table at $.rows');
    expect(body).toMatch(flagged);
    expect(body).toContain('{&quot;rows&quot;:');
  });

  it('on one line is also shown reformatted', async () => {
    const { body } = await text('a.json', 'x', JSON.stringify({ a: 'x'.repeat(700), b: 1 }));
    expect(body).toContain('The same, reformatted');
  });

  it('of a record a line is a table', async () => {
    const { body } = await text(
      'a.ndjson',
      'x',
      '{"g":"a","n":3}\n{"g":"b","n":4}\n',
      reportOn({ row: 2, column: 2, value: '3' }),
    );
    expect(body).toMatch(flagged);
  });

  it('that cannot be parsed is shown as text, and the page says so', async () => {
    const { body, truncated } = await text('a.json', 'application/json', '{"a":1,\n}');
    expect(truncated).toBe(true);
    expect(body).toContain('It cannot be followed: it is no JSON that can be read.');
    expect(body).toContain('{&quot;a&quot;:1,');
  });
});

it('a notebook is shown cell by cell: text as text, tables marked, pictures redrawn', async () => {
  const { body } = await text(
    'a.ipynb',
    'x',
    makeNotebookWithText('said'),
    reportOn({ sheet: 'cell 2', row: 2, column: 2, value: '3' }),
  );
  for (const part of [
    'Cell 1, markdown',
    'Cell 1, 2 × 2 pixels',
    'Cell 2, code',
    'Cell 2, put out',
    'Cell 2, an error',
  ])
    expect(body).toContain(part);
  expect(body).toMatch(flagged);
  expect(body.match(/<img/g)).toHaveLength(3);
  expect(body).toContain('It cannot be decoded');
});

it('a line of a notebook is marked where the checks counted it', async () => {
  const { body } = await text(
    'a.ipynb',
    'x',
    makeNotebookWithText('said'),
    reportOn({ row: 4, column: 1, value: 'said' }),
  );
  // Two lines of the first cell, one of the second, and this one that it put out.
  expect(body).toMatch(/Cell 2, put out<\/h2><ol class="lines"><li class="block"[^>]*><span>said<\/span><sup>1/);
});

it('shows the tensors and metadata of a model, never a weight', async () => {
  const { body, truncated } = await text('a.safetensors', 'x', makeModelWithText('layer'));
  expect(body).toMatch(/<td>layer<\/td><td>F32<\/td><td>2 × 1<\/td><td class="n">2<\/td>/);
  expect(body).toContain('1 tensor of 2 numbers');
  expect(body).toContain('&quot;said&quot;: &quot;layer&quot;');
  expect(body).not.toContain('class="hex"');
  expect(truncated).toBe(true);
});

it('shows the words of a document', async () => {
  const { body } = await text('a.docx', 'x', makeDocumentWithText('First'));
  expect(body).toMatch(/First.*Second/);
  expect(body).toContain('without their layout');
});

it.each([
  ['an archive', 'a.zip', makeArchiveWithText('x'), 'not rendered'],
  ['a PDF', 'a.pdf', '%PDF-1.7\n%%EOF', 'cannot be shown safely'],
  ['a GIF', 'a.gif', 'GIF89a\0\u0001', 'not rendered'],
])('%s is not shown', async (_, path, bytes, message) => {
  const { body } = await text(path, 'application/octet-stream', bytes);
  expect(body).toContain('No preview');
  expect(body).toContain(message);
});

describe('a text that is not UTF-8', () => {
  const table = 'Gruppe;Zahl\nKöln;3\n';
  const utf16 = (big: boolean) => {
    const bytes = Buffer.from(`\ufeff${table}`, 'utf16le');
    return big ? bytes.swap16() : bytes;
  };
  it.each([
    ['UTF-16, little', utf16(false), 'It is UTF-16'],
    ['UTF-16, big', utf16(true), 'It is UTF-16'],
    ['Windows-1252', Buffer.from(table, 'latin1'), '1 cell not in UTF-8, read as Windows-1252'],
  ])('%s is decoded, and the page names the encoding', async (_, bytes, message) => {
    const { body } = await text('a.csv', 'text/csv', bytes, buildBlockReport([[2, 2, '3']]));
    expect(body).toContain('<td>Köln</td>');
    expect(body).toContain(message);
    expect(body).toMatch(flagged);
  });

  it('is decoded where it is read line by line', async () => {
    const { body } = await text(
      'a.txt',
      'text/plain',
      Buffer.from('A line that is long enough\ncaf\u00e9 \u0093x\u0094\n', 'latin1'),
    );
    expect(body).toContain('<span>café “x”</span>');
    expect(body).toContain('read as Windows-1252');
  });
});

it('keeps the page of a structured file inert whatever the file says', async () => {
  const previews = [
    makeWorkbookWithText,
    makeParquetWithText,
    makeNotebookWithText,
    makeModelWithText,
    makeJsonWithText,
    makeDocumentWithText,
    makeDrawingWithMarkup,
  ];
  const names = ['a.xlsx', 'a.parquet', 'a.ipynb', 'a.safetensors', 'a.json', 'a.docx', 'a.svg'];
  const bit = fc.constantFrom(
    '<script>',
    '</style>',
    '"',
    "'",
    '<img src=x onerror=alert(1)>',
    '&lt;',
    '\u202e',
    ']]>',
    '<!--',
  );
  await fc.assert(
    fc.asyncProperty(
      fc.nat(previews.length - 1),
      fc.array(fc.oneof(bit, fc.string({ unit: 'grapheme' })), { minLength: 1, maxLength: 6 }),
      async (group, bits) => {
        const content = bits.join('').replaceAll('\0', '') || 'x';
        await text(names[group] ?? '', 'x', previews[group]?.(content) ?? '');
      },
    ),
    { numRuns: sampleRuns(150) },
  );
});

it('gives a page for a file that is cut or changed anywhere', async () => {
  for (const [path, whole] of [
    ['a.xlsx', makeWorkbookWithText('a')],
    ['a.parquet', makeParquetWithText('a')],
    ['a.safetensors', makeModelWithText('a')],
    ['a.ipynb', Buffer.from(makeNotebookWithText('a'))],
  ] as const)
    for (let length = 1; length < 60; length++) {
      const bytes = Buffer.from(whole);
      const place = Math.floor((bytes.length * length) / 60);
      bytes[place] = (bytes[place] ?? 0) ^ (1 << (length % 8));
      await text(path, 'x', bytes);
      await text(path, 'x', bytes.subarray(0, place));
    }
});

it('shows as many tables, cells and outputs as fit the page', async () => {
  const tables = JSON.stringify(
    Array.from({ length: 5000 }, (_, index) => [{ rows: [{ a: index, b: '<'.repeat(500) }] }]),
  );
  const { body, truncated } = await text('a.json', 'x', tables);
  expect(truncated).toBe(true);
  expect(body.length).toBeLessThan(3_500_000);
  expect(body).toMatch(/[\d,]+ further parts of the file/);
});

it('calls a page partial that cuts a heading', async () => {
  const notebook = (cell_type: string) =>
    JSON.stringify({ nbformat: 4, nbformat_minor: 5, metadata: {}, cells: [{ cell_type, source: 'a', metadata: {} }] });
  expect((await text('a.ipynb', 'x', notebook('markdown'))).truncated).toBe(false);
  expect((await text('a.ipynb', 'x', notebook('k'.repeat(30)))).truncated).toBe(true);
});
