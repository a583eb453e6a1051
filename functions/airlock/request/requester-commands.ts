import * as z from 'zod';
import { keepState } from '../../decision.ts';
import { UserName } from '../../identifiers.ts';
import { Refused } from '../../refused.ts';
import { type ActingPerson, type Context, type RequestDecision, requestEvent } from './decision.ts';
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

/** What the requester may change. */
export const RequestEditBody = z.object({
  title: Title.optional(),
  source: Source.optional(),
  groups: Groups.optional().describe('the groups of files, as JSON or @file'),
  recipient: UserName.optional().describe('user name of the person who may download it instead of you'),
  explanation: Explanation.optional().describe('your explanation for the findings of the checks'),
});
/** The same, with the recipient's id from the user pool. */
export type RequestEdit = Omit<z.infer<typeof RequestEditBody>, 'recipient'> & { recipient?: Someone | undefined };

/** Where the files come from: imports have their own upload folder, exports a folder of the project. */
function sourceOf(
  { direction, id, recipient }: Pick<Request, 'direction' | 'id' | 'recipient'>,
  source: string | undefined,
): string {
  if (direction === 'import' && recipient)
    throw new Refused('invalid', 'An import is delivered into the project. Leave `recipient` out.');
  if (direction === 'import' && source !== undefined)
    throw new Refused('invalid', 'The files of an import are uploaded. Leave `source` out.');
  if (direction === 'import') return uploads(id);
  if (source === undefined)
    throw new Refused('invalid', 'Name the folder to export as `source`, such as data/outbox/results/.');
  return source;
}

/** A new draft. */
export const draftRequest = (
  {
    source,
    ...fields
  }: Pick<RequestIn<'draft'>, 'id' | 'project' | 'title' | 'groups' | 'direction' | 'recipient'> & {
    source?: string | undefined;
  },
  actor: ActingPerson,
  now: string,
  { rules }: Pick<Context, 'rules'>,
): RequestDecision => ({
  state: {
    status: 'draft',
    ...fields,
    source: sourceOf(fields, source),
    requester: actor.id,
    requesterName: actor.name,
    explanation: '',
    openedAt: now,
    round: 0,
    attempt: 0,
    done: [],
    expiresAt: addSeconds(now, rules.draftDays * day),
  },
  events: [requestEvent('RequestOpened', fields.title, actor)],
  reason: 'drafted',
});

function requireRequester(request: Request, actor: ActingPerson): void {
  if (request.requester !== actor.id)
    throw new Refused('forbidden', `Only ${request.requesterName}, who drafted ${request.id}, may do this.`);
}

/** Whether the requester may change and submit it. */
export const isOpen = (
  request: Request,
): request is RequestIn<'draft'> | RequestIn<'returned'> | RequestIn<'blocked'> =>
  request.status === 'draft' || request.status === 'returned' || request.status === 'blocked';

/** Refuses uploads by anybody but the requester, and after the import is sealed. */
export function refuseUnlessImportable(request: Request, actor: ActingPerson): void {
  requireRequester(request, actor);
  if (request.direction !== 'import')
    throw new Refused(
      'conflict',
      `${request.id} is an export: its files lie in ${request.source} of the project's bucket.`,
    );
  if (!isOpen(request))
    throw new Refused(
      'conflict',
      `${request.id} is ${request.status}: files can only be uploaded to a draft, or to a returned or blocked request.`,
    );
}

export function editRequest(
  request: Request,
  { by: actor, change }: { by: ActingPerson; change: RequestEdit },
  now: string,
  { rules }: Context,
): RequestDecision {
  requireRequester(request, actor);
  if (!isOpen(request))
    throw new Refused(
      'conflict',
      `${request.id} is ${request.status}: only a draft, or a returned or blocked request, can be changed.`,
    );
  if (change.source !== undefined || change.recipient)
    sourceOf({ ...request, ...change }, change.source ?? request.source);
  const changes = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
  return {
    state: { ...request, ...changes, expiresAt: addSeconds(now, rules.draftDays * day) },
    events: [requestEvent('RequestEdited', `Changed: ${Object.keys(changes).sort().join(', ') || 'nothing'}.`, actor)],
    reason: 'edited',
  };
}

/** Submits the request for sealing. A repeated command while it runs changes nothing, so that a lost start can be repeated. */
export function submitRequest(
  request: Request,
  { by: actor }: { by: ActingPerson },
  now: string,
  { rules, members }: Context,
): RequestDecision {
  requireRequester(request, actor);
  if (isUnderWay(request)) return keepState(request, 'the submission is already being checked');
  if (!isOpen(request))
    throw new Refused(
      'conflict',
      `${request.id} is ${request.status}: only a draft, or a returned or blocked request, can be submitted.`,
    );
  if (!members.includes(actor.id))
    throw new Refused('missing', `There is no project ${request.project}, or you are not a member of it.`);
  return {
    state: {
      ...identity(request),
      status: 'submitted',
      round: request.round + 1,
      attempt: request.attempt + 1,
      startedAt: now,
      deadline: addSeconds(now, rules.checkHours * hour),
    },
    events: [requestEvent('RequestSubmitted', `Submission ${request.round + 1}.`, actor)],
    reason: 'submitted',
  };
}

/** The requester, or an operator for them, withdraws the request. */
export function withdrawRequest(
  request: Request,
  { by: actor, reason }: { by: ActingPerson; reason: string },
  now: string,
): RequestDecision {
  if (!actor.groups.includes('operator')) requireRequester(request, actor);
  if (request.status === 'withdrawn') return keepState(request, 'the request is already withdrawn');
  const open = isOpen(request) || isUnderWay(request) || request.status === 'inReview' || request.status === 'timedOut';
  if (!open && request.status !== 'approved')
    throw new Refused(
      'conflict',
      request.status === 'released' || request.status === 'releasing'
        ? `${request.id} is ${request.status}: ask a reviewer to revoke the release.`
        : `${request.id} is ${request.status}: there is nothing left to withdraw.`,
    );
  if (isArriving(request, now))
    throw new Refused('conflict', `${request.id} was being delivered a moment ago. Withdraw it in 15 minutes.`);
  // A review that timed out still holds its votes and its seal.
  const review = request.status === 'timedOut' ? request.review : request;
  const seal = review && 'seal' in review ? review.seal : undefined;
  const votes = review && 'votes' in review ? review.votes : [];
  return {
    state: { ...identity(request), status: 'withdrawn', reason, withdrawnAt: now },
    events: [requestEvent('RequestWithdrawn', reason, actor)],
    reason: 'withdrawn',
    ...(seal && { ended: { round: request.round, seal, votes, outcome: 'withdrawn' as const, at: now } }),
    ...(request.status === 'inReview' && request.token !== undefined && { wake: request.token }),
  };
}
