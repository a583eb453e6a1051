import * as z from 'zod';

/** An amount of money: integer millionths of `currency`, as a decimal string (JSON has no big integers). */
export const Micros = z.string().regex(/^-?\d+$/);

/** One day's report, as it was sent. */
export const CostReport = z.object({
  date: z.iso.date(),
  revision: z.number().int(),
  currency: z.string(),
  total: Micros,
  projects: z.array(z.object({ project: z.string(), amount: Micros })),
  status: z.enum(['collected', 'sent', 'unsent']),
  reason: z.string().optional(),
  sentAt: z.iso.datetime().optional(),
});
export type CostReport = z.infer<typeof CostReport>;
