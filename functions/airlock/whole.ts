import * as z from 'zod';
import { Kept } from './objects.ts';
import { Action } from './report.ts';

/** The report on a whole seal: what came out, and where the reports on its files are. */
export const WholeReport = z.object({
  v: z.literal(1),
  request: z.string(),
  round: z.number().int(),
  seal: z.string(),
  policy: z.string(),
  files: z.number().int(),
  findings: z.number().int(),
  worst: Action.optional(),
  checks: z.array(Kept),
  at: z.iso.datetime(),
});
export type WholeReport = z.infer<typeof WholeReport>;
