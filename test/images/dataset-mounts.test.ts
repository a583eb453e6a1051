import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { buildDatasetList } from '../../functions/datasets/access-policy.ts';
import { imagesFolder } from './recipes.ts';

const alias = 'asthma-abc123-s3alias';
const noon = '2026-11-28T12:00:00+00:00';
const grant = (number: number, endsAt = '2027-01-01T00:00:00.000Z') => {
  const version = String(number).repeat(64).slice(0, 64);
  const dataset = `visits-${number}`;
  return { use: `du-${'0'.repeat(16)}`, dataset, version, prefix: `datasets/${dataset}/${version}/`, endsAt };
};

function runPython(script: string, program: string, content: object): string[] {
  const head = `
import datetime, importlib.util, json, sys
spec = importlib.util.spec_from_file_location('program', sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
given = json.load(sys.stdin)`;
  const { stdout, stderr } = spawnSync(
    'python3',
    ['-B', '-c', `${head}\n${script}`, join(imagesFolder, 'shared', program)],
    { input: JSON.stringify(content), encoding: 'utf8' },
  );
  expect(stderr).toBe('');
  return JSON.parse(stdout.split('\n').at(-2) ?? '');
}

/** What the program on Linux desktops would run. */
function planOnLinux(list: string, mounts: readonly string[], now: string): string[] {
  const text = mounts.map(path => `mountpoint-s3 ${path} fuse ro 0 0\n`).join('');
  const script = `
try:
    alias, wanted = module.wanted_mounts(given['list'], datetime.datetime.fromisoformat(given['now']))
    removals, additions = module.plan_mounts(wanted, module.current_mounts(given['mounts']))
    lines = [module.unmount_command(path) for path in removals]
    lines += [module.mount_command(alias, path, wanted[path], {'REGION': 'eu-west-2'}) for path in additions]
    print(json.dumps([' '.join(line) for line in lines]))
except ValueError as error:
    print(json.dumps([f'refused: {error}']))`;
  const current = `proc /proc proc rw 0 0\nmountpoint-s3 /data fuse rw 0 0\n${text}`;
  return runPython(script, 'linux/broch-datasets.py', { list, mounts: current, now });
}

/** What the program on Windows desktops starts and ends, with a folder of this machine in the place of C:\data. */
function planOnWindows(list: string | null, mounts: readonly string[], now: string, data = ''): string[] {
  const folder = data || mkdtempSync(join(tmpdir(), 'broch-data-'));
  const script = `
lines = []
class Process:
    def __init__(self, command, **_):
        self.command = command
        lines.append(' '.join(command))
    def poll(self): return None
    def kill(self): lines.append('end ' + self.command[-1])
    def wait(self): pass
mounts = module.Mounts(Process)
place = {'REGION': 'eu-west-2', 'BUCKET': 'bucket'}
module.keep_project(place, mounts)
for path in given['mounts']: mounts.add(module.windows_path(path), [module.windows_path(path)])
del lines[:]
try:
    module.renew(place, mounts, given['list'], datetime.datetime.fromisoformat(given['now']), given['data'], given['data'] + '/project')
except ValueError as error:
    lines.append(f'refused: {error}')
print(json.dumps(lines))`;
  const lines = runPython(script, 'windows/broch-mounts.py', { list, mounts, now, data: folder });
  if (!data) rmSync(folder, { recursive: true });
  return lines;
}

const listOf = (...grants: ReturnType<typeof grant>[]) => buildDatasetList(alias, grants, '2026-11-28T12:00:00.000Z');
const path = (number: number) => `/data/visits-${number}/${String(number).repeat(12)}`;
const windowsPath = (number: number) => `C:${path(number).replaceAll('/', '\\')}`;

