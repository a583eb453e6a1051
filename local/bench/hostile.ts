import { checkFile } from '../../disclosure/check.ts';
import type { CheckedFile } from '../../disclosure/file.ts';
import { policyFor } from '../../disclosure/tier-policy.ts';
import { countReads } from './byte-reads.ts';
import { HOSTILE_FILES } from './hostile-files.ts';

const policy = policyFor(2);
const START_BYTES = 128 * 1024;
/** A check that takes less tells nothing of its growth. */
const LEAST_SECONDS = 0.06;
const MAX_BYTES = 8 * 2 ** 20;

/** Processor time of one check: the fastest of `runs`, as nothing else makes it faster. */
async function time(path: string, bytes: Uint8Array, runs: number): Promise<{ seconds: number; readRatio: number }> {
  const file: CheckedFile = {
    path,
    size: bytes.length,
    sha256: '0'.repeat(64),
    kind: 'supporting',
    type: '',
    group: 0,
  };
  let [seconds, readRatio] = [Number.POSITIVE_INFINITY, 0];
  for (let run = 0; run < runs && (run === 0 || seconds < 5); run++) {
    const { source, read } = countReads(bytes);
    const start = process.cpuUsage();
    await checkFile(file, source, policy, []);
    const { user, system } = process.cpuUsage(start);
    seconds = Math.min(seconds, (user + system) / 1e6);
    readRatio = read() / bytes.length;
  }
  return { seconds, readRatio };
}

/** How much longer a check takes when a hostile file is twice as large, and what it reads of it, by format. */
export async function benchHostileFiles(log: (line: string) => void): Promise<Record<string, number>> {
  const figures: Record<string, number> = {};
  let [worstGrowth, worstReads] = [0, 0];
  for (const [name, { path, make, size: start }] of Object.entries(HOSTILE_FILES)) {
    let size = start ?? START_BYTES;
    let small = await time(path, make(size), 1);
    for (; small.seconds < LEAST_SECONDS && size < MAX_BYTES; small = await time(path, make(size), 2)) size *= 2;
    const smaller = await time(path, make(size), 4);
    const larger = await time(path, make(size * 4), 2);
    // Doubled twice, as one step measures the collection of garbage as well.
    const growth = Math.sqrt(larger.seconds / Math.max(smaller.seconds, LEAST_SECONDS / 4));
    figures[`${name}_growth_ratio`] = growth;
    figures[`${name}_ms_per_mb`] = (larger.seconds * 1000) / ((size * 4) / 2 ** 20);
    figures[`${name}_bytes_read_per_byte`] = larger.readRatio;
    worstGrowth = Math.max(worstGrowth, growth);
    worstReads = Math.max(worstReads, larger.readRatio);
    log(
      `${name}: ${(larger.seconds * 1000).toFixed(0)} ms for ${(size * 4) >> 10} KiB, ${growth.toFixed(2)} times for a doubled file`,
    );
  }
  return { ...figures, worst_growth_ratio: worstGrowth, worst_bytes_read_per_byte: worstReads };
}
