import { crc32 } from 'node:zlib';
import { expect } from 'vitest';
import { type ByteSource, memorySource } from '../../../disclosure/byte-source.ts';
import { renderPreview } from '../../../disclosure/preview/preview.ts';
import type { FileReport } from '../../../disclosure/report.ts';

export const renderTestPreview = (
  path: string,
  type: string,
  content: string | Uint8Array | ByteSource,
  report?: FileReport,
) => {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  if (!(bytes instanceof Uint8Array)) return renderPreview({ path, type, report }, bytes);
  return renderPreview({ path, type, report, size: bytes.length }, memorySource(bytes, 4096));
};

/** A report that blocks these cells: row, column, value. */
export const buildBlockReport = (cells: readonly [number, number, string][]): FileReport => ({
  path: 't.csv',
  sha256: '0'.repeat(64),
  type: 'text/csv',
  policy: 'strict-3',
  findings: Array.from({ length: Math.ceil(cells.length / 50) }, (_, index) =>
    cells.slice(index * 50, index * 50 + 50),
  ).map(part => ({
    rule: 'sdc.minimum-count',
    action: 'block' as const,
    message: 'These counts are below 10. Suppress them, or merge their groups.',
    cells: part.map(([row, column, value]) => ({ row, column, value })),
    count: part.length,
  })),
  ran: ['sdc.minimum-count', 'sdc.dominance'],
  rows: 3,
  cells: 6,
});

export function makePngChunk(type: string, data: Buffer): Buffer {
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}

/** Nothing in a document that a browser could act on, whatever the file was. */
export function expectInert(html: string, extraTags: readonly string[] = []) {
  const tags = [...html.matchAll(/<\/?([a-zA-Z][a-zA-Z0-9]*)/g)].map(([, tag]) => tag?.toLowerCase());
  const pageTags = new Set(
    'html head meta title style body header h1 h2 p span main section ul ol li b code br div table thead tbody tr th td sup i figure img dl dt dd pre nav'.split(
      ' ',
    ),
  );
  expect(tags.filter(tag => !pageTags.has(tag ?? '') && !extraTags.includes(tag ?? ''))).toEqual([]);
  expect(html.match(/<style>/g)).toHaveLength(1);
  for (const [, source] of html.matchAll(/<img[^>]*src="([^"]*)"/g))
    expect(source).toMatch(/^data:image\/(png|svg\+xml);base64,[A-Za-z0-9+/=]+$/);
  for (const [, names] of html.matchAll(/<[a-z0-9]+((?:\s+[a-z-]+(?:="[^"]*")?)*)\s*>/g))
    expect(names?.replace(extraTags.includes('a') ? /^ href="files\/\d+\.html"$/ : /^$/, '')).not.toMatch(
      /\s(on\w+|style|href|srcset|action|formaction|background)=/,
    );
}
