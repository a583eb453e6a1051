import { outgoingEvent } from '../contract.ts';
import { type Decision, keepState } from '../decision.ts';
import { Refused } from '../refused.ts';
import { UseApproved, UseEnded, UseRefused, UseRequested } from './events.ts';
import { currentGrants, findLimit, grantOf, isOver, type RoomCheck } from './grants.ts';
import { type MinimisationRecipe, requireRecipe } from './recipe.ts';
import type { ApprovedUse, DatasetGrant, DatasetTerms, DatasetUse, RequestedUse, UsePurpose } from './schemas.ts';

/** Requests of one project that may wait for a decision at the same time. */
const MAX_REQUESTS = 20;

export interface DatasetPerson {
  readonly id: string;
  readonly name: string;
}

/** A use, the rules of its dataset, and all that the project may read. The use and the grants change in one write. */
export interface UseState {
  readonly use: DatasetUse | undefined;
  readonly grants: readonly DatasetGrant[];
}
export type UseDecision = Decision<UseState>;

export interface UseContext {
  readonly terms: DatasetTerms | undefined;
  /** Whether the person who decides belongs to the project, or did at any time since the request. */
  readonly isMember: boolean;
  /** How sensitive the data are that the project is for. */
  readonly tier?: number;
  /** Requests of the project that wait for a decision. */
  readonly waitingCount?: number;
}

export interface UseRequest {
  readonly id: string;
  readonly project: string;
  readonly dataset: string;
  readonly version: string;
  readonly prefix: string;
  readonly purpose: UsePurpose;
  readonly endsAt: string;
  readonly explanation: string;
  readonly recipe?: MinimisationRecipe;
  readonly recipeDigest?: string;
}

export type UseCommand =
  | { do: 'request'; request: UseRequest; by: DatasetPerson }
  | { do: 'approve'; by: DatasetPerson; conditions: string; recipe?: string | undefined; hasRoom: RoomCheck }
  | { do: 'refuse'; by: DatasetPerson; reason: string }
  /** The owner, or a lead of the project, ends it. */
  | { do: 'end'; by: DatasetPerson; reason: string; isLead: boolean }
  /** The dataset was withdrawn. */
  | { do: 'withdraw'; reason: string };

/** The id of a use requested at `now`; `chance` is a whole number below 2^20. */
export const createUseId = (now: string, chance: number): string =>
  `du-${Date.parse(now).toString(16).padStart(11, '0')}${chance.toString(16).padStart(5, '0')}`;

const dayMilliseconds = 24 * 3600 * 1000;
/** Decides what becomes of a project's use of a dataset. */
export function decideUse(state: UseState, command: UseCommand, now: string, context: UseContext): UseDecision {
  switch (command.do) {
    case 'request':
      return requestUse(state, command, now, context);
    case 'approve':
      return approveUse(state, command, now, context);
    case 'refuse':
      return refuseUse(state, command, now, context);
    case 'end':
      return endUse(state, command, now, context);
    case 'withdraw':
      return withdrawUse(state, command, now);
  }
}

function requireTerms(dataset: string, terms: DatasetTerms | undefined): DatasetTerms {
  if (!terms)
    throw new Refused(
      'conflict',
      `The dataset ${dataset} has no owner yet. A data steward sets one with \`broch dataset govern\`.`,
    );
  if (terms.withdrawn)
    throw new Refused(
      'conflict',
      `The dataset ${dataset} was withdrawn at ${terms.withdrawn.at}. No project can use it.`,
    );
  if (terms.suspended)
    throw new Refused(
      'conflict',
      `The dataset ${dataset} is suspended: ${terms.suspended.reason} Ask again once it is resumed.`,
    );
  return terms;
}

function requestUse(
  state: UseState,
  { request, by: person }: Extract<UseCommand, { do: 'request' }>,
  now: string,
  context: UseContext,
): UseDecision {
  if (state.use)
    throw new Refused('conflict', 'Two requests were made at the same moment. Try again, with a new Idempotency-Key.');
  const terms = requireTerms(request.dataset, context.terms);
  if ((context.waitingCount ?? 0) >= MAX_REQUESTS)
    throw new Refused(
      'conflict',
      `The project ${request.project} has ${MAX_REQUESTS} requests that wait for a decision, which is the limit. End one of them first: broch dataset end.`,
    );
  if (!terms.purposes.includes(request.purpose))
    throw new Refused(
      'conflict',
      `The dataset ${request.dataset} may be used for ${terms.purposes.join(', ')}, not for ${request.purpose}.`,
    );
  requireTier(request, terms, context);
  if (isOver(request.endsAt, now)) throw new Refused('conflict', 'The use would end in the past. Give a later date.');
  const latest = new Date(Date.parse(now) + terms.days * dayMilliseconds).toISOString();
  if (Date.parse(request.endsAt) > Date.parse(latest))
    throw new Refused(
      'conflict',
      `The dataset ${request.dataset} may be used for ${terms.days} days at most, until ${latest}. Give an earlier date.`,
    );
  if (terms.retainUntil !== undefined && Date.parse(request.endsAt) > Date.parse(terms.retainUntil))
    throw new Refused(
      'conflict',
      `The dataset ${request.dataset} is withdrawn at ${terms.retainUntil}. Give an earlier date.`,
    );
  const use: RequestedUse = {
    status: 'requested',
    ...request,
    requestedBy: person.id,
    requestedByName: person.name,
    requestedAt: now,
  };
  const event = outgoingEvent(UseRequested, {
    ...eventDetail(use, now),
    purpose: use.purpose,
    endsAt: use.endsAt,
    owner: terms.owner,
    ...authorOf(person),
  });
  return { state: { ...state, use }, events: [event], reason: 'a lead of the project requested the use' };
}

