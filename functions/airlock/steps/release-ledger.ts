import { randomBytes } from 'node:crypto';
import * as z from 'zod';
import { type CellIndex, decodeCellIndex, mergeCellIndexes } from '../../../disclosure/sdc/cell-index.ts';
import type { ComparisonSource } from '../../../disclosure/sdc/compare.ts';
import { ObjectRef } from '../../identifiers.ts';
import { rowKey } from '../../keys.ts';
import { putImmutable, readVerifiedBytes } from '../../storage/immutable-objects.ts';
import { mapInParallel } from '../../storage/parallel.ts';
import { createRow, readRow, writeRows } from '../../table.ts';

/**
 * The ledger of a project's releases, with which later ones are compared: one row for each release, numbered in order.
 * Revoked releases stay in it, because they may have been read. The tables are stored in the bucket as counts under
 * hashed labels; the secret of the hashes is stored only in this row.
 */
const Ledger = z.object({ secret: z.string(), releases: z.number().int() });

const Entry = z.object({ request: z.string(), lists: z.array(ObjectRef) });
type Entry = z.infer<typeof Entry>;

const ledgerKey = (project: string) => rowKey('airlocks', project, 'REMEMBERED');
const entryKey = (project: string, number: number) =>
  rowKey('airlocks', project, `REMEMBERED#${String(number).padStart(8, '0')}`);
const markKey = (request: string) => rowKey('airlock', request, 'REMEMBERED');
const Mark = z.object({ number: z.number().int() });

/** Creates a project's ledger before its first check. */
export async function beginLedger(table: string, project: string): Promise<void> {
  const key = ledgerKey(project);
  if (!(await readRow(table, Ledger, key)))
    await createRow(table, key, { secret: randomBytes(32).toString('hex'), releases: 0 });
}

export async function readLedger(table: string, project: string) {
  const ledger = await readRow(table, Ledger, ledgerKey(project));
  if (!ledger) throw new Error(`project ${project} has no ledger of its releases`);
  return ledger;
}

/** The tables of the releases `first` to `last`, without those of `request`. Each list is read only when it is opened. */
export async function releasesSince(
  { table, bucket }: { table: string; bucket: string },
  project: string,
  [first, last]: readonly [number, number],
  request: string,
): Promise<ComparisonSource[]> {
  const numbers = Array.from({ length: Math.max(0, last - first + 1) }, (_, offset) => first + offset);
  const rows = await mapInParallel(numbers, 32, async number => {
    const row = await readRow(table, Entry, entryKey(project, number));
    if (!row) throw new Error(`release ${number} of ${project} is not in its ledger`);
    return row;
  });
  return rows
    .filter(row => row.request !== request)
    .flatMap(row => row.lists.map(list => ({ release: row.request, open: () => readPostings(bucket, list) })));
}

/**
 * Adds a release to the ledger. Returns false and writes nothing if there are more than `count` releases, which must be
 * compared first. An entry stays, whatever the result of the attempt.
 */
export async function appendToLedger(table: string, project: string, entry: Entry, count: number): Promise<boolean> {
  const mark = markKey(entry.request);
  if (await readRow(table, Mark, mark)) return true;
  const ledger = await readLedger(table, project);
  if (ledger.releases !== count) return false;
  const number = count + 1;
  const { secret } = ledger;
  const success = await writeRows(table, [
    { key: ledgerKey(project), read: ledger, item: { secret, releases: number } },
    { key: entryKey(project, number), read: undefined, item: entry },
    { key: mark, read: undefined, item: { number } },
  ]);
  return success || (await readRow(table, Mark, mark)) !== undefined;
}

/** The maximum number of counts in one list, at 28 bytes each. */
export const MAX_POSTINGS = 1_000_000;

export const readPostings = async (bucket: string, list: ObjectRef): Promise<CellIndex> =>
  decodeCellIndex(await readVerifiedBytes(bucket, list));

/** Merges lists into few and passes each to `use`. A merged list exceeds the limit only if a single list does. */
export async function collectEarlierTables<T>(
  lists: readonly (() => Promise<CellIndex>)[],
  use: (list: CellIndex, number: number) => Promise<T>,
): Promise<T[]> {
  const used: T[] = [];
  let batch: CellIndex[] = [];
  const flush = async () => {
    if (batch.length > 0) used.push(await use(mergeCellIndexes(batch), used.length));
    batch = [];
  };
  for (const open of lists) {
    const next = await open();
    if (next.tables.length === 0) continue;
    const length = batch.reduce((sum, { keys }) => sum + keys.length, next.keys.length);
    if (length > MAX_POSTINGS) await flush();
    batch.push(next);
  }
  await flush();
  return used;
}

/** Stores a list of tables permanently. */
export const putPostings = (bucket: string, key: string, bytes: Uint8Array): Promise<ObjectRef> =>
  putImmutable(bucket, key, bytes, 'application/octet-stream');
