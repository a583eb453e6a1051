import * as z from 'zod';
import { PolicyRules } from '../../../disclosure/policy.ts';
import type { DatasetGrant } from '../../datasets/schemas.ts';
import { Refused } from '../../refused.ts';
import { type AirlockConfig, quorumFor } from './airlock-config.ts';
import { applySettings, policyForSettings, Settings, type SettingsChange } from './settings.ts';
import { compareSettings } from './settings-difference.ts';

type Fields = Readonly<Record<string, z.ZodType>>;

/** The same fields, each of which may be left out, or null to return to the organisation's value. */
const patchOf = (shape: Fields) =>
  z.strictObject(Object.fromEntries(Object.entries(shape).map(([name, field]) => [name, field.nullable().optional()])));

const { imports, caps, checks, ...plain } = Settings.shape;
const { rules: _, ...limits } = checks.unwrap().shape;

/**
 * A change of a project's settings: what it names is replaced, null returns to the organisation's value, everything else
 * stays (as in a JSON merge patch, RFC 7396). The groups `imports`, `caps`, `checks` and `checks.rules` merge by name.
 */
export const SettingsPatch = patchOf({
  ...plain,
  imports: patchOf(imports.unwrap().shape),
  caps: patchOf(caps.unwrap().shape),
  checks: patchOf({ ...limits, rules: patchOf(PolicyRules.shape) }),
});
export type SettingsPatch = z.infer<typeof SettingsPatch>;

/** Groups of settings by their dotted names. Everything else, such as one rule, is replaced as a whole. */
const groups: ReadonlySet<string> = new Set(['imports', 'caps', 'checks', 'checks.rules']);

type Group = Record<string, unknown>;

function merge(current: Group, patch: Group, prefix = ''): Group {
  const merged: Group = { ...current };
  for (const [name, value] of Object.entries(patch)) {
    if (value === undefined) continue;
    const group = groups.has(prefix + name) && value !== null;
    const next = group ? merge((current[name] ?? {}) as Group, value as Group, `${prefix}${name}.`) : value;
    const isEmpty = group && Object.keys(next as Group).length === 0;
    if (next === null || isEmpty) delete merged[name];
    else merged[name] = next;
  }
  return merged;
}

/** The project's settings after the change. */
export const mergeSettings = (settings: Settings, patch: SettingsPatch): Settings =>
  Settings.parse(merge(settings, patch));

/** Who changes settings and why. `confirm` allows a change that lets more leave, or that too few reviewers can vote under. */
export interface SettingsCommand extends Pick<SettingsChange, 'by' | 'byName' | 'reason' | 'at'> {
  readonly patch: SettingsPatch;
  readonly confirm: boolean;
  /** How many reviewers may vote on the project's requests now. */
  readonly reviewers: number;
  /** The versions of datasets that the project may read now. */
  readonly grants: readonly Pick<DatasetGrant, 'dataset' | 'tier'>[];
}

/** A project of a lower tier has weaker checks and machines, so it may not keep data that need more. */
function requireTierOfData(tier: number, grants: SettingsCommand['grants']): void {
  const names = new Set(grants.flatMap(grant => ((grant.tier ?? 0) > tier ? [grant.dataset] : [])));
  if (names.size > 0)
    throw new Refused(
      'conflict',
      `The project uses datasets of a higher tier than ${tier}: ${[...names].sort().join(', ')}. Let their owners or a lead of the project end these uses first: broch dataset end.`,
    );
}

/** Says for each quorum that there are too few reviewers to meet it. */
const unreachableQuorums = (rules: AirlockConfig, reviewers: number): string[] =>
  (['export', 'import'] as const)
    .map(direction => ({ direction, votes: quorumFor(direction, rules) }))
    .filter(({ votes }) => votes > reviewers)
    .map(
      ({ direction, votes }) =>
        `${direction}s need ${votes} vote${votes === 1 ? '' : 's'}, but only ${reviewers} reviewer${reviewers === 1 ? ' is' : 's are'} not a member and may vote: add people to the group reviewer first`,
    );

/**
 * Decides a change of a project's settings, on top of the organisation's configuration `base`. Refuses a change without
 * effect, and a tier below that of the data. One that lets more leave, or that sets a quorum that cannot be met, must be
 * confirmed.
 */
export function decideSettings(
  base: AirlockConfig,
  previous: Settings,
  { patch, confirm, reviewers, grants, ...author }: SettingsCommand,
): SettingsChange {
  const settings = mergeSettings(previous, patch);
  if (JSON.stringify(settings) === JSON.stringify(Settings.parse(previous)))
    throw new Refused('conflict', 'These settings apply already, so nothing was changed.');
  const effective = (projectSettings: Settings) => ({
    rules: applySettings(base, projectSettings),
    policy: policyForSettings(base, projectSettings, 'export'),
  });
  const next = effective(settings);
  if (patch.tier !== undefined) requireTierOfData(next.rules.tier, grants);
  const differences = compareSettings(effective(previous), next);
  const weaker = differences.filter(difference => difference.weaker);
  const setsQuorum = differences.some(({ setting }) => setting === 'quorum' || setting === 'imports.quorum');
  const unreachable = setsQuorum ? unreachableQuorums(applySettings(base, settings), reviewers) : [];
  const concerns = [
    ...(weaker.length > 0 ? ['This change lets more data leave, so it must be confirmed.'] : []),
    ...(unreachable.length > 0 ? ['Too few reviewers could vote, so this change must be confirmed.'] : []),
  ];
  if (concerns.length > 0 && !confirm)
    throw new Refused(
      'conflict',
      `${concerns.join(' ')} Repeat it with \`confirm\` (--confirm), or leave these settings out.`,
      [
        ...weaker.map(
          ({ setting, before: previousValue, after: nextValue }) => `${setting}: ${previousValue} → ${nextValue}`,
        ),
        ...unreachable,
      ],
    );
  return { settings, differences, ...author };
}
