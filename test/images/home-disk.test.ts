import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { imagesFolder } from './recipes.ts';

const program = join(imagesFolder, 'shared/linux/broch-home.py');
const folder = mkdtempSync(join(tmpdir(), 'broch-home-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** What the program says, with itself loaded as `home`. */
function runPython(code: string, ...args: string[]): string {
  const script = `
import json, runpy, sys
home = runpy.run_path(sys.argv[1])
try:
    print(${code})
except (LookupError, ValueError) as error:
    print(f'refused: {error}')
`;
  const { stdout, stderr } = spawnSync('python3', ['-B', '-c', script, program, ...args], { encoding: 'utf8' });
  expect(stderr).toBe('');
  return stdout.trim();
}

const root = {
  name: 'nvme1n1',
  type: 'disk',
  serial: 'vol0aaaaaaaaaaaaaaaa',
  mountpoints: [null],
  children: [{ name: 'nvme1n1p1', type: 'part', serial: null, mountpoints: ['/'] }],
};
const home = { name: 'nvme0n1', type: 'disk', serial: 'vol0bbbbbbbbbbbbbbbb', mountpoints: [null] };
const store = { name: 'nvme2n1', type: 'disk', serial: 'AWS22222222222222222', mountpoints: [null] };
const find = (...disks: object[]) =>
  runPython("home['find_home'](json.loads(sys.argv[2]))", JSON.stringify({ blockdevices: disks }));

describe('the disk of the home', () => {
  it.each([
    ['beside the root disk, whichever number it has', [home, root], '/dev/nvme0n1'],
    ['beside a disk of the machine itself', [store, root, { ...home, name: 'nvme3n1' }], '/dev/nvme3n1'],
    ['after the home was mounted', [root, { ...home, mountpoints: ['/srv/home'] }], '/dev/nvme0n1'],
    ['not yet there', [root, store], 'refused: 0 disks could be that of the home'],
    ['one of two', [root, home, { ...home, name: 'nvme3n1' }], 'refused: 2 disks could be that of the home'],
    [
      'with partitions',
      [root, { ...home, children: [{ name: 'nvme0n1p1', type: 'part', mountpoints: [null] }] }],
      'refused: nvme0n1 has partitions: it is not a home',
    ],
  ])('is found: %s', (_, disks, outcome) => expect(find(...disks)).toBe(outcome));

  // These need no root: a file is as good as a disk. A machine without the tools of ext4 leaves them out.
  const disk = it.skipIf(!['/usr/sbin/blkid', '/usr/sbin/mkfs.ext4'].every(existsSync));
  const make = (file: string) => runPython("home['make_system'](sys.argv[2])", file).split('\n').at(-1);
  const write = (name: string, text: string, megabyte = 0) => {
    const file = join(folder, name);
    writeFileSync(file, '');
    truncateSync(file, 48 * 1024 * 1024);
    if (text) spawnSync('dd', [`of=${file}`, 'conv=notrunc', `seek=${megabyte}`, 'bs=1M'], { input: text });
    return file;
  };

  disk('is formatted once, and not again', () => {
    const file = write('new', '');
    expect(make(file)).toBe('broch-new');
    expect(make(file)).toBe('broch-new');
    spawnSync('/usr/sbin/e2label', [file, 'broch-home']);
    expect(make(file)).toBe('broch-home');
  });

  disk.each([
    ['data at its beginning', 'data', 0, 'it has data'],
    ['data at its end', 'data', 47, 'it has data'],
  ])('is never formatted with %s', (name, text, megabyte, reason) => {
    expect(make(write(name, text, megabyte))).toContain(reason);
  });

  disk('is never formatted with the file system of somebody else', () => {
    const file = write('other', '');
    spawnSync('/usr/sbin/mkfs.ext4', ['-q', '-L', 'data', file]);
    expect(make(file)).toContain('not a home: it is left as it is');
  });
});
