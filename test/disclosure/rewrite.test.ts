import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { unzipSync, zipSync } from 'fflate';
import { parquetWriteBuffer } from 'hyparquet-writer';
import jpeg from 'jpeg-js';
import { describe, expect, it } from 'vitest';
import { checkFile } from '../../disclosure/check.ts';
import { extractPngImage } from '../../disclosure/preview/png.ts';
import { decodePng } from '../../disclosure/preview/png-decode.ts';
import { MAX_REWRITTEN_BYTES, rewriteFile } from '../../disclosure/rewrite.ts';
import { policyFor } from '../../disclosure/tier-policy.ts';
import { sampleRuns } from '../trials.ts';
import { makeJpeg, makeNotebook, makePng, makeXlsx } from './builders.ts';
import { buildCheckedFile, buildSource } from './files.ts';
import { makePngChunk, renderTestPreview } from './preview/pages.ts';

const findingsOf = async (path: string, bytes: Uint8Array) =>
  (await checkFile(buildCheckedFile(path, bytes), buildSource(bytes), policyFor(2), [])).findings;
const rewrite = async (path: string, bytes: Uint8Array) => Buffer.from((await rewriteFile(path, bytes)) ?? []);
const readSample = (name: string) => readFileSync(new URL(`corpus/office/${name}`, import.meta.url));

describe('an office file of a usual program', () => {
  const names = ['python-docx.docx', 'openpyxl.xlsx', 'xlsxwriter.xlsx', 'python-pptx.pptx'];
  it.each(names)('%s passes without a question, and so does the file written again', async name => {
    const original = readSample(name);
    const rewritten = await rewrite(name, original);
    for (const bytes of [original, rewritten])
      expect((await findingsOf(name, bytes)).filter(({ action }) => action !== 'warn')).toEqual([]);
  });

  it.each(names)('%s keeps its parts and its words, and loses what nobody is shown', async name => {
    const original = readSample(name);
    const rewritten = await rewrite(name, original);
    const { type } = await checkFile(buildCheckedFile(name, original), buildSource(original), policyFor(2), []);
    expect(Object.keys(unzipSync(rewritten)).sort()).toEqual(Object.keys(unzipSync(original)).sort());
    const [originalPage, rewrittenPage] = await Promise.all(
      [original, rewritten].map(async bytes => (await renderTestPreview(name, type, bytes)).html),
    );
    const body = (html: string | undefined) => html?.slice(html.indexOf('<main')).replace(/<dt>Size.*?<\/dd>/, '');
    expect(body(rewrittenPage)).toBe(body(originalPage));
    expect(rewritten.toString('latin1')).not.toMatch(/rsid|paraId/);
    expect(await rewrite(name, rewritten)).toEqual(rewritten);
  });

  it('is the same however its archive was packed and its XML was written', async () => {
    const plain = makeXlsx([['region', 'n']]);
    const parts = unzipSync(plain);
    const spaced = Object.fromEntries(
      Object.entries(parts).map(([name, content]) => [
        name,
        Buffer.from(
          Buffer.from(content)
            .toString()
            .replaceAll('><', '>\n  <')
            .replaceAll('"', "'")
            .replace('n</t>', '&#110;</t>'),
        ),
      ]),
    );
    const times = zipSync(Object.fromEntries(Object.entries(spaced).reverse()), {
      level: 0,
      mtime: new Date(2017, 4, 5),
      attrs: 0o600 << 16,
      extra: { 21589: Buffer.from('hidden') },
    });
    expect(await rewrite('t.xlsx', times)).toEqual(await rewrite('t.xlsx', plain));
  });

  it('is left as it is when its archive has what the checks report', async () => {
    const comment = Buffer.concat([makeXlsx([['region', 'n']]), Buffer.from('tail')]);
    expect(await rewriteFile('t.xlsx', comment)).toBeUndefined();
  });
});

