import { matchesWildcard } from '../../functions/airlock/steps/wildcards.ts';
import type { LocalFile } from './folder.ts';

/** Names of files that operating systems and office programs leave in folders. */
export const DEFAULT_IGNORED = ['.DS_Store', 'Thumbs.db', 'desktop.ini', '._*', '~$*'];

const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/**
 * Separates the files whose names match one of the patterns, in any folder and any case. A file that the partner's own
 * manifest lists is meant to be delivered.
 */
export function leaveOutJunk(
  files: readonly LocalFile[],
  patterns: readonly string[],
  manifest: Uint8Array | undefined,
): { deliverable: LocalFile[]; junk: LocalFile[] } {
  const lines = manifest ? new TextDecoder().decode(manifest).split(/\r?\n/) : [];
  const isListed = ({ path }: LocalFile) => lines.some(line => /^\S+\s+\*?(?:\.\/)?(.*)$/.exec(line)?.[1] === path);
  const isJunk = (file: LocalFile) =>
    patterns.some(pattern => matchesWildcard(nameOf(file.path).toLowerCase(), pattern.toLowerCase())) &&
    !isListed(file);
  return { deliverable: files.filter(file => !isJunk(file)), junk: files.filter(isJunk) };
}
