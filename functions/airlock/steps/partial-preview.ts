import type { ByteSource } from '../../../disclosure/byte-source.ts';
import type { CheckedFile } from '../../../disclosure/file.ts';
import type { Direction } from '../../../disclosure/policy.ts';
import { renderPreview } from '../../../disclosure/preview/preview.ts';
import { addFindings, type FileReport, worstAction } from '../../../disclosure/report.ts';
import { PARTIAL_PREVIEW_RULE as rule } from './request-report.ts';

/**
 * Adds a finding to the report of a file that reviewers are shown only in part. Nobody reviews a blocked file, so no page
 * of it is drawn. An import discloses nothing of the project, so its reviewers are only warned.
 */
export async function addPartialPreview(
  { path, type, size }: Pick<CheckedFile, 'path' | 'type' | 'size'>,
  report: FileReport,
  source: ByteSource,
  direction: Direction,
): Promise<FileReport> {
  if (worstAction(report.findings) === 'block') return report;
  const { truncated, omissions } = await renderPreview({ path, type, size, report }, source);
  const result = { ...report, ran: [...report.ran, rule] };
  if (!truncated) return result;
  const missing = omissions.length > 0 ? omissions.join(' ') : 'The ends of long names.';
  const message = `Reviewers are shown only part of this file. Not shown: ${missing.slice(0, 400)} Submit a smaller file, or explain why the rest needs no look.`;
  const action = direction === 'export' ? 'ask' : 'warn';
  return addFindings(result, [{ rule, action, message, cells: [], count: 1 }]);
}
