import { outgoingEvent } from '../contract.ts';
import { keepState } from '../decision.ts';
import {
  closeUse,
  currentGrants,
  eventDetail,
  limitReason,
  MAX_GRANTS,
  type UseDecision,
  type UseState,
} from './datasets.ts';
import { UseMinimised } from './events.ts';
import type { DatasetTerms, MinimisedVersion } from './schemas.ts';

export type MinimisationCommand =
  /** The minimised version exists. */
  | { do: 'recordMinimised'; minimised: MinimisedVersion }
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
  if (grants.length >= MAX_GRANTS) return closeUse(state, use, { reason: limitReason(use.project) }, now);
  const { minimised } = command;
  const { id, dataset, endsAt, recipeDigest } = use;
  const { version, prefix } = minimised;
  return {
    state: { use: { ...use, minimised }, grants: [...grants, { use: id, dataset, version, prefix, endsAt }] },
    events: [outgoingEvent(UseMinimised, { ...eventDetail(use, now), recipe: recipeDigest, minimised: version })],
    reason: 'the minimised version exists',
  };
}
