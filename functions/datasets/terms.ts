import { outgoingEvent } from '../contract.ts';
import { type Decision, keepState } from '../decision.ts';
import type { ObjectRef } from '../identifiers.ts';
import { Refused } from '../refused.ts';
import type { DatasetPerson } from './datasets.ts';
import { DatasetErased, DatasetGoverned, DatasetResumed, DatasetSuspended, DatasetWithdrawn } from './events.ts';
import { type DatasetTerms, DEFAULT_TIER } from './schemas.ts';

type TermsChange = Pick<
  DatasetTerms,
  'title' | 'description' | 'controller' | 'licence' | 'purposes' | 'days' | 'retainUntil' | 'owner' | 'ownerName'
> &
  Partial<Pick<DatasetTerms, 'tier'>>;

export type TermsCommand =
  | { do: 'govern'; change: TermsChange; by: DatasetPerson; isOperator: boolean }
  | { do: 'withdraw'; by: DatasetPerson; reason: string }
  | { do: 'suspend'; by: DatasetPerson; reason: string; isOperator: boolean }
  | { do: 'resume'; by: DatasetPerson }
  /** The owner is no data steward any more, so nobody answers for the dataset. */
  | { do: 'lapse'; owner: string }
  /** Withdraws it if its retention has ended. */
  | { do: 'endRetention' }
  /** Nothing of the withdrawn dataset is left. */
  | { do: 'recordErasure'; receipt: ObjectRef; objects: number };

/** The rules of a dataset before they exist have only its name. */
export type TermsState = { readonly dataset: string; readonly terms: DatasetTerms | undefined };

/** Decides about the rules of a dataset. A change does not touch uses that are approved already. */
export function decideTerms(state: TermsState, command: TermsCommand, now: string): Decision<TermsState> {
  switch (command.do) {
    case 'govern':
      return governDataset(state, command, now);
    case 'withdraw':
      return withdrawDataset(state, command, now);
    case 'suspend':
      return suspendDataset(state, command, now);
    case 'resume':
      return resumeDataset(state, command.by, now);
    case 'lapse':
      return lapseOwner(state, command.owner, now);
    case 'endRetention':
      return endRetention(state, now);
    case 'recordErasure':
      return recordErasure(state, command, now);
  }
}

function governDataset(
  state: TermsState,
  { change, by: person, isOperator }: Extract<TermsCommand, { do: 'govern' }>,
  now: string,
): Decision<TermsState> {
  const { dataset, terms: previous } = state;
  if (previous?.withdrawn)
    throw new Refused('conflict', `The dataset ${dataset} was withdrawn at ${previous.withdrawn.at}, which is final.`);
  // Otherwise any data steward could take over a dataset and approve its use.
  if (previous && previous.owner !== person.id && !isOperator)
    throw new Refused(
      'forbidden',
      `Only ${previous.ownerName}, who owns the dataset ${dataset}, or an operator may change its rules.`,
    );
  const terms = {
    ...change,
    // Whoever changes another rule does not lower it.
    tier: change.tier ?? previous?.tier ?? DEFAULT_TIER,
    dataset,
    changedBy: person.name,
    changedAt: now,
    ...(previous?.suspended && { suspended: previous.suspended }),
  };
  const { owner, ownerName } = change;
  return {
    state: { dataset, terms },
    events: [
      outgoingEvent(DatasetGoverned, { dataset, owner, ownerName, by: person.id, byName: person.name, at: now }),
    ],
    reason: 'a data steward set the rules of the dataset',
  };
}

function withdrawDataset(
  state: TermsState,
  { by: person, reason }: Extract<TermsCommand, { do: 'withdraw' }>,
  now: string,
): Decision<TermsState> {
  const { dataset, terms } = state;
  if (!terms) throw new Refused('missing', `The dataset ${dataset} has no owner, so no project uses it.`);
  if (terms.owner !== person.id)
    throw new Refused('forbidden', `Only ${terms.ownerName}, who owns the dataset ${dataset}, may withdraw it.`);
  if (terms.withdrawn) return keepState(state, 'it was withdrawn before');
  const withdrawn = { by: person.id, byName: person.name, reason, at: now };
  return {
    state: { dataset, terms: { ...terms, withdrawn } },
    events: [outgoingEvent(DatasetWithdrawn, { dataset, ...withdrawn })],
    reason: 'the owner withdrew the dataset',
  };
}

