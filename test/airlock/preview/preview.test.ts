import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import jpeg from 'jpeg-js';
import { PNG } from 'pngjs';
import { describe, expect, it } from 'vitest';
import { visible } from '../../../functions/airlock/preview/escape.ts';
import { limits } from '../../../functions/airlock/preview/limits.ts';
import { letters } from '../../../functions/airlock/preview/page.ts';
import { encode, essence } from '../../../functions/airlock/preview/png.ts';
import { decodePng } from '../../../functions/airlock/preview/unpng.ts';
import { chunks, pngChunk, reportOf, show } from './pages.ts';

/** Nothing in a document that a browser could act on, whatever the file was. */
function inert(html: string) {
  const tags = [...html.matchAll(/<\/?([a-zA-Z][a-zA-Z0-9]*)/g)].map(([, tag]) => tag?.toLowerCase());
  const ours = new Set(
    'html head meta title style body header h1 h2 p span main section ul ol li b code br div table thead tbody tr th td sup i figure img dl dt dd pre'.split(
      ' ',
    ),
  );
  expect(tags.filter(tag => !ours.has(tag ?? ''))).toEqual([]);
  expect(html.match(/<style>/g)).toHaveLength(1);
  for (const [, source] of html.matchAll(/<img[^>]*src="([^"]*)"/g))
    expect(source).toMatch(/^data:image\/png;base64,[A-Za-z0-9+/=]+$/);
  for (const [, names] of html.matchAll(/<[a-z0-9]+((?:\s+[a-z-]+(?:="[^"]*")?)*)\s*>/g))
    expect(names).not.toMatch(/\s(on\w+|style|href|srcset|action|formaction|background)=/);
}

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
  ])('%j shows what is not seen', (text, number) => {
    expect(visible(text)).toContain(`>${number}</i>`);
    expect(visible(text)).toMatch(/^a<i[^>]*>[^<]*<\/i>/);
  });

  it('leaves what people write as it is', () => {
    for (const text of ['Räntä 12 %', 'שלום', 'مرحبا', '統計', 'é', 'e\u0301', 'naïve – “quoted”', '😀'])
      expect(visible(text)).toBe(text);
  });

  it('is inert whatever it says', async () => {
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
        async (parts, type, path) => inert((await show(path, type, parts.join('').toWellFormed())).html),
      ),
      { numRuns: 200 },
    );
  });

  it('is cut with a count: long lines, many lines, and the file itself', async () => {
    const { html, truncated } = await show('a.txt', 'text/plain', `${'x'.repeat(1000)}\n${'y\n'.repeat(5000)}`);
    expect(html).toContain('+400 more');
    expect(html).toContain('2,001 lines.');
    expect(truncated).toBe(true);
    expect((await show('a.txt', 'text/plain', 'short\n')).truncated).toBe(false);
    const large = await show('a.txt', 'text/plain', 'z'.repeat(3_000_000));
    expect(large.truncated).toBe(true);
    expect(large.html.length).toBeLessThan(50_000);
  });

  it.each([
    ['a ZIP', 'application/zip', Buffer.from('504b0304140000000800', 'hex')],
    ['a PDF', 'application/pdf', Buffer.concat([Buffer.from('%PDF-1.7\n'), Buffer.from([0xe2, 0xe3, 0xcf, 0xd3])])],
    ['a table in another encoding', 'text/csv', Buffer.from('ö,1\n', 'latin1')],
    ['nothing', 'text/plain', Buffer.alloc(0)],
  ])('%s is a card', async (_, type, bytes) => {
    const { html } = await show('file.bin', type, bytes);
    inert(html);
    expect(html).toContain('No preview');
  });
});

