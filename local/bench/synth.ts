import { join } from 'node:path';
import { createTempDir } from '../../lib/temp-dir.ts';
import { cdkCommandLine, quietCdkEnvironment, runProgram } from '../assembly.ts';
import { median } from './median.ts';
import type { BenchLog } from './scene.ts';

/** Whole `cdk synth` runs of the production configuration, and the CDK CLI doing nothing as the baseline. */
export async function benchSynth(log: BenchLog, runs: number): Promise<Record<string, number>> {
  const folder = createTempDir('bench');
  const seconds = async (...args: string[]) => {
    const started = performance.now();
    await runProgram(cdkCommandLine(...args), { ...process.env, ...quietCdkEnvironment });
    return (performance.now() - started) / 1000;
  };
  const [whole, idle]: [number[], number[]] = [[], []];
  for (let turn = 1; turn <= runs; turn++) {
    log(`cdk synth, run ${turn} of ${runs}`);
    const assembly = join(folder, String(turn));
    whole.push(await seconds('synth', '--quiet', '-c', 'config=config/production.json', '-o', assembly));
    idle.push(await seconds('--version'));
  }
  return {
    seconds: median(whole),
    cli_alone_seconds: median(idle),
    synth_to_cli_ratio: median(whole) / median(idle),
  };
}
