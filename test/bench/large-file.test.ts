import { mkdtempSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createTempDir } from '../../lib/temp-dir.ts';
import { measureLargeFile } from '../../local/bench/large-file.ts';

it('the bench of deliveries reads a large file in one request and hashes it in flat memory, beside sha256sum', async () => {
  const folder = createTempDir('large-file');
  const lines: string[] = [];
  const measure = (mebibytes: number) => {
    const place = mkdtempSync(join(folder, 'of-'));
    return measureLargeFile(place, line => lines.push(line), { bytes: mebibytes * 1024 ** 2, rounds: 1 });
  };
  const [small, large] = [await measure(4), await measure(192)];
  expect(large).toMatchObject({ large_file_bytes: 192 * 1024 ** 2, large_file_read_requests: 1 });
  for (const name of ['hash_to_sha256sum_ratio', 'download_and_hash_to_sha256sum_ratio'])
    expect(large[name]).toBeGreaterThan(0);
  // Most of the bytes of such a file are not read if S3 holds its SHA-256.
  expect(large.stored_checksum_speedup).toBeGreaterThan(1);
  // Node frees received bytes by the tens of megabytes. A check that kept them would need 192 MiB more.
  expect((large.large_file_peak_mb ?? 0) - (small.large_file_peak_mb ?? 0)).toBeLessThan(120);
  expect(lines).toHaveLength(2);
  expect(readdirSync(folder).flatMap(name => readdirSync(join(folder, name)))).toEqual([]);
});
