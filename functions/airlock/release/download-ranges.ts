import type { ReleasedFile } from './record.ts';
import { partBytes } from './schemas.ts';

/** A released file with its bucket key and version. */
export interface StoredFile extends ReleasedFile {
  readonly key: string;
  readonly versionId: string;
}

/** How many files a page, and so a part, may have. */
const MAX_PAGE_FILES = 200;

/** The page that begins at `from`. */
export function pageFrom<T>(files: readonly T[], start: number) {
  const end = Math.min(files.length, start + MAX_PAGE_FILES);
  return { files: files.slice(start, end), ...(end < files.length && { next: end }) };
}

/**
 * The byte ranges of one part, which starts in file `first` and continues in the next files, so that many small files
 * need few calls. `from` counts from the beginning of `first`. Only the last part of a page may be shorter.
 */
export function partFrom<T extends { readonly size: number }>(files: readonly T[], first: number, start: number) {
  const ranges: { file: T; from: number; bytes: number }[] = [];
  let [remainingBytes, offset] = [partBytes, start];
  for (const file of files.slice(first, first + MAX_PAGE_FILES)) {
    const bytes = Math.min(remainingBytes, Math.max(0, file.size - offset));
    if (bytes > 0) ranges.push({ file, from: offset, bytes });
    remainingBytes -= bytes;
    offset = Math.max(0, offset - file.size);
    if (remainingBytes === 0) break;
  }
  return ranges;
}
