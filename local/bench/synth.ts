import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cdk, quiet, run } from '../assembly.ts';

/** Three whole `cdk synth` runs of the production configuration, and one of the CDK CLI doing nothing as the baseline. */
export async function synth(say: (line: string) => void): Promise<Record<string, number>> {
  const folder = mkdtempSync(join(tmpdir(), 'broch-bench-'));
  const seconds = async (...args: string[]) => {
    const started = performance.now();
    await run(cdk(...args), { ...process.env, ...quiet });
    return (performance.now() - started) / 1000;
  };
  try {
    const runs: number[] = [];
    for (const turn of [1, 2, 3]) {
      say(`cdk synth, run ${turn} of 3`);
      runs.push(await seconds('synth', '--quiet', '-o', join(folder, String(turn))));
    }
    const idle = await seconds('--version');
    const median = runs.sort((a, b) => a - b)[1] ?? Number.NaN;
    return { seconds: median, cli_alone_seconds: idle, synth_to_cli_ratio: median / idle };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
