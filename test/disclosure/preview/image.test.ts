import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import jpeg from 'jpeg-js';
import { PNG } from 'pngjs';
import { describe, expect, it } from 'vitest';
import { DEFAULT_PAGE_LIMITS } from '../../../disclosure/preview/limits.ts';
import { encodePng, extractPngImage } from '../../../disclosure/preview/png.ts';
import { decodePng } from '../../../disclosure/preview/png-decode.ts';
import { measureProcessorTime } from '../../processor-time.ts';
import { sampleRuns } from '../../trials.ts';
import { expectInert, makePngChunk, renderTestPreview } from './pages.ts';

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

  it('is decoded to the pixels that pngjs gives, for every kind of PNG', () => {
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
          expect(Buffer.from(decodePng(extractPngImage(file).png).data)).toEqual(read.data);
        },
      ),
      { numRuns: sampleRuns(60) },
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
          const [passWidth, passHeight] = [
            Math.max(0, Math.ceil((width - x) / dx)),
            Math.max(0, Math.ceil((height - y) / dy)),
          ];
          return passWidth === 0
            ? []
            : Array.from({ length: passHeight }, (_, row) => [
                row % 5,
                ...noise(Math.ceil((passWidth * depth) / 8), row + 7),
              ]);
        });
        const file = Buffer.concat([
          Buffer.from('89504e470d0a1a0a', 'hex'),
          makePngChunk('IHDR', header),
          ...(color === 3
            ? [makePngChunk('PLTE', Buffer.from(noise(768))), makePngChunk('tRNS', Buffer.from(noise(9)))]
            : []),
          makePngChunk('IDAT', deflateSync(Buffer.from(raw.flat()))),
          makePngChunk('IEND', Buffer.alloc(0)),
        ]);
        expect(Buffer.from(decodePng(extractPngImage(file).png).data)).toEqual(PNG.sync.read(file).data);
      }
  });

  it('keeps every pixel when it is encoded again', () => {
    const pixels = pixelsOf(37, 23);
    expect(PNG.sync.read(encodePng(pixels)).data).toEqual(Buffer.from(pixels.data));
  });

  it('is shown without its texts, profiles and trailing bytes', async () => {
    const clean = encodePng(pixelsOf(20, 20));
    const secret = Buffer.from('NHS-943-476-5919');
    const file = Buffer.concat([
      clean.subarray(0, 33),
      makePngChunk('tEXt', Buffer.concat([Buffer.from('Comment\0'), secret])),
      makePngChunk('eXIf', secret),
      clean.subarray(33),
      secret,
      Buffer.from('<script>alert(1)</script>'),
    ]);
    const { html } = await renderTestPreview('a.png', 'image/png', file);
    expectInert(html);
    expect(shownIn(html)).toEqual(clean);
    expect(html).toContain('105 bytes of the file are not part of its picture');
  });

  it('is shown without the metadata of a JPEG', async () => {
    const data = jpeg.encode({ width: 32, height: 24, data: noise(32 * 24 * 4) }, 90).data;
    const exif = Buffer.concat([Buffer.from([0xff, 0xe1, 0, 18]), Buffer.from('NHS-943-476-5919')]);
    const { html } = await renderTestPreview(
      'a.jpg',
      'image/jpeg',
      Buffer.concat([data.subarray(0, 2), exif, data.subarray(2), Buffer.from('tail')]),
    );
    expectInert(html);
    const picture = shownIn(html);
    expect(PNG.sync.read(picture)).toMatchObject({ width: 32, height: 24 });
    expect(picture.includes('NHS-943')).toBe(false);
  });

  it('shows the colours under full transparency', async () => {
    const pixels = pixelsOf(16, 16);
    for (let offset = 3; offset < pixels.data.length; offset += 4) pixels.data[offset] = 0;
    const { html } = await renderTestPreview('a.png', 'image/png', encodePng(pixels));
    expect(html).toContain('colours lie hidden there');
    expect(html.match(/<img/g)).toHaveLength(2);
  });

  it('is made smaller until it fits the page', async () => {
    const { html, truncated } = await renderTestPreview('a.png', 'image/png', encodePng(pixelsOf(1500, 1500)));
    expect(truncated).toBe(true);
    expect(html).toMatch(/1,500 × 1,500 pixels, shown at 1\/\d/);
    expect(html.length).toBeLessThan(DEFAULT_PAGE_LIMITS.html + 100_000);
  });

  const bomb = (width: number, height: number, content: Buffer) => {
    const header = Buffer.alloc(13);
    header.writeUInt32BE(width, 0);
    header.writeUInt32BE(height, 4);
    header.set([8, 6, 0, 0, 0], 8);
    const parts = [
      makePngChunk('IHDR', header),
      makePngChunk('IDAT', deflateSync(content)),
      makePngChunk('IEND', Buffer.alloc(0)),
    ];
    return Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), ...parts]);
  };
  const tiny = encodePng(pixelsOf(2, 2));
  it.each<[string, Buffer, RegExp]>([
    ['too many pixels', bomb(60_000, 60_000, Buffer.alloc(10)), /more than 25,000,000 pixels/],
    ['more data than its header says', bomb(10, 10, Buffer.alloc(50_000_000)), /cannot be decoded/],
    ['less data than its header says', bomb(1000, 1000, Buffer.alloc(10)), /cannot be decoded/],
    ['no pixels', bomb(0, 5, Buffer.alloc(10)), /cannot be decoded/],
    ['an end that is missing', tiny.subarray(0, tiny.length - 12), /cut short/],
    ['a beginning and nothing else', Buffer.from([0xff, 0xd8, 0xff, 0xe0]), /cannot be decoded/],
  ])('with %s is refused quickly, and a card says why', async (_, bytes, message) => {
    const spentTime = measureProcessorTime();
    const { html } = await renderTestPreview('a.png', 'image/png', bytes);
    expect(html).toMatch(message);
    expect(html).not.toContain('<img');
    expect(spentTime()).toBeLessThan(2000);
  });

  it('gives a page whatever bytes follow its first ones', async () => {
    const whole = encodePng(pixelsOf(9, 9));
    const photo = jpeg.encode({ width: 16, height: 16, data: noise(1024) }, 50).data;
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(whole, photo),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        fc.nat(),
        async (file, changes, end) => {
          const bytes = Buffer.from(file);
          for (const [offset, value] of changes) bytes[3 + (offset % (bytes.length - 3))] = value;
          expectInert(
            (await renderTestPreview('a.png', 'image/png', bytes.subarray(0, 4 + (end % bytes.length)))).html,
          );
        },
      ),
      { numRuns: sampleRuns(300) },
    );
  });
});
