import type { ReleasedFile } from './record.ts';
import { partBytes } from './shapes.ts';

/** A released file where it lies: the very version that was released. */
export interface HeldFile extends ReleasedFile {
  readonly key: string;
  readonly versionId: string;
}

const most = { files: 200, bytes: 1024 ** 3 } as const;

/** The page that begins at `from`: at most two hundred files and, unless it is one alone, a gibibyte. */
export function pageFrom<T extends { readonly size: number }>(files: readonly T[], from: number) {
  let [end, bytes] = [from, 0];
  while (end < files.length && end - from < most.files) {
    const size = files[end]?.size ?? 0;
    if (end > from && bytes + size > most.bytes) break;
    bytes += size;
    end += 1;
  }
  return { files: files.slice(from, end), bytes, ...(end < files.length && { next: end }) };
}

/**
 * Where the bytes of one part lie, of files that follow each other as if they were one: so many small ones are not a call
 * each. `from` counts from the beginning of the first; the last part is the only one that may be shorter.
 */
export function partFrom<T extends { readonly size: number }>(files: readonly T[], from: number) {
  const ranges: { file: T; from: number; bytes: number }[] = [];
  let [left, at] = [partBytes, from];
  for (const file of files) {
    const bytes = Math.min(left, Math.max(0, file.size - at));
    if (bytes > 0) ranges.push({ file, from: at, bytes });
    left -= bytes;
    at = Math.max(0, at - file.size);
    if (left === 0) break;
  }
  return ranges;
}
