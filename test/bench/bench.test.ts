import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { median } from '../../local/bench/median.ts';

const root = join(import.meta.dirname, '../..');
const names = ['ingest', 'provision', 'jobs', 'airlock', 'disclosure', 'hostile', 'enclave', 'coldstart', 'synth'];

const folder = mkdtempSync(join(tmpdir(), 'broch-benches-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function bench(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'local/bench.ts'), ...args], {
    cwd: root,
    env: { ...process.env, TMPDIR: folder },
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

describe('the benchmarks of npm run bench', () => {
  it('are listed by --help on standard output', () => {
    const { status, stdout, stderr } = bench('--help');
    expect([status, stderr]).toEqual([0, '']);
    for (const name of names) expect(stdout).toMatch(new RegExp(`^  ${name} `, 'm'));
  });

  it.each([
    [[], 'Which bench?'],
    [['speed', '--json'], 'There is no bench speed.'],
    [['toString'], 'There is no bench toString.'],
    [['synth', 'coldstart'], 'There is no bench synth coldstart.'],
    [['synth', '--runs', '0'], '--runs takes a whole number from 1.'],
    [['ingest', '--runs', '2'], 'ingest is measured once: leave --runs out.'],
    [['synth', '--loud'], "Unknown option '--loud'"],
  ])('refuse the arguments %j with status 2 and write only to standard error', (args, line) => {
    const { status, stdout, stderr } = bench(...args);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr.startsWith(line)).toBe(true);
  });

  it('print one JSON document on standard output and leave no folder behind', () => {
    const { status, stdout, stderr } = bench('synth', '--json', '--runs', '1');
    expect(status, stderr).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      bench: 'synth',
      figures: {
        seconds: expect.any(Number),
        cli_alone_seconds: expect.any(Number),
        synth_to_cli_ratio: expect.any(Number),
      },
      machine: expect.stringMatching(/^\d+ × .+, \d+ GiB, Node 24\./),
    });
    expect(stderr).toBe('… cdk synth, run 1 of 1\n');
    expect(readdirSync(folder).filter(name => name.startsWith('broch-'))).toEqual([]);
  });
});

it.each([
  [[3], 3],
  [[9, 1, 2], 2],
  [[4, 1, 3, 2], 2.5],
])('the median of %j is %d', (values, middle) => expect(median(values)).toBe(middle));
