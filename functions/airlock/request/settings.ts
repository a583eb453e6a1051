import * as z from 'zod';
import { MEDIA_TYPES } from '../../../disclosure/formats.ts';
import { type Direction, Policy, PolicyRules, Tier } from '../../../disclosure/policy.ts';
import { policyFor } from '../../../disclosure/tier-policy.ts';
import { sha256 } from '../../hash.ts';
import { Refused } from '../../refused.ts';
import { AirlockConfig } from './airlock-config.ts';
import { SettingDifference } from './settings-difference.ts';

const { quorum, partial, reviewDays, approvedDays, releasedDays, uses } = AirlockConfig.shape;
const plainSchema = <T extends z.ZodType>(schema: z.ZodDefault<T>) => schema.unwrap().optional();

type Defaults = Readonly<Record<string, z.ZodDefault<z.ZodType>>>;
type Given<T extends Defaults> = { [N in keyof T]: T[N] extends z.ZodDefault<infer I> ? z.ZodOptional<I> : never };
/** The same fields without defaults, because a default would hide the organisation's value. */
const partialSchema = <T extends Defaults>({ shape }: z.ZodObject<T>) =>
  z.strictObject(
    Object.fromEntries(
      Object.entries(shape as Defaults).map(([name, field]) => [
        name,
        plainSchema(field).describe(field.description ?? ''),
      ]),
    ) as unknown as Given<T>,
  );

/** The checks of a project that differ from those of its tier. */
const Checks = Policy.pick({ bytes: true, rows: true, cells: true })
  .partial()
  .extend({
    types: z.array(z.enum(MEDIA_TYPES)).optional().describe('the media types that may pass'),
    rules: PolicyRules.partial().optional().describe('rules by name, each with its action and thresholds'),
  });

/** A project's settings. Omitted values follow the organisation's configuration. */
export const Settings = z.strictObject({
  tier: Tier.optional().describe('how sensitive its data are: 1, 2 or 3'),
  quorum: plainSchema(quorum).describe('how many reviewers must agree'),
  partial: plainSchema(partial).describe('whether approved files may be released while others are withheld'),
  reviewDays: plainSchema(reviewDays),
  approvedDays: plainSchema(approvedDays),
  releasedDays: plainSchema(releasedDays),
  uses: plainSchema(uses).describe('how often a release can be downloaded'),
  imports: partialSchema(AirlockConfig.shape.imports.unwrap()).optional().describe('how imports are reviewed'),
  caps: partialSchema(AirlockConfig.shape.caps.unwrap()).optional().describe('how much may be submitted'),
  checks: Checks.optional().describe('checks that differ from those of its tier'),
});
export type Settings = z.infer<typeof Settings>;

const present = <T extends object>(values: T | undefined) =>
  Object.fromEntries(Object.entries(values ?? {}).filter(([, value]) => value !== undefined)) as T;

/** One change of a project's settings: by whom, when and why. */
export const SettingsChange = z.object({
  settings: Settings,
  /** What it changed. */
  differences: z.array(SettingDifference).default([]),
  by: z.string(),
  byName: z.string(),
  reason: z.string(),
  at: z.iso.datetime(),
});
export type SettingsChange = z.infer<typeof SettingsChange>;

export const damagedSettings = (project: string): Refused =>
  new Refused(
    'conflict',
    `The airlock settings of ${project} are damaged and cannot be read. Ask an operator to set them again with \`broch airlock configure\`.`,
  );

/** The organisation's rules with a project's own on top. */
export function applySettings(rules: AirlockConfig, settings: Settings | undefined): AirlockConfig {
  const { checks: _, imports, caps, ...overrides } = settings ?? {};
  return {
    ...rules,
    ...present(overrides as Partial<AirlockConfig>),
    imports: { ...rules.imports, ...present(imports) } as AirlockConfig['imports'],
    caps: { ...rules.caps, ...present(caps) } as AirlockConfig['caps'],
  };
}

/**
 * The policy for the files of one submission: the defaults of the tier, overridden by the project's settings. Different
 * policies have different versions, because reports and records name only the version.
 */
export function policyForSettings(rules: AirlockConfig, settings: Settings | undefined, direction: Direction): Policy {
  const { tier } = applySettings(rules, settings);
  const base = policyFor(tier, direction);
  const { rules: ruleOverrides, ...checks } = settings?.checks ?? {};
  // A project's settings apply to exports. Imports have their own defaults.
  if (direction === 'import' || Object.keys(present(settings?.checks)).length === 0) return base;
  const policy = { ...base, ...present(checks), rules: { ...base.rules, ...present(ruleOverrides) } } as Policy;
  return Policy.parse({ ...policy, version: `${base.version}+${sha256(JSON.stringify(policy)).slice(0, 12)}` });
}

/** A project's settings as people see them: what was set, by whom and why, and what it comes to. */
export const ShownSettings = z.object({
  settings: Settings,
  by: z.string().optional(),
  reason: z.string().optional(),
  at: z.iso.datetime().optional(),
  /** What the last change changed. */
  differences: z.array(SettingDifference).default([]),
  rules: AirlockConfig,
  policy: Policy,
});
export type ShownSettings = z.infer<typeof ShownSettings>;

export const shownSettings = (base: AirlockConfig, ruling: Omit<SettingsChange, 'by'> | undefined): ShownSettings => ({
  settings: ruling?.settings ?? {},
  ...(ruling && { by: ruling.byName, reason: ruling.reason, at: ruling.at }),
  differences: ruling?.differences ?? [],
  rules: applySettings(base, ruling?.settings),
  policy: policyForSettings(base, ruling?.settings, 'export'),
});
