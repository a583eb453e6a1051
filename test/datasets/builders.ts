import type { UseContext, UseRequest, UseState } from '../../functions/datasets/datasets.ts';
import type { DatasetTerms } from '../../functions/datasets/schemas.ts';

export const now = '2026-11-28T12:00:00.000Z';
export const useEnd = '2027-03-01T00:00:00.000Z';
export const owner = { id: 'user-sam', name: 'sam' };
export const lead = { id: 'user-rana', name: 'rana' };
export const stranger = { id: 'user-eve', name: 'eve' };

export const terms: DatasetTerms = {
  dataset: 'admissions',
  title: 'Hospital admissions',
  description: '',
  owner: owner.id,
  ownerName: owner.name,
  controller: 'Tayside Health',
  licence: 'DSA 2026-14',
  purposes: ['research'],
  tier: 2,
  days: 365,
  changedBy: 'olga',
  changedAt: now,
};
export const context: UseContext = { terms, isMember: false, tier: 2 };

/** A request of the project `asthma`; `number` makes it different from others. */
export const useRequest = (number = 0): UseRequest => {
  const version = String(number).padStart(64, 'a');
  return {
    id: `du-${String(number).padStart(16, '0')}`,
    project: 'asthma',
    dataset: 'admissions',
    version,
    prefix: `datasets/admissions/${version}/`,
    purpose: 'research',
    endsAt: useEnd,
    explanation: 'Admissions by region.',
  };
};
export const empty: UseState = { use: undefined, grants: [] };
