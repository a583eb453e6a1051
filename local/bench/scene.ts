import { join } from 'node:path';
import { createTempDir } from '../../lib/temp-dir.ts';
import { readLogTail } from '../cloud.ts';
import { type DemoSetup, setUpDemo } from '../demo-setup.ts';
import { type DeployCloudOptions, deployCloud } from '../deployed-cloud.ts';
import { trustCertificate } from '../trust.ts';

export type BenchLog = (line: string) => void;

export interface BenchScene {
  readonly stage: DemoSetup;
  /** For what a bench makes; goes with it. */
  readonly folder: string;
}

/** Runs a bench on an embedded cloud of its own, with the whole app deployed; nothing of it stays, however it ends. */
export async function withBenchScene<T>(
  log: BenchLog,
  options: Pick<DeployCloudOptions, 'waits' | 'concurrency' | 'faults'>,
  run: (scene: BenchScene) => Promise<T>,
): Promise<T> {
  const folder = createTempDir('bench');
  const brief = (line: string) => /^(starting|synthesising|deploying) /.test(line) && log(line);
  const estate = await deployCloud({
    folder: join(folder, 'cloud'),
    account: '000000000000',
    onProgress: brief,
    trail: true,
    ...options,
  });
  try {
    trustCertificate(estate.facts.ca);
    const stage = await setUpDemo(estate, join(folder, 'cloud.json'));
    try {
      const crash = estate.cloud.crashed.then(line => Promise.reject(new Error(line)));
      return await Promise.race([run({ stage, folder }), crash]);
    } finally {
      await stage.close();
    }
  } catch (error) {
    // The log goes with the folder.
    log(readLogTail(estate.facts.log));
    throw error;
  } finally {
    await estate.close();
  }
}