describe.each([
  {
    system: 'Linux',
    plan: planOnLinux,
    mount: `/usr/bin/mount-s3 --read-only --allow-other --prefix datasets/visits-1/${'1'.repeat(64)}/data/ --region eu-west-2 ${alias} ${path(1)}`,
    end: (number: number) => `/usr/bin/umount --lazy ${path(number)}`,
  },
  {
    system: 'Windows',
    plan: planOnWindows,
    mount: `C:\\Program Files\\rclone\\rclone.exe mount :s3:${alias}/datasets/visits-1/${'1'.repeat(64)}/data/ ${windowsPath(1)} --config  --s3-provider AWS --s3-env-auth --s3-region eu-west-2 --s3-no-check-bucket --use-server-modtime --read-only -o FileSecurity=D:P(A;;FRFX;;;WD)`,
    end: (number: number) => `end ${windowsPath(number)}`,
  },
])('the datasets on a $system desktop', ({ plan, mount, end }) => {
  it('are mounted read-only by the access point, once each', () => {
    expect(plan(listOf(grant(1), grant(2)), [path(2)], noon)).toEqual([mount]);
  });

  it('are unmounted when they leave the list, and at their end, whatever else is mounted', () => {
    expect(plan(listOf(grant(1)), [path(1), path(2)], noon)).toEqual([end(2)]);
    expect(plan(listOf(grant(1)), [path(1)], '2027-01-01T00:00:00+00:00')).toEqual([end(1)]);
  });

  it.each([
    ['another bucket', listOf(grant(1)).replace(alias, 'another-bucket')],
    ['a place outside', listOf(grant(1)).replace(path(1), '/etc/cron.d/aaaaaaaaaaaa')],
    ['a place that leads outside', listOf(grant(1)).replace(path(1), '/data/../111111111111')],
    ['an option', listOf(grant(1)).replace(alias, '--cache=/x-s3alias')],
    ['a foreign prefix', listOf(grant(1)).replace('"datasets/visits-1', '"manifests/visits-1')],
    ['no JSON', '{'],
  ])('are left as they are by a list with %s', (_, list) => {
    expect(plan(list, [path(2)], noon)).toEqual([expect.stringMatching(/^refused: /)]);
  });
});

describe('a Windows desktop', () => {
  it('shows no dataset if Broch has written no list', () => {
    expect(planOnWindows(null, [path(1)], noon)).toEqual([`end ${windowsPath(1)}`]);
  });

  it('shows what batch jobs leave read-only, and the folder of the project so that files can be changed', () => {
    const script = "print(json.dumps(list(map(' '.join, module.project_mounts(given).values()))))";
    const [project, batch] = runPython(script, 'windows/broch-mounts.py', { REGION: 'eu-west-2', BUCKET: 'bucket' });
    expect(project).toMatch(
      /mount :s3:bucket\/data\/ C:\\broch\\project .* --vfs-cache-mode writes --cache-dir C:\\broch\\cache /,
    );
    expect(project).not.toContain('--read-only');
    expect(batch).toMatch(/mount :s3:bucket\/batch\/ C:\\broch\\batch .* --read-only /);
  });

  it('starts a place again whose process has ended', () => {
    const script = `
class Process:
    def __init__(self, command, **_): self.ended = None
    def poll(self): return self.ended
mounts = module.Mounts(Process)
rounds = []
for _ in range(3):
    before = dict(mounts.processes)
    module.keep_project({'REGION': 'r', 'BUCKET': 'b'}, mounts)
    rounds.append(sorted(target for target, process in mounts.processes.items() if before.get(target) is not process))
    if before: mounts.processes[module.BATCH].ended = 1
print(json.dumps(rounds))`;
    const places = ['C:\\broch\\batch', 'C:\\broch\\project'];
    expect(runPython(script, 'windows/broch-mounts.py', {})).toEqual([places, [], [places[0]]]);
  });

  it('has the folders of the project in C:\\data, but for one with the name of a dataset', () => {
    const data = mkdtempSync(join(tmpdir(), 'broch-data-'));
    try {
      for (const name of ['outbox', 'cohort', 'visits-1']) mkdirSync(join(data, 'project', name), { recursive: true });
      for (const name of ['visits-1', 'gone']) symlinkSync(join(data, 'project', name), join(data, name));
      mkdirSync(join(data, 'visits-2'));
      const [mount] = planOnWindows(listOf(grant(1)), [], noon, data);
      expect(mount).toContain(windowsPath(1));
      const entries = readdirSync(data, { withFileTypes: true }).map(entry => [entry.name, entry.isSymbolicLink()]);
      expect(Object.fromEntries(entries)).toEqual({
        cohort: true,
        outbox: true,
        project: false,
        'visits-1': false,
        'visits-2': false,
      });
    } finally {
      rmSync(data, { recursive: true });
    }
  });
});
