import * as z from 'zod';
import { currentTime } from '../../clock.ts';
import { eventHandler } from '../../handler.ts';
import { rowKey } from '../../keys.ts';
import { Project } from '../../projects/schemas.ts';
import { putImmutable, readVerified } from '../../storage/immutable-objects.ts';
import { readRow } from '../../table.ts';
import { type Command, decideRequest } from '../airlock.ts';
import { airlockEvents } from '../events.ts';
import { loadProjectContext } from '../project-settings.ts';
import { parseAirlockConfig } from '../request/airlock-config.ts';
import type { Request } from '../request/request.ts';
import { awaitsRetraction, importPlace } from '../request/retention.ts';
import { changeRequest, readRequest } from '../store.ts';
import { DeletedObject, deleteObjects, findObjects, writeInventory } from './erase.ts';

export const env = z.object({
  TABLE_NAME: z.string(),
  /** What the names of all projects' buckets start with. */
  BUCKETS: z.string(),
  RELEASE_BUCKET: z.string(),
  RULES: z.string(),
});
// Larger than 450 KB: the clients of S3 and DynamoDB.
const { TABLE_NAME, BUCKETS, RELEASE_BUCKET, RULES } = env.parse(process.env);
const rules = parseAirlockConfig(RULES);

const endEvents = [airlockEvents.RequestRevoked, airlockEvents.RequestWithdrawn, airlockEvents.RequestExpired];

async function run({ project, id }: Request, command: Command): Promise<void> {
  const now = currentTime();
  const facts = await loadProjectContext(TABLE_NAME, project, rules);
  const { superseded: stale } = await changeRequest(TABLE_NAME, { project, id, at: now }, read =>
    decideRequest(read, command, now, facts),
  );
  // Another event of this request came first. The retry reads the request again.
  if (stale) throw new Error(`${id} is being taken out of ${project} already`);
}

/**
 * Removes a revoked, withdrawn or undelivered import from its project: deletes every version, with a receipt.
 */
export const handler = eventHandler(endEvents, async ({ project, request: id }) => {
  const { revision: _, ...request } = await readRequest(TABLE_NAME, project, id);
  if (!awaitsRetraction(request)) return;
  const home = await readRow(TABLE_NAME, Project, rowKey('project', project));
  if (home?.status !== 'ready') throw new Error(`project ${project} is not ready`);
  const { bucket } = home.network;
  if (!bucket.startsWith(BUCKETS)) throw new Error(`${bucket} is not a project's`);
  const buckets = { released: RELEASE_BUCKET, project: bucket };
  const objects = await findObjects([importPlace(request)], buckets);
  const previous = request.retracting
    ? z.array(DeletedObject).parse(await readVerified(RELEASE_BUCKET, request.retracting))
    : [];
  const inventory = await writeInventory(request, previous, objects, buckets);
  if (inventory.length === 0) return;
  // Recorded before anything is deleted, so that the receipt is complete.
  const list = await putImmutable(RELEASE_BUCKET, `receipts/${id}/delivered.json`, JSON.stringify(inventory));
  await run(request, { do: 'startRetraction', inventory: list, before: request.retracting });
  const locked = await deleteObjects(objects);
  if (locked.length > 0) throw new Error(`${locked.length} objects of ${id} could not be deleted in ${bucket}`);
  const bytes = inventory.reduce((sum, { size }) => sum + size, 0);
  await run(request, { do: 'recordRetraction', receipt: list, objects: inventory.length, bytes });
});
