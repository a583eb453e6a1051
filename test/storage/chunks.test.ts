import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  DELIVERED_FILE_BYTES,
  fileWeight,
  formatSortedManifest,
  MAX_CHUNKS,
  packChunks,
} from '../../functions/storage/chunks.ts';
import { addSha256Sums, anyValidFiles, checkDeliveryFiles, toBag } from '../ingest/delivery.ts';

const GiB = 1024 ** 3;
const file = (path: string, size: number) => ({
  path,
  target: path,
  size,
  version: 'v',
  etag: '',
  sha256: '0'.repeat(64),
});
const sizes = fc.oneof(fc.nat(1000), fc.nat(200_000_000), fc.nat(32 * GiB));
const deliveries = fc
  .array(sizes, { minLength: 1, maxLength: 300 })
  .map(sizes => sizes.map((size, index) => file(`f${index}`, size)));

describe('chunks', () => {
  it('hold every file exactly once, in at most forty chunks, none of them empty', () => {
    fc.assert(
      fc.property(deliveries, files => {
        const chunks = packChunks(files);
        expect(chunks.length).toBeLessThanOrEqual(MAX_CHUNKS);
        expect(chunks.every(chunk => chunk.length > 0)).toBe(true);
        expect(
          chunks
            .flat()
            .map(({ path }) => path)
            .sort(),
        ).toEqual(files.map(({ path }) => path).sort());
      }),
    );
  });

  it('are even: without its lightest file no chunk is heavier than another', () => {
    fc.assert(
      fc.property(deliveries, files => {
        const chunks = packChunks(files).map(chunk => chunk.map(part => fileWeight(part)));
        const sum = (weights: number[]) => weights.reduce((total, weight) => total + weight, 0);
        const lightest = Math.min(...chunks.map(sum));
        for (const chunk of chunks) expect(sum(chunk) - Math.min(...chunk)).toBeLessThanOrEqual(lightest);
      }),
    );
  });

  it('do not depend on the order of the files', () => {
    fc.assert(
      fc.property(deliveries, files => {
        expect(packChunks([...files].reverse())).toEqual(packChunks(files));
      }),
    );
  });

  it.each([10, 1000, 10_000])('of a delivery of %d files with 100 MB in all are one', count => {
    const files = Array.from({ length: count }, (_, index) => file(`f${index}`, 1e8 / count));
    expect(packChunks(files, DELIVERED_FILE_BYTES).length).toBe(1);
  });

  it.each([
    [1, 0, 1],
    [1000, 100_000, 1],
    [10_000, 10_000, 6],
    [100_000, 1, 40],
    [10, 10 * GiB, 10],
  ])('of %i files of %i bytes are %i', (count, size, expected) => {
    const chunks = packChunks(Array.from({ length: count }, (_, index) => file(`f${index}`, size)));
    expect(chunks).toHaveLength(expected);
    const counts = chunks.map(chunk => chunk.length);
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
  });
});

describe('the sorted manifest', () => {
  it('is ordered by the bytes of the path', () => {
    const paths = ['\u{1f600}', 'b', '\uffee', 'a/b', 'a', 'a.b', 'B', '\ud7ff', 'é'];
    const expected = [...paths].sort((x, y) => Buffer.compare(Buffer.from(x), Buffer.from(y)));
    expect(
      formatSortedManifest(paths.map(path => file(path, 1)))
        .split('\n')
        .slice(0, -1),
    ).toEqual(expected.map(path => `${'0'.repeat(64)}  ${path}`));
  });

  it('is ordered by bytes for any paths', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.string({ unit: 'binary', minLength: 1 }).filter(path => !path.includes('\n'))),
        paths => {
          const sorted = formatSortedManifest(paths.map(path => file(path, 1)));
          const bytes = sorted
            .split('\n')
            .slice(0, -1)
            .map(line => Buffer.from(line));
          expect(bytes).toEqual([...bytes].sort(Buffer.compare));
        },
      ),
    );
  });

  it('is the same however the same files are delivered', () => {
    fc.assert(
      fc.property(anyValidFiles, fc.boolean(), (files, crlf) => {
        const list = addSha256Sums(files);
        const reversed = String(list.SHA256SUMS)
          .trimEnd()
          .split('\n')
          .reverse()
          .join(crlf ? '\r\n' : '\n');
        const manifest = formatSortedManifest(checkDeliveryFiles(list).files);
        expect(formatSortedManifest(checkDeliveryFiles({ ...list, SHA256SUMS: reversed }).files)).toBe(manifest);
        expect(formatSortedManifest(checkDeliveryFiles(toBag(files), 'manifest-sha256.txt').files)).toBe(manifest);
      }),
    );
  });
});
