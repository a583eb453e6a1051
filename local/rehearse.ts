import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { repositoryRoot } from './cloud.ts';
import { type Check, rehearseDesktop } from './rehearsal/desktop.ts';
import {
  asBuilder,
  createMachine,
  digestMachine,
  provisionMachine,
  type RehearsedMachine,
  rehearsalFolder,
  runInside,
  sealMachine,
} from './rehearsal/machine.ts';
import { listNextflowChecks } from './rehearsal/nextflow.ts';
import { DEBIAN_MIRROR, findRehearsalObstacle } from './rehearsal/obstacle.ts';
import { findPacker, validateRecipe } from './rehearsal/packer.ts';
import { surroundingAddresses } from './rehearsal/surroundings.ts';

const help = `npm run rehearse -- <image> [options]     builds a Linux image in a folder and uses it: linux-desktop, linux-notebook
npm run rehearse -- packer                lets the packer that is installed judge all recipes
npm run rehearse -- nextflow              lets the real Nextflow read what Broch generates, and run a small pipeline.
                                          It needs Maven Central: apt-get install maven openjdk-17-jre-headless

A rehearsal runs the image's real provisioning scripts, agent and smoke tests on Debian in a folder, starts the desktop in a
network of its own with the embedded cloud beside it, and signs in. It needs root, Debian's mirror and the packages
  apt-get install debootstrap freerdp2-x11 imagemagick iproute2 nftables xvfb

  --small          the packages of packages-small.txt, which takes minutes instead of half an hour
  --reuse          continues with the system of the last rehearsal
  --mirror <url>   Debian's mirror (http://deb.debian.org/debian)
  --help           this text

The exit status is 3 if this machine allows no rehearsal. npm run test:trials rehearses the small linux-desktop.
`;

/** The exit status if the machine allows no rehearsal, which is no fault of the image. */
const NO_REHEARSAL_HERE = 3;

const print = (line: string) => process.stdout.write(`${line}\n`);

function stop(line: string, status = 1): never {
  process.stderr.write(`broch: ${line}\n`);
  process.exit(status);
}

async function run(checks: readonly Check[]): Promise<void> {
  for (const [name, check] of checks) {
    const started = Date.now();
    const detail = await check().catch((error: Error) => {
      throw new Error(`${name}: ${error.message}`);
    });
    print(`✓ ${name}: ${detail} (${((Date.now() - started) / 1000).toFixed(0)} s)`);
  }
}

async function rehearsePacker(): Promise<void> {
  const version = findPacker();
  if (!version) stop('packer is not installed. Install it (Debian: apt-get install packer) and run this again.');
  if (version.startsWith('1.6.')) {
    print(
      `packer ${version} knows neither required_plugins, metadata_options, imds_support nor ami_org_arns: it sees the`,
    );
    print('recipes without them, and the tests in test/images hold those.');
  }
  mkdirSync(rehearsalFolder, { recursive: true });
  const images = readdirSync(join(repositoryRoot, 'amis'), { withFileTypes: true }).filter(
    entry => entry.isDirectory() && entry.name !== 'shared',
  );
  await run(
    images.map(({ name }) => [
      name,
      async () => {
        const mistake = await validateRecipe(name, version);
        if (mistake) throw new Error(mistake);
        return `valid for packer ${version}`;
      },
    ]),
  );
}

const settings = (small: boolean) => [
  `BROCH_PACKAGE_MIRROR=http://${surroundingAddresses.mirror}`,
  'BROCH_RECIPE=rehearsal',
  'BROCH_DOWNLOADS=skip',
  ...(small ? ['BROCH_PACKAGES=packages-small.txt'] : []),
];

function machineChecks(machine: RehearsedMachine, small: boolean): Check[] {
  return [
    [
      'the provisioning scripts run',
      async () => {
        await provisionMachine(machine, settings(small));
        const bill = JSON.parse(readFileSync(join(machine.root, 'opt/broch/bill-of-materials.json'), 'utf8')) as {
          components: { purl: string }[];
        };
        const count = (kind: string) => bill.components.filter(({ purl }) => purl.startsWith(`pkg:${kind}/`)).length;
        return `${count('deb')} packages of Debian, ${count('pypi')} of Python, ${count('cran')} of R`;
      },
    ],
    [
      'the second run changes nothing',
      async () => {
        const firstDigests = await digestMachine(machine);
        await provisionMachine(machine, settings(small));
        const secondDigests = await digestMachine(machine);
        const differences = [...new Set([...firstDigests.keys(), ...secondDigests.keys()])].filter(
          key => firstDigests.get(key) !== secondDigests.get(key),
        );
        if (differences.length > 0) throw new Error(`it changed ${differences.slice(0, 8).join(', ')}`);
        return `${secondDigests.size} files, modes and packages are the same`;
      },
    ],
    [
      'the smoke tests pass',
      async () => {
        const { status, output } = await runInside(machine, asBuilder(['broch-smoke']));
        if (status !== 0) throw new Error(output);
        return output
          .split('\n')
          .map(line => line.replace(/^ok +/, ''))
          .join(', ');
      },
    ],
    [
      'the build account keeps nothing',
      async () => {
        await sealMachine(machine);
        return 'after the last step it has no sudo';
      },
    ],
  ];
}

async function rehearseImage(image: string, small: boolean, reuse: boolean, mirror: string): Promise<void> {
  mkdirSync(rehearsalFolder, { recursive: true });
  const obstacle = findRehearsalObstacle(mirror);
  if (obstacle) stop(obstacle, NO_REHEARSAL_HERE);
  print(
    `${image}${small ? ', small: the packages of packages-small.txt' : ''}. Left out, because only the internet has it:`,
  );
  print('RStudio, VSCodium, DBeaver, Julia, Mountpoint for Amazon S3.');
  const machine = await createMachine(image, mirror, reuse);
  await run(machineChecks(machine, small));
  await rehearseDesktop(machine, run);
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    small: { type: 'boolean', default: false },
    reuse: { type: 'boolean', default: false },
    mirror: { type: 'string', default: DEBIAN_MIRROR },
    help: { type: 'boolean', default: false },
  },
});
const [image = ''] = positionals;
if (values.help || image === '') {
  print(help);
} else if (image === 'packer') {
  await rehearsePacker().catch((error: Error) => stop(error.message));
} else if (image === 'nextflow') {
  const checks = listNextflowChecks();
  if (typeof checks === 'string') stop(checks);
  await run(checks).catch((error: Error) => stop(error.message));
} else if (['linux-desktop', 'linux-notebook'].includes(image)) {
  await rehearseImage(image, values.small, values.reuse, values.mirror).catch((error: Error) => stop(error.message));
  process.exit(0);
} else {
  stop(`there is no rehearsal of ${image}. Name linux-desktop, linux-notebook, packer or nextflow.`);
}
