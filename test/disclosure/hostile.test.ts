import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { zipSync } from 'fflate';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { describe, expect, it } from 'vitest';
import { checkFile } from '../../disclosure/check.ts';
import { FileReport, worstAction } from '../../disclosure/report.ts';
import { policyFor } from '../../disclosure/tier-policy.ts';
import { HOSTILE_FILES } from '../../local/bench/hostile-files.ts';
import { measureProcessorTime } from '../processor-time.ts';
import { areTrialsComplete, sampleRuns } from '../trials.ts';
import { makeDocx, makeGif, makeJpeg, makeNotebook, makePng, makeSafetensors, makeWebp, makeXlsx } from './builders.ts';
import { buildCheckedFile, buildSource, buildStreamSource, summariseFile } from './files.ts';

const policy = policyFor(1);
const check = async (path: string, content: string | Uint8Array, step?: number) =>
  FileReport.parse(await checkFile(buildCheckedFile(path, content), buildSource(content, step), policy, []));

const parquet = new Uint8Array(
  parquetWriteBuffer({
    columnData: [
      { name: 'region', data: ['North', 'South'], type: 'STRING' },
      { name: 'n', data: [40, 52], type: 'INT32' },
    ],
  }),
);
const encode = (text: string) => new TextEncoder().encode(text);
const samples: readonly (readonly [string, Uint8Array])[] = [
  ['t.csv', encode('region,n\n"North ""A""",40\nSouth,52\n')],
  [
    't.xlsx',
    makeXlsx([
      ['region', 'n'],
      ['North', 40],
    ]),
  ],
  ['t.docx', makeDocx('<w:p><w:t>Some words</w:t></w:p>')],
  ['t.parquet', parquet],
  ['t.json', encode('[{"region":"North","n":40}]')],
  ['t.jsonl', encode('{"region":"North","n":40}\n{"region":"South","n":41}\n')],
  ['a.ipynb', encode(makeNotebook([{ source: 'x', outputs: [] }]))],
  ['p.png', makePng([['tEXt', 'Software\0x']])],
  ['p.jpg', makeJpeg([[0xe1, 'Exif\0\0']])],
  ['p.gif', makeGif('x')],
  ['p.webp', makeWebp('EXIF')],
  ['p.svg', encode('<svg><path d="M0 0"/></svg>')],
  ['m.safetensors', makeSafetensors({ w: { dtype: 'F32', shape: [2], data_offsets: [0, 8] } })],
  ['a.zip', zipSync({ 'a.txt': encode('a'.repeat(500)) })],
];

describe('the check of a damaged or hostile file', () => {
  it.each(samples)('gives a report when %s is cut short at any point', async (path, bytes) => {
    for (let length = 0; length < bytes.length; length += Math.max(1, Math.floor(bytes.length / 150)))
      await check(path, bytes.slice(0, length));
  });

  it('gives a report when some bytes of a file are changed', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...samples),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        async ([path, bytes], changes) => {
          const damaged = bytes.slice();
          for (const [offset, value] of changes) damaged[offset % damaged.length] = value;
          await check(path, damaged);
        },
      ),
      { numRuns: sampleRuns(1500) },
    );
  });

  it('gives the same report on random bytes under any name, wherever they are split into pieces', async () => {
    const names = fc.constantFrom('a', ...samples.map(([path]) => path));
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 400 }),
      fc
        .tuple(fc.constantFrom(...samples), fc.uint8Array({ maxLength: 200 }))
        .map(([[, start], rest]) => Uint8Array.from([...start.slice(0, 16), ...rest])),
      fc.string({ unit: 'binary', maxLength: 200 }).map(encode),
    );
    await fc.assert(
      fc.asyncProperty(names, bytes, fc.integer({ min: 1, max: 20 }), async (path, content, step) => {
        expect(await check(path, content, step)).toEqual(await check(path, content));
      }),
      { numRuns: sampleRuns(1500) },
    );
  });

  it('blocks JSON that is nested 200,000 levels deep', async () =>
    expect(worstAction((await check('t.json', `${'['.repeat(200_000)}1${']'.repeat(200_000)}`)).findings)).toBe(
      'block',
    ));

  it('throws an error, and gives no report, when the file cannot be read to its end', async () => {
    async function* failingStream(): AsyncIterable<Uint8Array> {
      yield encode('region,n\n');
      throw new Error('the connection broke');
    }
    const file = buildCheckedFile('t.csv', 'region,n\n');
    await expect(checkFile(file, buildStreamSource(failingStream, file.size), policy, [])).rejects.toThrow(
      'the connection broke',
    );
    await expect(summariseFile(file, buildStreamSource(failingStream, file.size), policy)).rejects.toThrow(
      'the connection broke',
    );
  });

  it('takes little time for long lines of text that partly match many patterns', async () => {
    const spentTime = measureProcessorTime();
    for (const piece of ['a@', '0', '"', '<c', '<svg', '1,', '=', 'A1 ', '{', '(', '01 234 ', '<!--', 'a.'])
      for (const path of ['t.csv', 't.txt', 't.json', 'p.svg', 't.html', 'fit.R'])
        await check(path, piece.repeat(Math.floor(150_000 / piece.length)));
    expect(spentTime()).toBeLessThan(30_000);
  });
});

