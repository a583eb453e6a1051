import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pageFrom, partFrom } from '../../../functions/airlock/release/download-ranges.ts';
import { partBytes } from '../../../functions/airlock/release/schemas.ts';

describe('pages of a release', () => {
  it('cover all files in order, with at most two hundred each, for any number of files', () => {
    fc.assert(
      fc.property(fc.nat(1000), count => {
        const files = Array.from({ length: count }, (_, index) => index);
        const pageFiles: number[] = [];
        for (let offset: number | undefined = 0; offset !== undefined; ) {
          const page: ReturnType<typeof pageFrom<number>> = pageFrom(files, offset);
          expect(page.files.length).toBeLessThanOrEqual(200);
          pageFiles.push(...page.files);
          offset = page.next;
        }
        expect(pageFiles).toEqual(files);
      }),
    );
  });

  it('have parts with no more files than a page', () => {
    const files = Array.from({ length: 1000 }, (_, number) => ({ n: number, size: 1 }));
    expect(partFrom(files, 300, 0).map(({ file: { n: number } }) => number)).toEqual(
      files.slice(300, 500).map(({ n: number }) => number),
    );
  });

  it('come in parts that cover all of their bytes in order, whatever the sizes', () => {
    const size = fc.oneof(fc.constantFrom(0, 1, partBytes - 1, partBytes, 3 * partBytes + 1), fc.nat(2 * partBytes));
    fc.assert(
      fc.property(fc.array(size, { maxLength: 20 }), sizes => {
        const files = sizes.map((size, number) => ({ n: number, size }));
        const end = sizes.reduce((sum, size) => sum + size, 0);
        const parts: { n: number; from: number; bytes: number }[] = [];
        for (let offset = 0; ; offset += partBytes) {
          const ranges = partFrom(files, 0, offset);
          const bytes = ranges.reduce((sum, { bytes }) => sum + bytes, 0);
          expect(bytes).toBe(Math.max(0, Math.min(partBytes, end - offset)));
          parts.push(
            ...ranges.map(({ file: { n: number }, from: offset, bytes }) => ({ n: number, from: offset, bytes })),
          );
          if (bytes < partBytes) break;
        }
        for (const { n: number, size } of files) {
          const fileParts = parts.filter(range => range.n === number);
          expect(
            fileParts.reduce((index, { from: offset, bytes }) => (offset === index ? index + bytes : Number.NaN), 0),
          ).toBe(size);
        }
        expect(parts.map(({ n: number }) => number)).toEqual(
          parts.map(({ n: number }) => number).toSorted((a, b) => a - b),
        );
      }),
    );
  });
});
