import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { imagesFolder } from './recipes.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'broch-distribution-'));
  mkdirSync(join(root, 'programs'));
});
afterEach(() => rmSync(root, { recursive: true }));

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

/** Runs a script with all its folders in `root`, with these real programs, and with played ones, each given by its text. */
function runScript(
  name: string,
  { real, played = {}, env = {} }: { real: string[]; played?: Record<string, string>; env?: Record<string, string> },
  ...args: string[]
) {
  const programs = join(root, 'programs');
  for (const program of real) {
    const path = ['/usr/bin', '/bin'].map(folder => join(folder, program)).find(existsSync);
    symlinkSync(path ?? expect.fail(`this machine has no ${program}`), join(programs, program));
  }
  for (const [program, text] of Object.entries(played)) {
    write(`programs/${program}`, `#!/bin/sh\n${text}\n`);
    chmodSync(join(programs, program), 0o755);
  }
  const text = readFileSync(join(imagesFolder, 'shared/linux', name), 'utf8');
  const rootedText = text.replaceAll(/(?<=[\s>"'(])\/(?=(etc|opt|var|run|usr|home|root|lib)\/)/g, `${root}/`);
  expect(rootedText.replaceAll(root, '')).toBe(text);
  write('script', rootedText);
  return spawnSync('/bin/sh', [join(root, 'script'), ...args], { env: { PATH: programs, ...env }, encoding: 'utf8' });
}

describe('the smoke test of the bill of materials', () => {
  const debian = { 'dpkg-query': "printf 'ii |libc6|2.41-12\\nrc |old|1\\nii |libstdc++6|14.2.0-19\\n'" };
  const amazon = { rpm: "printf 'rpm|glibc|2.34-196.amzn2023\\nrpm|libstdc++|14.2.1-7.amzn2023\\n'" };
  const bills = {
    debian: ['pkg:deb/debian/libc6@2.41-12?arch=amd64', 'pkg:deb/debian/libstdc%2B%2B6@14.2.0-19?arch=amd64'],
    amzn: [
      'pkg:rpm/amzn/glibc@2.34-196.amzn2023?arch=x86_64',
      'pkg:rpm/amzn/libstdc%2B%2B@14.2.1-7.amzn2023?arch=x86_64',
    ],
  };
  const check = (distribution: keyof typeof bills, played: Record<string, string>, purls: string[]) => {
    write('etc/os-release', `NAME="Some Linux"\nID="${distribution}"\n`);
    write('opt/broch/bill-of-materials.json', JSON.stringify({ components: purls.map(purl => ({ purl })) }));
    return runScript('smoke/bill.sh', { real: ['python3', 'sed'], played });
  };

  it.each([
    ['debian', debian],
    ['amzn', amazon],
  ] as const)('passes on %s if every package is in it', (distribution, played) =>
    expect(check(distribution, played, bills[distribution])).toMatchObject({ status: 0, stderr: '' }),
  );

  it.each([
    ['debian', debian, 'libstdc++6'],
    ['amzn', amazon, 'libstdc++'],
  ] as const)('names a package of %s that is not in it', (distribution, played, name) => {
    const { status, stderr } = check(distribution, played, bills[distribution].slice(0, 1));
    expect([status, stderr]).toEqual([1, `not in the bill of materials: ${name} and 0 more\n`]);
  });

  it('fails if the package manager answers nothing', () =>
    expect(check('amzn', { rpm: 'exit 1' }, bills.amzn)).toMatchObject({ status: 1 }));
});

describe('the last step of a build', () => {
  const amazon = '%wheel ALL=(ALL) ALL\n## Same thing without a password\n# %wheel ALL=(ALL) NOPASSWD: ALL\n';
  const seal = (sudoers: string) => {
    write('etc/sudoers', sudoers);
    write('etc/sudoers.d/90-cloud-init-users', 'ec2-user ALL=(ALL) NOPASSWD:ALL\n');
    write('etc/machine-id', 'a1b2\n');
    write('etc/ssh/ssh_host_ed25519_key', 'secret');
    write('var/log/cloud-init.log', 'a line\n');
    const played = { getent: 'exit 2', sync: 'exit 0' };
    return runScript('seal.sh', { real: ['rm', 'grep', 'find', 'truncate'], played }, 'ec2-user');
  };

  it('passes on Amazon Linux, whose sudoers has such a line as a comment, and removes the files of this machine', () => {
    expect(seal(amazon)).toMatchObject({ status: 0, stderr: '' });
    for (const path of ['etc/sudoers.d/90-cloud-init-users', 'etc/ssh/ssh_host_ed25519_key'])
      expect(existsSync(join(root, path)), path).toBe(false);
    for (const path of ['etc/machine-id', 'var/log/cloud-init.log'])
      expect(readFileSync(join(root, path), 'utf8')).toBe('');
  });

  it.each(['%wheel ALL=(ALL) NOPASSWD: ALL\n', `${amazon}admin ALL=(ALL) NOPASSWD:ALL # for now\n`])(
    'fails if somebody has sudo without a password: %j',
    sudoers => expect(seal(sudoers)).toMatchObject({ status: 1, stderr: expect.stringMatching(/without a password/) }),
  );
});

it('the build of the GPU image restarts, so that the smoke tests run on the kernel of the image', () => {
  const gpu = readFileSync(join(imagesFolder, 'shared/linux/gpu.sh'), 'utf8');
  const purge = gpu.indexOf('apt-get purge');
  expect(purge).toBeGreaterThan(gpu.indexOf('linux-image-amd64'));
  expect(gpu.indexOf('--no-install-recommends nvidia-driver')).toBeGreaterThan(purge);
  const build = readFileSync(join(imagesFolder, 'shared/linux-build.pkr.hcl'), 'utf8');
  const marker = /touch (\/run\/\S+)/.exec(gpu)?.[1] ?? expect.fail();
  expect(build).toContain(`if [ -e ${marker} ]; then systemctl reboot; fi`);
});

describe('the settings of a licence server', () => {
  const provision = () => {
    for (const path of ['etc/npmrc', 'etc/profile.d/other.sh']) write(path, '');
    const env = {
      BROCH_PACKAGE_MIRROR: 'https://packages.example',
      BROCH_LINUX: join(imagesFolder, 'shared/linux'),
      BROCH_RECIPE_FOLDER: join(root, 'recipe'),
    };
    expect(runScript('mirror.sh', { real: ['cat', 'install', 'sed', 'touch'], env })).toMatchObject({ status: 0 });
    return join(root, 'etc/broch/licences.conf');
  };

  it('come from licences.conf of the recipe', () => {
    write('recipe/licences.conf', 'MLM_LICENSE_FILE=27000@licences.example\n');
    expect(readFileSync(provision(), 'utf8')).toBe('MLM_LICENSE_FILE=27000@licences.example\n');
  });

  it('may be missing', () => expect(existsSync(provision())).toBe(false));
});

describe('a new link to a desktop whose screen is locked', () => {
  const bus = 'unix:path=/run/a,guid=b';
  const real = ['pgrep', 'id', 'tr', 'grep', 'sed', 'setsid', 'sleep'];

  it('replaces the screen lock of its own display, because nobody knows its password', async () => {
    const log = join(root, 'log');
    write('log', '');
    const locker = `trap 'kill $!; exit' TERM; echo "$$ $DISPLAY $DBUS_SESSION_BUS_ADDRESS" >>${log}; sleep 60 & wait`;
    write('programs/xfce4-screensaver', `#!/bin/sh\n${locker}\n`);
    chmodSync(join(root, 'programs/xfce4-screensaver'), 0o755);
    const lines = () => readFileSync(log, 'utf8').split('\n').slice(0, -1);
    const display = `:9${process.pid}`;
    for (const [index, DISPLAY] of [display, `${display}1`].entries()) {
      const env = { PATH: '/usr/bin:/bin', DISPLAY, DBUS_SESSION_BUS_ADDRESS: bus };
      spawn(join(root, 'programs/xfce4-screensaver'), { env, stdio: 'ignore' });
      await vi.waitFor(() => expect(lines()).toHaveLength(index + 1), 20_000);
    }
    const [first, neighbour] = lines().map(line => Number(line.split(' ')[0]));
    const isRunning = (process: number | undefined) => existsSync(`/proc/${process}/exe`);
    expect(runScript('files/reconnectwm.sh', { real, env: { DISPLAY: display } })).toMatchObject({
      status: 0,
      stderr: '',
    });
    await vi.waitFor(() => expect(lines()).toHaveLength(3), 20_000);
    const [id, ...place] = (lines()[2] ?? '').split(' ');
    expect(place).toEqual([display, bus]);
    expect([first, neighbour, Number(id)].map(isRunning)).toEqual([false, true, true]);
    for (const started of [Number(neighbour), Number(id)]) process.kill(started);
  }, 60_000);

  it('changes nothing if no locker runs', () =>
    expect(runScript('files/reconnectwm.sh', { real, env: { DISPLAY: ':none' } })).toMatchObject({ status: 0 }));
});
