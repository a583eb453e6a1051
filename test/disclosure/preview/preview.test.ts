import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { memorySource } from '../../../disclosure/byte-source.ts';
import { toVisibleHtml } from '../../../disclosure/preview/escape.ts';
import { DEFAULT_PAGE_LIMITS } from '../../../disclosure/preview/limits.ts';
import { columnLetters } from '../../../disclosure/preview/page.ts';
import { sampleRuns } from '../../trials.ts';
import { buildBlockReport, expectInert, renderTestPreview } from './pages.ts';

describe('text', () => {
  it.each([
    ['a\u202eb', 'U+202E'],
    ['a\u0000b', 'U+0000'],
    ['a\u200bb', 'U+200B'],
    ['a\u{e0041}b', 'U+E0041'],
    ['a\ufe0fb', 'U+FE0F'],
    ['a\u3164b', 'U+3164'],
    ['a\u001b[31mb', 'U+001B'],
    ['a\ud800b', 'U+D800'],
    ['a\u2066b', 'U+2066'],
    ['a\u00adb', 'U+00AD'],
  ])('%j is shown with its invisible character named', (text, number) => {
    expect(toVisibleHtml(text)).toContain(`>${number}</i>`);
    expect(toVisibleHtml(text)).toMatch(/^a<i[^>]*>[^<]*<\/i>/);
  });

  it('shows how many spaces stand at an end', async () => {
    expect(toVisibleHtml('a b')).toBe('a b');
    expect(toVisibleHtml('a b   ')).toBe('a b<i class="u" title="U+0020">3 spaces</i>');
    const { html } = await renderTestPreview('a.txt', 'text/plain', 'words \nmore words\n');
    expect(html).toContain('words<i class="u" title="U+0020">1 space</i>');
  });

  it('shows the line ends that are unlike most, and no other', async () => {
    const { html } = await renderTestPreview('a.txt', 'text/plain', 'one\r\ntwo\nthree\r\nfour\r');
    expect(html.match(/<span>(one|two|three|four)(<i[^>]*>[^<]*<\/i>)?<\/span>/g)).toEqual([
      '<span>one</span>',
      '<span>two<i class="u" title="U+000A">↵</i></span>',
      '<span>three</span>',
      '<span>four<i class="u" title="U+000D">␍</i></span>',
    ]);
    expect((await renderTestPreview('b.txt', 'text/plain', 'one\r\ntwo\r\n')).html).not.toContain('␍');
  });

  it('leaves ordinary letters of any script unchanged', () => {
    for (const text of ['Räntä 12 %', 'שלום', 'مرحبا', '統計', 'é', 'e\u0301', 'naïve – “quoted”', '😀'])
      expect(toVisibleHtml(text)).toBe(text);
  });

  it('gives a page on which nothing runs, whatever the text says', async () => {
    const bit = fc.constantFrom(
      '<script>',
      '</style>',
      '"',
      "'",
      '`',
      '=',
      'onerror',
      '<img src=x>',
      '&lt;',
      '\u202e',
      '\0',
      ']]>',
      '<!--',
      '\n',
      ',',
      'url(',
      '\t',
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(bit, fc.string({ unit: 'binary' }))),
        fc.constantFrom('text/csv', 'text/plain', 'text/html'),
        fc.string({ unit: 'binary', minLength: 1 }),
        async (parts, type, path) =>
          expectInert((await renderTestPreview(path, type, parts.join('').toWellFormed())).html),
      ),
      { numRuns: sampleRuns(200) },
    );
  });

  it('is cut with a count: long lines, many lines, and the file itself', async () => {
    const { html, truncated } = await renderTestPreview(
      'a.txt',
      'text/plain',
      `${'x'.repeat(1000)}\n${'y\n'.repeat(5000)}`,
    );
    expect(html).toContain('+400 more');
    expect(html).toContain('2,001 lines.');
    expect(truncated).toBe(true);
    expect((await renderTestPreview('a.txt', 'text/plain', 'short\n')).truncated).toBe(false);
    const large = await renderTestPreview('a.txt', 'text/plain', 'z'.repeat(3_000_000));
    expect(large.truncated).toBe(true);
    expect(large.html.length).toBeLessThan(50_000);
  });

  it.each([
    ['a ZIP', 'application/zip', Buffer.from('504b0304140000000800', 'hex')],
    ['a PDF', 'application/pdf', Buffer.concat([Buffer.from('%PDF-1.7\n'), Buffer.from([0xe2, 0xe3, 0xcf, 0xd3])])],
    ['nothing', 'text/plain', Buffer.alloc(0)],
  ])('%s gets a card instead of a preview', async (_, type, bytes) => {
    const { html } = await renderTestPreview('file.bin', type, bytes);
    expectInert(html);
    expect(html).toContain('No preview');
  });
});

