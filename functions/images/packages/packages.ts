import { type Contract, outgoingEvent } from '../../contract.ts';
import { type Decision, keepState } from '../../decision.ts';
import { Refused } from '../../refused.ts';
import { PackageApproved, PackageRefused, PackageRequested, PackageRevoked } from './events.ts';
import type { ListedPackage, PackageFormat, PackageTier } from './schemas.ts';

interface PackagePerson {
  readonly id: string;
  readonly name: string;
}

interface PackageRequest {
  readonly tier: PackageTier;
  readonly format: PackageFormat;
  readonly name: string;
  readonly project: string;
  readonly explanation: string;
}

export type PackageCommand =
  | { do: 'request'; by: PackagePerson; request: PackageRequest }
  | { do: 'approve'; by: PackagePerson }
  | { do: 'refuse'; by: PackagePerson; reason: string }
  | { do: 'revoke'; by: PackagePerson; reason: string };

/** A package of a tier's list; undefined if nobody ever asked for it. */
type PackageState = ListedPackage | undefined;
export type PackageDecision = Decision<PackageState>;

/** How many packages the project has on the lists, and the most that it may have. */
export interface PackageQuota {
  readonly count: number;
  readonly limit: number;
}

type PackageFact = typeof PackageRequested extends Contract<infer Fact> ? Fact : never;

const titleOf = ({ format, name, tier }: Pick<ListedPackage, 'format' | 'name' | 'tier'>) =>
  `The ${format} package ${name} of tier ${tier}`;

/** Whether a package counts towards what its project may have. */
export const isCounted = (state: PackageState): boolean =>
  state?.status === 'requested' || state?.status === 'approved';

function decideFact(state: ListedPackage, type: Contract<PackageFact>, person: string, now: string, reason?: string) {
  const { tier, format, name, project } = state;
  const detail = { tier, format, name, project, at: now, by: person, ...(reason !== undefined && { reason }) };
  return { state, events: [outgoingEvent(type, detail)], reason: `${titleOf(state)} is ${state.status}` };
}

function decideRequest(
  state: PackageState,
  { by: person, request }: Extract<PackageCommand, { do: 'request' }>,
  { count, limit }: PackageQuota,
  now: string,
): PackageDecision {
  if (state?.status === 'revoked')
    throw new Refused(
      'conflict',
      `${state.revokedBy.name} took ${state.name} back for tier ${state.tier}. Only an operator or a data steward can approve it again, so ask one of them if you need it. The reason was: ${state.reason}`,
    );
  // A second project that needs the same package has nothing to wait for, or waits for the same answer.
  if (isCounted(state)) return keepState(state, 'it is on the list');
  if (count >= limit)
    throw new Refused(
      'conflict',
      `${request.project} has ${count} packages on the lists, which is its limit. Ask your operator for a higher limit (packages.perProject), or to take back what you no longer need: broch packages revoke`,
    );
  const next = { status: 'requested', ...request, requestedBy: person, requestedAt: now } as const;
  return decideFact(next, PackageRequested, person.name, now);
}

/** Taking back needs no second person: it only makes what desktops can install less. */
function decideRevocation(
  state: ListedPackage,
  { by: person, reason }: Extract<PackageCommand, { do: 'revoke' }>,
  now: string,
): PackageDecision {
  if (state.status === 'revoked') return keepState(state, 'it has been taken back');
  if (state.status !== 'approved')
    throw new Refused(
      'conflict',
      `${titleOf(state)} is ${state.status}, so there is nothing to take back.${state.status === 'requested' ? ' Refuse it: broch packages refuse' : ''}`,
    );
  const next = { ...state, status: 'revoked', revokedBy: person, revokedAt: now, reason } as const;
  return decideFact(next, PackageRevoked, person.name, now, reason);
}

/** Decides what becomes of a package on the list of a tier. */
export function decidePackage(
  state: PackageState,
  command: PackageCommand,
  quota: PackageQuota,
  now: string,
): PackageDecision {
  const person = { id: command.by.id, name: command.by.name };
  if (command.do === 'request') return decideRequest(state, { ...command, by: person }, quota, now);
  if (!state) throw new Refused('missing', 'Nobody has asked for this package. See broch packages list.');
  if (command.do === 'revoke') return decideRevocation(state, { ...command, by: person }, now);
  if (state.status !== 'requested' && !(state.status === 'revoked' && command.do === 'approve'))
    throw new Refused(
      'conflict',
      `${titleOf(state)} is ${state.status} already.${state.status === 'approved' ? ' To take it back: broch packages revoke' : ''}`,
    );
  if (state.requestedBy.id === person.id)
    throw new Refused('forbidden', 'You asked for this package, so somebody else must decide about it.');
  const { tier, format, name, project, requestedBy, requestedAt, explanation } = state;
  const request = { tier, format, name, project, requestedBy, requestedAt, explanation };
  return command.do === 'approve'
    ? decideFact(
        { status: 'approved', ...request, approvedBy: person, approvedAt: now },
        PackageApproved,
        person.name,
        now,
      )
    : decideFact(
        { status: 'refused', ...request, refusedBy: person, refusedAt: now, reason: command.reason },
        PackageRefused,
        person.name,
        now,
        command.reason,
      );
}