describe('a picture that is written again', () => {
  it('is a PNG of the same pixels, with its dots per inch and nothing else', async () => {
    const density = makePngChunk('pHYs', Buffer.from([0, 0, 0x2e, 0x23, 0, 0, 0x2e, 0x23, 1]));
    const plain = Buffer.from(makePng([['tEXt', 'Software\0Matplotlib 3.8']]));
    const original = Buffer.concat([plain.subarray(0, 33), density, plain.subarray(33)]);
    const rewritten = await rewrite('p.png', original);
    const [image, rewrittenImage] = [original, rewritten].map(extractPngImage);
    expect(rewrittenImage).toMatchObject({ dotsPerInch: 300, surplusBytes: 0 });
    expect(decodePng(rewrittenImage?.png ?? original)).toEqual(decodePng(image?.png ?? rewritten));
    expect(rewritten.toString('latin1')).not.toContain('Matplotlib');
    expect((await renderTestPreview('p.png', 'image/png', rewritten)).html).toContain('300 dots per inch');
    expect(await findingsOf('p.png', rewritten)).toEqual([]);
  });

  it.each([
    ['a comment', makePng([['tEXt', 'Comment\0nine patients']])],
    ['bytes behind its end', makePng([], 'tail')],
    ['EXIF data', makeJpeg([[0xe1, 'Exif\0\0nine patients']])],
  ])('is left as it is when it has %s, which the checks report', async (_, bytes) => {
    expect(await rewriteFile('p.png', bytes)).toBeUndefined();
    expect((await findingsOf('p.png', bytes)).map(({ action }) => action)).toContain('block');
  });

  it('is a JPEG that passes, whatever it shows', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 0, max: 1e9 }),
        async (width, height, seed) => {
          const data = Buffer.from({ length: width * height * 4 }).map(
            (_, index) => Math.imul(index * 3 + seed, seed) >>> 24,
          );
          const rewritten = await rewrite('p.jpg', jpeg.encode({ data, width, height }, 90).data);
          if (rewritten.length > 0) expect(await findingsOf('p.jpg', rewritten)).toEqual([]);
        },
      ),
      { numRuns: sampleRuns(60) },
    );
  });
});

describe('a notebook that is written again', () => {
  const cell = { cell_type: 'code', execution_count: 2, metadata: {}, outputs: [], source: 'x = 1\ny = 2' };

  it('has sorted keys, lines of text and an indentation of one, as Jupyter writes it', async () => {
    const text = (await rewrite('a.ipynb', Buffer.from(makeNotebook([cell])))).toString();
    expect(JSON.parse(text)).toEqual({
      cells: [{ ...cell, source: ['x = 1\n', 'y = 2'] }],
      metadata: {},
      nbformat: 4,
      nbformat_minor: 4,
    });
    expect(text.startsWith('{\n "cells": [\n  {\n   "cell_type": "code",\n')).toBe(true);
  });

  it('is the same however its JSON is written and its lines are divided', async () => {
    const unusualCell = {
      source: ['x =', ' 1\ny ', '= 2'],
      outputs: [],
      execution_count: 2,
      cell_type: 'code',
    };
    const unusual = makeNotebook([unusualCell]).replace('"code"', '"\\u0063ode"').replaceAll(',', ' ,\n\t');
    expect(await rewrite('a.ipynb', Buffer.from(unusual))).toEqual(
      await rewrite('a.ipynb', Buffer.from(makeNotebook([cell]))),
    );
  });

  it('has its pictures drawn again', async () => {
    const output = (image: Uint8Array) => ({
      ...cell,
      outputs: [
        {
          output_type: 'display_data',
          metadata: {},
          data: { 'image/png': Buffer.from(image).toString('base64') },
        },
      ],
    });
    const [plain, noted] = [makePng(), makePng([['tEXt', 'Software\0Matplotlib 3.8']])].map(image =>
      Buffer.from(makeNotebook([output(image)])),
    );
    expect(plain && (await rewrite('a.ipynb', plain))).toEqual(noted && (await rewrite('a.ipynb', noted)));
  });

  it('shows every key and number that has room for a message', async () => {
    const bytes = Buffer.from(
      JSON.stringify({
        cells: [{ ...cell, execution_count: 4711, 'the ninth patient': {} }],
        metadata: {},
        nbformat: 4,
        nbformat_minor: 943476,
      }),
    );
    const { html } = await renderTestPreview('a.ipynb', 'application/x-ipynb+json', bytes);
    for (const text of ['4711', 'the ninth patient', '943476']) expect(html).toContain(text);
  });
});

