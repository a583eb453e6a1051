import { describe, expect, it } from 'vitest';
import { checkFile } from '../../disclosure/check.ts';
import { policyFor } from '../../disclosure/tier-policy.ts';
import { buildCheckedFile, buildSource } from './files.ts';

const rulesFor = async (content: string) => {
  const findings = (
    await checkFile(buildCheckedFile('t.csv', content), buildSource(content, 7), policyFor(2), [])
  ).findings.filter(({ action }) => action !== 'warn');
  return findings.map(({ rule }) => rule);
};

describe('a table in CSV', () => {
  it.each([
    ['without quotes', 'region,n\nNorth,40\nSouth,52\n'],
    ['with quotes where they are needed', 'region,n\n"North, East",40\nSouth,52\n"a ""b""",44\n'],
    [
      'with words in quotes, and missing values without, as R writes it',
      '"region","n"\n"North",40\nNA,52\n"South",NA\n',
    ],
    ['with everything in quotes', '"region","n"\r\n"North","40"\r\n"South","52"\r\n'],
    ['with line ends of its own in cells, as Excel writes it', 'region,n\r\n"North\nEast",40\r\nSouth,52\r\n'],
    ['without a line end at its end', 'region,n\r\nNorth,40\r\nSouth,52'],
    ['with words in quotes among numbers', 'region,n\n"North",40\n"South","<10"\n"East",52\n'],
  ])('%s has no question', async (_, content) => expect(await rulesFor(content)).toEqual([]));

  it.each([
    ['of which only some words are in quotes', 'region,n\n"North",40\nSouth,52\nEast,52\n'],
    ['of which only some numbers are in quotes', 'region,n\nNorth,"40"\nSouth,52\nEast,52\n'],
    ['of which rows end in two ways', 'region,n\nNorth,40\r\nSouth,52\r\nEast,52\nWest,40\n'],
    ['in which a missing value is in quotes among words that are not', 'region,n\n"NA",40\nSouth,52\nEast,52\n'],
  ])('%s is left to a reviewer, as no page shows that', async (_, content) =>
    expect(await rulesFor(content)).toEqual(['table.ragged']),
  );
});
