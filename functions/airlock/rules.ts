import * as z from 'zod';
import { Tier } from './policy.ts';

/** How an organisation runs its airlock; from its configuration, the same for all of its projects. */
export const Rules = z.strictObject({
  tier: Tier.default(2).describe('how sensitive the data are: what checks are strict about'),
  quorum: z.number().int().min(1).max(3).default(2).describe('how many reviewers must agree'),
  partial: z.boolean().default(false).describe('whether approved files may leave while others are held back'),
  draftDays: z.number().int().min(1).default(30).describe('what nobody goes on with expires after so long'),
  checkHours: z.number().int().min(1).default(24).describe('sealing and checking are over by then'),
  reviewDays: z.number().int().min(1).max(365).default(14).describe('a review that has not ended by then times out'),
  remindHours: z
    .number()
    .int()
    .min(1)
    .default(48)
    .describe('reviewers are reminded so often; the second time it escalates'),
  approvedDays: z.number().int().min(1).default(30).describe('an approval that nobody used by then expires'),
  releasedDays: z.number().int().min(1).default(90).describe('what was released can be downloaded for so long'),
  lockDays: z.number().int().min(1).default(365).describe('sealed files cannot be deleted for so long (Object Lock)'),
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
      dailyRequests: z.number().int().min(1).max(200).default(20).describe('submissions of one project in a day'),
    })
    .prefault({}),
});
export type Rules = z.infer<typeof Rules>;
