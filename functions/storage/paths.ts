import type { Finding } from '../identifiers.ts';

/** Control characters, line separators, and marks that turn the direction of text: they make a name look like another. */
const invisible = /[\p{Cc}\u2028\u2029\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]/u;
const all = new RegExp(invisible, 'gu');
const deepest = 100;

export const byteLength = (text: string): number => new TextEncoder().encode(text).length;

/** A path as people may safely see it: what could move a cursor or turn the text is written out. */
export const visiblePath = (path: string): string =>
  path.replace(all, mark => `\\u{${mark.codePointAt(0)?.toString(16)}}`);

export const pathFinding = (path: string, reason: string): Finding => ({ path: visiblePath(path), reason });

/** Why a path can't be taken, and what to do; undefined where it can. `room` is how many bytes storage has for it. */
export function pathProblem(path: string, room: number): string | undefined {
  if (path === '') return 'The path is empty. Name a file.';
  if (invisible.test(path))
    return 'The path has control characters, or marks that turn the direction of text. Rename the file.';
  if (path.includes('\\')) return 'The path has a backslash. Separate folders by a slash (/), and use no other.';
  if (path.startsWith('/'))
    return 'The path is absolute. Write it relative to the delivery, without the slash before it.';
  if (/^[A-Za-z]:/.test(path)) return 'The path begins with a drive letter. Write it relative to the delivery.';
  if (path.startsWith('~')) return 'The path begins with ~, which stands for a home folder. Rename the file or folder.';
  const names = path.split('/');
  if (names.includes('..')) return 'The path leads out of its folder by `..`. Write it without.';
  if (names.includes('.')) return 'The path has a `.` folder. Write it without, as in `a/b.csv` for `./a/b.csv`.';
  if (names.includes(''))
    return 'The path has an empty folder name, or ends in a slash. List files only, with single slashes.';
  if (names.length > deepest) return `The path is more than ${deepest} folders deep. Pack such a tree into an archive.`;
  if (names.some(name => byteLength(name) > 255))
    return 'A name in the path is longer than 255 bytes, more than file systems hold. Shorten it.';
  if (byteLength(path) > room) return `The path is longer than the ${room} bytes that storage has for it. Shorten it.`;
  return undefined;
}

/** What Windows and macOS take for one and the same name, or people do, as signs without width are seen nowhere. */
export const comparablePath = (path: string): string =>
  path
    .replace(/\p{Default_Ignorable_Code_Point}/gu, '')
    .normalize('NFC')
    .toLowerCase();

const remedy = 'Rename one of the two, then upload it and the manifest again.';

/** Paths that can't live beside each other in a workspace: they differ only by case or Unicode form, or one is a folder. */
export function findPathClashes(paths: readonly string[]): Finding[] {
  const seen = new Map<string, string>();
  const found: Finding[] = [];
  for (const path of paths) {
    const twin = seen.get(comparablePath(path));
    if (twin === undefined) seen.set(comparablePath(path), path);
    else if (twin.normalize('NFC') === path.normalize('NFC'))
      found.push(
        pathFinding(path, `Its name and that of ${visiblePath(twin)} differ only in their Unicode form. ${remedy}`),
      );
    else if (twin.normalize('NFC').toLowerCase() !== path.normalize('NFC').toLowerCase())
      found.push(
        pathFinding(path, `Its name and that of ${visiblePath(twin)} differ only in signs that nobody sees. ${remedy}`),
      );
    else
      found.push(
        pathFinding(
          path,
          `Its name and that of ${visiblePath(twin)} differ only in case: one file to Windows. ${remedy}`,
        ),
      );
  }
  for (const path of paths) {
    const name = comparablePath(path);
    for (let slash = name.indexOf('/'); slash !== -1; slash = name.indexOf('/', slash + 1)) {
      const file = seen.get(name.slice(0, slash));
      if (file !== undefined) {
        found.push(pathFinding(path, `It is in a folder ${visiblePath(file)}, but that is a file too. ${remedy}`));
        break;
      }
    }
  }
  return found;
}