describe('a table', () => {
  const rows = (count: number) =>
    `name,n\n${Array.from({ length: count }, (_, index) => `g${index},${index}`).join('\n')}\n`;

  it('marks the flagged cell and no other', async () => {
    const { html } = await renderTestPreview(
      't.csv',
      'text/csv',
      'group,n\na,12\nb,3\n',
      buildBlockReport([[3, 2, '3']]),
    );
    expect(html).toContain('<td class="block n" title="Finding 1: sdc.minimum-count">3<sup>1</sup></td>');
    expect(html.match(/<td class="block/g)).toHaveLength(1);
    expect(html).toContain('B3 = 3');
  });

  it('shows a flagged cell far down and far right, with its neighbours', async () => {
    const wide = Array.from({ length: 100 }, (_, index) => `c${index}`).join();
    const body = Array.from({ length: 5000 }, (_, row) =>
      Array.from({ length: 100 }, (_, column) => `${row}x${column}`).join(),
    ).join('\n');
    const { html, truncated } = await renderTestPreview(
      't.csv',
      'text/csv',
      `${wide}\n${body}\n`,
      buildBlockReport([[4000, 90, '3998x89']]),
    );
    expect(html).toContain('<td class="block" title="Finding 1: sdc.minimum-count">3998x89<sup>1</sup></td>');
    expect(html).toContain('<td>3997x88</td>');
    expect(html).toContain('3,798 rows</td>');
    expect(truncated).toBe(true);
  });

  it('counts rows as the checks do, whatever is in quotes', async () => {
    const { html } = await renderTestPreview(
      't.csv',
      'text/csv',
      'a,b\n"x\ny","<b>1</b>"\n\n2,3\n',
      buildBlockReport([[4, 2, '3']]),
    );
    expectInert(html);
    expect(html).toContain('<td class="block n" title="Finding 1: sdc.minimum-count">3<sup>1</sup></td>');
    expect(html).toContain('x<i class="u" title="U+000A">↵</i>y');
  });

  it('shows what a spreadsheet would run', async () => {
    const { html } = await renderTestPreview('t.csv', 'text/csv', 'a\n=1+1\n@SUM(A1)\n-5\n+x\n');
    expect(html.match(/class="f"/g)).toHaveLength(3);
  });

  it('says what is not shown', async () => {
    const { html, truncated } = await renderTestPreview('t.csv', 'text/csv', rows(500));
    expect(truncated).toBe(true);
    expect(html).toContain('301 of 501 rows read.');
    expect((await renderTestPreview('t.csv', 'text/csv', rows(100))).truncated).toBe(false);
  });

  it('says that rows are missing where the page has no room for them', async () => {
    const heavy = `${Array.from({ length: 40 }, () => '&'.repeat(200)).join()}\n`.repeat(150);
    const { html, truncated } = await renderTestPreview('t.csv', 'text/csv', heavy);
    const rowCount = html.match(/<tr/g)?.length ?? 0;
    expect(rowCount).toBeLessThan(151);
    expect(truncated).toBe(true);
    expect(html).toContain(`${151 - rowCount} of 150 rows read.`);
  });

  it('bounds the page however many cells, columns and flags a table has', async () => {
    const cell = `"${'<'.repeat(100_000)}"`;
    const { html } = await renderTestPreview(
      't.csv',
      'text/csv',
      `${Array.from({ length: 35 }, () => cell).join()}\n`.repeat(3),
    );
    expect(html.length).toBeLessThan(200_000);
    expect(html).toContain('+99,800 bytes');
    const wide = await renderTestPreview('t.csv', 'text/csv', `${','.repeat(16_000)}\n`.repeat(50));
    expect(wide.html.length).toBeLessThan(200_000);
    const cells = Array.from({ length: 400 }, (_, index) => [index * 50 + 2, 1, ''] as [number, number, string]);
    const full = `${Array.from({ length: 40 }, () => '&'.repeat(200)).join()}\n`.repeat(3000);
    expect((await renderTestPreview('t.csv', 'text/csv', full, buildBlockReport(cells))).html.length).toBeLessThan(
      DEFAULT_PAGE_LIMITS.html + 200_000,
    );
  });

  it.each([
    [1, 'A'],
    [26, 'Z'],
    [27, 'AA'],
    [702, 'ZZ'],
    [703, 'AAA'],
  ])('column %d is %s', (column, name) => expect(columnLetters(column)).toBe(name));
});

it('gives the same page however the bytes are divided into chunks', async () => {
  const text = 'näme,n\n"a\n",3\nb,4\n'.repeat(50);
  const whole = await renderTestPreview('t.csv', 'text/csv', memorySource(Buffer.from(text), 1000));
  for (const size of [1, 2, 3, 7, 64])
    expect(await renderTestPreview('t.csv', 'text/csv', memorySource(Buffer.from(text), size))).toEqual(whole);
});
