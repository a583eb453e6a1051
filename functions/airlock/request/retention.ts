import type { ObjectRef } from '../../identifiers.ts';
import type { AirlockConfig } from './airlock-config.ts';
import { type Decision, ignoreStaleStep, requestEvent, unchanged } from './decision.ts';
import { IMPORTS_PREFIX } from './places.ts';
import { addSeconds, day, hour, isFinal, isUnderWay, type Request, type RequestIn, uploads } from './request.ts';

/** Where content of a request lies. */
export interface ObjectPlace {
  readonly bucket: 'sealed' | 'released' | 'uploads' | 'project';
  readonly prefix: string;
}

/**
 * All that lies with us of a request, and is deleted once it is over. What was drafted for export lies in the project's
 * own bucket and stays the project's. The signed record of a release stays; so does what later tables are compared with.
 */
export const sealedPlace = ({ id, round, direction }: Pick<Request, 'id' | 'round' | 'direction'>): ObjectPlace[] => [
  ...(direction === 'import' ? [{ bucket: 'uploads', prefix: uploads(id) } as const] : []),
  ...(round > 0
    ? [
        { bucket: 'sealed', prefix: `requests/${id}/` } as const,
        // Also where nothing was released: a release may have been stopped on its way.
        { bucket: 'released', prefix: `released/${id}/files/` } as const,
      ]
    : []),
];

/** Where an import was delivered to. */
export const importPlace = ({ id }: Pick<Request, 'id'>): ObjectPlace => ({
  bucket: 'project',
  prefix: `${IMPORTS_PREFIX}${id}/`,
});

/**
 * Whether files of an import may still arrive in its project: it is being delivered, or that has just stopped, and a step
 * that nobody waits for any more goes on for a quarter of an hour at most.
 */
export const isArriving = (request: Request, now: string): boolean =>
  request.direction === 'import' &&
  (request.status === 'releasing' ||
    (request.status === 'approved' && request.stopped !== undefined && now < addSeconds(request.stopped.at, hour / 4)));

type Ended = RequestIn<'rejected' | 'withdrawn' | 'revoked' | 'expired'>;

/** Whether an import's files may not stay in its project: all but one that was let in, and only came to its time's end. */
export const awaitsRetraction = (request: Request): request is Ended =>
  request.direction === 'import' &&
  isFinal(request) &&
  !(request.status === 'expired' && request.release) &&
  !('retracted' in request && request.retracted);

/** A list of all that will be deleted. It goes on from another, `before`, that was read when it was made. */
export interface ObjectInventory {
  readonly inventory: ObjectRef;
  readonly before: ObjectRef | undefined;
}

const same = (a: ObjectRef | undefined, b: ObjectRef | undefined) => a?.versionId === b?.versionId;

/** Two who delete at once each see only a part: a list stands if nobody has made one since what it goes on from. */
const stands = (there: ObjectRef | undefined, { inventory, before }: ObjectInventory) =>
  same(there, before) || same(there, inventory);

/** What will be deleted in the project is on record before any of it is. */
export const startRetraction = (request: Request, listed: ObjectInventory): Decision =>
  awaitsRetraction(request) && stands(request.retracting, listed)
    ? { request: { ...request, retracting: listed.inventory } as Request, events: [], reason: 'listed' }
    : ignoreStaleStep(request);

export function recordRetraction(
  request: Request,
  { receipt, objects, bytes }: { receipt: ObjectRef; objects: number; bytes: number },
  now: string,
): Decision {
  if (!awaitsRetraction(request) || !same(request.retracting, receipt)) return ignoreStaleStep(request);
  const says = `${objects} objects, ${bytes} bytes, out of the project; receipt ${receipt.sha256}.`;
  return {
    request: { ...request, retracted: { at: now, objects, bytes, receipt } } as Request,
    events: [requestEvent('ContentDeleted', says)],
    reason: 'retracted',
  };
}

/** When the last of it was written, as far as the request knows: Object Lock counts from there. */
function lastWritten(request: Request, now: string, { checkHours }: AirlockConfig): string {
  if (request.status === 'released') return request.releasedAt;
  if (isUnderWay(request) || request.status === 'releasing') return now;
  const seal = request.status === 'timedOut' ? request.review?.seal : 'seal' in request ? request.seal : undefined;
  if (!seal) return now;
  const checked = addSeconds(seal.sealedAt, checkHours * hour);
  return checked < now ? checked : now;
}

/** A request that has just ended says until when what lies with us of it is kept: its lock, and for what could be fetched a while. */
export function withRetention(before: Request, ended: Request, now: string, rules: AirlockConfig): Request {
  if (!isFinal(ended) || isFinal(before) || sealedPlace(ended).length === 0) return ended;
  const fetched = 'release' in ended && ended.release;
  const times = [
    fetched ? addSeconds(now, rules.graceDays * day) : now,
    ...(ended.round > 0 ? [addSeconds(lastWritten(before, now, rules), rules.lockDays * day)] : []),
  ];
  return { ...ended, retainedUntil: times.reduce((a, b) => (a > b ? a : b)) } as Request;
}

/** Whether what is left of it is to be deleted now. */
const overdue = (request: Request, now: string) =>
  'retainedUntil' in request && request.retainedUntil !== undefined && !request.deleted && request.retainedUntil <= now;

const listOf = (request: Request) => ('inventory' in request ? request.inventory : undefined);

/** What will be deleted is on record before any of it is. */
export function recordInventory(request: Request, listed: ObjectInventory, now: string): Decision {
  if (!isFinal(request) || !overdue(request, now) || !stands(listOf(request), listed)) return ignoreStaleStep(request);
  return { request: { ...request, inventory: listed.inventory } as Request, events: [], reason: 'listed' };
}

/** Something of it is still locked: it stays until then. */
export function extendRetention(request: Request, { until }: { until: string }, now: string): Decision {
  if (!isFinal(request) || !overdue(request, now)) return ignoreStaleStep(request);
  return { request: { ...request, retainedUntil: until } as Request, events: [], reason: 'locked' };
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
): Decision {
  if ('deleted' in request && request.deleted) return unchanged(request, 'its content is already deleted');
  if (!isFinal(request) || !overdue(request, now) || !same(listOf(request), inventory)) return ignoreStaleStep(request);
  const says = `${objects} objects, ${bytes} bytes; receipt ${receipt.sha256}.`;
  return {
    request: { ...request, deleted: { at: now, objects, bytes, receipt } } as Request,
    events: [requestEvent('ContentDeleted', says)],
    reason: 'deleted',
  };
}
