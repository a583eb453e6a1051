import * as z from 'zod';
import { Refused } from '../refused.ts';
import { DesktopProtocol } from './schemas.ts';

/** A report may not be larger; a good one has some 100 bytes. */
export const MAX_REPORT_BYTES = 4096;

/** What a desktop's agent writes to its project's bucket when people can sign in. */
export const DesktopReport = z.strictObject({
  // Printable ASCII: what RDP, VNC and a JSON string all carry unchanged.
  password: z.string().regex(/^[\x20-\x7e]{12,128}$/),
  protocol: DesktopProtocol.default('rdp'),
});
export type DesktopReport = z.infer<typeof DesktopReport>;

const place = /^agents\/[A-Z0-9]{16,128}:(i-[0-9a-f]{8}(?:[0-9a-f]{9})?)\/ready\.json$/;

/**
 * The instance that wrote a report, from the object's key: its role may write below `agents/<aws:userid>/` only, which
 * is `<role id>:<instance id>` for an instance and for nothing else. What the report itself says is never asked.
 */
export function parseReportKey(key: string): string {
  const instance = place.exec(key)?.[1];
  if (instance === undefined) throw new Refused('invalid', 'The key is not that of an instance.');
  return instance;
}

/** Parses a report. Its refusal holds nothing of the content, which may be a password in the wrong place. */
export function parseReport(text: string): DesktopReport {
  if (text.length > MAX_REPORT_BYTES)
    throw new Refused('large', `A report may have ${MAX_REPORT_BYTES} bytes at most.`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new Refused('invalid', 'The report is not valid JSON.');
  }
  const parsed = DesktopReport.safeParse(json);
  if (parsed.success) return parsed.data;
  const where = parsed.error.issues.map(({ path, code }) => `${path.join('.') || 'report'}: ${code}`);
  throw new Refused('invalid', 'The report is not in the form of one.', where);
}
