import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as z from 'zod';
import { checkFile } from '../../disclosure/check.ts';
import { fileSource } from '../../disclosure/file-source.ts';
import { policyFor } from '../../disclosure/tier-policy.ts';
import { benchByteReads } from './byte-reads.ts';

const Measured = z.object({
  seconds: z.number(),
  rows: z.number(),
  rss: z.number(),
  found: z.record(z.string(), z.number()),
});
type Measured = z.infer<typeof Measured>;

/** A table of results by area, group and year, as long as it takes to fill `bytes`, with something for most rules. */
async function make(path: string, bytes: number): Promise<void> {
  const file = await open(path, 'w');
  let state = 1;
  const random = (limit: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state % limit;
  };
  await file.write(
    'area,condition,sex,year,n,base,percent,mean,lower_quartile,firms,turnover,largest,second_largest,df_resid\n',
  );
  const conditions = ['asthma', 'type 2 diabetes', 'hypertension', 'depression', 'chronic kidney disease'];
  for (let size = 0, row = 0; size < bytes; ) {
    let text = '';
    for (const end = row + 5000; row < end; row++) {
      const base = 2000 + random(5000);
      const count = row % 40_000 === 7 ? 3 : 30 + random(1900);
      const turnover = 1e6 + random(9_000_000);
      const largest = Math.floor(turnover * (row % 50_000 === 9 ? 0.95 : 0.2));
      text += `E0${9_000_000 + (row % 33_000)},${conditions[row % 5]},${row % 2 ? 'Male' : 'Female'},${2005 + (row % 20)},${count},${base},${(10 + random(800) / 10).toFixed(1)},${(random(100_000) / 100).toFixed(2)},${random(100)},${20 + random(200)},${turnover},${largest},${Math.floor(turnover * 0.1 * 0.4)},${40 + random(100)}\n`;
    }
    size += text.length;
    await file.write(text);
  }
  await file.close();
}

/** What a fresh process measures of itself: seconds of the check alone, and its largest memory. */
async function measure(path: string): Promise<Measured> {
  const { size } = statSync(path);
  const file = { path: 'table.csv', size, sha256: '0'.repeat(64), kind: 'table', type: 'text/csv', group: 0 } as const;
  const policy = { ...policyFor(1), rows: 100_000_000, cells: 1_000_000_000 };
  const started = performance.now();
  const report = await checkFile(file, await fileSource(path), policy, []);
  const seconds = (performance.now() - started) / 1000;
  const counts = Object.fromEntries(report.findings.map(({ rule, count }) => [rule, count]));
  return { seconds, rows: report.rows ?? 0, rss: process.resourceUsage().maxRSS, found: counts };
}

/** The checks: bytes read per byte of each format, and a table of 200 MB beside pandas doing the same on the same file. */
export async function benchDisclosureChecks(log: (line: string) => void): Promise<Record<string, number>> {
  const folder = mkdtempSync(join(tmpdir(), 'broch-bench-'));
  const root = join(import.meta.dirname, '../..');
  const python = join(root, '.venv/bin/python');
  const run = async (command: string, ...args: string[]) =>
    Measured.parse(JSON.parse((await promisify(execFile)(command, args)).stdout));
  // The fastest of its runs is what a program takes when nothing else has the processor.
  const fastest = (runs: Measured[]) => runs.sort((a, b) => a.seconds - b.seconds)[0] as Measured;
  try {
    const [small, large] = [join(folder, 'small.csv'), join(folder, 'large.csv')];
    log('making tables of 20 MB and 200 MB');
    await make(small, 20e6);
    await make(large, 200e6);
    const megabytes = statSync(large).size / 1e6;
    const [checkRuns, pandasRuns, readRuns]: [Measured[], Measured[], Measured[]] = [[], [], []];
    for (const turn of [1, 2, 3, 4, 5]) {
      log(`checking 200 MB, here and with pandas, run ${turn} of 5`);
      readRuns.push(await run(process.execPath, import.meta.filename, small));
      checkRuns.push(await run(process.execPath, import.meta.filename, large));
      pandasRuns.push(await run(python, join(import.meta.dirname, 'disclosure_pandas.py'), large));
    }
    const [check, pandas] = [fastest(checkRuns), fastest(pandasRuns)];
    const memory = (runs: Measured[]) => Math.min(...runs.map(({ rss }) => rss)) / 1024;
    for (const rule of ['sdc.minimum-count', 'sdc.dominance', 'sdc.p-percent', 'sdc.percentages'])
      if (check.found[rule] !== pandas.found[rule])
        throw new Error(`${rule}: ${check.found[rule]} here, ${pandas.found[rule]} with pandas`);
    return {
      ...(await benchByteReads()),
      sdc_mb_per_second: megabytes / check.seconds,
      sdc_rows: check.rows,
      sdc_peak_rss_mb: memory(checkRuns),
      sdc_rss_growth_20_to_200_mb: memory(checkRuns) - memory(readRuns),
      pandas_mb_per_second: megabytes / pandas.seconds,
      pandas_peak_rss_mb: memory(pandasRuns),
      sdc_to_pandas_ratio: pandas.seconds / check.seconds,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  const [path] = process.argv.slice(2);
  if (path) process.stdout.write(JSON.stringify(await measure(path)));
}
