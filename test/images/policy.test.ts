import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FindingPolicy, judgeFindings, summariseScan } from '../../functions/images/policy.ts';
import { FindingSeverity } from '../../functions/images/schemas.ts';
import { daysAfterNoon, findingOf, noon } from './lifecycle.ts';

const policy = FindingPolicy.parse({});
const exception = { id: 'CVE-2026-1', owner: 'olga', until: '2026-12-05', reason: 'The service is off.' };
const tolerant = FindingPolicy.parse({ exceptions: [exception] });
const judge = (findings: Parameters<typeof summariseScan>[0], rules = policy, now = noon) =>
  judgeFindings(summariseScan(findings, noon), rules, now);

describe('the policy of findings', () => {
  it.each([
    ['critical', 0, false],
    ['high', 14, true],
    ['high', 15, false],
    ['medium', 90, true],
    ['medium', 91, false],
    ['low', 3000, true],
  ] as const)('a %s finding that has been known for %i days: accepted is %s', (severity, days, accepted) =>
    expect(judge([findingOf('CVE-2026-1', severity, days)]).length).toBe(accepted ? 0 : 1),
  );

  it('accepts an exception until the end of its last day, and then names its owner', () => {
    const findings = [findingOf('CVE-2026-1', 'critical')];
    expect(judge(findings, tolerant)).toEqual([]);
    expect(judge(findings, tolerant, '2026-12-05T23:59:59.000Z')).toEqual([]);
    expect(judge(findings, tolerant, '2026-12-06T00:00:00.000Z').join()).toMatch(/exception of olga ended/);
    expect(judge([findingOf('CVE-2026-2', 'critical')], tolerant).length).toBe(1);
  });

  it('refuses more findings than anybody can review', () => {
    const findings = Array.from({ length: 101 }, (_, index) => findingOf(`CVE-2026-${index}`, 'medium'));
    expect(judge(findings).join()).toMatch(/101 findings/);
    expect(judge(findings.slice(1))).toEqual([]);
  });

  it('never grows kinder with time', () => {
    fc.assert(
      fc.property(fc.constantFrom(...FindingSeverity.options), fc.nat(200), fc.nat(200), (severity, age, days) => {
        const findings = [findingOf('CVE-2026-1', severity, age)];
        expect(judge(findings, tolerant, daysAfterNoon(days)).length).toBeGreaterThanOrEqual(
          judge(findings, tolerant).length,
        );
      }),
    );
  });
});

describe('the digest of findings', () => {
  const [first, second] = [findingOf('CVE-2026-1', 'low'), findingOf('CVE-2026-2', 'high')] as const;
  const digest = (...findings: Parameters<typeof summariseScan>[0]) => summariseScan(findings, noon).digest;

  it('does not depend on their order or on the time of the scan, but on each of them', () => {
    expect(digest(first, second)).toBe(digest(second, first, first));
    expect(summariseScan([first], daysAfterNoon(1)).digest).toBe(digest(first));
    expect(digest(first)).not.toBe(digest(second));
    expect(digest({ ...first, severity: 'high' })).not.toBe(digest(first));
    expect(digest({ ...first, package: 'curl' })).not.toBe(digest(first));
  });
});
