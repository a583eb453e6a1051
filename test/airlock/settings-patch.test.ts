import { describe, expect, it } from 'vitest';
import { AirlockConfig } from '../../functions/airlock/request/airlock-config.ts';
import type { Settings } from '../../functions/airlock/request/settings.ts';
import {
  decideSettings,
  mergeSettings,
  type SettingsCommand,
  SettingsPatch,
} from '../../functions/airlock/request/settings-patch.ts';
import type { Refused } from '../../functions/refused.ts';

const settings: Settings = {
  tier: 3,
  quorum: 3,
  caps: { files: 10, bytes: 1000 },
  checks: { rows: 50, rules: { 'sdc.extremes': { action: 'block' } } },
};
const merge = (patch: unknown) => mergeSettings(settings, SettingsPatch.parse(patch));

describe('a change of settings', () => {
  it('keeps what it does not name, also inside a group', () => {
    expect(merge({})).toEqual(settings);
    expect(merge({ quorum: 2, caps: { files: 20 } })).toEqual({
      ...settings,
      quorum: 2,
      caps: { files: 20, bytes: 1000 },
    });
    expect(merge({ checks: { rules: { 'sdc.microdata': { action: 'ask', rows: 5 } } } }).checks).toEqual({
      rows: 50,
      rules: { 'sdc.extremes': { action: 'block' }, 'sdc.microdata': { action: 'ask', rows: 5 } },
    });
  });

  it('returns to the value of the organisation by null, of one setting or of a group', () => {
    expect(merge({ tier: null, caps: null })).toEqual({ quorum: 3, checks: settings.checks });
    expect(merge({ checks: { rules: { 'sdc.extremes': null } } }).checks).toEqual({ rows: 50 });
    expect(merge({ checks: { rows: null, rules: null } })).not.toHaveProperty('checks');
  });

  it.each([
    [{ quorom: 2 }, /quorom/],
    [{ quorum: 4 }, /quorum/],
    [{ caps: { file: 1 } }, /file/],
    [{ checks: { rules: { 'sdc.nothing': { action: 'block' } } } }, /sdc.nothing/],
    [{ checks: { rules: { 'sdc.microdata': { action: 'ask' } } } }, /rows/],
  ])('refuses %j and names the key', (patch, reason) => expect(() => SettingsPatch.parse(patch)).toThrow(reason));
});

describe('a decision on settings', () => {
  const base = AirlockConfig.parse({});
  const author = { by: 'o-1', byName: 'olga', reason: 'villages', at: '2026-11-28T10:00:00.000Z' };
  const decide = (
    patch: unknown,
    confirm = false,
    previous: Settings = settings,
    reviewers = 5,
    grants: SettingsCommand['grants'] = [],
  ) => decideSettings(base, previous, { patch: SettingsPatch.parse(patch), confirm, reviewers, grants, ...author });

  it('refuses a tier below that of the datasets that the project uses, and names them', () => {
    const grants = [{ dataset: 'admissions', tier: 3 as const }, { dataset: 'minimised' }];
    for (const patch of [{ tier: 2 }, { tier: null }])
      expect(() => decide(patch, true, settings, 5, grants)).toThrow(
        /uses datasets of a higher tier than 2: admissions\. Let/,
      );
    expect(decide({ quorum: 2 }, true, { tier: 1, quorum: 3 }, 5, grants).settings).toEqual({ tier: 1, quorum: 2 });
    expect(decide({ tier: 2 }, true, settings, 5, [{ dataset: 'minimised' }]).settings.tier).toBe(2);
  });

  it('says what it changes, with the old and the new value', () => {
    expect(decide({ caps: { files: 5 } })).toEqual({
      ...author,
      settings: { ...settings, caps: { files: 5, bytes: 1000 } },
      differences: [{ setting: 'caps.files', before: '10', after: '5', weaker: false }],
    });
  });

  it('refuses what lets more data leave, naming each setting, until it is confirmed', () => {
    const refusal = (() => {
      try {
        return decide({ quorum: 2, caps: { files: 20 } });
      } catch (error) {
        return error as Refused;
      }
    })() as Refused;
    expect(refusal.message).toMatch(/must be confirmed/);
    expect(refusal.details).toEqual(['caps.files: 10 → 20', 'quorum: 3 → 2']);
    expect(decide({ quorum: 2, caps: { files: 20 } }, true).settings).toMatchObject({ quorum: 2 });
  });

  it('treats a return to the value of the organisation as what it comes to', () => {
    expect(() => decide({ quorum: null })).toThrow(/must be confirmed/);
    expect(decide({ quorum: null }, false, { quorum: 1 }).settings).toEqual({});
  });

  it('refuses a change without effect', () => {
    for (const patch of [{}, { quorum: 3 }, { uses: null }]) expect(() => decide(patch)).toThrow(/apply already/);
  });

  describe('of a quorum that too few reviewers can meet', () => {
    const raise = (patch: unknown, confirm: boolean, reviewers: number) => decide(patch, confirm, {}, reviewers);

    it.each([
      [{ quorum: 3 }, 2, /exports need 3 votes.*2 reviewers/],
      [{ quorum: 3 }, 1, /exports need 3 votes.*1 reviewer /],
      [{ imports: { quorum: 3 } }, 2, /imports need 3 votes.*2 reviewers/],
    ])('refuses %j with %i eligible until it is confirmed', (patch, reviewers, message) => {
      expect(() => raise(patch, false, reviewers)).toThrow(/must be confirmed/);
      expect(() => raise(patch, false, reviewers)).toThrow(
        expect.objectContaining({ details: [expect.stringMatching(message)] }),
      );
      expect(raise(patch, true, reviewers).settings).toEqual(patch);
    });

    it('does not ask about a quorum that can be met, or that the change does not touch', () => {
      expect(raise({ quorum: 3 }, false, 3).settings).toEqual({ quorum: 3 });
      expect(raise({ tier: 3 }, false, 0).settings).toEqual({ tier: 3 });
    });
  });
});
