import * as z from 'zod';
import { timeAfter, WRITING_MINUTES } from './clock.ts';
import { type RowKey, rowKey } from './keys.ts';
import { putRow, readRowRange } from './table.ts';

const PREFIX = 'WRITER';
const LakeWriter = z.object({ endsAt: z.iso.datetime(), ttl: z.number().int() });

/** Delete this row when the writer will write no more. Otherwise it ends by itself. */
export const lakeWriterKey = (dataset: string, writer: string): RowKey =>
  rowKey('dataset', dataset, `${PREFIX}#${writer}`);

/**
 * Says that a step may write objects of the dataset into the lake from now on. A step says this first, then asks whether the
 * dataset is withdrawn, and writes nothing if it is. So a deletion, which begins after the withdrawal, sees every step that
 * may still write, and waits. Otherwise objects would be missing in the receipt of the deletion.
 */
export async function announceLakeWriter(table: string, dataset: string, writer: string, now: string): Promise<void> {
  const endsAt = timeAfter(now, WRITING_MINUTES * 60);
  await putRow(table, lakeWriterKey(dataset, writer), { endsAt, ttl: Math.ceil(Date.parse(endsAt) / 1000) });
}

/** More rows than steps that write at the same time. */
const MOST_WRITERS = 1000;

/** Whether a step may be writing objects of the dataset now. DynamoDB removes rows that are over only after a while. */
export async function hasLakeWriter(table: string, dataset: string, now: string): Promise<boolean> {
  const { pk } = lakeWriterKey(dataset, '');
  const rows = await readRowRange(table, LakeWriter, pk, { start: PREFIX, end: `${PREFIX}#~`, limit: MOST_WRITERS });
  return rows.length === MOST_WRITERS || rows.some(({ endsAt }) => Date.parse(endsAt) > Date.parse(now));
}
