import type { Finding } from '../identifiers.ts';

/** Control characters, line separators and bidirectional marks: they can make one name look like another. */
const invisibleCharacter = /[\p{Cc}\u2028\u2029\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]/u;
const invisibleCharacters = new RegExp(invisibleCharacter, 'gu');
const deepest = 100;
/** What Windows does not allow in names (Microsoft Learn, "Naming Files, Paths, and Namespaces"). */
const windowsCharacter = /[<>:"|?*]/;
const windowsDevice = /^(con|prn|aux|nul|com[0-9\u00b9\u00b2\u00b3]|lpt[0-9\u00b9\u00b2\u00b3])\s*(\.|$)/i;

export const byteLength = (text: string): number => new TextEncoder().encode(text).length;

/** A path that is safe to display: hidden characters are written as codes. */
export const visiblePath = (path: string): string =>
  path.replace(invisibleCharacters, mark => `\\u{${mark.codePointAt(0)?.toString(16)}}`);

export const pathFinding = (path: string, reason: string): Finding => ({ path: visiblePath(path), reason });

/** The problem with a path, and its remedy; undefined if there is none. `room` is the number of bytes available for it. */
export function pathProblem(path: string, room: number): string | undefined {
  if (path === '') return 'The path is empty. Name a file.';
  if (invisibleCharacter.test(path))
    return 'The path contains control characters or marks that change the direction of text. Rename the file.';
  if (path.includes('\\')) return 'The path contains a backslash. Separate folders with a slash (/).';
  if (path.startsWith('/')) return 'The path is absolute. Write it relative to the delivery, without the first slash.';
  if (/^[A-Za-z]:/.test(path)) return 'The path begins with a drive letter. Write it relative to the delivery.';
  if (path.startsWith('~')) return 'The path begins with ~, which means a home folder. Rename the file or folder.';
  const names = path.split('/');
  if (names.includes('..')) return 'The path contains `..`, which leads out of its folder. Remove it.';
  if (names.includes('.')) return 'The path contains a `.` folder. Remove it, as in `a/b.csv` for `./a/b.csv`.';
  if (names.includes(''))
    return 'The path contains an empty folder name or ends in a slash. List files only, with single slashes.';
  if (names.length > deepest)
    return `The path is more than ${deepest} folders deep. Use fewer folders, or pack them into an archive.`;
  if (names.some(name => byteLength(name) > 255))
    return 'A name in the path is longer than 255 bytes, which file systems do not support. Shorten it.';
  if (windowsCharacter.test(path))
    return 'The path contains one of < > : " | ? *, which Windows desktops cannot store. Rename the file.';
  if (names.some(name => /[. ]$/.test(name)))
    return 'A name in the path ends in a dot or a blank, which Windows desktops drop. Rename the file or folder.';
  if (names.some(name => windowsDevice.test(name)))
    return 'A name in the path means a device on Windows desktops, such as CON or NUL. Rename the file or folder.';
  if (byteLength(path) > room) return `The path is longer than ${room} bytes. Shorten it.`;
  return undefined;
}

/** Matches the paths that a pattern names. A star stands for any part of a name, but not for `/`. */
export const toPathPattern = (pattern: string): RegExp =>
  new RegExp(`^${pattern.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll('\\*', '[^/]*')}$`);

/** Equal for paths that are the same to Windows or macOS, or look the same because they differ in invisible characters. */
export const comparablePath = (path: string): string =>
  path
    .replace(/\p{Default_Ignorable_Code_Point}/gu, '')
    .normalize('NFC')
    .toLowerCase();

const remedy = 'Rename one of the two, then upload it and the manifest again.';

/** Finds paths that cannot exist together in a workspace: they differ only in case or Unicode form, or one is a folder. */
export function findPathClashes(paths: readonly string[]): Finding[] {
  const pathsByForm = new Map<string, string>();
  const clashes: Finding[] = [];
  for (const path of paths) {
    const twin = pathsByForm.get(comparablePath(path));
    if (twin === undefined) pathsByForm.set(comparablePath(path), path);
    else if (twin.normalize('NFC') === path.normalize('NFC'))
      clashes.push(
        pathFinding(path, `This name and ${visiblePath(twin)} differ only in their Unicode form. ${remedy}`),
      );
    else if (twin.normalize('NFC').toLowerCase() !== path.normalize('NFC').toLowerCase())
      clashes.push(
        pathFinding(path, `This name and ${visiblePath(twin)} differ only in invisible characters. ${remedy}`),
      );
    else
      clashes.push(
        pathFinding(
          path,
          `This name and ${visiblePath(twin)} differ only in case, so Windows treats them as one file. ${remedy}`,
        ),
      );
  }
  for (const path of paths) {
    const name = comparablePath(path);
    for (let slash = name.indexOf('/'); slash !== -1; slash = name.indexOf('/', slash + 1)) {
      const file = pathsByForm.get(name.slice(0, slash));
      if (file !== undefined) {
        clashes.push(
          pathFinding(
            path,
            `This file is in a folder ${visiblePath(file)}, but there is also a file with that name. ${remedy}`,
          ),
        );
        break;
      }
    }
  }
  return clashes;
}
