import * as z from 'zod';
import { type Direction, Tier } from '../../../disclosure/policy.ts';

/** How an organisation runs its airlock; from its configuration. A project's own settings lie on top (settings.ts). */
export const AirlockConfig = z.strictObject({
  tier: Tier.default(2).describe('how sensitive the data are; sets the strictness of the checks'),
  quorum: z.number().int().min(1).max(3).default(2).describe('how many reviewers must agree'),
  partial: z.boolean().default(false).describe('whether approved files may be released while others are withheld'),
  draftDays: z
    .number()
    .int()
    .min(1)
    .default(30)
    .describe('days until an unused draft, returned or blocked request expires'),
  checkHours: z.number().int().min(1).default(24).describe('hours that sealing and checks, or a release, may take'),
  scanMinutes: z
    .number()
    .int()
    .min(1)
    .max(240)
    .default(60)
    .describe('minutes until a sealed file without a malware scan is blocked'),
  reviewDays: z.number().int().min(1).max(365).default(14).describe('days until an unfinished review times out'),
  remindHours: z
    .number()
    .int()
    .min(1)
    .default(48)
    .describe('hours between reminders to reviewers; from the second on, one more reviewer is assigned'),
  approvedDays: z.number().int().min(1).default(30).describe('days until an unused approval expires'),
  releasedDays: z.number().int().min(1).default(90).describe('days that a release can be downloaded'),
  uses: z.number().int().min(1).max(10).default(1).describe('how often a release can be downloaded'),
  lockDays: z.number().int().min(1).default(365).describe('days that sealed files cannot be deleted (Object Lock)'),
  graceDays: z
    .number()
    .int()
    .min(0)
    .default(30)
    .describe('days that released files are kept after downloads end, and at least until their lock ends'),
  imports: z
    .strictObject({
      quorum: z.number().int().min(1).max(3).default(1).describe('how many reviewers must agree to an import'),
      keepDays: z.number().int().min(1).default(3650).describe('days that a delivered import can be revoked'),
    })
    .prefault({}),
  caps: z
    .strictObject({
      files: z.number().int().min(1).max(10_000).default(10_000).describe('of one request'),
      bytes: z
        .number()
        .int()
        .min(1)
        .default(50 * 1024 ** 3)
        .describe('of one request'),
      dailyBytes: z
        .number()
        .int()
        .min(1)
        .default(200 * 1024 ** 3)
        .describe("of one project's requests in a day"),
      dailyRequests: z.number().int().min(1).max(200).default(50).describe('submissions of one project in a day'),
      personBytes: z
        .number()
        .int()
        .min(1)
        .default(100 * 1024 ** 3)
        .describe("of one person's requests in a day, in all projects"),
      personRequests: z.number().int().min(1).max(200).default(20).describe('submissions of one person in a day'),
      alertPercent: z
        .number()
        .int()
        .min(1)
        .max(100)
        .default(80)
        .describe('percentage of a cap at which operators are alerted'),
    })
    .prefault({}),
});
export type AirlockConfig = z.infer<typeof AirlockConfig>;

/** Reads the configuration from a Lambda's environment, where the stack writes it as JSON. */
export const parseAirlockConfig = (json: string): AirlockConfig => AirlockConfig.parse(JSON.parse(json));

/** For how many days what was released can be fetched, and what was let in can be revoked. */
export const daysAvailable = (direction: Direction, rules: AirlockConfig): number =>
  direction === 'import' ? rules.imports.keepDays : rules.releasedDays;
