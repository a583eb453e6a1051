/** A delivery never has more chunks than this, so that its state transitions don't grow with its files. */
export const MAX_CHUNKS = 40;
/**
 * What a file's two requests weigh against its bytes (a millisecond of a Lambda each, in which it hashes some 64 KB), and
 * what makes a chunk worth a Lambda of its own: a few seconds of work.
 */
const weights = { file: 128 * 1024, chunk: 256 * 1024 ** 2 } as const;

export const fileWeight = ({ size }: { size: number }): number => size + weights.file;

/**
 * Packs files into even chunks, at most forty: the heaviest first, each into the lightest chunk, which keeps any two
 * chunks within one file's weight of each other. The same files always give the same chunks.
 */
export function packChunks<T extends { readonly path: string; readonly size: number }>(files: readonly T[]): T[][] {
  const total = files.reduce((sum, file) => sum + fileWeight(file), 0);
  const count = Math.min(MAX_CHUNKS, files.length, Math.max(1, Math.ceil(total / weights.chunk)));
  const chunks = Array.from({ length: count }, () => ({ files: [] as T[], weight: 0 }));
  const heaviestFirst = [...files].sort((a, b) => b.size - a.size || compareBytes(a.path, b.path));
  for (const file of heaviestFirst) {
    const lightest = chunks.reduce((least, chunk) => (chunk.weight < least.weight ? chunk : least));
    lightest.files.push(file);
    lightest.weight += fileWeight(file);
  }
  return chunks.map(({ files }) => files);
}

/**
 * The sorted manifest of a version, the text whose SHA-256 is the version's id. For every file of the dataset one line
 * `<SHA-256 in 64 lower-case hexadecimal digits><two spaces><path><LF>`, in UTF-8 without BOM, ordered by the bytes of
 * the path. Paths are relative to the dataset (a bag's `data/` is left out) and exactly as they were listed: no Unicode
 * form or case is changed. So the same files under the same names are the same version, whoever delivers them and how.
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

/** Orders text as its UTF-8 bytes, which is by code points. JavaScript's own order has surrogates before U+E000. */
function compareBytes(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const [left, right] = [a.charCodeAt(at), b.charCodeAt(at)];
    if (left === right) continue;
    const [pairLeft, pairRight] = [left, right].map(unit => unit >= 0xd800 && unit < 0xe000);
    if (pairLeft === pairRight) return left - right;
    return pairLeft ? 1 : -1;
  }
  return a.length - b.length;
}
