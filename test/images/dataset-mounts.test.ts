import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { buildDatasetList } from '../../functions/datasets/access-policy.ts';
import { repositoryRoot } from '../../local/cloud.ts';

const program = join(repositoryRoot, 'amis/shared/linux/broch-datasets.py');
const alias = 'asthma-abc123-s3alias';
const grant = (number: number, endsAt = '2027-01-01T00:00:00.000Z') => {
  const version = String(number).repeat(64).slice(0, 64);
  const dataset = `visits-${number}`;
  return { use: `du-${'0'.repeat(16)}`, dataset, version, prefix: `datasets/${dataset}/${version}/`, endsAt };
};

/** What the program on desktops makes of a list at a time: what it would run, or the error. */
function planOf(list: string, mounts: readonly string[] = [], now = '2026-11-28T12:00:00+00:00'): string[] {
  const script = `
import datetime, importlib.util, json, sys
spec = importlib.util.spec_from_file_location('broch_datasets', sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
given = json.load(sys.stdin)
try:
    alias, wanted = module.wanted_mounts(given['list'], datetime.datetime.fromisoformat(given['now']))
    removals, additions = module.plan_mounts(wanted, module.current_mounts(given['mounts']))
    lines = [module.unmount_command(path) for path in removals]
    lines += [module.mount_command(alias, path, wanted[path], {'REGION': 'eu-west-2'}) for path in additions]
    print(json.dumps([' '.join(line) for line in lines]))
except ValueError as error:
    print(json.dumps([f'refused: {error}']))
`;
  const text = mounts.map(path => `mountpoint-s3 ${path} fuse ro 0 0\n`).join('');
  const { stdout, stderr } = spawnSync('python3', ['-B', '-c', script, program], {
    input: JSON.stringify({ list, mounts: `proc /proc proc rw 0 0\nmountpoint-s3 /data fuse rw 0 0\n${text}`, now }),
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  return JSON.parse(stdout);
}
const listOf = (...grants: ReturnType<typeof grant>[]) => buildDatasetList(alias, grants, '2026-11-28T12:00:00.000Z');
const path = (number: number) => `/data/visits-${number}/${String(number).repeat(12)}`;

describe('the datasets on a desktop', () => {
  it('are mounted read-only by the access point, once each', () => {
    expect(planOf(listOf(grant(1), grant(2)), [path(2)])).toEqual([
      `/usr/bin/mount-s3 --read-only --allow-other --prefix datasets/visits-1/${'1'.repeat(64)}/data/ --region eu-west-2 ${alias} ${path(1)}`,
    ]);
  });

  it('are unmounted when they leave the list, and at their end, whatever else is mounted', () => {
    expect(planOf(listOf(grant(1)), [path(1), path(2)])).toEqual([`/usr/bin/umount --lazy ${path(2)}`]);
    expect(planOf(listOf(grant(1)), [path(1)], '2027-01-01T00:00:00+00:00')).toEqual([
      `/usr/bin/umount --lazy ${path(1)}`,
    ]);
  });

  it.each([
    ['another bucket', listOf(grant(1)).replace(alias, 'another-bucket')],
    ['a place outside', listOf(grant(1)).replace(path(1), '/etc/cron.d/aaaaaaaaaaaa')],
    ['a place that leads outside', listOf(grant(1)).replace(path(1), '/data/../111111111111')],
    ['an option', listOf(grant(1)).replace(alias, '--cache=/x-s3alias')],
    ['a foreign prefix', listOf(grant(1)).replace('"datasets/visits-1', '"manifests/visits-1')],
    ['no JSON', '{'],
  ])('are left as they are by a list with %s', (_, list) => {
    expect(planOf(list, [path(2)])).toEqual([expect.stringMatching(/^refused: /)]);
  });
});
