import { outgoingEvent } from '../contract.ts';
import { type Decision, keepState } from '../decision.ts';
import { Refused } from '../refused.ts';
import type { DatasetPerson } from './datasets.ts';
import { DatasetGoverned, DatasetWithdrawn } from './events.ts';
import type { DatasetTerms } from './schemas.ts';

type TermsChange = Pick<
  DatasetTerms,
  'title' | 'description' | 'controller' | 'licence' | 'purposes' | 'days' | 'owner' | 'ownerName'
>;

export type TermsCommand =
  | { do: 'govern'; change: TermsChange; by: DatasetPerson; isOperator: boolean }
  | { do: 'withdraw'; by: DatasetPerson; reason: string };

/** The rules of a dataset before they exist have only its name. */
export type TermsState = { readonly dataset: string; readonly terms: DatasetTerms | undefined };

/** Decides about the rules of a dataset. A change does not touch uses that are approved already. */
export function decideTerms(state: TermsState, command: TermsCommand, now: string): Decision<TermsState> {
  return command.do === 'govern' ? governDataset(state, command, now) : withdrawDataset(state, command, now);
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
  const terms = { ...change, dataset, changedBy: person.name, changedAt: now };
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
