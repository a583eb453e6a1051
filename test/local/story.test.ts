import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { selectTrials } from '../trials.ts';

const root = join(import.meta.dirname, '../..');
// Inside the repository, as `npm start` has it: what Node makes of a file there depends on our package.json.
mkdirSync(join(root, '.local'), { recursive: true });
const folder = mkdtempSync(join(root, '.local/story-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** `npm start`, as it is after installation, in a place of its own. */
function start(...args: string[]) {
  const child: ChildProcess = spawn(process.execPath, ['bin/local.ts', ...args], {
    cwd: root,
    env: { ...process.env, BROCH_LOCAL: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const streams = { output: '', errors: '' };
  child.stdout?.on('data', chunk => {
    streams.output += chunk;
  });
  child.stderr?.on('data', chunk => {
    streams.errors += chunk;
  });
  const end = new Promise<number | null>(resolve => child.on('close', resolve));
  const waitFor = async (text: string) => {
    for (let tries = 0; tries < 1800 && !(streams.output + streams.errors).includes(text); tries++) await sleep(100);
    expect(streams.output + streams.errors).toContain(text);
  };
  return { child, heard: streams, end, message: waitFor };
}

/** The processes that know of this folder, this one's own children excepted. */
const processes = () =>
  execFileSync('ps', ['-eo', 'pid=,args='], { encoding: 'utf8' })
    .split('\n')
    .filter(line => line.includes(folder) && !line.includes('ps -eo'));

/** The embedded cloud has started, and the file that a synthesis begins with is written. */
const isSynthesising = () => existsSync(join(folder, 'cloud/config.json'));

// A whole story beside everything else that is tested at the same time.
describe('npm start', { timeout: 900_000 }, () => {
  it('prints one line and leaves no process behind when it is interrupted during the deployment', async () => {
    const { child, heard: streams, end } = start('--once');
    await vi.waitUntil(isSynthesising, { timeout: 600_000, interval: 100 });
    expect(processes().length).toBeGreaterThan(0);
    child.kill('SIGINT');
    expect(await end).toBe(130);
    expect(streams.errors).toContain('broch: stopped.');
    expect(processes()).toEqual([]);
    expect(existsSync(join(folder, 'lock'))).toBe(false);
  });

  it('prints the whole story as one JSON document, and refuses to run a second time meanwhile', async () => {
    const first = start('--once', '--json');
    await first.message('starting the embedded cloud');
    const second = start('--once');
    expect(await second.end).toBe(1);
    expect(second.heard.errors.trim()).toMatch(/^broch: Broch is already running here \(process \d+\)\. .*$/);
    expect(await first.end, first.heard.errors.slice(-3000)).toBe(0);

    const { ok, cloud, steps } = JSON.parse(first.heard.output);
    expect(ok).toBe(true);
    expect(Object.keys(cloud)).toEqual(
      expect.arrayContaining(['endpoint', 'ca', 'account', 'region', 'api', 'inbox', 'people']),
    );
    expect(cloud.people[0]).toEqual({
      name: expect.any(String),
      role: expect.any(String),
      password: expect.any(String),
      totp: expect.any(String),
    });
    expect(new Set(steps.map(({ story }: { story: string }) => story))).toEqual(
      new Set(['ingest', 'projects', 'images', 'workspaces', 'datasets', 'batch', 'airlock', 'enclaves', 'costs']),
    );
    for (const step of steps)
      expect(step).toEqual({
        story: expect.any(String),
        step: expect.any(String),
        ok: true,
        ms: expect.any(Number),
        message: expect.any(String),
        ids: expect.any(Object),
      });
    const ids = Object.assign({}, ...steps.map(({ ids }: { ids: object }) => ids));
    // The desktop started from the image that was published last.
    expect(ids.image).toBe(ids.ami);
    expect(ids).toMatchObject({
      version: expect.stringMatching(/^[0-9a-f]{64}$/),
      delivery: expect.stringMatching(/^dl-[0-9a-f]{16}$/),
      file: 'seattle-weather.csv',
      asthma_vpc: expect.stringMatching(/^vpc-/),
      instance: expect.stringMatching(/^i-/),
      workspace: expect.stringMatching(/^ws-[0-9a-f]{12}$/),
      request: expect.stringMatching(/^al-[0-9a-f]{16}$/),
      seal: expect.stringMatching(/^[0-9a-f]{64}$/),
      report: expect.stringMatching(/^\d{4}-\d\d-\d\d$/),
      refusal: expect.stringMatching(/InvalidAccessKeyId|InvalidClientTokenId/),
    });
    expect(processes()).toEqual([]);
    expect(existsSync(join(folder, 'cloud.json'))).toBe(false);
  });

  const crashes = [
    ['Broch is synthesised', isSynthesising],
    ['people are created', (output: string) => output.includes('creating people')],
  ] as const;
  const sample = selectTrials('npm start, the emulator crashes', crashes, () => ['crash']);

  it.each(sample)(
    'exits with status 1, says why and leaves nothing behind when the emulator crashes while %s',
    async (_, isTime) => {
      rmSync(join(folder, 'cloud'), { recursive: true, force: true });
      const { heard: streams, end } = start('--once');
      await vi.waitUntil(() => isTime(streams.output), { timeout: 600_000, interval: 100 });
      const emulator = processes().find(line => line.includes('serve.py') && !line.includes('child_guard.py'));
      process.kill(Number(emulator?.trim().split(' ')[0]), 'SIGKILL');
      expect(await end).toBe(1);
      expect(streams.errors).toContain('broch: MiniStack ended by itself');
      expect(streams.errors).toContain(join(folder, 'cloud/cloud.log'));
      expect(processes()).toEqual([]);
      expect(readFileSync(join(folder, 'cloud/cloud.log'), 'utf8')).not.toBe('');
    },
  );
});
