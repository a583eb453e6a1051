import * as z from 'zod';
import type { Policy } from '../../../disclosure/policy.ts';
import type { AirlockConfig } from './airlock-config.ts';

/** One setting that a change gives another value, with both values as JSON. */
export const SettingDifference = z.object({
  setting: z.string(),
  before: z.string(),
  after: z.string(),
  /** Whether the new value lets more data leave, or lets it leave with fewer votes. */
  weaker: z.boolean(),
});
export type SettingDifference = z.infer<typeof SettingDifference>;

/** What applies to a project: the organisation's configuration and the policy, each with the project's settings on top. */
export interface EffectiveSettings {
  readonly rules: AirlockConfig;
  readonly policy: Policy;
}

type Strictness = 'higher' | 'lower' | 'neither';

/** Which values of a setting are stricter. A key that is not here is treated as weaker, whatever it changes to. */
const strictness: Readonly<Record<string, Strictness>> = {
  tier: 'higher',
  quorum: 'higher',
  partial: 'lower',
  draftDays: 'neither',
  checkHours: 'neither',
  scanMinutes: 'neither',
  reviewDays: 'neither',
  remindHours: 'neither',
  approvedDays: 'lower',
  releasedDays: 'lower',
  uses: 'lower',
  lockDays: 'higher',
  graceDays: 'neither',
  'imports.quorum': 'higher',
  'imports.keepDays': 'higher',
  'caps.files': 'lower',
  'caps.bytes': 'lower',
  'caps.dailyBytes': 'lower',
  'caps.dailyRequests': 'lower',
  'caps.personBytes': 'lower',
  'caps.personRequests': 'lower',
  'caps.personChecks': 'lower',
  'caps.alertPercent': 'lower',
  'checks.bytes': 'lower',
  'checks.rows': 'lower',
  'checks.cells': 'lower',
  'checks.rules.archive.unsafe.ratio': 'lower',
  'checks.rules.archive.unsafe.files': 'lower',
  'checks.rules.archive.unsafe.bytes': 'lower',
  'checks.rules.text.encoded.longest': 'lower',
  'checks.rules.text.long-line.longest': 'lower',
  'checks.rules.sdc.minimum-count.threshold': 'higher',
  'checks.rules.sdc.p-percent.p': 'higher',
  'checks.rules.sdc.rounding.base': 'higher',
  'checks.rules.sdc.degrees-of-freedom.least': 'higher',
  'checks.rules.sdc.quantiles.tail': 'higher',
  'checks.rules.sdc.percentage-decimals.decimals': 'lower',
  'checks.rules.sdc.microdata.rows': 'lower',
};

const actions = ['off', 'warn', 'ask', 'block'];

function isWeaker(setting: string, previousValue: unknown, nextValue: unknown): boolean {
  if (setting.endsWith('.action')) return actions.indexOf(String(nextValue)) < actions.indexOf(String(previousValue));
  if (setting === 'checks.types')
    return (nextValue as string[]).some(type => !(previousValue as string[]).includes(type));
  if (setting.endsWith('.pairs')) {
    // A pair { n, k } finds totals of which the n largest hold more than k percent, so a lower k finds more.
    const pairs = nextValue as { n: number; k: number }[];
    return (previousValue as typeof pairs).some(
      old => !pairs.some(({ n: largest, k: percent }) => largest === old.n && percent <= old.k),
    );
  }
  const rule = strictness[setting];
  if (rule === 'neither') return false;
  return rule === 'higher'
    ? Number(nextValue) < Number(previousValue)
    : rule === 'lower'
      ? Number(nextValue) > Number(previousValue)
      : true;
}

/** Every setting by its dotted name. */
export function flattenSettings({ rules, policy }: EffectiveSettings): Map<string, unknown> {
  const flat = new Map<string, unknown>();
  const add = (prefix: string, values: object) => {
    for (const [name, value] of Object.entries(values)) {
      const isGroup = typeof value === 'object' && value !== null && !Array.isArray(value);
      if (isGroup) add(`${prefix}${name}.`, value);
      else flat.set(prefix + name, value);
    }
  };
  const { version: _version, tier: _tier, ...checks } = policy;
  add('', { ...rules, checks });
  return flat;
}

/** The settings that differ, by name. */
export function compareSettings(previous: EffectiveSettings, next: EffectiveSettings): SettingDifference[] {
  const [old, current] = [flattenSettings(previous), flattenSettings(next)];
  return [...new Set([...old.keys(), ...current.keys()])]
    .filter(setting => JSON.stringify(old.get(setting)) !== JSON.stringify(current.get(setting)))
    .sort()
    .map(setting => ({
      setting,
      before: JSON.stringify(old.get(setting) ?? null),
      after: JSON.stringify(current.get(setting) ?? null),
      weaker: isWeaker(setting, old.get(setting), current.get(setting)),
    }));
}
