import * as z from 'zod';
import { currentTime, timeAfter } from '../clock.ts';
import { stepHandler } from '../handler.ts';
import { Sha256 } from '../identifiers.ts';
import { readObject } from '../storage/object-read.ts';
import { getScratch } from '../storage/scratch-store.ts';
import { compareFileLists, fileListKey, parseFileList } from './catalogue.ts';
import { readIdentifiers } from './identifier-counts.ts';
import { decideDelivery } from './ingest.ts';
import { DeliveryCheck } from './steps.ts';
import { changeDelivery, findNewestVersion, keepDeliveryToken, readDelivery } from './store.ts';

export const env = z.object({
  TABLE_NAME: z.string(),
  LISTS_BUCKET: z.string(),
  WORK_BUCKET: z.string(),
  APPROVAL_SECONDS: z.coerce.number(),
});
// The bundle exceeds 450 KB because it needs the clients of S3 and DynamoDB.
const { TABLE_NAME, LISTS_BUCKET, WORK_BUCKET, APPROVAL_SECONDS } = env.parse(process.env);

const Input = DeliveryCheck.extend({
  version: Sha256,
  sorted: z.string(),
  files: z.number().int(),
  bytes: z.number().int(),
  identifiers: z.array(z.string()).default([]),
  /** The task token while the workflow waits; without it, the step reads what was decided. */
  token: z.string().min(1).max(2048).optional(),
  isOver: z.boolean().default(false),
});

/** The decision is made already, so the workflow need not wait. */
class ApprovalDecided extends Error {
  override readonly name = 'ApprovalDecided';
}

/** How the files differ from the newest version of the dataset; undefined for a new dataset. */
async function compareWithNewest(dataset: string, sorted: string) {
  const newest = await findNewestVersion(TABLE_NAME, dataset);
  if (!newest) return undefined;
  const previous = await readObject({ bucket: LISTS_BUCKET, key: fileListKey(dataset, newest.version) });
  const changes = compareFileLists(
    parseFileList(Buffer.from(previous).toString('utf8')),
    parseFileList(await getScratch(WORK_BUCKET, sorted)),
  );
  const count = (kind: string) => changes.filter(({ change }) => change === kind).length;
  return { added: count('added'), changed: count('changed'), removed: count('removed') };
}

/** Asks the data stewards for a decision, and reads it once the task is completed or its time is over. */
export const handler = stepHandler(Input, async ({ partner, delivery: id, check, token, isOver, ...plan }) => {
  const now = currentTime();
  const delivery = await readDelivery(TABLE_NAME, partner, id);
  if (!delivery) return { outcome: 'superseded' };
  const { version, files, bytes, sorted } = plan;
  if (token !== undefined) {
    const changes = await compareWithNewest(delivery.dataset, sorted);
    const identifiers = await readIdentifiers(WORK_BUCKET, plan.identifiers);
    const arrival = {
      version,
      files,
      bytes,
      ...(changes && { changes }),
      ...(identifiers.length > 0 && { identifiers }),
    };
    const endsAt = timeAfter(now, APPROVAL_SECONDS);
    await keepDeliveryToken(TABLE_NAME, delivery, { check, token });
    const { state } = await changeDelivery(
      TABLE_NAME,
      partner,
      id,
      read => decideDelivery(read, { do: 'awaitApproval', check, arrival, endsAt }, now),
      now,
    );
    if (state.status !== 'awaitingApproval' || state.check !== check)
      throw new ApprovalDecided(`${id} waits for no decision about ${check}`);
    return { outcome: 'waiting' };
  }
  if (isOver)
    await changeDelivery(TABLE_NAME, partner, id, read => decideDelivery(read, { do: 'expire', check }, now), now);
  const state = await readDelivery(TABLE_NAME, partner, id);
  if (state?.status === 'checking' && state.check === check && state.accepted) return { outcome: 'accepted' };
  return { outcome: state?.status === 'rejected' || state?.status === 'expired' ? state.status : 'superseded' };
});
