import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A checkout whose npm packages are installed and whose Python environment isn't. */
function checkout(): string {
  const folder = mkdtempSync(join(tmpdir(), 'broch-start-'));
  folders.push(folder);
  for (const name of ['bin', 'package.json', 'package-lock.json'])
    cpSync(join(root, name), join(folder, name), { recursive: true });
  for (const name of ['local', 'test']) {
    mkdirSync(join(folder, name));
    cpSync(join(root, name, 'requirements.txt'), join(folder, name, 'requirements.txt'));
  }
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(join(root, 'node_modules/node'), join(folder, 'node_modules/node'));
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json'), 'utf8'))
    .digest('hex');
  writeFileSync(join(folder, 'node_modules/.broch'), lock);
  return folder;
}

/** Runs `npm start` as far as it gets with the given programs on the PATH, and no others. */
function start(programs: Record<string, string>) {
  const folder = checkout();
  const path = join(folder, 'programs');
  mkdirSync(path);
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(path, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(path, name), 0o755);
  }
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(folder, 'bin/start.js'), 'local', '--once', '--json'],
    {
      env: { PATH: path, HOME: folder },
      encoding: 'utf8',
    },
  );
  return { status, stdout, last: stderr.trim().split('\n').at(-1) };
}

const python = (version: string, rest = 'exit 0') => `case "$2" in *version_info*) echo ${version};; *) ${rest};; esac`;

describe('npm start prints one line with the remedy, and nothing on standard output, when there is', () => {
  it.each([
    [
      'no Python',
      {},
      'broch: Python 3.10 or later is needed and no python3 is on the PATH. Install one and run this again.',
    ],
    [
      'an old Python',
      { python3: python('3.8') },
      'broch: Python 3.10 or later is needed; this machine has python3 3.8. Install a newer one and run this again.',
    ],
    [
      'no venv module',
      { python3: python('3.11', 'exit 1') },
      'broch: python3 3.11 has no venv module. Install it (Debian and Ubuntu: python3-venv) and run this again.',
    ],
    [
      'a full disk',
      {
        python3: python(
          '3.11',
          'case "$2" in venv) echo "OSError: [Errno 28] No space left on device" >&2; exit 1;; esac',
        ),
      },
      'broch: creating a Python environment: the disk is full. Free about 2 GB and run this again.',
    ],
  ])('%s', (_, programs, line) => {
    expect(start(programs as Record<string, string>)).toEqual({ status: 1, stdout: '', last: line });
  });
});