function endRetention(state: TermsState, now: string): Decision<TermsState> {
  const { dataset, terms } = state;
  if (!terms || terms.withdrawn || !isRetentionOver(terms, now)) return keepState(state, 'its retention has not ended');
  const withdrawn = { by: 'broch', byName: 'Broch', reason: `Its retention ended at ${terms.retainUntil}.`, at: now };
  return {
    state: { dataset, terms: { ...terms, withdrawn } },
    events: [outgoingEvent(DatasetWithdrawn, { dataset, ...withdrawn })],
    reason: 'its retention ended',
  };
}

export const isRetentionOver = ({ retainUntil }: Pick<DatasetTerms, 'retainUntil'>, now: string): boolean =>
  retainUntil !== undefined && Date.parse(retainUntil) <= Date.parse(now);

function requireRules({ dataset, terms }: TermsState): DatasetTerms {
  if (!terms) throw new Refused('missing', `The dataset ${dataset} has no owner, so no project uses it.`);
  if (terms.withdrawn)
    throw new Refused('conflict', `The dataset ${dataset} was withdrawn at ${terms.withdrawn.at}, which is final.`);
  return terms;
}

function suspendDataset(
  state: TermsState,
  { by: person, reason, isOperator }: Extract<TermsCommand, { do: 'suspend' }>,
  now: string,
): Decision<TermsState> {
  const terms = requireRules(state);
  if (terms.owner !== person.id && !isOperator)
    throw new Refused('forbidden', `Only ${terms.ownerName}, who owns the dataset, or an operator may suspend it.`);
  return suspend(state, terms, { byName: person.name, reason, at: now });
}

function suspend(
  state: TermsState,
  terms: DatasetTerms,
  suspension: NonNullable<DatasetTerms['suspended']>,
): Decision<TermsState> {
  if (terms.suspended) return keepState(state, 'it was suspended before');
  const { dataset } = state;
  return {
    state: { dataset, terms: { ...terms, suspended: suspension } },
    events: [outgoingEvent(DatasetSuspended, { dataset, ...suspension })],
    reason: 'no project may use the dataset for now',
  };
}

function resumeDataset(state: TermsState, person: DatasetPerson, now: string): Decision<TermsState> {
  const { dataset } = state;
  const { suspended: suspension, ...terms } = requireRules(state);
  if (terms.owner !== person.id)
    throw new Refused('forbidden', `Only ${terms.ownerName}, who owns the dataset ${dataset}, may resume it.`);
  if (!suspension) return keepState(state, 'it is not suspended');
  return {
    state: { dataset, terms },
    events: [outgoingEvent(DatasetResumed, { dataset, byName: person.name, at: now })],
    reason: 'the owner resumed the dataset',
  };
}

function lapseOwner(state: TermsState, owner: string, now: string): Decision<TermsState> {
  const { terms } = state;
  if (!terms || terms.withdrawn) return keepState(state, 'no project uses it');
  if (terms.owner !== owner) return keepState(state, 'it has another owner by now');
  const reason = `${terms.ownerName}, who owns the dataset, is no data steward any more. An operator names another owner with \`broch dataset govern\`, who resumes it.`;
  return suspend(state, terms, { reason, at: now });
}

function recordErasure(
  state: TermsState,
  { receipt, objects }: Extract<TermsCommand, { do: 'recordErasure' }>,
  now: string,
): Decision<TermsState> {
  const { dataset, terms } = state;
  if (!terms?.withdrawn) throw new Error(`the dataset ${dataset} is not withdrawn`);
  if (terms.erased) return keepState(state, 'its deletion is on record');
  const erasure = { receipt, objects, at: now };
  return {
    state: { dataset, terms: { ...terms, erased: erasure } },
    events: [outgoingEvent(DatasetErased, { dataset, ...erasure })],
    reason: 'nothing of the dataset is left',
  };
}
