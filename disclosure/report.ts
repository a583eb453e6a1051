import * as z from 'zod';

/** What a finding does: stop the request, be shown to reviewers, or need the requester's explanation. */
export const Action = z.enum(['block', 'ask', 'warn']);
export type Action = z.infer<typeof Action>;

/** Where in a table a finding is: rows and columns count from 1, the header is row 1, as a spreadsheet shows it. */
export const Cell = z.object({
  sheet: z.string().optional(),
  row: z.number().int(),
  column: z.number().int(),
  value: z.string().max(200),
});
export type Cell = z.infer<typeof Cell>;

export const CheckFinding = z.object({
  /** The rule, such as `sdc.minimum-count` or `type.mismatch`. */
  rule: z.string(),
  action: Action,
  /** What was found, and the remedy, in one or two sentences. */
  message: z.string(),
  /** The first cells it is about, 50 at most; `count` has them all. */
  cells: z.array(Cell).max(50).default([]),
  count: z.number().int().min(1).default(1),
});
export type CheckFinding = z.infer<typeof CheckFinding>;

/** The stored, machine-readable report on one sealed file. */
export const FileReport = z.object({
  path: z.string(),
  sha256: z.string(),
  /** The media type its bytes show. */
  type: z.string(),
  /** The version of the policy it was checked under. */
  policy: z.string(),
  findings: z.array(CheckFinding),
  /** What was read, for a reviewer's trust in an empty list: rules that ran, rows and cells seen. */
  ran: z.array(z.string()),
  rows: z.number().int().optional(),
  cells: z.number().int().optional(),
});
export type FileReport = z.infer<typeof FileReport>;

/** The worst action of a report's findings, or undefined where it is clean. */
export const worstAction = (findings: readonly Pick<CheckFinding, 'action'>[]): Action | undefined =>
  (['block', 'ask', 'warn'] as const).find(action => findings.some(finding => finding.action === action));

const gravity = ['block', 'ask', 'warn'];

/** A report with more findings, the gravest first. */
export const addFindings = (report: FileReport, additions: readonly CheckFinding[]): FileReport => ({
  ...report,
  findings: [...report.findings, ...additions].sort((a, b) => gravity.indexOf(a.action) - gravity.indexOf(b.action)),
});
