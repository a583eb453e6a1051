import type { ChildProcess } from 'node:child_process';
import { copyFileSync, existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseReport } from '../../functions/workspaces/reports.ts';
import { startCloud } from '../cloud.ts';
import { trustCertificate } from '../trust.ts';
import { homeChecks } from './home.ts';
import { isScreenLocked, listProcesses, lockScreen } from './lock.ts';
import { type RehearsedMachine, rehearsalFolder } from './machine.ts';
import { createNetwork, type RehearsedNetwork } from './network.ts';
import { createRehearsedProject, type RehearsedProject } from './project.ts';
import { surroundingAddresses as at } from './surroundings.ts';

/** One thing that must hold; the text that it resolves to says more. */
export type Check = readonly [name: string, check: () => Promise<string>];

const refuse = (reason: string): never => {
  throw new Error(reason);
};

async function waitFor<T>(subject: string, ask: () => Promise<T | undefined>, seconds = 90): Promise<T> {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(500)) {
    const value = await ask();
    if (value !== undefined) return value;
  }
  throw new Error(`${subject} did not come within ${seconds} seconds`);
}

/** What a researcher must not be able to do, and what they need. */
function researcherChecks({ asResearcher, onDesktop, runOutside }: RehearsedNetwork): Check[] {
  const download = (index: string) => {
    const pip = ['pip', 'download', '--quiet', '--no-deps', '--retries=0', '--timeout=10', '--dest=/dev/shm/wheels'];
    const trusted = [`PIP_TRUSTED_HOST=${at.mirror} ${at.internet}`, 'HOME=/dev/shm'];
    return asResearcher([...pip, ...(index ? [`--index-url=${index}`] : []), 'broch-sample'], trusted);
  };
  return [
    [
      'the researcher has no root',
      async () => {
        for (const command of [
          ['sudo', '-n', 'id'],
          ['su', '-c', 'id'],
          ['pkexec', 'id'],
        ])
          if ((await asResearcher(command)).status === 0) refuse(`${command[0]} gives root`);
        return 'sudo, su and pkexec refuse';
      },
    ],
    [
      'the mirror serves packages',
      async () => {
        const { status, output } = await download('');
        return status === 0 ? 'pip downloads from the mirror' : refuse(output);
      },
    ],
    [
      'a blocked package source is refused',
      async () => {
        const url = `http://${at.internet}/simple/`;
        const { status } = await download(url);
        if (status === 0) refuse('pip downloads from the internet');
        // The source is there: root reaches it, and the firewall makes the difference.
        const { status: probe } = await onDesktop(['curl', '--silent', '--output', '/dev/null', `${url}broch-sample/`]);
        return probe === 0 ? 'the firewall refuses the researcher what it allows root' : refuse('nobody reaches it');
      },
    ],
    [
      'the metadata service answers the agent alone',
      async () => {
        const ask = [
          'curl',
          '--silent',
          '--show-error',
          '--max-time',
          '5',
          '-X',
          'PUT',
          `http://${at.metadata}/latest/api/token`,
        ];
        if ((await asResearcher(ask)).status === 0) refuse('the researcher gets the role of the instance');
        return (await onDesktop(ask)).status === 0 ? 'root is answered, the researcher is not' : refuse('nobody is');
      },
    ],
    [
      'the firewall opens nothing but the desktop',
      async () => {
        const open = (port: number) => runOutside(['timeout', '3', 'bash', '-c', `</dev/tcp/${at.desktop}/${port}`]);
        if ((await open(3389)).status !== 0) refuse('RDP does not answer');
        for (const port of [22, 5900, 5910, 8888]) if ((await open(port)).status === 0) refuse(`port ${port} is open`);
        return 'RDP answers; SSH, VNC and the notebook server do not';
      },
    ],
  ];
}