describe('a table', () => {
  const rows = (count: number) => `name,n\n${Array.from({ length: count }, (_, i) => `g${i},${i}`).join('\n')}\n`;

  it('marks the flagged cell and no other', async () => {
    const { html } = await show('t.csv', 'text/csv', 'group,n\na,12\nb,3\n', reportOf([[3, 2, '3']]));
    expect(html).toContain('<td class="block n" title="Finding 1">3<sup>1</sup></td>');
    expect(html.match(/<td class="block/g)).toHaveLength(1);
    expect(html).toContain('B3 = 3');
  });

  it('shows a flagged cell far down and far right, with its neighbours', async () => {
    const wide = Array.from({ length: 100 }, (_, i) => `c${i}`).join();
    const body = Array.from({ length: 5000 }, (_, r) => Array.from({ length: 100 }, (_, c) => `${r}x${c}`).join()).join(
      '\n',
    );
    const { html, truncated } = await show(
      't.csv',
      'text/csv',
      `${wide}\n${body}\n`,
      reportOf([[4000, 90, '3998x89']]),
    );
    expect(html).toContain('<td class="block" title="Finding 1">3998x89<sup>1</sup></td>');
    expect(html).toContain('<td>3997x88</td>');
    expect(html).toContain('3,798 rows</td>');
    expect(truncated).toBe(true);
  });

  it('counts rows as the checks do, whatever is in quotes', async () => {
    const { html } = await show('t.csv', 'text/csv', 'a,b\n"x\ny","<b>1</b>"\n\n2,3\n', reportOf([[4, 2, '3']]));
    inert(html);
    expect(html).toContain('<td class="block n" title="Finding 1">3<sup>1</sup></td>');
    expect(html).toContain('x<i class="u" title="U+000A">↵</i>y');
  });

  it('shows what a spreadsheet would run', async () => {
    const { html } = await show('t.csv', 'text/csv', 'a\n=1+1\n@SUM(A1)\n-5\n+x\n');
    expect(html.match(/class="f"/g)).toHaveLength(3);
  });

  it('says what is not shown', async () => {
    const { html, truncated } = await show('t.csv', 'text/csv', rows(500));
    expect(truncated).toBe(true);
    expect(html).toContain('301 of 501 rows read.');
    expect((await show('t.csv', 'text/csv', rows(100))).truncated).toBe(false);
  });

  it('stays small whatever the table: cells, columns and flags without end', async () => {
    const cell = `"${'<'.repeat(100_000)}"`;
    const { html } = await show('t.csv', 'text/csv', `${Array.from({ length: 35 }, () => cell).join()}\n`.repeat(3));
    expect(html.length).toBeLessThan(200_000);
    expect(html).toContain('+99,800 bytes');
    const wide = await show('t.csv', 'text/csv', `${','.repeat(16_000)}\n`.repeat(50));
    expect(wide.html.length).toBeLessThan(200_000);
    const many = Array.from({ length: 400 }, (_, i) => [i * 50 + 2, 1, ''] as [number, number, string]);
    const full = `${Array.from({ length: 40 }, () => '&'.repeat(200)).join()}\n`.repeat(3000);
    expect((await show('t.csv', 'text/csv', full, reportOf(many))).html.length).toBeLessThan(limits.html + 200_000);
  });

  it.each([
    [1, 'A'],
    [26, 'Z'],
    [27, 'AA'],
    [702, 'ZZ'],
    [703, 'AAA'],
  ])('column %d is %s', (column, name) => expect(letters(column)).toBe(name));
});

describe('a picture', () => {
  const noise = (length: number, seed = 1) => {
    let state = seed;
    return Uint8Array.from({ length }, () => {
      state = (state * 1103515245 + 12345) & 0x7fffffff;
      return state >> 16;
    });
  };
  const pixelsOf = (width: number, height: number) => ({ width, height, data: noise(width * height * 4) });
  const shownIn = (html: string) => Buffer.from(/base64,([^"]+)/.exec(html)?.[1] ?? '', 'base64');

  it('is decoded as another decoder does, for every kind of PNG', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 40 }),
        fc.constantFrom<0 | 2 | 4 | 6>(0, 2, 4, 6),
        fc.nat(),
        (width, height, colorType, seed) => {
          const png = new PNG({ width, height });
          png.data = Buffer.from(noise(width * height * 4, seed));
          const file = PNG.sync.write(png, { colorType, inputHasAlpha: true });
          const read = PNG.sync.read(file);
          expect(Buffer.from(decodePng(essence(file).png).data)).toEqual(read.data);
        },
      ),
      { numRuns: 60 },
    );
  });

  it.each([1, 2, 4, 8])('is decoded with a palette and with grey of %d bits, interlaced too', depth => {
    const [width, height] = [13, 11];
    for (const color of [0, 3])
      for (const interlace of [0, 1]) {
        const header = Buffer.alloc(13);
        header.writeUInt32BE(width, 0);
        header.writeUInt32BE(height, 4);
        header.set([depth, color, 0, 0, interlace], 8);
        const passes = interlace
          ? [
              [0, 0, 8, 8],
              [4, 0, 8, 8],
              [0, 4, 4, 8],
              [2, 0, 4, 4],
              [0, 2, 2, 4],
              [1, 0, 2, 2],
              [0, 1, 1, 2],
            ]
          : [[0, 0, 1, 1]];
        const raw = passes.flatMap(([x = 0, y = 0, dx = 1, dy = 1]) => {
          const [w, h] = [Math.max(0, Math.ceil((width - x) / dx)), Math.max(0, Math.ceil((height - y) / dy))];
          return w === 0
            ? []
            : Array.from({ length: h }, (_, r) => [r % 5, ...noise(Math.ceil((w * depth) / 8), r + 7)]);
        });
        const file = Buffer.concat([
          Buffer.from('89504e470d0a1a0a', 'hex'),
          pngChunk('IHDR', header),
          ...(color === 3 ? [pngChunk('PLTE', Buffer.from(noise(768))), pngChunk('tRNS', Buffer.from(noise(9)))] : []),
          pngChunk('IDAT', deflateSync(Buffer.from(raw.flat()))),
          pngChunk('IEND', Buffer.alloc(0)),
        ]);
        expect(Buffer.from(decodePng(essence(file).png).data)).toEqual(PNG.sync.read(file).data);
      }
  });

  it('survives our own encoding to the pixel, as another decoder sees it', () => {
    const pixels = pixelsOf(37, 23);
    expect(PNG.sync.read(encode(pixels)).data).toEqual(Buffer.from(pixels.data));
  });

  it('loses everything but its pixels: texts, profiles, and what hangs behind its end', async () => {
    const clean = encode(pixelsOf(20, 20));
    const secret = Buffer.from('NHS-943-476-5919');
    const file = Buffer.concat([
      clean.subarray(0, 33),
      pngChunk('tEXt', Buffer.concat([Buffer.from('Comment\0'), secret])),
      pngChunk('eXIf', secret),
      clean.subarray(33),
      secret,
      Buffer.from('<script>alert(1)</script>'),
    ]);
    const { html } = await show('a.png', 'image/png', file);
    inert(html);
    expect(shownIn(html)).toEqual(clean);
    expect(html).toContain('105 bytes of the file are not part of its picture');
  });

  it('of a JPEG loses them too', async () => {
    const data = jpeg.encode({ width: 32, height: 24, data: noise(32 * 24 * 4) }, 90).data;
    const exif = Buffer.concat([Buffer.from([0xff, 0xe1, 0, 18]), Buffer.from('NHS-943-476-5919')]);
    const { html } = await show(
      'a.jpg',
      'image/jpeg',
      Buffer.concat([data.subarray(0, 2), exif, data.subarray(2), Buffer.from('tail')]),
    );
    inert(html);
    const shown = shownIn(html);
    expect(PNG.sync.read(shown)).toMatchObject({ width: 32, height: 24 });
    expect(shown.includes('NHS-943')).toBe(false);
  });

  it('shows what lies under transparency', async () => {
    const pixels = pixelsOf(16, 16);
    for (let at = 3; at < pixels.data.length; at += 4) pixels.data[at] = 0;
    const { html } = await show('a.png', 'image/png', encode(pixels));
    expect(html).toContain('colours lie hidden there');
    expect(html.match(/<img/g)).toHaveLength(2);
  });

  it('of many pixels is made smaller, and noise until it fits', async () => {
    const { html, truncated } = await show('a.png', 'image/png', encode(pixelsOf(1500, 1500)));
    expect(truncated).toBe(true);
    expect(html).toMatch(/1,500 × 1,500 pixels, shown at 1\/\d/);
    expect(html.length).toBeLessThan(limits.html + 100_000);
  });

  const bomb = (width: number, height: number, content: Buffer) => {
    const header = Buffer.alloc(13);
    header.writeUInt32BE(width, 0);
    header.writeUInt32BE(height, 4);
    header.set([8, 6, 0, 0, 0], 8);
    const parts = [pngChunk('IHDR', header), pngChunk('IDAT', deflateSync(content)), pngChunk('IEND', Buffer.alloc(0))];
    return Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), ...parts]);
  };
  const tiny = encode(pixelsOf(2, 2));
  it.each<[string, Buffer, RegExp]>([
    ['too many pixels', bomb(60_000, 60_000, Buffer.alloc(10)), /more than 25,000,000 pixels/],
    ['more data than its header says', bomb(10, 10, Buffer.alloc(50_000_000)), /cannot be decoded/],
    ['less data than its header says', bomb(1000, 1000, Buffer.alloc(10)), /cannot be decoded/],
    ['no pixels', bomb(0, 5, Buffer.alloc(10)), /cannot be decoded/],
    ['an end that is missing', tiny.subarray(0, tiny.length - 12), /cut short/],
    ['a beginning and nothing else', Buffer.from([0xff, 0xd8, 0xff, 0xe0]), /cannot be decoded/],
  ])('with %s is a card, and quickly', async (_, bytes, says) => {
    const begun = performance.now();
    const { html } = await show('a.png', 'image/png', bytes);
    expect(html).toMatch(says);
    expect(html).not.toContain('<img');
    expect(performance.now() - begun).toBeLessThan(2000);
  });

  it('never throws, whatever bytes follow its beginning', async () => {
    const whole = encode(pixelsOf(9, 9));
    const photo = jpeg.encode({ width: 16, height: 16, data: noise(1024) }, 50).data;
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(whole, photo),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        fc.nat(),
        async (file, changes, end) => {
          const bytes = Buffer.from(file);
          for (const [at, value] of changes) bytes[3 + (at % (bytes.length - 3))] = value;
          inert((await show('a.png', 'image/png', bytes.subarray(0, 4 + (end % bytes.length)))).html);
        },
      ),
      { numRuns: 300 },
    );
  });
});

it('is the same in whatever pieces the bytes come', async () => {
  const text = 'näme,n\n"a\n",3\nb,4\n'.repeat(50);
  const whole = await show('t.csv', 'text/csv', text);
  for (const size of [1, 2, 3, 7, 64])
    expect(await show('t.csv', 'text/csv', chunks(Buffer.from(text), size))).toEqual(whole);
});
