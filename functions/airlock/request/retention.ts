import { imports } from '../release/released-files.ts';
import type { Rules } from './airlock-config.ts';
import { type Decision, happened, superseded, unchanged } from './decision.ts';
import { after, day, hour, type In, isFinal, isUnderWay, type Request, type Text, uploads } from './request.ts';

/** Where content of a request lies. */
export interface Place {
  readonly bucket: 'sealed' | 'released' | 'uploads' | 'project';
  readonly prefix: string;
}

/**
 * All that lies with us of a request, and is deleted once it is over. What was drafted for export lies in the project's
 * own bucket and stays the project's. The signed record of a release stays; so does what later tables are compared with.
 */
export const contentOf = ({ id, round, direction }: Pick<Request, 'id' | 'round' | 'direction'>): Place[] => [
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
export const deliveryOf = ({ id }: Pick<Request, 'id'>): Place => ({ bucket: 'project', prefix: `${imports}${id}/` });

/**
 * Whether files of an import may still arrive in its project: it is being delivered, or that has just stopped, and a step
 * that nobody waits for any more goes on for a quarter of an hour at most.
 */
export const arriving = (of: Request, now: string): boolean =>
  of.direction === 'import' &&
  (of.status === 'releasing' ||
    (of.status === 'approved' && of.stopped !== undefined && now < after(of.stopped.at, hour / 4)));

type Ended = In<'rejected' | 'withdrawn' | 'revoked' | 'expired'>;

/** Whether an import's files may not stay in its project: all but one that was let in, and only came to its time's end. */
export const mustLeave = (of: Request): of is Ended =>
  of.direction === 'import' &&
  isFinal(of) &&
  !(of.status === 'expired' && of.release) &&
  !('retracted' in of && of.retracted);

/** A list of all that will be deleted. It goes on from another, `before`, that was read when it was made. */
export interface Listed {
  readonly inventory: Text;
  readonly before: Text | undefined;
}

const same = (a: Text | undefined, b: Text | undefined) => a?.versionId === b?.versionId;

/** Two who delete at once each see only a part: a list stands if nobody has made one since what it goes on from. */
const stands = (there: Text | undefined, { inventory, before }: Listed) =>
  same(there, before) || same(there, inventory);

/** What will be deleted in the project is on record before any of it is. */
export const retract = (of: Request, listed: Listed): Decision =>
  mustLeave(of) && stands(of.retracting, listed)
    ? { request: { ...of, retracting: listed.inventory } as Request, events: [], reason: 'listed' }
    : superseded(of);

export function retracted(
  of: Request,
  { receipt, objects, bytes }: { receipt: Text; objects: number; bytes: number },
  now: string,
): Decision {
  if (!mustLeave(of) || !same(of.retracting, receipt)) return superseded(of);
  const says = `${objects} objects, ${bytes} bytes, out of the project; receipt ${receipt.sha256}.`;
  return {
    request: { ...of, retracted: { at: now, objects, bytes, receipt } } as Request,
    events: [happened('ContentDeleted', says)],
    reason: 'retracted',
  };
}

/** When the last of it was written, as far as the request knows: Object Lock counts from there. */
function lastWritten(of: Request, now: string, { checkHours }: Rules): string {
  if (of.status === 'released') return of.releasedAt;
  if (isUnderWay(of) || of.status === 'releasing') return now;
  const seal = of.status === 'timedOut' ? of.review?.seal : 'seal' in of ? of.seal : undefined;
  if (!seal) return now;
  const checked = after(seal.sealedAt, checkHours * hour);
  return checked < now ? checked : now;
}

/** A request that has just ended says until when what lies with us of it is kept: its lock, and for what could be fetched a while. */
export function retain(before: Request, ended: Request, now: string, rules: Rules): Request {
  if (!isFinal(ended) || isFinal(before) || contentOf(ended).length === 0) return ended;
  const fetched = 'release' in ended && ended.release;
  const times = [
    fetched ? after(now, rules.graceDays * day) : now,
    ...(ended.round > 0 ? [after(lastWritten(before, now, rules), rules.lockDays * day)] : []),
  ];
  return { ...ended, retainedUntil: times.reduce((a, b) => (a > b ? a : b)) } as Request;
}

/** Whether what is left of it is to be deleted now. */
const overdue = (of: Request, now: string) =>
  'retainedUntil' in of && of.retainedUntil !== undefined && !of.deleted && of.retainedUntil <= now;

const listOf = (of: Request) => ('inventory' in of ? of.inventory : undefined);

/** What will be deleted is on record before any of it is. */
export function list(of: Request, listed: Listed, now: string): Decision {
  if (!isFinal(of) || !overdue(of, now) || !stands(listOf(of), listed)) return superseded(of);
  return { request: { ...of, inventory: listed.inventory } as Request, events: [], reason: 'listed' };
}

/** Something of it is still locked: it stays until then. */
export function keep(of: Request, { until }: { until: string }, now: string): Decision {
  if (!isFinal(of) || !overdue(of, now)) return superseded(of);
  return { request: { ...of, retainedUntil: until } as Request, events: [], reason: 'locked' };
}

export function deleted(
  of: Request,
  {
    receipt,
    inventory,
    objects,
    bytes,
  }: { receipt: Text; inventory: Text | undefined; objects: number; bytes: number },
  now: string,
): Decision {
  if ('deleted' in of && of.deleted) return unchanged(of, 'it is deleted already');
  if (!isFinal(of) || !overdue(of, now) || !same(listOf(of), inventory)) return superseded(of);
  const says = `${objects} objects, ${bytes} bytes; receipt ${receipt.sha256}.`;
  return {
    request: { ...of, deleted: { at: now, objects, bytes, receipt } } as Request,
    events: [happened('ContentDeleted', says)],
    reason: 'deleted',
  };
}
