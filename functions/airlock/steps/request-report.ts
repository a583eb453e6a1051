import * as z from 'zod';
import { Action } from '../../../disclosure/report.ts';
import { DifferencingLimits } from '../../../disclosure/sdc/differencing-findings.ts';
import { ObjectRef } from '../../identifiers.ts';

/** The report on a whole seal: what came out, and where the reports on its files are. */
export const FullReport = z.object({
  v: z.literal(1),
  request: z.string(),
  round: z.number().int(),
  seal: z.string(),
  policy: z.string(),
  files: z.number().int(),
  findings: z.number().int(),
  worst: Action.optional(),
  checks: z.array(ObjectRef),
  /** Its tables as others are compared with them, and the limits of that; nothing where the policy compares none. */
  tables: z.array(ObjectRef).default([]),
  limits: DifferencingLimits.optional(),
  /** With how many releases of the project they were compared: those since then are left to the release. */
  compared: z.number().int().default(0),
  at: z.iso.datetime(),
});
export type FullReport = z.infer<typeof FullReport>;