const quoteWords = (words: readonly string[]) => words.map(word => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');

/** The program that shows that a session has come up, and how long it takes to draw itself. */
const sessionPrograms: Readonly<Record<string, readonly [program: string, milliseconds: number]>> = {
  'linux-notebook': ['firefox-esr', 45_000],
};

/** Something to see: a model in R, in the researcher's own session. */
function openTerminal(network: RehearsedNetwork): void {
  const model = `R --no-save --quiet -e 'summary(lm(dist ~ speed, cars))'`;
  const terminal = ['xfce4-terminal', '--geometry=96x32+190+90', '--title=R', '--hold', `--command=${model}`];
  network.startService(['runuser', '--login', '--command', `DISPLAY=:10 ${quoteWords(terminal)}`, 'researcher']);
}

const SCREEN = 'DISPLAY=:77';
const programOf = (image: string) => sessionPrograms[image] ?? (['xfce4-panel', 12_000] as const);

/** Opens the desktop as the gateway does, on the screen of the rehearsal. */
const connect = (network: RehearsedNetwork, password: string): ChildProcess =>
  network.startOutside([
    ...['env', SCREEN, 'HOME=/dev/shm', 'xfreerdp', `/v:${at.desktop}`, '/u:researcher', `/p:${password}`],
    ...['/cert:ignore', '/f', '/sec:tls', '-clipboard'],
  ]);

async function signIn(network: RehearsedNetwork, image: string, password: string, picture: string) {
  const [program, milliseconds] = programOf(image);
  network.startOutside(['Xvfb', ':77', '-screen', '0', '1280x800x24', '-nolisten', 'tcp']);
  await sleep(1500);
  const client = connect(network, password);
  await waitFor('the desktop', async () => (await listProcesses(network, program)) || undefined, 120);
  if (program === 'xfce4-panel') openTerminal(network);
  await sleep(milliseconds);
  const picturing = ['env', SCREEN, 'import', '-window', 'root', '-depth', '8', picture];
  const { status, output } = await network.runOutside(picturing);
  if (status !== 0) refuse(output);
  return client;
}

/** Locks the screen, ends the connection, and opens the desktop again with the password of a new link. */
async function openLockedScreen(network: RehearsedNetwork, image: string, client: ChildProcess, password: string) {
  const [program] = programOf(image);
  const session = await listProcesses(network, program);
  const hasLock = (state: boolean) => async () => ((await isScreenLocked(network)) === state ? true : undefined);
  await waitFor('the locker of the session', hasLock(false));
  const { status, output } = await lockScreen(network);
  if (status !== 0) refuse(output);
  await waitFor('the lock', hasLock(true));
  const locker = await listProcesses(network, LOCKER);
  client.kill();
  connect(network, password);
  await waitFor('the desktop behind the lock', hasLock(false));
  const [nextSession, nextLocker] = [await listProcesses(network, program), await listProcesses(network, LOCKER)];
  if (nextSession !== session) refuse(`it is another session: ${session} and ${nextSession}`);
  if (nextLocker === '' || nextLocker === locker) refuse(`the screen is not guarded any more: ${nextLocker}`);
  return 'the same session, and another locker';
}

/** The name of a process has fifteen characters at most. */
const LOCKER = 'xfce4-screensav';

interface DesktopRehearsal {
  readonly network: RehearsedNetwork;
  readonly project: RehearsedProject;
  readonly machine: RehearsedMachine;
  readonly cloudPort: number;
  /** Where the picture of the session goes. */
  readonly picture: string;
}

/** The certificate of the embedded cloud, inside the rehearsed system. */
const cloudCertificate = '/opt/broch/ca.pem';

/** Starts the desktop as systemd would, and looks at it as a person and as the platform would. */
function desktopChecks({ network, project, machine, cloudPort, picture }: DesktopRehearsal): Check[] {
  let password = '';
  let client: ChildProcess | undefined;
  const { image } = machine;
  return [
    ...homeChecks(network, machine),
    [
      'the firewall loads',
      async () => {
        const { status, output } = await network.onDesktop(['nft', '--file', '/etc/nftables.conf']);
        return status === 0 ? 'nftables.conf' : refuse(output);
      },
    ],
    [
      'the desktop server starts',
      async () => {
        await network.onDesktop(['broch-agent', 'prepare']);
        await network.onDesktop(['mkdir', '--parents', '/run/xrdp', '/run/dbus']);
        network.startService(['/usr/sbin/xrdp-sesman', '--nodaemon']);
        network.startService(['/usr/sbin/xrdp', '--nodaemon']);
        await waitFor('port 3389', async () => {
          const { output } = await network.onDesktop(['grep', '--count', ':0D3D ', '/proc/net/tcp', '/proc/net/tcp6']);
          return /:[1-9]/.test(output) ? true : undefined;
        });
        return 'xrdp listens on 3389';
      },
    ],
    [
      'the agent reports',
      async () => {
        network.startService(
          ['/usr/local/sbin/broch-agent', 'run'],
          [
            `AWS_ENDPOINT_URL_S3=https://127.0.0.1:${cloudPort}`,
            `AWS_CA_BUNDLE=${cloudCertificate}`,
            'BROCH_REPORT_SECONDS=5',
          ],
        );
        const report = parseReport(await waitFor('the report', () => project.read('ready')));
        password = report.password;
        return `${report.protocol}, a password of ${password.length} characters, under the instance's own key`;
      },
    ],
    ...researcherChecks(network),
    [
      'the researcher signs in with the password that was reported',
      async () => {
        client = await signIn(network, image, password, picture);
        return `the picture of the session is ${picture}`;
      },
    ],
    [
      'the password of a session opens no other one',
      async () => {
        const earlierPassword = password;
        password = await waitFor('another password', async () => {
          const report = parseReport((await project.read('ready')) ?? '');
          return report.password === earlierPassword ? undefined : report.password;
        });
        return 'the agent reported another one';
      },
    ],
    [
      'the agent reports activity',
      async () => {
        const activity = await waitFor('a session in the report', async () => {
          const read = JSON.parse((await project.read('activity')) ?? '{}') as {
            sessions?: number;
            idleMinutes?: number;
          };
          return read.sessions === 1 ? read : undefined;
        });
        return `one session, idle for ${activity.idleMinutes} minutes`;
      },
    ],
    [
      'a new link opens a locked screen',
      async () => (client ? openLockedScreen(network, image, client, password) : refuse('nobody has signed in')),
    ],
  ];
}

export async function rehearseDesktop(machine: RehearsedMachine, run: (checks: readonly Check[]) => Promise<void>) {
  const region = 'eu-west-2';
  const cloud = await startCloud({ folder: join(rehearsalFolder, 'cloud'), region });
  let network: RehearsedNetwork | undefined;
  try {
    trustCertificate(cloud.ca);
    const project = await createRehearsedProject(cloud);
    copyFileSync(cloud.ca, join(machine.root, cloudCertificate));
    const cloudPort = Number(new URL(cloud.endpoint).port);
    const tags = {
      'broch:project': 'rehearsal',
      'broch:workspace': 'rehearsal-0001',
      'broch:owner': 'rana',
      'broch:bucket': project.bucket,
      'broch:role': project.role,
    };
    network = await createNetwork({
      machine,
      cloudPort,
      socket: join(rehearsalFolder, `cloud-${process.pid}.sock`),
      settings: { instance: project.instance, region, tags, credentials: project.credentials },
    });
    const picture = join(rehearsalFolder, `${machine.image}.png`);
    await run(desktopChecks({ network, project, machine, cloudPort, picture }));
    if (existsSync(picture) && statSync(picture).size < 5000) refuse('the picture of the desktop is empty');
  } finally {
    network?.stop();
    await cloud.stop();
  }
}
