import type { FileGroup } from '../request/manifest.ts';

/** Whether a text fits a pattern of characters and `*`, in time that no pattern can blow up. */
function fits(text: string, pattern: string): boolean {
  let [at, star, back] = [0, -1, 0];
  let from = 0;
  while (from < text.length) {
    if (pattern[at] === '*') {
      [star, back] = [at, from];
      at++;
    } else if (at < pattern.length && pattern[at] === text[from]) {
      at++;
      from++;
    } else if (star >= 0) {
      at = star + 1;
      back++;
      from = back;
    } else return false;
  }
  while (pattern[at] === '*') at++;
  return at === pattern.length;
}

/** Whether a path fits: `*` stands for any part of one name, `**` as a name for any number of folders. */
export function matchesWildcard(path: string, pattern: string): boolean {
  const [names, wanted] = [path.split('/'), pattern.split('/')];
  let [at, star, back, from] = [0, -1, 0, 0];
  while (from < names.length) {
    const [name = '', want] = [names[from], wanted[at]];
    if (want === '**') {
      [star, back] = [at, from];
      at++;
    } else if (want !== undefined && fits(name, want)) {
      at++;
      from++;
    } else if (star >= 0) {
      at = star + 1;
      back++;
      from = back;
    } else return false;
  }
  while (wanted[at] === '**') at++;
  return at === wanted.length;
}

/** The index of the first group that takes the file, or -1. */
export const findGroupIndex = (path: string, groups: readonly Pick<FileGroup, 'paths'>[]): number =>
  groups.findIndex(({ paths }) => paths.some(pattern => matchesWildcard(path, pattern)));
