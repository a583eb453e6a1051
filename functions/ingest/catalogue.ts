import { Refused } from '../refused.ts';
import type { Page } from '../table.ts';
import type { DatasetFile, FileChange, FileProofs, ProofCounts, TableShapes } from './schemas.ts';

/** The key of the catalogue's copy of a version's list of files, in the lake beside the data, which the API cannot read. */
export const fileListKey = (dataset: string, version: string): string => `manifests/${dataset}/${version}`;

/** The key of what was counted in the tables of a version. Versions from before tables were counted have none. */
export const tableShapesKey = (dataset: string, version: string): string => `${fileListKey(dataset, version)}.tables`;

/** The key of how the SHA-256 of each file of a version is known. Versions from before that was written have none. */
export const fileProofsKey = (dataset: string, version: string): string => `${fileListKey(dataset, version)}.proofs`;

/** How many files are proven in which way. */
export function countProofs(proofs: FileProofs): ProofCounts {
  const counts: ProofCounts = {};
  for (const kind of Object.values(proofs)) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

/** Adds the shapes of tables in the earlier and the later version to the changes. */
export const withTableShapes = (
  changes: readonly FileChange[],
  earlier: TableShapes,
  laterShapes: TableShapes,
): FileChange[] =>
  changes.map(change => ({
    ...change,
    ...(Object.hasOwn(earlier, change.path) && { before: earlier[change.path] }),
    ...(Object.hasOwn(laterShapes, change.path) && { after: laterShapes[change.path] }),
  }));

/** Reads a sorted manifest: one line `<SHA-256>  <path>` for each file. Throws if a line has another form. */
export function parseFileList(text: string): DatasetFile[] {
  if (text === '') return [];
  if (!text.endsWith('\n')) throw new Error('the list of files is cut short');
  return text
    .slice(0, -1)
    .split('\n')
    .map((line, index) => {
      const [, sha256, path] = /^([0-9a-f]{64}) {2}(.+)$/su.exec(line) ?? [];
      if (sha256 === undefined || path === undefined) throw new Error(`line ${index + 1} of the list is damaged`);
      return { path, sha256 };
    });
}

/** What changed from one list of files to another, by path. A renamed file is one removed and one added. */
export function compareFileLists(earlier: readonly DatasetFile[], laterFiles: readonly DatasetFile[]): FileChange[] {
  const earlierHashes = new Map(earlier.map(({ path, sha256 }) => [path, sha256]));
  const remaining = new Set(earlierHashes.keys());
  const changes: FileChange[] = [];
  for (const { path, sha256 } of laterFiles) {
    const previous = earlierHashes.get(path);
    remaining.delete(path);
    if (previous === undefined) changes.push({ path, change: 'added' });
    else if (previous !== sha256) changes.push({ path, change: 'changed' });
  }
  for (const path of remaining) changes.push({ path, change: 'removed' });
  return changes.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** One page of a list that never changes. The page token is the position of the next item. */
export function sliceList<Item>(
  items: readonly Item[],
  { limit = 50, next }: { limit?: number; next?: string | undefined },
): Page<Item> {
  if (next !== undefined && !/^[1-9]\d{0,6}$/.test(next))
    throw new Refused(
      'missing',
      'The page token `next` was not issued by this API. Omit it to start from the first page.',
    );
  const start = Number(next ?? 0);
  const end = start + limit;
  return { items: items.slice(start, end), ...(end < items.length && { next: String(end) }) };
}
