import { describe, expect, it } from 'vitest';
import { partBytesFor } from '../../functions/storage/multipart-upload.ts';

const MiB = 1024 ** 2;
const GiB = 1024 ** 3;

describe('the parts of an upload', () => {
  // https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
  it.each([1, 5 * MiB, 16 * MiB, 16 * MiB + 1, 5 * GiB, 5 * GiB + 1, 32 * GiB, 160_000 * MiB + 1, 5120 * GiB])(
    'of %d bytes are as many and as large as S3 takes',
    size => {
      const partBytes = partBytesFor(size);
      const count = Math.ceil(size / partBytes);
      expect(count).toBeLessThanOrEqual(10_000);
      expect(partBytes).toBeGreaterThanOrEqual(5 * MiB);
      expect(partBytes).toBeLessThanOrEqual(5 * GiB);
      expect((count - 1) * partBytes).toBeLessThan(size);
      expect(count * partBytes).toBeGreaterThanOrEqual(size);
    },
  );
});
