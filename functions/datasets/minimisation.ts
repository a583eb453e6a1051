import { timeAfter, WRITING_MINUTES } from '../clock.ts';
import { outgoingEvent } from '../contract.ts';
import { keepState } from '../decision.ts';
import { closeUse, eventDetail, type UseDecision, type UseState } from './datasets.ts';
import { UseMinimised } from './events.ts';
import { currentGrants, findLimit, grantOf, type RoomCheck } from './grants.ts';
import type { ApprovedUse, DatasetTerms, DatasetUse, MinimisedVersion } from './schemas.ts';

/** Whether a step may write the minimised version of the use: not after its end, and not again. */
export const expectsMinimised = (use: DatasetUse | undefined): use is ApprovedUse =>
  use?.status === 'approved' && use.recipeDigest !== undefined && use.minimised === undefined;

/** Whether a step may be writing the minimised version of the use now, so that its dataset cannot be deleted yet. */
export function isBeingMinimised(use: DatasetUse, now: string): boolean {
  if (use.status !== 'ended') return expectsMinimised(use);
  // The objects of a finished minimised version are complete, and locked for a day at least.
  if (use.recipeDigest === undefined || use.approvedAt === undefined || use.minimised) return false;
  // A step that writes began before the end of the use.
  return Date.parse(now) < Date.parse(timeAfter(use.endedAt, WRITING_MINUTES * 60));
}

export type MinimisationCommand =
  /** The minimised version exists. */
  | { do: 'recordMinimised'; minimised: MinimisedVersion; hasRoom: RoomCheck }
  /** The minimised version cannot be made. The use ends with this reason. */
  | { do: 'fail'; reason: string };

/** Decides what the end of a minimisation means for the use. A repeated or late step changes nothing. */
export function decideMinimisation(
  state: UseState,
  command: MinimisationCommand,
  now: string,
  terms: DatasetTerms | undefined,
): UseDecision {
  const { use } = state;
  if (use?.status !== 'approved' || use.recipeDigest === undefined) return keepState(state, 'the use had ended');
  if (use.minimised) return keepState(state, 'the minimised version existed before');
  if (command.do === 'fail') return closeUse(state, use, { reason: command.reason }, now);
  if (!terms || terms.withdrawn)
    return closeUse(state, use, { reason: `The dataset was withdrawn: ${terms?.withdrawn?.reason ?? ''}` }, now);
  const grants = currentGrants(state.grants, now);
  const { minimised } = command;
  const { version, prefix } = minimised;
  const grant = grantOf({ ...use, version, prefix });
  const limit = findLimit(use.project, grants, grant, command.hasRoom);
  if (limit !== undefined) return closeUse(state, use, { reason: limit }, now);
  const { recipeDigest } = use;
  return {
    state: { use: { ...use, minimised }, grants: [...grants, grant] },
    events: [outgoingEvent(UseMinimised, { ...eventDetail(use, now), recipe: recipeDigest, minimised: version })],
    reason: 'the minimised version exists',
  };
}
