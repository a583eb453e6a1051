import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_FILE_BYTES, selectFiles } from '../../functions/airlock/steps/select-files.ts';
import { packChunks } from '../../functions/storage/chunks.ts';
import { copyLimits, partRange } from '../../functions/storage/object-copy.ts';
import { sampleRuns } from '../trials.ts';
import { buildAirlockConfig } from './builders.ts';

const [MiB, GiB, TiB] = [1024 ** 2, 1024 ** 3, 1024 ** 4];
/** S3's: 10,000 parts of at most 5 GiB, all but the last of at least 5 MiB, and objects of at most 5 TiB. */
const s3 = { parts: 10_000, part: 5 * GiB, least: 5 * MiB, object: 5 * TiB };

describe('a multipart copy', () => {
  it('has parts within the limits of S3 that cover every byte once, up to the largest object', () => {
    const { part, whole } = copyLimits;
    const size = fc.oneof(
      fc.integer({ min: whole + 1, max: s3.object }),
      fc
        .integer({ min: 5, max: s3.object / part })
        .chain(count => fc.constantFrom(count * part - 1, count * part, count * part + 1)),
    );
    fc.assert(
      fc.property(size, bytes => {
        const objectBytes = Math.min(bytes, s3.object);
        const count = Math.ceil(objectBytes / part);
        expect(count).toBeLessThanOrEqual(s3.parts);
        let next = 0;
        for (let index = 0; index < count; index++) {
          const [first, last] = partRange(index, { size: objectBytes, part });
          const length = last - first + 1;
          if (first !== next || length > s3.part || length < 1)
            throw new Error(`part ${index} of ${objectBytes}: ${first}-${last}`);
          if (index < count - 1 && length < s3.least) throw new Error(`part ${index} of ${objectBytes} is too small`);
          next = last + 1;
        }
        expect(next).toBe(objectBytes);
      }),
      { numRuns: sampleRuns(200) },
    );
  });
});

describe('a file too large for a Lambda', () => {
  const caps = { ...buildAirlockConfig().caps, bytes: 100 * TiB };
  const request = {
    id: 'al-0011223344556677',
    round: 1,
    source: 'data/outbox/t/',
    groups: [{ name: 'all', kind: 'model' as const, purpose: 'p', context: '', controls: '', paths: ['**'] }],
  };
  const present = (sizes: readonly number[]) =>
    sizes.map((size, index) => ({ path: `f${index}.bin`, version: 'v', size, etag: '' }));
  const reasons = (sizes: readonly number[]) =>
    selectFiles(request, present(sizes), { ...buildAirlockConfig(), caps }).findings.map(
      ({ path, reason }) => `${path}: ${reason}`,
    );

  it('is named at submission, file by file', () => {
    expect(reasons([6 * GiB, MAX_FILE_BYTES])).toEqual([]);
    expect(reasons([6 * GiB, MAX_FILE_BYTES + 1])).toEqual([
      expect.stringMatching(/^f1.bin: It has 26843545601 bytes; a file may/),
    ]);
    expect(reasons(Array.from({ length: 41 }, () => 20 * GiB))).toEqual([
      expect.stringMatching(/too many large files/),
    ]);
  });

  it('is never planned, whatever the caps are', () => {
    const size = fc.oneof(fc.integer({ min: 0, max: GiB }), fc.integer({ min: GiB, max: 30 * GiB }));
    fc.assert(
      fc.property(fc.array(size, { minLength: 1, maxLength: 120 }), sizes => {
        const { files, findings } = selectFiles(request, present(sizes), { ...buildAirlockConfig(), caps });
        if (findings.length > 0) return;
        for (const chunk of packChunks(files))
          expect(chunk.reduce((sum, { size }) => sum + size, 0)).toBeLessThanOrEqual(MAX_FILE_BYTES);
      }),
      { numRuns: sampleRuns(300) },
    );
  });

  it('is not admitted by the default caps of a request', () => {
    // The default cap of a request, in the fewest files it can have.
    const { bytes } = buildAirlockConfig().caps;
    expect(reasons(Array.from({ length: Math.ceil(bytes / MAX_FILE_BYTES) }, () => MAX_FILE_BYTES))).toEqual([]);
  });
});
