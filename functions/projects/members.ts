import { outgoingEvent } from '../contract.ts';
import { type Decision, keepState } from '../decision.ts';
import type { ProjectRole } from '../http/route.ts';
import type { Membership, MembershipChange } from '../membership.ts';
import { Refused } from '../refused.ts';
import { MemberAdded, MemberRemoved, MemberRoleChanged } from './events.ts';
import type { MemberView } from './schemas.ts';

/** A membership keeps all of its changes in one row, so their number is limited. The last one is left for a removal. */
export const MAX_MEMBERSHIP_CHANGES = 200;

interface ProjectPerson {
  readonly id: string;
  readonly name: string;
}

export interface MembershipState {
  readonly project: string;
  /** Undefined for somebody who was never a member. */
  readonly membership: Membership | undefined;
}
type MembershipDecision = Decision<MembershipState>;

/** What operators do to a membership. */
export type MembershipCommand =
  | {
      do: 'add';
      person: ProjectPerson;
      roles: readonly ProjectRole[];
      by: ProjectPerson;
      reason?: string | undefined;
      /** The person is a reviewer, and the operator has not confirmed what that means. */
      unconfirmedReviewer: boolean;
    }
  | { do: 'remove'; by: ProjectPerson; reason: string };

/** Decides the next state of a membership. */
export function decideMembership(state: MembershipState, command: MembershipCommand, now: string): MembershipDecision {
  return command.do === 'add' ? addMember(state, command, now) : removeMember(state, command, now);
}

/** Adds a person, also one who was removed before, or gives a member other roles. */
function addMember(
  state: MembershipState,
  {
    person,
    roles: requestedRoles,
    by: operator,
    reason,
    unconfirmedReviewer,
  }: Extract<MembershipCommand, { do: 'add' }>,
  now: string,
): MembershipDecision {
  const { project, membership } = state;
  const roles = [...new Set(requestedRoles)].sort();
  const currentRoles = membership?.roles ?? [];
  if (membership && membership.name === person.name && roles.join() === [...currentRoles].sort().join())
    return keepState(state, 'the person holds these roles');
  const history = membership?.changes ?? [];
  if (history.length >= MAX_MEMBERSHIP_CHANGES - 1)
    throw new Refused(
      'conflict',
      `The membership of ${person.name} in ${project} was changed ${history.length} times, which is the limit. You can only end it: broch member remove.`,
    );
  if (unconfirmedReviewer && currentRoles.length === 0)
    throw new Refused(
      'conflict',
      `${person.name} is a reviewer. Members of ${project}, and people who were members while a request was open, cannot review its requests. To add ${person.name} all the same, repeat with --confirm.`,
    );
  const kind = currentRoles.length > 0 ? 'changed' : 'added';
  const change = recordOf(kind, roles, operator, now, reason);
  return {
    state: {
      project,
      membership: {
        user: person.id,
        name: person.name,
        roles,
        since: kind === 'changed' && membership ? membership.since : now,
        changes: [...history, change],
      },
    },
    events: [
      outgoingEvent(kind === 'added' ? MemberAdded : MemberRoleChanged, {
        project,
        user: person.id,
        name: person.name,
        roles,
        ...authorOf(change),
      }),
    ],
    reason: kind === 'added' ? 'an operator added the person' : 'an operator changed the roles',
  };
}

/** Ends a membership. Its record stays. */
function removeMember(
  state: MembershipState,
  { by: operator, reason }: Extract<MembershipCommand, { do: 'remove' }>,
  now: string,
): MembershipDecision {
  const { project, membership } = state;
  if (!membership)
    throw new Refused('missing', `The person is not a member of ${project}. See broch member list ${project}.`);
  if (membership.roles.length === 0)
    throw new Refused('conflict', `${membership.name} is no longer a member of ${project}.`);
  const change = recordOf('removed', [], operator, now, reason);
  const { user, name } = membership;
  return {
    state: { project, membership: { ...membership, roles: [], changes: [...membership.changes, change] } },
    events: [outgoingEvent(MemberRemoved, { project, user, name, ...authorOf(change) })],
    reason: 'an operator removed the person',
  };
}

const recordOf = (
  change: MembershipChange['change'],
  roles: ProjectRole[],
  operator: ProjectPerson,
  now: string,
  reason: string | undefined,
): MembershipChange => ({
  change,
  roles,
  by: operator.id,
  byName: operator.name,
  at: now,
  ...(reason !== undefined && { reason }),
});

const authorOf = ({ by: operator, byName, at: time, reason }: MembershipChange) => ({
  by: operator,
  byName,
  at: time,
  ...(reason !== undefined && { reason }),
});

/** The reason is that of the addition, or of the removal for a former member. */
export function viewMember(membership: Membership | undefined): MemberView {
  if (!membership) throw new Error('a membership that was just written is missing');
  const { user, name, roles, since: startDate, changes } = membership;
  const addition = changes.findLast(({ change }) => change === 'added');
  const removal = roles.length === 0 ? changes.findLast(({ change }) => change === 'removed') : undefined;
  const reason = (removal ?? addition)?.reason;
  return {
    user,
    name,
    roles,
    since: startDate,
    ...(addition && { addedBy: addition.byName }),
    ...(removal && { removedAt: removal.at, removedBy: removal.byName }),
    ...(reason !== undefined && { reason }),
  };
}
