import { type Contract, outgoingEvent } from '../../contract.ts';
import { type Decision, keepState } from '../../decision.ts';
import { Refused } from '../../refused.ts';
import { PackageApproved, PackageRefused, PackageRequested } from './events.ts';
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
  | { do: 'refuse'; by: PackagePerson; reason: string };

/** A package of a tier's list; undefined if nobody ever asked for it. */
type PackageState = ListedPackage | undefined;
export type PackageDecision = Decision<PackageState>;

type PackageFact = typeof PackageRequested extends Contract<infer Fact> ? Fact : never;

const titleOf = ({ format, name, tier }: Pick<ListedPackage, 'format' | 'name' | 'tier'>) =>
  `The ${format} package ${name} of tier ${tier}`;

function decideFact(state: ListedPackage, type: Contract<PackageFact>, person: string, now: string, reason?: string) {
  const { tier, format, name, project } = state;
  const detail = { tier, format, name, project, at: now, by: person, ...(reason !== undefined && { reason }) };
  return { state, events: [outgoingEvent(type, detail)], reason: `${titleOf(state)} is ${state.status}` };
}

/** Decides what becomes of a package on the list of a tier. */
export function decidePackage(state: PackageState, command: PackageCommand, now: string): PackageDecision {
  const person = { id: command.by.id, name: command.by.name };
  if (command.do === 'request') {
    // A second project that needs the same package has nothing to wait for, or waits for the same answer.
    if (state && state.status !== 'refused') return keepState(state, 'it is on the list');
    const next = { status: 'requested', ...command.request, requestedBy: person, requestedAt: now } as const;
    return decideFact(next, PackageRequested, person.name, now);
  }
  if (!state) throw new Refused('missing', 'Nobody has asked for this package. See broch packages list.');
  if (state.status !== 'requested') throw new Refused('conflict', `${titleOf(state)} is ${state.status} already.`);
  if (state.requestedBy.id === person.id)
    throw new Refused('forbidden', 'You asked for this package, so somebody else must decide about it.');
  return command.do === 'approve'
    ? decideFact(
        { ...state, status: 'approved', approvedBy: person, approvedAt: now },
        PackageApproved,
        person.name,
        now,
      )
    : decideFact(
        { ...state, status: 'refused', refusedBy: person, refusedAt: now, reason: command.reason },
        PackageRefused,
        person.name,
        now,
        command.reason,
      );
}
