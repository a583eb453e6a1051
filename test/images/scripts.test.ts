import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { imageNames, imagesFolder } from './recipes.ts';

const files = readdirSync(imagesFolder, { recursive: true, withFileTypes: true })
  .filter(entry => entry.isFile())
  .map(({ parentPath, name }) => join(parentPath, name));
const read = (file: string) => readFileSync(file, 'utf8');
const relative = (file: string) => file.slice(imagesFolder.length + 1);
const shell = files.filter(file => file.endsWith('.sh'));
const lines = (file: string) =>
  read(file)
    .split('\n')
    .filter(line => line !== '' && !line.startsWith('#'));

describe('shell scripts', () => {
  it('pass shellcheck', () => {
    const shellcheck = join(imagesFolder, '../.venv/bin/shellcheck');
    // Files that the image has, not this repository, cannot be followed (SC1091).
    execFileSync(shellcheck, ['--shell=sh', '--exclude=SC1091', ...shell], { encoding: 'utf8' });
  });

  it.each(shell.filter(file => !file.includes('/files/')).map(file => [relative(file), read(file)]))(
    '%s stops at the first error',
    (name, text) => {
      // The list of smoke tests goes on: it counts what failed.
      if (!name.endsWith('broch-smoke.sh')) expect(text).toMatch(/^set -eu$/m);
    },
  );
});

describe('code that runs as root', () => {
  const code = files.filter(file => /\.(sh|ps1|py|hcl|txt|json)$/.test(file));
  it.each(code.map(file => [relative(file), read(file)]))('%s pipes no download into a shell', (_, text) => {
    expect(text).not.toMatch(/(?:curl|wget|Invoke-WebRequest|iwr)[^\n]*\|\s*(?:sudo\s+)?(?:ba|z)?sh\b/i);
    expect(text).not.toMatch(/\biex\b|Invoke-Expression/i);
  });

  it.each(code.map(file => [relative(file), read(file)]))('%s checks the hash of what it downloads', (_, text) => {
    // The metadata service of the machine itself is no download.
    for (const { index } of text.matchAll(/curl --fail(?![^\n]*http:\/\/169\.254\.169\.254\/)|Invoke-WebRequest/g))
      expect(text.slice(index, index + 600)).toMatch(/sha256sum --check|Get-FileHash/);
  });
});

describe('the steps of the Linux images', () => {
  const linux = imageNames.filter(name => readdirSync(join(imagesFolder, name)).includes('steps.txt'));
  it.each(linux)('%s names steps, smoke tests and packages that exist', name => {
    const scripts = readdirSync(join(imagesFolder, 'shared/linux'));
    const tests = readdirSync(join(imagesFolder, 'shared/linux/smoke'));
    for (const step of lines(join(imagesFolder, name, 'steps.txt'))) expect(scripts).toContain(`${step}.sh`);
    for (const test of lines(join(imagesFolder, name, 'smoke.txt'))) expect(tests).toContain(`${test}.sh`);
  });

  it.each(linux)('for %s include hardening, and end with the bill of materials', name => {
    const steps = lines(join(imagesFolder, name, 'steps.txt'));
    const hardening = steps.filter(step => step.endsWith('hardening'));
    expect(hardening).toHaveLength(1);
    expect(steps.at(-1)).toBe('bill');
    expect(lines(join(imagesFolder, name, 'smoke.txt'))).toEqual(expect.arrayContaining(['bill', ...hardening]));
  });

  it.each(linux.filter(name => name.startsWith('linux-')))(
    'for %s install the agent, and make a researcher without root',
    name => {
      expect(lines(join(imagesFolder, name, 'steps.txt'))).toEqual(expect.arrayContaining(['researcher', 'agent']));
      expect(lines(join(imagesFolder, name, 'smoke.txt'))).toContain('researcher-without-root');
    },
  );
});

describe('the settings of licence servers', () => {
  const script = read(join(imagesFolder, 'shared/linux/files/licences.sh'));
  it('reach licensed software by the names that it knows, and set nothing else', () => {
    const folder = mkdtempSync(join(tmpdir(), 'broch-licences-'));
    try {
      const file = join(folder, 'licences.conf');
      writeFileSync(file, '# ours\nMLM_LICENSE_FILE=27000@licences.example\nPATH=/tmp\nLM_LICENSE_FILE=a $(id) b\n');
      const code = `${script.replaceAll('/etc/broch/licences.conf', file)}\nenv`;
      const output = execFileSync('sh', ['-c', code], { encoding: 'utf8', env: { PATH: '/usr/bin:/bin' } });
      expect(output.split('\n')).toEqual(
        expect.arrayContaining([
          'MLM_LICENSE_FILE=27000@licences.example',
          'LM_LICENSE_FILE=a $(id) b',
          'PATH=/usr/bin:/bin',
        ]),
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('are the same on Windows', () => {
    const names = (text: string) => [...new Set(text.match(/\b\w+_LICENSE_FILE\b/g))].sort();
    expect(names(read(join(imagesFolder, 'shared/windows/licensed.ps1')))).toEqual(names(script));
  });
});

describe('the downloads of the Windows image', () => {
  const downloads = JSON.parse(read(join(imagesFolder, 'windows-desktop/downloads.json'))) as Record<string, string>[];
  it.each(downloads.map(download => [download.name, download]))(
    '%s is pinned to a version and a hash',
    (_, { url, version, sha256 }) => {
      expect(url).toMatch(/^https:\/\//);
      expect(sha256).toMatch(/^[0-9a-f]{64}$/);
      // A link that moves with the next release would break the build when it does.
      expect(url).not.toMatch(/latest/i);
      expect(url?.replaceAll('.', '')).toContain(version?.replaceAll('.', ''));
    },
  );
});
