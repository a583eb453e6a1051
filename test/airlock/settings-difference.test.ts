import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Tier } from '../../disclosure/policy.ts';
import { AirlockConfig } from '../../functions/airlock/request/airlock-config.ts';
import { applySettings, policyForSettings, type Settings } from '../../functions/airlock/request/settings.ts';
import {
  compareSettings,
  flattenSettings,
  type SettingDifference,
} from '../../functions/airlock/request/settings-difference.ts';

const base = AirlockConfig.parse({});
const effective = (settings: Settings = {}) => ({
  rules: applySettings(base, settings),
  policy: policyForSettings(base, settings, 'export'),
});
const compare = (previousSettings: Settings, nextSettings: Settings) =>
  compareSettings(effective(previousSettings), effective(nextSettings));
const weaker = (differences: readonly SettingDifference[]) =>
  differences.filter(difference => difference.weaker).map(({ setting }) => setting);

describe('the difference between two settings', () => {
  it('names each setting with the old and the new value', () => {
    expect(compare({ quorum: 3 }, { quorum: 2, caps: { files: 10 } })).toEqual([
      { setting: 'caps.files', before: '10000', after: '10', weaker: false },
      { setting: 'quorum', before: '3', after: '2', weaker: true },
    ]);
    expect(compare({ quorum: 3 }, { quorum: 3 })).toEqual([]);
  });

  it.each<[Settings, Settings, string[]]>([
    [{ tier: 3 }, { tier: 2 }, ['tier']],
    [{ partial: false }, { partial: true }, ['partial']],
    [{ partial: true }, { partial: false }, []],
    [{ releasedDays: 10 }, { releasedDays: 20 }, ['releasedDays']],
    [{ imports: { quorum: 2 } }, { imports: { quorum: 1 } }, ['imports.quorum']],
    [{}, { checks: { types: ['text/csv'] } }, []],
    [{ checks: { types: ['text/csv'] } }, {}, ['checks.types']],
    [
      {},
      { checks: { rules: { 'sdc.minimum-count': { action: 'warn', threshold: 3 } } } },
      ['checks.rules.sdc.minimum-count.action', 'checks.rules.sdc.minimum-count.threshold'],
    ],
    [
      {},
      { checks: { rules: { 'sdc.dominance': { action: 'block', pairs: [{ n: 1, k: 10 }] } } } },
      ['checks.rules.sdc.dominance.pairs'],
    ],
    [
      {},
      {
        checks: {
          rules: {
            'sdc.dominance': {
              action: 'block',
              pairs: [
                { n: 1, k: 10 },
                { n: 2, k: 80 },
              ],
            },
          },
        },
      },
      [],
    ],
  ])('%j → %j weakens %j', (previousSettings, nextSettings, expected) =>
    expect(weaker(compare(previousSettings, nextSettings))).toEqual(
      expected.length === 0 ? [] : expect.arrayContaining(expected),
    ),
  );

  it('from a tier to a stricter one weakens nothing, and back again weakens each of what it changed', () => {
    for (const [low, high] of [
      [1, 2],
      [2, 3],
      [1, 3],
    ] as const) {
      const stricter = compare({ tier: low }, { tier: high });
      expect(weaker(stricter)).toEqual([]);
      const back = compare({ tier: high }, { tier: low });
      expect(back.map(({ setting }) => setting)).toEqual(stricter.map(({ setting }) => setting));
      expect(weaker(back).length).toBeGreaterThan(0);
    }
  });

  it('knows for every setting of every tier which value is stricter', () => {
    for (const { value: tier } of Tier.options)
      for (const [setting, value] of flattenSettings(effective({ tier }))) {
        if (typeof value !== 'number') continue;
        // A setting without a rule counts as weaker in both directions.
        const weakenings = [value + 1, value - 1].map(neighbour => {
          const changedPolicy = effective({ tier });
          const names = setting.split('.');
          const rule = setting.startsWith('checks.rules.') ? names.slice(2, -1).join('.') : undefined;
          const target: Record<string, unknown> = rule
            ? ((changedPolicy.policy.rules as unknown as Record<string, Record<string, unknown>>)[rule] ?? {})
            : setting.startsWith('checks.')
              ? (changedPolicy.policy as unknown as Record<string, unknown>)
              : names.length === 2
                ? ((changedPolicy.rules as unknown as Record<string, Record<string, unknown>>)[names[0] ?? ''] ?? {})
                : (changedPolicy.rules as unknown as Record<string, unknown>);
          target[names.at(-1) ?? ''] = neighbour;
          return weaker(compareSettings(effective({ tier }), changedPolicy)).includes(setting);
        });
        expect(weakenings, setting).not.toEqual([true, true]);
      }
  });

  it('is never weaker in both directions, whatever the numbers are', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 }), (first, second) => {
        const forward = weaker(compare({ quorum: first }, { quorum: second }));
        const backward = weaker(compare({ quorum: second }, { quorum: first }));
        expect(forward.length + backward.length).toBe(first === second ? 0 : 1);
      }),
    );
  });
});
