import type { ReleasedFile } from './record.ts';
import { partBytes } from './schemas.ts';

/** A released file where it lies: the very version that was released. */
export interface StoredFile extends ReleasedFile {
  readonly key: string;
  readonly versionId: string;
}

/** A page has so many files at most, and a part is of no more. */
const mostFiles = 200;

/** The page that begins at `from`. */
export function pageFrom<T>(files: readonly T[], from: number) {
  const end = Math.min(files.length, from + mostFiles);
  return { files: files.slice(from, end), ...(end < files.length && { next: end }) };
}

/**
 * Where the bytes of one part lie, of file `first` and those behind it as if they were one: so many small ones are not a
 * call each. `from` counts from the beginning of the first; only where the files of a page end may a part be shorter.
 */
export function partFrom<T extends { readonly size: number }>(files: readonly T[], first: number, from: number) {
  const ranges: { file: T; from: number; bytes: number }[] = [];
  let [left, at] = [partBytes, from];
  for (const file of files.slice(first, first + mostFiles)) {
    const bytes = Math.min(left, Math.max(0, file.size - at));
    if (bytes > 0) ranges.push({ file, from: at, bytes });
    left -= bytes;
    at = Math.max(0, at - file.size);
    if (left === 0) break;
  }
  return ranges;
}
