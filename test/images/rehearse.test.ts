import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { rehearsalFolder } from '../../local/rehearsal/machine.ts';
import { findRehearsalObstacle } from '../../local/rehearsal/obstacle.ts';
import { findPacker, validateRecipe } from '../../local/rehearsal/packer.ts';
import { areTrialsComplete } from '../trials.ts';
import { imageNames, imagesFolder } from './recipes.ts';

const script = join(imagesFolder, '../local/rehearse.ts');
const rehearse = (...options: string[]) => spawnSync(process.execPath, [script, ...options], { encoding: 'utf8' });
/** Longer than a machine that does something else as well needs for the small desktop. */
const REHEARSAL_MS = 2_400_000;

describe('npm run rehearse', () => {
  it('prints its help', () => {
    const { status, stdout } = rehearse('--help');
    expect(status).toBe(0);
    expect(stdout).toMatch(/needs root/);
  });

  it('refuses an image that cannot be rehearsed, and names those that can', () => {
    const { status, stderr } = rehearse('windows-desktop');
    expect(status).toBe(1);
    expect(stderr).toMatch(/no rehearsal of windows-desktop.*linux-desktop/);
  });
});

it(
  'the small linux-desktop is rehearsed by test:trials where the machine allows it',
  async ({ skip }) => {
    const obstacle = findRehearsalObstacle();
    if (obstacle) return skip(`It cannot be rehearsed here: ${obstacle}`);
    if (!areTrialsComplete)
      return skip('It can be rehearsed here, which takes a quarter of an hour: npm run test:trials does it.');
    const { code, output } = await new Promise<{ code: unknown; output: string }>(resolve =>
      execFile(
        process.execPath,
        [script, 'linux-desktop', '--small'],
        { timeout: REHEARSAL_MS },
        (error, stdout, stderr) => resolve({ code: error?.code ?? 0, output: stdout + stderr }),
      ),
    );
    console.log(output);
    expect(code, output).toBe(0);
  },
  REHEARSAL_MS,
);

const version = findPacker();

describe.skipIf(version === undefined)('the packer that is installed', () => {
  it.each(imageNames)('accepts %s and leaves its files as they are', async name => {
    mkdirSync(rehearsalFolder, { recursive: true });
    const source = join(imagesFolder, name, 'plugins.pkr.hcl');
    const shared = join(imagesFolder, 'shared/debian.pkr.hcl');
    const texts = [readFileSync(source, 'utf8'), readFileSync(shared, 'utf8')];
    expect(await validateRecipe(name, version ?? '')).toBeUndefined();
    expect([readFileSync(source, 'utf8'), readFileSync(shared, 'utf8')]).toEqual(texts);
  });
});
