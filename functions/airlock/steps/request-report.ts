import * as z from 'zod';
import { Action, type FileReport } from '../../../disclosure/report.ts';
import { DifferencingLimits } from '../../../disclosure/sdc/differencing-findings.ts';
import { ObjectRef } from '../../identifiers.ts';

/** The report on a whole seal: its result, and where the reports on its files are stored. */
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
  /** Its tables for comparisons and the limits of these; absent if the policy compares none. */
  tables: z.array(ObjectRef).default([]),
  limits: DifferencingLimits.optional(),
  /** How many releases of the project they were compared with. The release compares the later ones. */
  compared: z.number().int().default(0),
  at: z.iso.datetime(),
});
export type FullReport = z.infer<typeof FullReport>;

/** The rule that finds files whose pages show them only in part. */
export const PARTIAL_PREVIEW_RULE = 'preview.partial';

/** Whether a vote must say how much of the file its reviewer saw. */
export const isPartial = ({ findings }: Pick<FileReport, 'findings'>): boolean =>
  findings.some(({ rule, action }) => rule === PARTIAL_PREVIEW_RULE && action === 'ask');
