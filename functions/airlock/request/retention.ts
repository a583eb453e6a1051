import { ignoreStaleStep, keepState } from '../../decision.ts';
import type { ObjectRef } from '../../identifiers.ts';
import type { AirlockConfig } from './airlock-config.ts';
import { type RequestDecision, requestEvent } from './decision.ts';
import { IMPORTS_PREFIX } from './places.ts';
import { addSeconds, day, hour, isFinal, isUnderWay, type Request, type RequestIn, uploads } from './request.ts';

/** A location that holds content of a request. */
export interface ObjectPlace {
  readonly bucket: 'sealed' | 'released' | 'uploads' | 'project';
  readonly prefix: string;
}

/**
 * All content of a request that is deleted after its retention. The source folder of an export stays in the project's
 * bucket. The signed release record and the tables for later comparison are kept.
 */
export const sealedPlace = ({ id, round, direction }: Pick<Request, 'id' | 'round' | 'direction'>): ObjectPlace[] => [
  ...(direction === 'import' ? [{ bucket: 'uploads', prefix: uploads(id) } as const] : []),
  ...(round > 0
    ? [
        { bucket: 'sealed', prefix: `requests/${id}/` } as const,
        // Also when nothing was released: an aborted release may have copied files.
        { bucket: 'released', prefix: `released/${id}/files/` } as const,
      ]
    : []),
];

/** The folder that an import is delivered to. */
export const importPlace = ({ id }: Pick<Request, 'id'>): ObjectPlace => ({
  bucket: 'project',
  prefix: `${IMPORTS_PREFIX}${id}/`,
});

/**
 * Whether files of an import may still arrive in its project: the delivery is running, or was aborted less than 15
 * minutes ago, which is the longest that an abandoned step can still run.
 */
export const isArriving = (request: Request, now: string): boolean =>
  request.direction === 'import' &&
  (request.status === 'releasing' ||
    (request.status === 'approved' && request.stopped !== undefined && now < addSeconds(request.stopped.at, hour / 4)));

type Ended = RequestIn<'rejected' | 'withdrawn' | 'revoked' | 'expired'>;

/** Whether an import's files must be removed from its project. Only an import that was delivered and then expired may stay. */
export const awaitsRetraction = (request: Request): request is Ended =>
  request.direction === 'import' &&
  isFinal(request) &&
  !(request.status === 'expired' && request.release) &&
  !('retracted' in request && request.retracted);

/** The inventory of everything that will be deleted. `before` is the inventory that it extends. */
export interface ObjectInventory {
  readonly inventory: ObjectRef;
  readonly before: ObjectRef | undefined;
}

const sameVersion = (a: ObjectRef | undefined, b: ObjectRef | undefined) => a?.versionId === b?.versionId;

/** Concurrent deletions each see only a part. An inventory is accepted only if none was recorded since the one it extends. */
const extendsInventory = (storedRef: ObjectRef | undefined, { inventory, before: base }: ObjectInventory) =>
  sameVersion(storedRef, base) || sameVersion(storedRef, inventory);

/** Records what will be deleted in the project before anything is deleted. */
export const startRetraction = (request: Request, list: ObjectInventory): RequestDecision =>
  awaitsRetraction(request) && extendsInventory(request.retracting, list)
    ? { state: { ...request, retracting: list.inventory } as Request, events: [], reason: 'listed' }
    : ignoreStaleStep(request);

export function recordRetraction(
  request: Request,
  { receipt, objects, bytes }: { receipt: ObjectRef; objects: number; bytes: number },
  now: string,
): RequestDecision {
  if (!awaitsRetraction(request) || !sameVersion(request.retracting, receipt)) return ignoreStaleStep(request);
  const message = `${objects} objects, ${bytes} bytes, out of the project; receipt ${receipt.sha256}.`;
  return {
    state: { ...request, retracted: { at: now, objects, bytes, receipt } } as Request,
    events: [requestEvent('ContentDeleted', message)],
    reason: 'retracted',
  };
}

/** The latest time at which content was written; Object Lock counts from there. */
function lastWritten(request: Request, now: string, { checkHours }: AirlockConfig): string {
  if (request.status === 'released') return request.releasedAt;
  if (isUnderWay(request) || request.status === 'releasing') return now;
  const seal = request.status === 'timedOut' ? request.review?.seal : 'seal' in request ? request.seal : undefined;
  if (!seal) return now;
  const checkDeadline = addSeconds(seal.sealedAt, checkHours * hour);
  return checkDeadline < now ? checkDeadline : now;
}

/** Sets the retention of a request that has just ended: until its lock ends, and a grace period after downloads. */
export function withRetention(previous: Request, next: Request, now: string, rules: AirlockConfig): Request {
  if (!isFinal(next) || isFinal(previous) || sealedPlace(next).length === 0) return next;
  const downloadable = 'release' in next && next.release;
  const times = [
    downloadable ? addSeconds(now, rules.graceDays * day) : now,
    ...(next.round > 0 ? [addSeconds(lastWritten(previous, now, rules), rules.lockDays * day)] : []),
  ];
  return { ...next, retainedUntil: times.reduce((a, b) => (a > b ? a : b)) } as Request;
}

/** Whether the content is due for deletion. */
const overdue = (request: Request, now: string) =>
  'retainedUntil' in request && request.retainedUntil !== undefined && !request.deleted && request.retainedUntil <= now;

const listOf = (request: Request) => ('inventory' in request ? request.inventory : undefined);

/** Records what will be deleted before anything is deleted. */
export function recordInventory(request: Request, list: ObjectInventory, now: string): RequestDecision {
  if (!isFinal(request) || !overdue(request, now) || !extendsInventory(listOf(request), list))
    return ignoreStaleStep(request);
  return { state: { ...request, inventory: list.inventory } as Request, events: [], reason: 'listed' };
}

/** Extends the retention because some content is still locked. */
export function extendRetention(request: Request, { until: date }: { until: string }, now: string): RequestDecision {
  if (!isFinal(request) || !overdue(request, now)) return ignoreStaleStep(request);
  return { state: { ...request, retainedUntil: date } as Request, events: [], reason: 'locked' };
}

export function recordDeletion(
  request: Request,
  {
    receipt,
    inventory,
    objects,
    bytes,
  }: { receipt: ObjectRef; inventory: ObjectRef | undefined; objects: number; bytes: number },
  now: string,
): RequestDecision {
  if ('deleted' in request && request.deleted) return keepState(request, 'its content is already deleted');
  if (!isFinal(request) || !overdue(request, now) || !sameVersion(listOf(request), inventory))
    return ignoreStaleStep(request);
  const message = `${objects} objects, ${bytes} bytes; receipt ${receipt.sha256}.`;
  return {
    state: { ...request, deleted: { at: now, objects, bytes, receipt } } as Request,
    events: [requestEvent('ContentDeleted', message)],
    reason: 'deleted',
  };
}
