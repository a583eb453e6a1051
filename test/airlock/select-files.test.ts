import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AirlockConfig } from '../../functions/airlock/request/airlock-config.ts';
import { admitVolume } from '../../functions/airlock/request/volumes.ts';
import { selectFiles } from '../../functions/airlock/steps/select-files.ts';
import { matchesWildcard } from '../../functions/airlock/steps/wildcards.ts';
import { measureProcessorTime } from '../processor-time.ts';
import { buildAirlockConfig, buildDraft } from './builders.ts';

describe('selecting files by group', () => {
  it.each([
    ['a.csv', '*.csv', true],
    ['t/a.csv', '*.csv', false],
    ['t/a.csv', '**', true],
    ['t/u/a.csv', 't/**/*.csv', true],
    ['t/a.csv', 't/**/*.csv', true],
    ['a.csv', '**/*.csv', true],
    ['a+b.csv', 'a+b.csv', true],
    ['axb.csv', 'a.b.csv', false],
  ])('the pattern %s takes %s: %s', (path, pattern, expected) => expect(matchesWildcard(path, pattern)).toBe(expected));

  it('matches any pattern in less than a second of processor time', () => {
    fc.assert(
      fc.property(fc.nat(100), stars => {
        const spentTime = measureProcessorTime();
        matchesWildcard(`${'a'.repeat(900)}b`, `${'*a'.repeat(stars)}*c`);
        expect(spentTime()).toBeLessThan(1000);
      }),
    );
  });

  const files = (...paths: string[]) => paths.map(path => ({ path, version: 'v', size: 1, etag: '' }));
  const request = {
    ...buildDraft({ rules: buildAirlockConfig(), members: ['rana'], reviewers: [], candidates: [] }),
    groups: [{ name: 'a', kind: 'table', purpose: 'x', paths: ['*.csv'] }],
  } as never;
  it('accepts all files under the caps whose names do not conflict', () => {
    const { findings } = selectFiles(request, files('a.csv', 'A.csv', 'b.log', '../c.csv'), buildAirlockConfig());
    expect(findings.map(({ path }) => path)).toEqual(['../c.csv', 'A.csv', 'b.log', '../c.csv']);
    expect(selectFiles(request, [], buildAirlockConfig()).findings).toHaveLength(1);
  });

  it('refuses two names that people could confuse', () => {
    const { findings } = selectFiles(
      request,
      files('a.csv', 'a\u200b.csv', 'é.csv', 'e\u0301.csv'),
      buildAirlockConfig(),
    );
    expect(findings.map(({ reason }) => reason)).toEqual([
      expect.stringContaining('invisible characters'),
      expect.stringContaining('Unicode form'),
    ]);
  });

  it('counts against the daily allowance for one day, and a repeated submission only once', () => {
    const small = AirlockConfig.parse({ caps: { dailyBytes: 150 } });
    const first = admitVolume({ project: {}, person: {} }, 'al-1-1', 100, small);
    if (!('volumes' in first)) throw new Error('there is room');
    expect(admitVolume(first.volumes, 'al-1-1', 100, small)).toEqual(first);
    expect(admitVolume(first.volumes, 'al-2-1', 100, small)).toMatchObject({
      reason: expect.stringContaining('today'),
    });
  });
});
