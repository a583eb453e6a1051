import * as z from 'zod';
import { Refused } from '../../refused.ts';
import { type ActingPerson, type Context, type Decision, requestEvent, unchanged } from './decision.ts';
import {
  addSeconds,
  day,
  Explanation,
  Groups,
  hour,
  identity,
  isUnderWay,
  type Request,
  type RequestIn,
  type Someone,
  Source,
  Title,
  uploads,
} from './request.ts';
import { isArriving } from './retention.ts';

/** What its requester may ask to change of a request that is theirs to change. */
export const RequestEditBody = z.object({
  title: Title.optional(),
  source: Source.optional(),
  groups: Groups.optional().describe('what the files are, as JSON or @file'),
  recipient: z.string().min(1).max(128).optional().describe('the name of who shall fetch it instead of you'),
  explanation: Explanation.optional().describe('your answer to what the checks asked'),
});
/** The same, with the recipient as the user pool knows them. */
export type RequestEdit = Omit<z.infer<typeof RequestEditBody>, 'recipient'> & { recipient?: Someone | undefined };

/** Where a request's files come from: an import's are uploaded to a place of its own, an export's lie in the project. */
function sourceOf(
  { direction, id, recipient }: Pick<Request, 'direction' | 'id' | 'recipient'>,
  source: string | undefined,
): string {
  if (direction === 'import' && recipient)
    throw new Refused('invalid', 'An import is delivered into the project. Leave `recipient` out.');
  if (direction === 'import' && source !== undefined)
    throw new Refused('invalid', 'An import has no source: its files are uploaded. Leave `source` out.');
  if (direction === 'import') return uploads(id);
  if (source === undefined)
    throw new Refused('invalid', 'Name the folder that shall leave as `source`, such as data/outbox/results/.');
  return source;
}

/** A new request, of nothing but intentions. */
export const draftRequest = (
  {
    source,
    ...wanted
  }: Pick<RequestIn<'draft'>, 'id' | 'project' | 'title' | 'groups' | 'direction' | 'recipient'> & {
    source?: string | undefined;
  },
  by: ActingPerson,
  now: string,
  { rules }: Pick<Context, 'rules'>,
): Decision => ({
  request: {
    status: 'draft',
    ...wanted,
    source: sourceOf(wanted, source),
    requester: by.id,
    requesterName: by.name,
    explanation: '',
    openedAt: now,
    round: 0,
    attempt: 0,
    done: [],
    expiresAt: addSeconds(now, rules.draftDays * day),
  },
  events: [requestEvent('RequestOpened', wanted.title, by)],
  reason: 'drafted',
});

function own(of: Request, by: ActingPerson): void {
  if (of.requester !== by.id)
    throw new Refused('forbidden', `Only ${of.requesterName}, who drafted ${of.id}, may do this.`);
}

const isOpen = (of: Request): of is RequestIn<'draft'> | RequestIn<'returned'> | RequestIn<'blocked'> =>
  of.status === 'draft' || of.status === 'returned' || of.status === 'blocked';

/** Whether somebody may upload to an import now: until it is sealed, and nobody but who asked for it. */
export function refuseUnlessImportable(of: Request, by: ActingPerson): void {
  own(of, by);
  if (of.direction !== 'import')
    throw new Refused('conflict', `${of.id} is an export: its files lie in ${of.source} of the project's bucket.`);
  if (!isOpen(of))
    throw new Refused('conflict', `${of.id} is ${of.status}: files can be uploaded to a draft, or to what came back.`);
}

export function editRequest(
  of: Request,
  { by, change }: { by: ActingPerson; change: RequestEdit },
  now: string,
  { rules }: Context,
): Decision {
  own(of, by);
  if (!isOpen(of))
    throw new Refused('conflict', `${of.id} is ${of.status}: only a draft, or what came back, can be changed.`);
  if (change.source !== undefined || change.recipient) sourceOf({ ...of, ...change }, change.source ?? of.source);
  const given = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
  return {
    request: { ...of, ...given, expiresAt: addSeconds(now, rules.draftDays * day) },
    events: [requestEvent('RequestEdited', `Changed: ${Object.keys(given).sort().join(', ') || 'nothing'}.`, by)],
    reason: 'edited',
  };
}

/** Sealing begins. Asked for again while it runs, it changes nothing, so that a start that was lost can be repeated. */
export function submitRequest(
  of: Request,
  { by }: { by: ActingPerson },
  now: string,
  { rules, members }: Context,
): Decision {
  own(of, by);
  if (isUnderWay(of)) return unchanged(of, 'it is being checked already');
  if (!isOpen(of))
    throw new Refused('conflict', `${of.id} is ${of.status}: only a draft, or what came back, can be submitted.`);
  if (!members.includes(by.id))
    throw new Refused('missing', `There is no project ${of.project}, or you are not a member of it.`);
  return {
    request: {
      ...identity(of),
      status: 'submitted',
      round: of.round + 1,
      attempt: of.attempt + 1,
      startedAt: now,
      deadline: addSeconds(now, rules.checkHours * hour),
    },
    events: [requestEvent('RequestSubmitted', `Submission ${of.round + 1}.`, by)],
    reason: 'submitted',
  };
}

/** The requester takes it back; an operator may, for them. */
export function withdrawRequest(
  of: Request,
  { by, reason }: { by: ActingPerson; reason: string },
  now: string,
): Decision {
  if (!by.groups.includes('operator')) own(of, by);
  if (of.status === 'withdrawn') return unchanged(of, 'it is withdrawn already');
  const open = isOpen(of) || isUnderWay(of) || of.status === 'inReview' || of.status === 'timedOut';
  if (!open && of.status !== 'approved')
    throw new Refused(
      'conflict',
      of.status === 'released' || of.status === 'releasing'
        ? `${of.id} is ${of.status}: ask a reviewer to revoke it.`
        : `${of.id} is ${of.status}: there is nothing left to withdraw.`,
    );
  if (isArriving(of, now))
    throw new Refused('conflict', `${of.id} was being delivered a moment ago: withdraw it in a quarter of an hour.`);
  // A review that ran out of time has its votes and its seal inside.
  const review = of.status === 'timedOut' ? of.review : of;
  const seal = review && 'seal' in review ? review.seal : undefined;
  const votes = review && 'votes' in review ? review.votes : [];
  return {
    request: { ...identity(of), status: 'withdrawn', reason, withdrawnAt: now },
    events: [requestEvent('RequestWithdrawn', reason, by)],
    reason: 'withdrawn',
    ...(seal && { ended: { round: of.round, seal, votes, outcome: 'withdrawn' as const, at: now } }),
    ...(of.status === 'inReview' && of.token !== undefined && { wake: of.token }),
  };
}
