import * as z from 'zod';
import { currentTime } from '../../clock.ts';
import { logger, stepHandler } from '../../handler.ts';
import { rowKey } from '../../keys.ts';
import { putImmutable, readVerified } from '../../storage/immutable-objects.ts';
import { type Row, readRow, readRowRange, writeRows } from '../../table.ts';
import { type Command, decideRequest } from '../airlock.ts';
import { loadProjectContext } from '../project-settings.ts';
import { parseAirlockConfig } from '../request/airlock-config.ts';
import { sweepAt } from '../request/deadlines.ts';
import { addSeconds, day, isFinal, type Request } from '../request/request.ts';
import { sealedPlace } from '../request/retention.ts';
import { changeRequest, DueRow, readRequest } from '../store.ts';
import { bucketOf, DeletedObject, deleteObjects, findObjects, writeInventory } from './erase.ts';

export const env = z.object({
  TABLE_NAME: z.string(),
  AIRLOCK_BUCKET: z.string(),
  RELEASE_BUCKET: z.string(),
  UPLOADS_BUCKET: z.string(),
  RULES: z.string(),
});
// Larger than 450 KB: the clients of S3 and DynamoDB.
const { TABLE_NAME, AIRLOCK_BUCKET, RELEASE_BUCKET, UPLOADS_BUCKET, RULES } = env.parse(process.env);
const rules = parseAirlockConfig(RULES);
const buckets = { sealed: AIRLOCK_BUCKET, released: RELEASE_BUCKET, uploads: UPLOADS_BUCKET };

/** After this time the rest is left to the next run, which also continues a started deletion. */
const budget = 8 * 60 * 1000;
const page = 25;

/** Where the last run stopped, so that failing requests at the head of the list do not block the rest. */
const Mark = z.object({ behind: z.string() });
const markKey = rowKey('due', '', 'MARK');

/**
 * Applies deadlines that have passed and deletes content after its retention, with a receipt. Its cost depends on what is
 * due, not on all requests. A request that fails is tried again and does not stop the others.
 */
export const handler = stepHandler(z.unknown(), async () => {
  const start = Date.parse(currentTime());
  const counts = { lapsed: 0, deleted: 0, locked: 0, stale: 0, failed: 0 };
  let lastKey = (await readRow(TABLE_NAME, Mark, markKey))?.behind ?? '';
  const stop = (key: string) =>
    writeRows(TABLE_NAME, [{ key: markKey, item: { behind: key } satisfies z.infer<typeof Mark> }]);
  for (;;) {
    const due = await readRowRange(TABLE_NAME, DueRow, rowKey('due', '').pk, {
      start: lastKey,
      end: `${currentTime()}~`,
      limit: page,
    });
    for (const row of due) {
      if (Date.parse(currentTime()) - start > budget) {
        await stop(lastKey);
        return { ...counts, more: true };
      }
      lastKey = row.sk;
      try {
        counts[await settle(row, () => stop(lastKey))] += 1;
      } catch (error) {
        counts.failed += 1;
        logger.error('a request could not be swept', { request: row.request, error: error as Error });
      }
    }
    if (due.length < page) break;
  }
  await stop('');
  // Thrown at the end, so that the alarm fires after everything else is done.
  if (counts.failed > 0) throw new Error(`${counts.failed} requests could not be swept`);
  return { ...counts, more: false };
});

async function settle(
  row: Row<DueRow>,
  begin: () => Promise<unknown>,
): Promise<'lapsed' | 'deleted' | 'locked' | 'stale'> {
  const { project, request: id } = row;
  const { revision: _, ...request } = await readRequest(TABLE_NAME, project, id);
  if (sweepAt(request) !== row.due) {
    await writeRows(TABLE_NAME, [{ key: rowKey('due', '', row.sk), gone: true }]);
    return 'stale';
  }
  if (!isFinal(request)) {
    await run(request, { do: 'applyDeadlines' });
    return 'lapsed';
  }
  // A deletion may take long or fail; the next run continues behind it.
  await begin();
  return erase(request);
}

/** Applies a command. Returns false if the step is stale. */
async function run({ project, id }: Request, command: Command): Promise<boolean> {
  const now = currentTime();
  const facts = await loadProjectContext(TABLE_NAME, project, rules);
  return !(await changeRequest(TABLE_NAME, { project, id, at: now }, read => decideRequest(read, command, now, facts)))
    .superseded;
}

/** Records an inventory, deletes, then writes the receipt, in this order, so that the receipt is complete. */
async function erase(request: Request): Promise<'deleted' | 'locked'> {
  if (
    request.status !== 'rejected' &&
    request.status !== 'withdrawn' &&
    request.status !== 'revoked' &&
    request.status !== 'expired'
  )
    throw new Error(`${request.id} is ${request.status}: nothing of it is deleted`);
  const places = sealedPlace(request);
  const previous = request.inventory
    ? z.array(DeletedObject).parse(await readVerified(RELEASE_BUCKET, request.inventory))
    : [];
  const objects = await findObjects(places, buckets);
  const inventory = await writeInventory(request, previous, objects, buckets);
  let inventoryRef = request.inventory;
  if (inventory.length > previous.length) {
    inventoryRef = await putImmutable(
      RELEASE_BUCKET,
      `receipts/${request.id}/inventory.json`,
      JSON.stringify(inventory),
    );
    // Another sweep is deleting this request, so this one stops.
    if (!(await run(request, { do: 'recordInventory', inventory: inventoryRef, before: request.inventory })))
      return 'locked';
  }
  const locked = await deleteObjects(objects);
  if (locked.length > 0) {
    logger.info('some of it is still locked', { request: request.id, locked: locked.length });
    await run(request, { do: 'extendRetention', until: addSeconds(currentTime(), day) });
    return 'locked';
  }
  // Versions written meanwhile are listed and deleted by the next run.
  if ((await findObjects(places, buckets)).length > 0) return 'locked';
  const bytes = inventory.reduce((sum, { size }) => sum + size, 0);
  const { id, project, round, direction, status, retainedUntil } = request;
  const receipt = {
    v: 1,
    request: id,
    project,
    direction,
    round,
    status,
    why:
      'reason' in request
        ? request.reason
        : status === 'expired'
          ? `It was ${request.was} until its deadline passed.`
          : 'Rejected.',
    rule: { retainedUntil, lockDays: rules.lockDays, graceDays: rules.graceDays },
    places: places.map(({ bucket, prefix }) => ({ bucket: bucketOf(bucket, buckets), prefix })),
    objects: inventory,
    bytes,
    deletedAt: currentTime(),
  };
  const receiptRef = await putImmutable(RELEASE_BUCKET, `receipts/${id}.json`, JSON.stringify(receipt));
  const deletion = {
    do: 'recordDeletion',
    receipt: receiptRef,
    inventory: inventoryRef,
    objects: inventory.length,
    bytes,
  } as const;
  return (await run(request, deletion)) ? 'deleted' : 'locked';
}
