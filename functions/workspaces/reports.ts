import * as z from 'zod';
import { Refused } from '../refused.ts';
import { DesktopProtocol } from './schemas.ts';

/** The largest report. A valid one has about 100 bytes. */
export const MAX_REPORT_BYTES = 4096;

/** The report that a desktop's agent writes to its project's bucket when people can sign in. */
export const DesktopReport = z.strictObject({
  // Printable ASCII, which RDP, VNC and JSON strings all transmit unchanged.
  password: z.string().regex(/^[\x20-\x7e]{12,128}$/),
  protocol: DesktopProtocol.default('rdp'),
});
export type DesktopReport = z.infer<typeof DesktopReport>;

const place = /^agents\/[A-Z0-9]{16,128}:(i-[0-9a-f]{8}(?:[0-9a-f]{9})?)\/ready\.json$/;

/**
 * The instance that wrote a report, taken from the object's key. Its role may only write below `agents/<aws:userid>/`,
 * which is `<role id>:<instance id>` for an instance. The content of the report is not trusted for this.
 */
export function parseReportKey(key: string): string {
  const instance = place.exec(key)?.[1];
  if (instance === undefined) throw new Refused('invalid', 'The key does not belong to an instance.');
  return instance;
}

/** Parses a report. A refusal does not quote the content, which may contain a password. */
export function parseReport(text: string): DesktopReport {
  if (text.length > MAX_REPORT_BYTES)
    throw new Refused('large', `A report may have at most ${MAX_REPORT_BYTES} bytes.`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new Refused('invalid', 'The report is not valid JSON.');
  }
  const result = DesktopReport.safeParse(json);
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, code }) => `${path.join('.') || 'report'}: ${code}`);
  throw new Refused('invalid', 'The report does not have the format of a report.', problems);
}
