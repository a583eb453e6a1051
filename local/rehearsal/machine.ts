import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../cloud.ts';
import { type ProgramResult, requireProgram, runLoggedProgram } from './program.ts';

export const rehearsalFolder = join(repositoryRoot, '.local/rehearsal');
const amis = join(repositoryRoot, 'amis');
const release = 'trixie';

/** A Debian system in a folder. It stands for the build machine, and then for a desktop. */
export interface RehearsedMachine {
  readonly image: string;
  readonly root: string;
  readonly log: string;
}

const environment = ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'LANG=C.UTF-8'];

/** Debian's minimal system, which takes minutes to install and is kept for the next rehearsal. */
async function installBase(mirror: string, log: string): Promise<string> {
  const base = join(rehearsalFolder, release);
  if (existsSync(join(base, 'complete'))) return join(base, 'root');
  rmSync(base, { recursive: true, force: true });
  mkdirSync(base, { recursive: true });
  await requireProgram(['debootstrap', '--variant=minbase', '--include=sudo', release, join(base, 'root'), mirror], {
    log,
    seconds: 900,
  });
  writeFileSync(join(base, 'complete'), '');
  return join(base, 'root');
}

export async function createMachine(image: string, mirror: string, reuse: boolean): Promise<RehearsedMachine> {
  const log = join(rehearsalFolder, `${image}.log`);
  mkdirSync(join(rehearsalFolder, 'archives/partial'), { recursive: true });
  writeFileSync(log, '');
  const root = join(rehearsalFolder, image);
  if (!reuse || !existsSync(root)) {
    const base = await installBase(mirror, log);
    rmSync(root, { recursive: true, force: true });
    await requireProgram(['cp', '--archive', base, root], { log });
  }
  const lists = ['', '-updates'].map(suite => `deb ${mirror} ${release}${suite} main\n`).join('');
  writeFileSync(join(root, 'etc/apt/sources.list'), lists);
  cpSync('/etc/resolv.conf', join(root, 'etc/resolv.conf'));
  writeFileSync(join(root, 'etc/hosts'), '127.0.0.1 localhost\n127.0.1.1 desktop\n');
  // Services start only when the rehearsal starts them, and a crash would cost nothing but this folder.
  writeFileSync(join(root, 'usr/sbin/policy-rc.d'), '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  writeFileSync(join(root, 'etc/dpkg/dpkg.cfg.d/rehearsal'), 'force-unsafe-io\n');
  const machine = { image, root, log };
  const { status, output } = await runInside(machine, ['sh', '-c', makeBuildAccount]);
  if (status !== 0) throw new Error(`the build account could not be made; the log is ${log}\n${output.slice(-600)}`);
  return machine;
}

/** Builds the image as the account of Debian's own images, which may do everything until the image is sealed. */
const makeBuildAccount = `set -eu
command -v sudo >/dev/null || { apt-get update -qq; apt-get install -qq -y --no-install-recommends sudo; }
getent passwd admin >/dev/null || useradd --create-home --shell /bin/bash admin
usermod --expiredate '' admin
echo 'admin ALL=(ALL) NOPASSWD:ALL' >/etc/sudoers.d/90-cloud-init-users
chmod 440 /etc/sudoers.d/90-cloud-init-users`;

/** Runs a command as the build account does: by sudo. */
export const asBuilder = (command: readonly string[]) => ['runuser', '-u', 'admin', '--', 'sudo', '-n', ...command];

/** Runs a command as root in the system, with the network of this machine. */
export function runInside(
  { root, log }: RehearsedMachine,
  command: readonly string[],
  archives = true,
): Promise<ProgramResult> {
  const cache = `mount --bind '${join(rehearsalFolder, 'archives')}' '${root}/var/cache/apt/archives'`;
  const mounts = [
    `mount --make-rprivate /`,
    `hostname desktop`,
    `mount -t proc proc '${root}/proc'`,
    `mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts '${root}/dev/pts'`,
    ...(archives ? [cache] : []),
    `exec chroot '${root}' env --ignore-environment "$@"`,
  ].join(' && ');
  return runLoggedProgram(
    ['unshare', '--mount', '--pid', '--ipc', '--uts', '--fork', '--kill-child', 'sh', '-c', mounts, 'sh'].concat(
      environment,
      command,
    ),
    { log, seconds: 3000 },
  );
}

/** Runs the image's own provisioning, as Packer does. */
export async function provisionMachine(machine: RehearsedMachine, settings: readonly string[]): Promise<void> {
  const target = join(machine.root, 'opt/broch/provision');
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  const sources = [join(amis, 'shared/linux'), join(amis, machine.image)];
  await requireProgram(['cp', '--recursive', '--dereference', ...sources, target], { log: machine.log });
  const command = ['env', ...settings, 'sh', '/opt/broch/provision/linux/provision.sh', machine.image];
  const { status, output } = await runInside(machine, asBuilder(command));
  if (status !== 0) throw new Error(`the provisioning failed; the log is ${machine.log}\n${output.slice(-600)}`);
}

/** Ends the build as Packer does, and tries whether the build account is left with anything. */
export async function sealMachine(machine: RehearsedMachine): Promise<void> {
  const seal = ['sh', '/opt/broch/provision/linux/seal.sh', 'admin'];
  const { status, output } = await runInside(machine, asBuilder(seal), false);
  if (status !== 0) throw new Error(output.slice(-600));
  if ((await runInside(machine, asBuilder(['id']), false)).status === 0)
    throw new Error('the build account still has sudo');
}

/** A digest of every file that makes the image what it is, and every package. */
export async function digestMachine(machine: RehearsedMachine): Promise<ReadonlyMap<string, string>> {
  const script = [
    'cd /',
    'find etc usr/local opt/broch var/spool data -type f ! -path "opt/broch/provision/*" -print0 | sort -z | xargs -0 sha256sum',
    'find etc usr/local opt/broch -type l -printf "%l  %p\\n" | sort',
    'find etc usr/local opt/broch usr/bin -printf "%m:%u:%g  mode:%p\\n" | sort',
    'dpkg-query --show --showformat "${Version}  package:${Package}\\n"',
  ].join('; ');
  const listing = join(machine.root, 'opt/broch/provision/digests');
  const { status } = await runInside(machine, ['sh', '-c', `{ ${script}; } > /opt/broch/provision/digests`]);
  if (status !== 0) throw new Error(`the files could not be read; the log is ${machine.log}`);
  return new Map(
    readFileSync(listing, 'utf8')
      .split('\n')
      .filter(line => line.includes('  '))
      .map(line => [line.slice(line.indexOf('  ') + 2), line.slice(0, line.indexOf('  '))] as const),
  );
}
