import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { rehearsalFolder } from './machine.ts';

export const DEBIAN_MIRROR = 'http://deb.debian.org/debian';

/** Why no rehearsal can run here, in a sentence that says what to do. */
export function findRehearsalObstacle(mirror = DEBIAN_MIRROR): string | undefined {
  if (process.platform !== 'linux') return 'a rehearsal needs Linux.';
  if (process.getuid?.() !== 0)
    return 'a rehearsal needs root: it makes namespaces and a Debian system. Run it with sudo.';
  const tools = ['debootstrap', 'import', 'ip', 'nft', 'nsenter', 'unshare', 'xfreerdp', 'Xvfb'];
  const missing = tools.filter(tool => spawnSync('which', [tool]).status !== 0);
  if (missing.length > 0) return `${missing.join(', ')} is missing. Install the packages that --help names.`;
  if (spawnSync('unshare', ['--net', '--mount', '--pid', '--fork', 'true']).status !== 0)
    return 'this machine allows no new namespaces, which a rehearsal needs. Run it outside of a container.';
  mkdirSync(rehearsalFolder, { recursive: true });
  const probe = spawnSync('debootstrap', [
    '--print-debs',
    '--variant=minbase',
    'trixie',
    join(rehearsalFolder, 'probe'),
    mirror,
  ]);
  return probe.status === 0 ? undefined : `${mirror} does not answer. Name a mirror of Debian with --mirror.`;
}
