import * as z from 'zod';
import { type Direction, Tier } from '../../../disclosure/policy.ts';

/** How an organisation runs its airlock; from its configuration. A project's own settings lie on top (settings.ts). */
export const AirlockConfig = z.strictObject({
  tier: Tier.default(2).describe('how sensitive the data are: what checks are strict about'),
  quorum: z.number().int().min(1).max(3).default(2).describe('how many reviewers must agree'),
  partial: z.boolean().default(false).describe('whether approved files may leave while others are held back'),
  draftDays: z.number().int().min(1).default(30).describe('what nobody goes on with expires after so long'),
  checkHours: z.number().int().min(1).default(24).describe('sealing and checking are over by then'),
  scanMinutes: z
    .number()
    .int()
    .min(1)
    .max(240)
    .default(60)
    .describe('what is not scanned for malware so long after it was sealed is blocked'),
  reviewDays: z.number().int().min(1).max(365).default(14).describe('a review that has not ended by then times out'),
  remindHours: z
    .number()
    .int()
    .min(1)
    .default(48)
    .describe('reviewers are reminded so often; the second time it escalates'),
  approvedDays: z.number().int().min(1).default(30).describe('an approval that nobody used by then expires'),
  releasedDays: z.number().int().min(1).default(90).describe('what was released can be downloaded for so long'),
  uses: z.number().int().min(1).max(10).default(1).describe('how often what was released can be fetched'),
  lockDays: z.number().int().min(1).default(365).describe('sealed files cannot be deleted for so long (Object Lock)'),
  graceDays: z
    .number()
    .int()
    .min(0)
    .default(30)
    .describe(
      'released files are kept so long after they can be downloaded no more, and at least until their lock ends',
    ),
  imports: z
    .strictObject({
      quorum: z.number().int().min(1).max(3).default(1).describe('how many reviewers must agree to what comes in'),
      keepDays: z
        .number()
        .int()
        .min(1)
        .default(3650)
        .describe('what was delivered can be revoked for so long, and stays where it is'),
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
      alertPercent: z.number().int().min(1).max(100).default(80).describe('operators are alarmed from here on'),
    })
    .prefault({}),
});
export type AirlockConfig = z.infer<typeof AirlockConfig>;

/** For how many days what was released can be fetched, and what was let in can be revoked. */
export const daysAvailable = (direction: Direction, rules: AirlockConfig): number =>
  direction === 'import' ? rules.imports.keepDays : rules.releasedDays;