describe('a drawing that is written again', () => {
  it('is what the page shows of it, in lines that fit on a page', async () => {
    const path = Array.from({ length: 400 }, (_, index) => `L ${index} ${index % 7}`).join(' ');
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><!-- nine patients --><metadata>note</metadata><path d="M 0 0 ${path}" data-note="nine patients"/><text style="font: italic 10px Arial">North</text></svg>`;
    const rewritten = await rewrite('d.svg', Buffer.from(svg));
    expect(rewritten.toString()).not.toMatch(/nine patients|note/);
    expect(rewritten.toString()).toContain(
      '<text font-size="10px" font-family="Arial" font-style="italic">North</text>',
    );
    const { html, truncated } = await renderTestPreview('d.svg', 'image/svg+xml', rewritten);
    expect(html).toContain(rewritten.toString('base64'));
    expect(truncated).toBe(false);
    expect(await rewrite('d.svg', rewritten)).toEqual(rewritten);
  });
});

describe('a Parquet table that is written again', () => {
  const write = (columns: Parameters<typeof parquetWriteBuffer>[0]['columnData'], options = {}) =>
    new Uint8Array(parquetWriteBuffer({ columnData: columns, ...options }));
  it('is the same however its pages were written, and whatever was said beside them', async () => {
    const columns: Parameters<typeof write>[0] = [
      { name: 'region', data: ['North', 'South', 'North'], type: 'STRING' },
      { name: 'n', data: [40, 52, 44], type: 'INT32' },
    ];
    const plain = write(columns);
    const unusual = write(
      columns.map(column => ({ ...column, encoding: 'PLAIN' })),
      { codec: 'UNCOMPRESSED', statistics: false, rowGroupSize: 1, kvMetadata: [{ key: 'k', value: 'v' }] },
    );
    expect(await rewrite('t.parquet', unusual)).toEqual(await rewrite('t.parquet', plain));
    expect(await findingsOf('t.parquet', await rewrite('t.parquet', plain))).toEqual([]);
  });

  it('keeps times, decimals and numbers to the last digit, and shows them so', async () => {
    const column = { type: 'INT64', repetition_type: 'REQUIRED' };
    const original = write(
      [
        { name: 't', data: [1_700_000_000_123_456_789n, 0n, -1n] },
        { name: 'd', data: [123_456_789_012_345_678n, -5n, 0n] },
      ],
      {
        schema: [
          { name: 'schema', num_children: 2 },
          { ...column, name: 't', logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: false, unit: 'NANOS' } },
          { ...column, name: 'd', converted_type: 'DECIMAL', scale: 3, precision: 18 },
        ],
      },
    );
    const rewritten = await rewrite('t.parquet', original);
    for (const bytes of [original, rewritten]) {
      const { html } = await renderTestPreview('t.parquet', 'application/vnd.apache.parquet', bytes);
      const values = ['2023-11-14 22:13:20.123456789', '1970-01-01<', '1969-12-31 23:59:59.999999999'];
      for (const text of [...values, '123456789012345.678', '-0.005', '0.000']) expect(html).toContain(text);
    }
  });

  it('has one form of what stands for no number', async () => {
    const payload = new Float64Array(new BigUint64Array([0x7ff8_dead_beef_cafen, 0n]).buffer);
    const [first, second] = [payload, new Float64Array([Number.NaN, 0])].map(data =>
      write([{ name: 'x', data, type: 'DOUBLE' }]),
    );
    expect(first && second && (await rewrite('t.parquet', first))).toEqual(
      second && (await rewrite('t.parquet', second)),
    );
  });
});

it('leaves tables, texts and very large files as they are', async () => {
  expect(await rewriteFile('t.csv', Buffer.from('region,n\nNorth,40\n'))).toBeUndefined();
  expect(await rewriteFile('p.png', Buffer.alloc(MAX_REWRITTEN_BYTES + 1))).toBeUndefined();
});
