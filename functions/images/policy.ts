import * as z from 'zod';
import { sha256 } from '../hash.ts';
import { UserName } from '../identifiers.ts';
import { PlainText } from '../plain-text.ts';
import { FindingSeverity, type ImageBuild, type ImageFinding, type ScanResult, UNSCANNED } from './schemas.ts';

/** A finding that somebody accepts until a date. */
const FindingException = z.strictObject({
  id: z.string().min(1).max(100).describe('The id of the vulnerability, such as CVE-2026-1234'),
  owner: UserName.describe('The person who answers for the exception'),
  until: z.iso.date().describe('The last day on which the exception applies'),
  reason: PlainText.min(1).max(500).describe('Why the finding does no harm here'),
});

/** For how many days a vulnerability of a severity may be known before an image that has it is refused. */
const days = (severity: string, limit: number) =>
  z
    .number()
    .int()
    .min(0)
    .max(3650)
    .default(limit)
    .describe(
      `Days for which a ${severity} vulnerability may be known before an image that has it is refused; 0 refuses it at once`,
    );

/** Which findings an image may have. */
export const FindingPolicy = z.strictObject({
  maxDays: z
    .strictObject({ critical: days('critical', 0), high: days('high', 14), medium: days('medium', 90) })
    .prefault({}),
  exceptions: z.array(FindingException).default([]).meta({
    description: 'Findings that are accepted, each with an owner, a last day and a reason',
    omitted: 'none',
  }),
});
export type FindingPolicy = z.infer<typeof FindingPolicy>;

/** More findings than this cannot be reviewed, and would not fit into the row of the image. */
const MAX_FINDINGS = 100;
const DAY = 86_400_000;
const severities = FindingSeverity.options;
const rank = ({ severity }: ImageFinding) => severities.indexOf(severity);

/** The result of a scan. Findings of low severity are counted and not judged. */
export function summariseScan(findings: readonly ImageFinding[], now: string): ScanResult {
  const lines = findings.map(({ id, severity, package: name }) => JSON.stringify([id, severity, name])).sort();
  const counts = Object.fromEntries(
    severities.map(severity => [severity, findings.filter(finding => finding.severity === severity).length]),
  ) as ScanResult['counts'];
  return {
    digest: sha256([...new Set(lines)].join('\n')),
    scannedAt: now,
    counts,
    findings: findings
      .filter(({ severity }) => severity !== 'low')
      .sort((a, b) => rank(a) - rank(b) || a.since.localeCompare(b.since) || a.id.localeCompare(b.id))
      .slice(0, MAX_FINDINGS),
  };
}

/** What is kept of a scan once nobody decides about it any more. */
export const shortenScan = (scan: ScanResult): ScanResult => ({ ...scan, findings: scan.findings.slice(0, 10) });

/** Why the policy refuses an image with these findings; none if it accepts it. */
export function judgeFindings({ counts, findings }: ScanResult, policy: FindingPolicy, now: string): string[] {
  const count = (counts.critical ?? 0) + (counts.high ?? 0) + (counts.medium ?? 0);
  const reasons = findings.flatMap(({ id, severity, package: name, since: start }) => {
    // A person judges this one, and says why: see findGap.
    if (severity === 'low' || id === UNSCANNED) return [];
    const limit = policy.maxDays[severity];
    const age = Math.floor((Date.parse(now) - Date.parse(start)) / DAY);
    if (limit > 0 && age <= limit) return [];
    const exception = policy.exceptions.find(candidate => candidate.id === id);
    // The last day counts in full.
    if (exception && Date.parse(now) < Date.parse(exception.until) + DAY) return [];
    const ending = exception ? ` The exception of ${exception.owner} ended after ${exception.until}.` : '';
    return [
      `${id} in ${name} is ${severity} and ${age === 0 ? 'became known today' : `has been known for ${age} ${age === 1 ? 'day' : 'days'}`}; ${limit === 0 ? 'no image may have it' : `an image may have it for at most ${limit} days`}.${ending}`,
    ];
  });
  return count > MAX_FINDINGS
    ? [`It has ${count} findings of at least medium severity; at most ${MAX_FINDINGS} can be reviewed.`, ...reasons]
    : reasons;
}

/** Why GuardDuty has not searched everything for malware; nothing if it has. */
export const findGap = ({ findings }: ScanResult): string | undefined =>
  findings.find(({ id }) => id === UNSCANNED)?.package;

/** What an approval is bound to: the recipe, what it was built on, what it contains, and what is known against it. */
export function approvalDigest(recipe: string, build: ImageBuild, { digest }: ScanResult): string {
  const { ami, base, bill, measurements } = build;
  const { pcr0, pcr1, pcr2 } = measurements ?? {};
  return sha256(JSON.stringify([recipe, ami, base, bill, digest, ...(measurements ? [pcr0, pcr1, pcr2] : [])]));
}
