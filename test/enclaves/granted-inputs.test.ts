import { describe, expect, it } from 'vitest';
import type { DatasetTerms } from '../../functions/datasets/schemas.ts';
import { type InputRecords, requireGrantedInput } from '../../functions/enclaves/granted-inputs.ts';
import type { DatasetVersion } from '../../functions/ingest/schemas.ts';
import { manifest, minutesOn, runTime } from './runs.ts';

const [input = expect.fail()] = manifest.inputs;
const { dataset, version } = input;
const grant = { use: 'du-0123456789abcdef', dataset, version, prefix: 'datasets/', endsAt: minutesOn(10) };
const records: InputRecords = {
  version: { dataset, version } as DatasetVersion,
  terms: { dataset } as DatasetTerms,
  grants: [grant],
};
const judgeInput = (change: Partial<InputRecords>) =>
  requireGrantedInput(input, { ...records, ...change }, 'asthma', runTime);
const ending = { byName: 'Sam', reason: 'A column is under investigation.', at: runTime };

describe('an input of a run', () => {
  it('is a version of a dataset that the project may use now', () => expect(() => judgeInput({})).not.toThrow());

  it.each<[string, Partial<InputRecords>, RegExp]>([
    ['a version that is not there', { version: undefined }, /The dataset scans has no version e+\. .*versions/],
    ['a version without a use', { grants: [] }, /asthma has no approved use of version e+ .* broch dataset request/],
    ['another version', { grants: [{ ...grant, version: 'd'.repeat(64) }] }, /no approved use/],
    ['another dataset', { grants: [{ ...grant, dataset: 'visits' }] }, /no approved use/],
    ['a use that is over', { grants: [{ ...grant, endsAt: runTime }] }, /no approved use/],
    ['a suspended dataset', { terms: { dataset, suspended: ending } as DatasetTerms }, /suspended: A column/],
    [
      'a withdrawn dataset',
      { terms: { dataset, withdrawn: { ...ending, by: 'user-sam' } } as DatasetTerms },
      /was withdrawn/,
    ],
  ])('cannot be %s', (_, change, reason) => expect(() => judgeInput(change)).toThrow(reason));
});
