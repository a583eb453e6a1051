/** The largest number of chunks of a delivery, so that its state transitions do not grow with the number of files. */
export const MAX_CHUNKS = 40;
/**
 * The cost of a file's two requests in bytes (about 1 ms each, in which a Lambda hashes some 64 KB), and the smallest
 * chunk that justifies another Lambda (a few seconds of work).
 */
const weights = { file: 128 * 1024, chunk: 256 * 1024 ** 2 } as const;

export const fileWeight = ({ size }: { size: number }, perFile: number = weights.file): number => size + perFile;

/**
 * The cost of a delivered file: its requests wait beside those of 31 others, and nothing else is done with it. So ten files
 * and ten thousand of the same size in all are one chunk, and the workflow takes as many transitions.
 */
export const DELIVERED_FILE_BYTES = 16 * 1024;

/**
 * Packs files into at most forty even chunks: each file, heaviest first, goes into the lightest chunk, so that two chunks
 * differ by at most one file's weight. The same files always give the same chunks.
 */
export function packChunks<T extends { readonly path: string; readonly size: number }>(
  files: readonly T[],
  perFile?: number,
): T[][] {
  const total = files.reduce((sum, file) => sum + fileWeight(file, perFile), 0);
  const count = Math.min(MAX_CHUNKS, files.length, Math.max(1, Math.ceil(total / weights.chunk)));
  const chunks = Array.from({ length: count }, () => ({ files: [] as T[], weight: 0 }));
  const heaviestFirst = [...files].sort((a, b) => b.size - a.size || compareBytes(a.path, b.path));
  for (const file of heaviestFirst) {
    const lightest = chunks.reduce((lightestYet, chunk) => (chunk.weight < lightestYet.weight ? chunk : lightestYet));
    lightest.files.push(file);
    lightest.weight += fileWeight(file, perFile);
  }
  return chunks.map(({ files }) => files);
}

/**
 * The sorted manifest of a version; its SHA-256 is the version's id. It has one line for each file,
 * `<SHA-256 in 64 lower-case hexadecimal digits><two spaces><path><LF>`, in UTF-8 without BOM, ordered by the bytes of
 * the path. Paths are relative to the dataset (without a bag's `data/`) and exactly as listed: Unicode form and case are
 * kept. So the same files under the same names always give the same version.
 */
export function formatSortedManifest(
  files: readonly { readonly path: string; readonly sha256: string; readonly target?: string }[],
): string {
  return files
    .flatMap(({ target, sha256 }) => (target === undefined ? [] : [{ target, sha256 }]))
    .sort((a, b) => compareBytes(a.target, b.target))
    .map(({ target, sha256 }) => `${sha256}  ${target}\n`)
    .join('');
}

/** Orders text by its UTF-8 bytes, that is, by code points. JavaScript's own order puts surrogates before U+E000. */
function compareBytes(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    const [unitA, unitB] = [a.charCodeAt(index), b.charCodeAt(index)];
    if (unitA === unitB) continue;
    const [pairA, pairB] = [unitA, unitB].map(unit => unit >= 0xd800 && unit < 0xe000);
    if (pairA === pairB) return unitA - unitB;
    return pairA ? 1 : -1;
  }
  return a.length - b.length;
}
