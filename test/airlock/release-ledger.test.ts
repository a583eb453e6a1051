import { describe, expect, it } from 'vitest';
import { check } from '../../disclosure/check.ts';
import { parseBand } from '../../disclosure/sdc/bands.ts';
import {
  buildCellIndex,
  decodeCellIndex,
  encodeCellIndex,
  mergeCellIndexes,
  removeTables,
} from '../../disclosure/sdc/cell-index.ts';
import { combineProbabilities, nearnessProbability } from '../../disclosure/sdc/statistics.ts';
import { policyFor } from '../../disclosure/tier-policy.ts';
import { buildCheckedFile, buildSource } from '../disclosure/files.ts';

const policy = policyFor(2);

describe('the ledger of a release', () => {
  const csv = 'Diagnosis,sex,n\nHuntington,Male,43\nAsthma,Female,52\n';
  const read = async (key: string) =>
    buildCellIndex((await check(buildCheckedFile('t.csv', csv), buildSource(csv), policy, key)).summaries);

  it('contains no label, and other hashes under another key', async () => {
    const bytes = encodeCellIndex(removeTables(await read('one'), () => false));
    for (const label of ['huntington', 'asthma', 'male', 'diagnosis'])
      expect(Buffer.from(bytes).toString('latin1').toLowerCase()).not.toContain(label);
    const keys = new Set((await read('one')).keys);
    expect([...(await read('two')).keys].filter(key => keys.has(key))).toEqual([]);
  });

  it('is unchanged after reading it back and after merging lists', async () => {
    const firstIndex = await read('one');
    expect(decodeCellIndex(encodeCellIndex(firstIndex))).toEqual(firstIndex);
    const mergedIndex = mergeCellIndexes([firstIndex, await read('two')]);
    expect(mergedIndex.tables).toHaveLength(2);
    expect(mergedIndex.keys.length).toBe(2 * firstIndex.keys.length);
    expect([...mergedIndex.keys]).toEqual([...mergedIndex.keys].sort((a, b) => a - b));
    expect(removeTables(mergedIndex, ({ path }) => path === 't.csv').tables).toEqual([]);
    expect(() => decodeCellIndex(encodeCellIndex(firstIndex).slice(0, -1))).toThrow(/another length/);
  });
});

it.each([
  ['20-29', 20, 30],
  ['20 to 29 years', 20, 30],
  ['<30', Number.NEGATIVE_INFINITY, 30],
  ['under 30', Number.NEGATIVE_INFINITY, 30],
  ['≤30', Number.NEGATIVE_INFINITY, 31],
  ['65+', 65, Number.POSITIVE_INFINITY],
  ['65 and over', 65, Number.POSITIVE_INFINITY],
  ['>65', 66, Number.POSITIVE_INFINITY],
  ['[20,30)', 20, 30],
  ['(20, 30]', 21, 31],
  ['30 or less', Number.NEGATIVE_INFINITY, 31],
])('reads the label %s as a band', (label, lower, upper) => expect(parseBand(label)).toEqual({ lower, upper }));
it.each(['North', '2020-01-03', '12a', '-', '20-'])('reads the label %s as no band', label =>
  expect(parseBand(label)).toBeUndefined(),
);

it('computes the probability of near matches by chance', () => {
  expect(nearnessProbability(100, 100)).toBeCloseTo(0.0282, 3);
  expect(nearnessProbability(100, 300)).toBeCloseTo(1, 6);
  // Chi-squared of 9.21 with 2 degrees of freedom, of 18.31 with 10, of 679.3 with 602.
  expect(combineProbabilities(-9.21034 / 2, 1)).toBeCloseTo(0.01, 4);
  expect(combineProbabilities(-18.307 / 2, 5)).toBeCloseTo(0.05, 4);
  expect(combineProbabilities(-660.2 / 2, 301)).toBeCloseTo(0.05, 2);
});
