import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pageFrom, partFrom } from '../../../functions/airlock/release/download-ranges.ts';
import { partBytes } from '../../../functions/airlock/release/schemas.ts';

describe('pages of a release', () => {
  it('cover all files in order, with at most two hundred each, for any number of files', () => {
    fc.assert(
      fc.property(fc.nat(1000), count => {
        const files = Array.from({ length: count }, (_, n) => n);
        const all: number[] = [];
        for (let from: number | undefined = 0; from !== undefined; ) {
          const page: ReturnType<typeof pageFrom<number>> = pageFrom(files, from);
          expect(page.files.length).toBeLessThanOrEqual(200);
          all.push(...page.files);
          from = page.next;
        }
        expect(all).toEqual(files);
      }),
    );
  });

  it('have parts with no more files than a page', () => {
    const files = Array.from({ length: 1000 }, (_, n) => ({ n, size: 1 }));
    expect(partFrom(files, 300, 0).map(({ file: { n } }) => n)).toEqual(files.slice(300, 500).map(({ n }) => n));
  });

  it('come in parts that cover all of their bytes in order, whatever the sizes', () => {
    const size = fc.oneof(fc.constantFrom(0, 1, partBytes - 1, partBytes, 3 * partBytes + 1), fc.nat(2 * partBytes));
    fc.assert(
      fc.property(fc.array(size, { maxLength: 20 }), sizes => {
        const files = sizes.map((size, n) => ({ n, size }));
        const end = sizes.reduce((sum, size) => sum + size, 0);
        const all: { n: number; from: number; bytes: number }[] = [];
        for (let from = 0; ; from += partBytes) {
          const ranges = partFrom(files, 0, from);
          const bytes = ranges.reduce((sum, { bytes }) => sum + bytes, 0);
          expect(bytes).toBe(Math.max(0, Math.min(partBytes, end - from)));
          all.push(...ranges.map(({ file: { n }, from, bytes }) => ({ n, from, bytes })));
          if (bytes < partBytes) break;
        }
        for (const { n, size } of files) {
          const own = all.filter(range => range.n === n);
          expect(own.reduce((index, { from, bytes }) => (from === index ? index + bytes : Number.NaN), 0)).toBe(size);
        }
        expect(all.map(({ n }) => n)).toEqual(all.map(({ n }) => n).toSorted((a, b) => a - b));
      }),
    );
  });
});
