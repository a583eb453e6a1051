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

/** `attachment`, under the file's own name whatever signs it has (RFC 6266 and 8187): no browser shows it in place. */
export function attachment(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const plain = name.replace(/[^A-Za-z0-9._-]/g, '_').slice(0, 200);
  const full = encodeURIComponent(name.toWellFormed()).replace(
    /['()*]/g,
    sign => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${plain}"; filename*=UTF-8''${full}`;
}
