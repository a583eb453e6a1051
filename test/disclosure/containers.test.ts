import fc from 'fast-check';
import { unzipSync, zipSync } from 'fflate';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { describe, expect, it } from 'vitest';
import { checkFile } from '../../disclosure/check.ts';
import { policyFor } from '../../disclosure/tier-policy.ts';
import { makeDocx, makeJpeg, makePng, makeXlsx } from './builders.ts';
import { buildCheckedFile, buildSource } from './files.ts';
import { renderTestPreview } from './preview/pages.ts';

const check = async (path: string, bytes: Uint8Array) =>
  checkFile(buildCheckedFile(path, bytes), buildSource(bytes), policyFor(2), []);

const notebook = (indentation: number) =>
  Buffer.from(
    JSON.stringify(
      {
        cells: [
          { cell_type: 'markdown', id: 'a1', metadata: {}, source: ['# Title\n', 'Words.'] },
          { cell_type: 'code', execution_count: 1, id: 'b2', metadata: {}, outputs: [], source: ['x = 1\n'] },
        ],
        metadata: {
          kernelspec: { display_name: 'Python 3', language: 'python', name: 'python3' },
          language_info: { codemirror_mode: { name: 'ipython', version: 3 }, name: 'python', version: '3.12.1' },
        },
        nbformat: 4,
        nbformat_minor: 5,
      },
      null,
      indentation,
    ),
  );

const parquet = new Uint8Array(
  parquetWriteBuffer({
    columnData: [
      { name: 'region', data: ['North', 'South'], type: 'STRING' },
      { name: 'n', data: [40, 52], type: 'INT32' },
    ],
  }),
);
const workbook = makeXlsx([
  ['region', 'n'],
  ['North', 40],
  ['South', 52],
]);

/** A valid file of each format that has room for hidden bytes; it passes without a question. */
const samples: readonly (readonly [path: string, bytes: Uint8Array])[] = [
  ['p.png', makePng([['tEXt', 'Software\0Matplotlib 3.8']])],
  ['p.jpg', makeJpeg()],
  ['a.ipynb', notebook(1)],
  ['b.ipynb', notebook(0)],
  ['t.parquet', parquet],
  ['t.xlsx', workbook],
  ['a.docx', makeDocx('<w:p><w:r><w:t>Of 120 people, 40 answered.</w:t></w:r></w:p>')],
];

describe('a file format that has room for hidden bytes', () => {
  it.each(samples)('lets %s pass without a question when nothing is hidden in it', async (path, bytes) => {
    expect((await check(path, bytes)).findings.filter(({ action }) => action !== 'warn')).toEqual([]);
  });

  /** Puts bytes into a file, and expects that the check asks or blocks, or that the preview shows a difference. */
  async function expectVisible(
    path: string,
    bytes: Uint8Array,
    inner: Uint8Array,
    wrap: (content: Buffer) => Uint8Array,
  ) {
    const page = async (content: Uint8Array) => {
      const report = await check(path, content);
      return (await renderTestPreview(path, report.type, content)).html;
    };
    const original = await page(bytes);
    const insertion = fc.record({
      offset: fc.nat({ max: inner.length }),
      length: fc.constantFrom(16, 60),
      byte: fc.constantFrom(0, 0x20, 0x41, 0x7a, 0xff),
      replaced: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(insertion, async ({ offset, length, byte, replaced }) => {
        const content = wrap(
          Buffer.concat([
            inner.subarray(0, offset),
            Buffer.alloc(length, byte),
            inner.subarray(offset + (replaced ? length : 0)),
          ]),
        );
        const { findings } = await check(path, content);
        if (findings.some(({ action }) => action !== 'warn')) return;
        expect(await page(content)).not.toBe(original);
      }),
      { numRuns: 100 },
    );
  }

  it.each(samples)('never lets %s pass with inserted bytes that its preview does not show', (path, bytes) =>
    expectVisible(path, bytes, bytes, content => content),
  );

  const parts = samples
    .filter(([path]) => /x$/.test(path))
    .flatMap(([path, bytes]) => Object.keys(unzipSync(bytes)).map(part => [path, part, bytes] as const));
  it.each(parts)(
    'never lets %s pass with bytes inserted into its part %s that its preview does not show',
    (path, part, bytes) => {
      const files = unzipSync(bytes);
      return expectVisible(path, bytes, files[part] ?? new Uint8Array(), content =>
        zipSync({ ...files, [part]: content }),
      );
    },
  );
});
