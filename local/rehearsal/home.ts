import { cpSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type RehearsedMachine, rehearsalFolder } from './machine.ts';
import type { RehearsedNetwork } from './network.ts';
import { requireProgram } from './program.ts';

/** Gives a file to the desktop as a disk, which goes when nothing mounts it any more. */
async function withDisk<Result>(
  { root, log }: RehearsedMachine,
  file: string,
  use: (disk: string) => Promise<Result>,
): Promise<Result> {
  const disk = await requireProgram(['losetup', '--find', '--show', file], { log });
  const node = join(root, disk);
  try {
    rmSync(node, { force: true });
    await requireProgram(['cp', '--archive', disk, node], { log });
    return await use(disk);
  } finally {
    await requireProgram(['losetup', '--detach', disk], { log });
    rmSync(node, { force: true });
  }
}

/** The disk of the home on a new machine, on the next one, and a disk with something else on it. */
export function homeChecks(
  { onDesktop, asResearcher }: RehearsedNetwork,
  machine: RehearsedMachine,
): (readonly [string, () => Promise<string>])[] {
  const file = join(rehearsalFolder, `${machine.image}.home`);
  const mountHome = (disk: string) => onDesktop(['env', `BROCH_HOME_DISK=${disk}`, 'broch-home']);
  const must = async (attempt: Promise<{ status: number; output: string }>) => {
    const { status, output } = await attempt;
    if (status !== 0) throw new Error(output);
    return output;
  };
  const shell = (line: string) => ['sh', '-c', line];
  return [
    [
      'a disk with something on it is not formatted',
      async () => {
        writeFileSync(file, 'somebody wrote this');
        truncateSync(file, 96 * 1024 * 1024);
        const { status, output } = await withDisk(machine, file, mountHome);
        if (status === 0) throw new Error('it was formatted');
        return output.split('\n').at(-1) ?? '';
      },
    ],
    [
      'a new disk becomes the home',
      async () => {
        writeFileSync(file, '');
        truncateSync(file, 64 * 1024 * 1024);
        await withDisk(machine, file, async disk => {
          await must(mountHome(disk));
          await must(mountHome(disk));
          await must(asResearcher(shell('cd ~researcher && test -f .profile && echo kept >note')));
          await must(onDesktop(shell('umount ~researcher')));
        });
        if ((await onDesktop(shell('test -e ~researcher/note'))).status === 0)
          throw new Error('the file is not on the disk');
        return 'with the files of the image, twice without harm';
      },
    ],
    [
      'the home comes back on another machine, from its snapshot and larger',
      async () => {
        const restoredFile = `${file}.restored`;
        cpSync(file, restoredFile);
        truncateSync(restoredFile, 128 * 1024 * 1024);
        return withDisk(machine, restoredFile, async disk => {
          await must(mountHome(disk));
          const text = await must(asResearcher(shell('cat ~researcher/note')));
          if (text !== 'kept') throw new Error('the file is not there');
          const size = await must(onDesktop(shell('stat --file-system --format="%b %S" ~researcher')));
          const [blocks = 0, bytes = 0] = size.split(' ').map(Number);
          return `${Math.round((blocks * bytes) / 1024 / 1024)} MiB, and the file of before`;
        });
      },
    ],
  ];
}
