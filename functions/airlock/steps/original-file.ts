import type { Direction } from '../../../disclosure/policy.ts';
import { addFindings, type FileReport, worstAction } from '../../../disclosure/report.ts';
import { isRewritable } from '../../../disclosure/rewrite.ts';
import type { SealedFile } from '../request/manifest.ts';

const rule = 'seal.original';

/**
 * Adds a finding to the report of a file that is usually written again when it is sealed, and this time was not: bytes that
 * no page shows may leave with it.
 */
export function addOriginalFile(
  { original }: Pick<SealedFile, 'original'>,
  report: FileReport,
  direction: Direction,
): FileReport {
  if (direction === 'import' || !isRewritable(report.type) || worstAction(report.findings) === 'block') return report;
  const result = { ...report, ran: [...report.ran, rule] };
  if (original) return result;
  const message =
    'It was sealed as it was submitted, because it is too large or too unusual to be written again. Bytes that no page shows may leave with it. Save it again with another program or smaller, or explain why they need no look.';
  return addFindings(result, [{ rule, action: 'ask', message, cells: [], count: 1 }]);
}
