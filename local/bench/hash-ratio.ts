import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createFileCheck } from '../../functions/ingest/file-check.ts';
import { median } from './median.ts';

/** Large enough that starting a program does not count. */
const FILE_BYTES = 256 * 1024 ** 2;
const ROUNDS = 3;

/** How fast the check of a delivery hashes a large file that is no table, over `sha256sum` on the same file in turns. */
export async function measureHashRatio(folder: string): Promise<number> {
  const file = join(folder, 'large.bin');
  const block = randomBytes(1024 ** 2);
  writeFileSync(file, Buffer.concat(Array.from({ length: FILE_BYTES / block.length }, () => block)));
  const ratios: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    let started = performance.now();
    execFileSync('sha256sum', [file]);
    const reference = performance.now() - started;
    started = performance.now();
    const hash = createHash('sha256');
    const check = createFileCheck('large.bin', 'large.bin');
    for await (const bytes of createReadStream(file, { highWaterMark: 1024 ** 2 })) {
      hash.update(bytes);
      check.take(bytes);
    }
    hash.digest('hex');
    ratios.push(reference / (performance.now() - started));
  }
  rmSync(file);
  return median(ratios);
}
