import * as z from 'zod';
import { type Direction, Tier } from '../../../disclosure/policy.ts';

/** Every date that settings lead to must be one that a row of the table can hold: no period is longer than 100 years. */
const MAX_DAYS = 36_500;
const MAX_BYTES = 100 * 1024 ** 4;

/** How an organisation runs its airlock; from its configuration. A project's own settings lie on top (settings.ts). */
export const AirlockConfig = z.strictObject({
  tier: Tier.default(2).describe(
    'How sensitive the data are, 1 (least) to 3 (most). Checks are stricter at higher tiers',
  ),
  quorum: z.number().int().min(1).max(3).default(2).describe('Votes that must agree on an export, 1 to 3'),
  partial: z.boolean().default(false).describe('Whether approved files may leave while others are held back'),
  draftDays: z.number().int().min(1).max(MAX_DAYS).default(30).describe('Days after which an untouched draft expires'),
  checkHours: z
    .number()
    .int()
    .min(1)
    .max(168)
    .default(24)
    .describe('Hours within which the seal, the scan and the checks must end'),
  scanMinutes: z
    .number()
    .int()
    .min(1)
    .max(240)
    .default(60)
    .describe('Minutes after sealing. A file that is not scanned for malware by then is blocked'),
  reviewDays: z
    .number()
    .int()
    .min(1)
    .max(365)
    .default(14)
    .describe('Days after which a review without a decision times out'),
  remindHours: z
    .number()
    .int()
    .min(1)
    .max(365 * 24)
    .default(48)
    .describe('Hours between reminders to reviewers. From the second reminder on, another reviewer is added'),
  approvedDays: z
    .number()
    .int()
    .min(1)
    .max(MAX_DAYS)
    .default(30)
    .describe('Days after which an unused approval expires'),
  releasedDays: z
    .number()
    .int()
    .min(1)
    .max(MAX_DAYS)
    .default(90)
    .describe('Days for which a release can be downloaded'),
  uses: z.number().int().min(1).max(10).default(1).describe('How many times one release can be downloaded, 1 to 10'),
  lockDays: z
    .number()
    .int()
    .min(1)
    .max(MAX_DAYS)
    .default(365)
    .describe('Days for which sealed and released files cannot be deleted'),
  graceDays: z
    .number()
    .int()
    .min(0)
    .max(MAX_DAYS)
    .default(30)
    .describe(
      'Days for which released files are retained after their last download date, and at least until their lock expires',
    ),
  imports: z
    .strictObject({
      quorum: z.number().int().min(1).max(3).default(1).describe('Votes that must agree on an import, 1 to 3'),
      keepDays: z
        .number()
        .int()
        .min(1)
        .max(MAX_DAYS)
        .default(3650)
        .describe('Days for which an import can be revoked. After that, its files stay in the project'),
    })
    .prefault({}),
  caps: z
    .strictObject({
      files: z.number().int().min(1).max(10_000).default(10_000).describe('Maximum files of one request'),
      bytes: z
        .number()
        .int()
        .min(1)
        .max(MAX_BYTES)
        .default(50 * 1024 ** 3)
        .describe('Maximum bytes of one request'),
      dailyBytes: z
        .number()
        .int()
        .min(1)
        .max(MAX_BYTES)
        .default(200 * 1024 ** 3)
        .describe('Maximum bytes that one project submits in a day'),
      dailyRequests: z
        .number()
        .int()
        .min(1)
        .max(200)
        .default(50)
        .describe('Maximum submissions of one project in a day'),
      personBytes: z
        .number()
        .int()
        .min(1)
        .max(MAX_BYTES)
        .default(100 * 1024 ** 3)
        .describe('Maximum bytes that one person submits in a day, in all projects'),
      personRequests: z
        .number()
        .int()
        .min(1)
        .max(200)
        .default(20)
        .describe('Maximum submissions of one person in a day'),
      personChecks: z
        .number()
        .int()
        .min(1)
        .max(100)
        .default(5)
        .describe('Maximum requests of one person that are sealed and checked at the same time'),
      alertPercent: z
        .number()
        .int()
        .min(1)
        .max(100)
        .default(80)
        .describe('Percentage of a daily maximum at which operators are alarmed'),
    })
    .prefault({}),
});
export type AirlockConfig = z.infer<typeof AirlockConfig>;

/** Reads the configuration from a Lambda's environment, where the stack writes it as JSON. */
export const parseAirlockConfig = (json: string): AirlockConfig => AirlockConfig.parse(JSON.parse(json));

export const quorumFor = (direction: Direction, rules: AirlockConfig): number =>
  direction === 'import' ? rules.imports.quorum : rules.quorum;

/** For how many days what was released can be fetched, and what was let in can be revoked. */
export const daysAvailable = (direction: Direction, rules: AirlockConfig): number =>
  direction === 'import' ? rules.imports.keepDays : rules.releasedDays;