describe('a very wide table', () => {
  // The work for one cell does not grow with the number of columns: 240,000 cells take a second and not a minute.
  it('is checked cell by cell when all its columns have the same name', async () => {
    const wide = `${'a,'.repeat(15_999)}a\n${`${'3,'.repeat(15_999)}3\n`.repeat(15)}`;
    const { findings } = await check('t.csv', wide);
    const counts = findings.filter(({ rule }) => rule === 'sdc.minimum-count').map(({ count }) => count);
    // The first column names the rows.
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(15 * 15_999);
  });

  it('on a web page is read only to the largest number of columns, and a finding says so', async () => {
    const row = `<tr>${'<td>40'.repeat(100_000)}`;
    const { findings } = await check('t.html', `<table>${row}${row}</table>`);
    expect(findings.map(({ rule, message }) => `${rule} ${message}`).join()).toContain('it has too many columns');
  });
});

describe('a hostile file', () => {
  it.each(Object.entries(HOSTILE_FILES))(
    'of 256 KiB is checked in less than 3 seconds of processor time: %s',
    async (_, { path, make }) => {
      const bytes = make(256 * 1024);
      const spentTime = measureProcessorTime();
      await checkFile(buildCheckedFile(path, bytes), buildSource(bytes), policyFor(2), []);
      expect(spentTime()).toBeLessThan(3000);
    },
  );
});

describe('the memory that the check needs', () => {
  /** A workbook with a sheet of 256 MB of zeros, packed, that says its size is `declaredSize`. */
  const bomb = (declaredSize: number) => {
    const packed = deflateRawSync(new Uint8Array(256 * 2 ** 20));
    const files = zipSync({
      '[Content_Types].xml': encode('<Types/>'),
      'xl/workbook.xml': encode('<workbook><sheet name="a" r:id="r"/></workbook>'),
      'xl/_rels/workbook.xml.rels': encode('<Relationship Id="r" Target="sheet.xml"/>'),
      'xl/sheet.xml': new Uint8Array(10),
    });
    const view = new DataView(files.buffer, files.byteOffset, files.byteLength);
    // The last entry's content is replaced, and its directory says the size that the test declares.
    const end = files.length - 22;
    const directoryStart = view.getUint32(end + 16, true);
    const entryBytes = files.slice(0, directoryStart);
    const text = Buffer.from(entryBytes).lastIndexOf('xl/sheet.xml') + 12;
    const directory = files.slice(directoryStart, end);
    const entry = Buffer.from(directory).lastIndexOf('PK\u0001\u0002');
    const entries = new DataView(directory.buffer, directory.byteOffset);
    entries.setUint16(entry + 10, 8, true);
    entries.setUint32(entry + 20, packed.length, true);
    entries.setUint32(entry + 24, declaredSize, true);
    const last = files.slice(end);
    new DataView(last.buffer).setUint32(16, text + packed.length, true);
    return Buffer.concat([entryBytes.slice(0, text), packed, directory, last]);
  };

  it.each([
    ['and says so', 256 * 2 ** 20],
    ['but says it is small', 1000],
  ])('grows by less than 64 MB for a workbook that unpacks to 256 MB %s', async (_, declaredSize) => {
    const bytes = bomb(declaredSize);
    const memory = process.memoryUsage().rss;
    const { findings } = await check('t.xlsx', bytes);
    expect(worstAction(findings)).toBe('block');
    expect(findings.map(({ rule }) => rule)).toEqual([declaredSize > 1000 ? 'archive.unsafe' : 'type.unreadable']);
    expect(process.memoryUsage().rss - memory).toBeLessThan(64 * 2 ** 20);
  });

  // Every finding that is kept, and every row, would show: 40 MB in npm test, 100 MB in npm run test:trials.
  const repetitions = areTrialsComplete ? 1600 : 640;
  it('grows by less than 160 MB for a large table with findings in every row', async () => {
    const line = encode(`${'North,"a ""b""",40,=1+1,jane@trust.nhs.uk\n'.repeat(1500)}`);
    async function* repeatedLines(): AsyncIterable<Uint8Array> {
      yield encode('area,note,n,x,y\n');
      for (let index = 0; index < repetitions; index++) yield line;
    }
    // No limit stops the reading, so the whole table is checked.
    const unlimited = { ...policy, rows: 1e9, cells: 1e9 };
    const file = { ...buildCheckedFile('t.csv', ''), size: repetitions * line.length };
    globalThis.gc?.();
    const memory = process.memoryUsage().rss;
    const { findings } = await checkFile(file, buildStreamSource(repeatedLines, file.size), unlimited, []);
    expect(findings.find(({ rule }) => rule === 'table.formula')?.count).toBe(1500 * repetitions);
    expect(process.memoryUsage().rss - memory).toBeLessThan(160 * 2 ** 20);
  });
});
