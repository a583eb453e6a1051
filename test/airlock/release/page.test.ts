import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pageFrom, partFrom } from '../../../functions/airlock/release/page.ts';
import { partBytes } from '../../../functions/airlock/release/shapes.ts';

describe('pages', () => {
  it('are whole, in order and of bounded size, for any files', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(3 * 1024 ** 3), { maxLength: 200 }), sizes => {
        const files = sizes.map((size, n) => ({ n, size }));
        const all: number[] = [];
        for (let from: number | undefined = 0; from !== undefined; ) {
          const got: ReturnType<typeof pageFrom<{ n: number; size: number }>> = pageFrom(files, from);
          expect(got.files.length).toBeLessThanOrEqual(200);
          if (got.files.length > 1) expect(got.bytes).toBeLessThanOrEqual(1024 ** 3);
          all.push(...got.files.map(({ n }) => n));
          from = got.next;
        }
        expect(all).toEqual(files.map(({ n }) => n));
      }),
    );
  });

  it('come in parts that are all of their bytes in order, whatever their sizes', () => {
    const size = fc.oneof(fc.constantFrom(0, 1, partBytes - 1, partBytes, 3 * partBytes + 1), fc.nat(2 * partBytes));
    fc.assert(
      fc.property(fc.array(size, { maxLength: 20 }), sizes => {
        const files = sizes.map((size, n) => ({ n, size }));
        const end = sizes.reduce((sum, size) => sum + size, 0);
        const all: { n: number; from: number; bytes: number }[] = [];
        for (let from = 0; ; from += partBytes) {
          const ranges = partFrom(files, from);
          const bytes = ranges.reduce((sum, { bytes }) => sum + bytes, 0);
          expect(bytes).toBe(Math.max(0, Math.min(partBytes, end - from)));
          all.push(...ranges.map(({ file: { n }, from, bytes }) => ({ n, from, bytes })));
          if (bytes < partBytes) break;
        }
        for (const { n, size } of files) {
          const own = all.filter(range => range.n === n);
          expect(own.reduce((at, { from, bytes }) => (from === at ? at + bytes : Number.NaN), 0)).toBe(size);
        }
        expect(all.map(({ n }) => n)).toEqual(all.map(({ n }) => n).toSorted((a, b) => a - b));
      }),
    );
  });
});
