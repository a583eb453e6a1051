import { describe, expect, it } from 'vitest';
import { memorySource } from '../../../disclosure/byte-source.ts';
import { DEFAULT_PAGE_LIMITS, type PageStart } from '../../../disclosure/preview/limits.ts';
import { renderPreview } from '../../../disclosure/preview/preview.ts';
import { expectInert } from './pages.ts';

const page = (path: string, content: string, start: Partial<PageStart>) => {
  const bytes = Buffer.from(content);
  const limits = { ...DEFAULT_PAGE_LIMITS, start: { ...DEFAULT_PAGE_LIMITS.start, ...start } };
  return renderPreview({ path, type: 'x', size: bytes.length, report: undefined }, memorySource(bytes, 4096), limits);
};

describe('a page that starts further on', () => {
  const mark = (row: number, column: number) => `r${row}c${column}.`;
  const table = Array.from({ length: 450 }, (_, row) =>
    Array.from({ length: 90 }, (_, column) => mark(row + 1, column + 1)).join(),
  ).join('\n');

  it('shows the next rows and columns of a table, and still says what is missing', async () => {
    const { html, truncated } = await page('t.csv', table, { row: 201, column: 41 });
    expectInert(html);
    expect(html).toContain(mark(201, 41));
    expect(html).toContain(mark(400, 80));
    for (const absent of [mark(200, 41), mark(401, 41), mark(201, 40), mark(201, 81)])
      expect(html).not.toContain(absent);
    expect(html).toContain('250 of 450 rows read. 50 of 90 columns.');
    expect(truncated).toBe(true);
  });

  it('shows every cell of a table to who pages through it', async () => {
    let html = '';
    for (const row of [1, 201, 401])
      for (const column of [1, 41, 81]) html += (await page('t.csv', table, { row, column })).html;
    const marks = new Set(html.match(/r\d+c\d+\./g));
    expect(marks.size).toBe(450 * 90);
  });

  it('shows the ends of long cells and lines, whatever their letters', async () => {
    const long = `${'ä'.repeat(300)}END`;
    const previews = await Promise.all(
      [1, 201, 401].map(character => page('t.csv', `a,b\n1,${long}\n`, { character })),
    );
    expect(previews.map(({ html }) => html.includes('END'))).toEqual([false, false, true]);
    expect(previews[1]?.html).not.toContain('�');
    const text = await page('t.txt', `${'y'.repeat(5000)}END\n`, { character: 4801 });
    expect(text.html).toContain('END');
    expect(text.truncated).toBe(true);
  });

  it('shows the next lines of a text with their own numbers, however far down', async () => {
    const lines = Array.from({ length: 60_000 }, (_, index) => `line ${index + 1} ${'z'.repeat(50)}`);
    for (const end of ['\n', '\r\n', '\r']) {
      const { html } = await page('t.txt', lines.join(end), { row: 50_001 });
      expect(html).toContain('<li data-n="50001"><span>line 50001 ');
      expect(html).toContain('line 53000 ');
      expect(html).not.toContain('line 50000 ');
      expect(html).not.toContain('line 53001 ');
    }
  });

  it('shows the further parts of a file', async () => {
    const cells = Array.from({ length: 400 }, (_, index) => ({
      cell_type: 'markdown',
      source: `cell<${index + 1}>`,
      metadata: {},
    }));
    const notebook = JSON.stringify({ nbformat: 4, nbformat_minor: 5, metadata: {}, cells });
    const [first, second] = [await page('a.ipynb', notebook, {}), await page('a.ipynb', notebook, { part: 301 })];
    expect(first.html).not.toContain('cell&lt;301&gt;');
    for (const cell of [301, 400]) expect(second.html).toContain(`cell&lt;${cell}&gt;`);
    expect(second.html).not.toContain('cell&lt;300&gt;');
    expect(second.truncated).toBe(true);
  });
});