/** A project of a lower tier has weaker checks and machines. The owner decides whether a recipe leaves little enough. */
function requireTier(
  { project, dataset, recipe }: Pick<UseRequest, 'project' | 'dataset' | 'recipe'>,
  { tier }: DatasetTerms,
  context: UseContext,
): void {
  if (recipe || tier <= (context.tier ?? 0)) return;
  throw new Refused(
    'conflict',
    `The dataset ${dataset} is of tier ${tier}, and the project ${project} of tier ${context.tier}. Ask with a recipe, or let an operator raise the project's tier: broch airlock configure.`,
  );
}

/** Only the owner decides, about a request of others for a project of others. */
function requireDecidable(
  { use }: UseState,
  person: DatasetPerson,
  now: string,
  { terms: readTerms, isMember }: UseContext,
): RequestedUse {
  if (!use) throw new Refused('missing', 'There is no such use.');
  const terms = requireTerms(use.dataset, readTerms);
  if (terms.owner !== person.id)
    throw new Refused('forbidden', `Only ${terms.ownerName}, who owns the dataset ${use.dataset}, may decide this.`);
  if (use.requestedBy === person.id || isMember)
    throw new Refused(
      'forbidden',
      `You are or were a member of ${use.project}, so you cannot decide what it may use. Ask another data steward to take over the dataset.`,
    );
  if (use.status !== 'requested')
    throw new Refused('conflict', `The use ${use.id} is ${use.status} already. See broch dataset uses.`);
  if (isOver(use.endsAt, now))
    throw new Refused(
      'conflict',
      `The requested use would have ended at ${use.endsAt}. Ask the project for a new request.`,
    );
  return use;
}

function approveUse(
  state: UseState,
  { by: person, conditions, recipe, hasRoom }: Extract<UseCommand, { do: 'approve' }>,
  now: string,
  context: UseContext,
): UseDecision {
  if (state.use?.status === 'approved' && state.use.approvedBy === person.id)
    return keepState(state, 'the owner approved it before');
  const request = requireDecidable(state, person, now, context);
  requireRecipe(request, recipe);
  const terms = requireTerms(request.dataset, context.terms);
  requireTier(request, terms, context);
  const grants = currentGrants(state.grants, now);
  // A minimised version takes as much room.
  const grant = { ...grantOf(request), tier: terms.tier };
  const limit = findLimit(request.project, grants, grant, hasRoom);
  if (limit !== undefined) throw new Refused('conflict', limit);
  const use: ApprovedUse = {
    ...request,
    status: 'approved',
    approvedBy: person.id,
    approvedByName: person.name,
    approvedAt: now,
    conditions,
  };
  const { endsAt, recipeDigest: digest } = use;
  const detail = {
    ...eventDetail(use, now),
    endsAt,
    conditions,
    ...(digest && { recipe: digest }),
    ...authorOf(person),
  };
  return {
    // A use with a recipe grants nothing until the minimised version exists.
    state: { use, grants: digest ? state.grants : [...grants, grant] },
    events: [outgoingEvent(UseApproved, detail)],
    reason: 'the owner of the dataset approved the use',
  };
}

function refuseUse(
  state: UseState,
  { by: person, reason }: Extract<UseCommand, { do: 'refuse' }>,
  now: string,
  context: UseContext,
): UseDecision {
  const request = requireDecidable(state, person, now, context);
  const use: DatasetUse = {
    ...request,
    status: 'refused',
    refusedBy: person.id,
    refusedByName: person.name,
    refusedAt: now,
    reason,
  };
  return {
    state: { ...state, use },
    events: [outgoingEvent(UseRefused, { ...eventDetail(use, now), reason, ...authorOf(person) })],
    reason: 'the owner of the dataset refused the use',
  };
}

function endUse(
  state: UseState,
  { by: person, reason, isLead }: Extract<UseCommand, { do: 'end' }>,
  now: string,
  { terms }: UseContext,
): UseDecision {
  const { use } = state;
  if (!use) throw new Refused('missing', 'There is no such use.');
  if (!isLead && terms?.owner !== person.id)
    throw new Refused(
      'forbidden',
      `Only the owner of the dataset ${use.dataset} or a lead of ${use.project} may end this.`,
    );
  if (use.status === 'refused' || use.status === 'ended')
    throw new Refused('conflict', `The use ${use.id} is ${use.status} already. See broch dataset uses.`);
  return closeUse(state, use, { endedBy: person.id, endedByName: person.name, reason }, now);
}

function withdrawUse(state: UseState, { reason }: Extract<UseCommand, { do: 'withdraw' }>, now: string): UseDecision {
  const { use } = state;
  if (!use || use.status === 'refused' || use.status === 'ended') return keepState(state, 'the use had ended');
  return closeUse(state, use, { reason }, now);
}

export function closeUse(
  state: UseState,
  use: RequestedUse | ApprovedUse,
  end: { endedBy?: string; endedByName?: string; reason: string },
  now: string,
): UseDecision {
  const endedUse: DatasetUse = { ...use, status: 'ended', ...end, endedAt: now };
  const detail = {
    ...eventDetail(endedUse, now),
    reason: end.reason,
    ...(end.endedBy && end.endedByName && { by: end.endedBy, byName: end.endedByName }),
  };
  return {
    state: { use: endedUse, grants: currentGrants(state.grants, now).filter(grant => grant.use !== use.id) },
    events: [outgoingEvent(UseEnded, detail)],
    reason: 'the use was ended',
  };
}

export const eventDetail = ({ id, project, dataset, version }: DatasetUse, now: string) => ({
  use: id,
  project,
  dataset,
  version,
  at: now,
});
const authorOf = ({ id, name }: DatasetPerson) => ({ by: id, byName: name });
