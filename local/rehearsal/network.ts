import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { repositoryRoot } from '../cloud.ts';
import type { RehearsedMachine } from './machine.ts';
import { type ProgramResult, requireProgram, runLoggedProgram, startProgram } from './program.ts';
import { surroundingAddresses as at, type SurroundingsSettings } from './surroundings.ts';

const node = join(repositoryRoot, 'node_modules/node/bin/node');
const program = join(repositoryRoot, 'local/rehearsal/surroundings.ts');

/** The desktop and its surroundings, each with a network of its own; nothing else is reached from there. */
export interface RehearsedNetwork {
  /** Runs a command on the desktop, as root. */
  onDesktop(command: readonly string[], input?: string): Promise<ProgramResult>;
  /** Runs a command on the desktop as the researcher. */
  asResearcher(command: readonly string[], settings?: readonly string[]): Promise<ProgramResult>;
  /** Starts a service of the desktop. */
  startService(command: readonly string[], settings?: readonly string[]): ChildProcess;
  /** Runs a program of this machine in the surroundings. */
  runOutside(command: readonly string[]): Promise<ProgramResult>;
  startOutside(command: readonly string[]): ChildProcess;
  stop(): void;
}

export interface NetworkOptions {
  readonly machine: RehearsedMachine;
  readonly settings: SurroundingsSettings;
  /** The port of the embedded cloud on this machine's loopback; the desktop finds it on its own. */
  readonly cloudPort: number;
  readonly socket: string;
}

/** The process that unshare started, which is the first in its namespaces. */
async function findChild(parent: ChildProcess): Promise<string> {
  for (let tries = 0; tries < 100; tries++) {
    const file = `/proc/${parent.pid}/task/${parent.pid}/children`;
    const [child] = readFileSync(file, 'utf8').trim().split(' ');
    if (child) return child;
    await sleep(50);
  }
  throw new Error('unshare started no process');
}

function listenForCloud(socket: string, port: number) {
  const server = createServer(client => {
    const cloud = connect(port, '127.0.0.1');
    client.on('error', () => cloud.destroy()).on('close', () => cloud.destroy());
    cloud.on('error', () => client.destroy()).on('close', () => client.destroy());
    client.pipe(cloud).pipe(client);
  });
  return new Promise<typeof server>(resolve => server.listen(socket, () => resolve(server)));
}

export async function createNetwork({
  machine,
  settings,
  cloudPort,
  socket,
}: NetworkOptions): Promise<RehearsedNetwork> {
  const { root, log } = machine;
  const children: ChildProcess[] = [];
  const start = (command: readonly string[]) => {
    const child = startProgram(command, { log });
    children.push(child);
    return child;
  };
  const unshare = ['unshare', '--net', '--mount', '--pid', '--ipc', '--uts', '--fork', '--kill-child', 'sh', '-c'];
  const mounts = [
    `mount --make-rprivate /`,
    `mount -t proc proc '${root}/proc'`,
    `mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts '${root}/dev/pts'`,
    `mount -t tmpfs tmpfs '${root}/dev/shm'`,
    `mount -t tmpfs tmpfs '${root}/run'`,
    `mount -t tmpfs -o mode=1777 tmpfs '${root}/tmp'`,
    `hostname desktop`,
    `exec sleep infinity`,
  ].join(' && ');
  const surroundings = await findChild(start([...unshare, 'exec sleep infinity']));
  const desktop = await findChild(start([...unshare, mounts]));
  const require = (command: readonly string[]) => requireProgram(command, { log });
  const inOutside = ['nsenter', '--target', surroundings, '--net'];
  const ip = (prefix: readonly string[], line: string) => require([...prefix, 'ip', ...line.split(' ')]);
  await ip(inOutside, `link add desktop type veth peer name eth0 netns ${desktop}`);
  for (const line of ['link set lo up', 'link set desktop up', `address add ${at.gateway}/24 dev desktop`])
    await ip(inOutside, line);
  for (const address of [at.mirror, at.metadata, at.internet]) await ip(inOutside, `address add ${address}/32 dev lo`);
  const inDesktop = ['nsenter', '--target', desktop, '--net'];
  for (const line of ['link set lo up', 'link set eth0 up', `address add ${at.desktop}/24 dev eth0`])
    await ip(inDesktop, line);
  await ip(inDesktop, `route add default via ${at.gateway}`);
  const server = await listenForCloud(socket, cloudPort);
  start([...inOutside, node, program, 'outside', JSON.stringify(settings)]);
  start([...inDesktop, node, program, 'inside', String(cloudPort), socket]);

  const environment = ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'LANG=C.UTF-8'];
  const enter = ['nsenter', '--target', desktop, '--net', '--mount', '--pid', '--ipc', '--uts', 'chroot', root, 'env'];
  const desktopCommand = (command: readonly string[], variables: readonly string[] = []) => [
    ...enter,
    '--ignore-environment',
    ...environment,
    ...variables,
    ...command,
  ];
  return {
    onDesktop: (command, input) => runLoggedProgram(desktopCommand(command), { log, input: input ?? '' }),
    asResearcher: (command, variables = []) =>
      runLoggedProgram(desktopCommand(['setsid', 'runuser', '-u', 'researcher', '--', ...command], variables), { log }),
    startService: (command, variables) => start(desktopCommand(command, variables)),
    runOutside: command => runLoggedProgram([...inOutside, ...command], { log }),
    startOutside: command => start([...inOutside, ...command]),
    stop() {
      server.close();
      for (const child of children.reverse()) child.kill('SIGKILL');
    },
  };
}
