import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { repositoryRoot } from './cloud.ts';

const program = join(repositoryRoot, 'amis/shared/windows/broch-mounts.py');
const script = `
import datetime, json, runpy, sys
mounts = runpy.run_path(sys.argv[1])
alias, wanted = mounts['rules'].wanted_mounts(sys.stdin.read(), datetime.datetime.now(datetime.timezone.utc))
print(json.dumps({mounts['windows_path'](path): [alias, prefix] for path, prefix in wanted.items()}))`;

/** Where the files of a mount lie: the access point's alias, and the beginning of their keys. */
export type MountSource = readonly [bucket: string, prefix: string];

/** What the program of the Windows image would show for a list of datasets, by its path on drive C. */
export const planWindowsMounts = (list: string): Readonly<Record<string, MountSource>> =>
  JSON.parse(execFileSync('python3', ['-I', '-B', '-c', script, program], { input: list, encoding: 'utf8' }));
