import { join } from 'node:path';
import { scratch } from '../../lib/temp-dir.ts';
import { lastWords } from '../cloud.ts';
import { type Stage, setStage } from '../demo-setup.ts';
import { type EstateOptions, openEstate } from '../deployed-cloud.ts';
import { trust } from '../trust.ts';

export type Say = (line: string) => void;

export interface Scene {
  readonly stage: Stage;
  /** For what a bench makes; goes with it. */
  readonly folder: string;
}

/** Runs a bench on an embedded cloud of its own, with the whole app deployed; nothing of it stays, however it ends. */
export async function onStage<T>(
  say: Say,
  options: Pick<EstateOptions, 'waits' | 'concurrency'>,
  run: (scene: Scene) => Promise<T>,
): Promise<T> {
  const folder = scratch('bench');
  const brief = (line: string) => /^(starting|synthesising|deploying) /.test(line) && say(line);
  const estate = await openEstate({ folder: join(folder, 'cloud'), account: '000000000000', say: brief, ...options });
  try {
    trust(estate.facts.ca);
    const stage = await setStage(estate, join(folder, 'cloud.json'));
    try {
      const crashed = estate.cloud.crashed.then(line => Promise.reject(new Error(line)));
      return await Promise.race([run({ stage, folder }), crashed]);
    } finally {
      await stage.close();
    }
  } catch (error) {
    // The log goes with the folder.
    say(lastWords(estate.facts.log));
    throw error;
  } finally {
    await estate.close();
  }
}
