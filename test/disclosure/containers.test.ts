import fc from 'fast-check';
import { unzipSync, zipSync } from 'fflate';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { describe, expect, it } from 'vitest';
import { checkFile } from '../../disclosure/check.ts';
import { rewriteFile } from '../../disclosure/rewrite.ts';
import { policyFor } from '../../disclosure/tier-policy.ts';
import { sampleRuns } from '../trials.ts';
import { makeDocx, makeJpeg, makePng, makePptx, makeXlsx } from './builders.ts';
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

const drawing = `<svg xmlns="http://www.w3.org/2000/svg" width="90" height="40" viewBox="0 0 90 40">
<g style="fill:#336699"><rect x="5" y="5" width="30" height="30"/><path d="M 40 5 L 60 35"/></g>
<text x="60" y="30" style="font: 10px Arial">North</text>
</svg>
`;
/** How many changes of each file are tried. */
const numRuns = sampleRuns(100);

/** A valid file of each format that has room for hidden bytes; it passes without a question. */
const samples: readonly (readonly [path: string, bytes: Uint8Array])[] = [
  ['p.png', makePng([['tEXt', 'Software\0Matplotlib 3.8']])],
  ['p.jpg', makeJpeg()],
  ['a.ipynb', notebook(1)],
  ['b.ipynb', notebook(0)],
  ['t.parquet', parquet],
  ['t.xlsx', workbook],
  ['d.svg', Buffer.from(drawing)],
  ['s.pptx', makePptx('Of 120 people, 40 answered.')],
  ['a.docx', makeDocx('<w:p><w:r><w:t>Of 120 people, 40 answered.</w:t></w:r></w:p>')],
];

/** What would be sealed of a file: the file written again, or as it is. */
const seal = async (path: string, bytes: Uint8Array) => (await rewriteFile(path, bytes)) ?? bytes;

describe('a file format that has room for hidden bytes', () => {
  it.each(samples)('lets %s pass without a question when nothing is hidden in it', async (path, bytes) => {
    expect((await check(path, bytes)).findings.filter(({ action }) => action !== 'warn')).toEqual([]);
  });

  const page = async (path: string, bytes: Uint8Array) => {
    const report = await check(path, bytes);
    const { html } = await renderTestPreview(path, report.type, bytes);
    return html.replace(/<dt>Size.*?<\/dd>/, '');
  };

  const edit = fc.record({
    offset: fc.nat(),
    length: fc.constantFrom(1, 16, 60),
    byte: fc.constantFrom(0, 0x20, 0x41, 0x7a, 0xff),
    kind: fc.constantFrom('insert', 'replace', 'flip', 'remove'),
    mask: fc.integer({ min: 1, max: 255 }),
  });
  type Change = typeof edit extends fc.Arbitrary<infer Value> ? Value : never;
  const applyChange = (bytes: Uint8Array, { offset: place, length, byte, kind, mask }: Change): Buffer => {
    const offset = place % (bytes.length + 1);
    const end = offset + (kind === 'insert' ? 0 : kind === 'flip' ? 1 : length);
    const content = kind === 'remove' ? [] : kind === 'flip' ? [(bytes[offset] ?? 0) ^ mask] : Array(length).fill(byte);
    return Buffer.concat([bytes.subarray(0, offset), Uint8Array.from(content), bytes.subarray(end)]);
  };

  /**
   * Changes bytes of a file. The check must ask or block, or the file that is sealed must be the same as without the change,
   * or its preview must show the difference.
   */
  async function expectVisible(
    path: string,
    bytes: Uint8Array,
    inner: Uint8Array,
    wrap: (content: Buffer) => Uint8Array,
    change: fc.Arbitrary<Change>,
  ) {
    const original = await seal(path, bytes);
    const originalPage = await page(path, original);
    await fc.assert(
      fc.asyncProperty(change, async value => {
        const sealedBytes = await seal(path, wrap(applyChange(inner, value)));
        if (Buffer.compare(sealedBytes, original) === 0) return;
        const { findings } = await check(path, sealedBytes);
        if (findings.some(({ action }) => action !== 'warn')) return;
        expect(await page(path, sealedBytes)).not.toBe(originalPage);
      }),
      { numRuns },
    );
  }

  it.each(samples)('never lets %s pass with changed bytes that its preview does not show', (path, bytes) =>
    expectVisible(path, bytes, bytes, content => content, edit),
  );

  const parts = samples
    .filter(([path]) => /x$/.test(path))
    .flatMap(([path, bytes]) => Object.keys(unzipSync(bytes)).map(part => [path, part, bytes] as const));
  it.each(parts)(
    'never lets %s pass with changed bytes in its part %s that its preview does not show',
    (path, part, bytes) => {
      const files = unzipSync(bytes);
      const content = files[part] ?? new Uint8Array();
      // A setting may be another number, or another known word, by one letter or a space: the list allows it.
      const isInTag = (place: number) => {
        const beginning = Buffer.from(content.subarray(0, place % (content.length + 1))).toString();
        return beginning.lastIndexOf('<') > beginning.lastIndexOf('>');
      };
      const visible = edit.filter(
        ({ kind, length, byte, offset }) =>
          (kind !== 'remove' && kind !== 'flip' && length > 1 && byte !== 0x20) || (length === 1 && !isInTag(offset)),
      );
      return expectVisible(path, bytes, content, changedPart => zipSync({ ...files, [part]: changedPart }), visible);
    },
  );
});
