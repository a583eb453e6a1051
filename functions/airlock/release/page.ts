import type { ReleasedFile } from './record.ts';

/** A released file where it lies: the very version that was released. */
export interface HeldFile extends ReleasedFile {
  readonly key: string;
  readonly versionId: string;
}

const most = { files: 50, bytes: 1024 ** 3 } as const;

/** The page that begins at `from`: at most fifty files and, unless it is one alone, a gibibyte. */
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
