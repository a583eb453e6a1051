import { describe, expect, it } from 'vitest';
import { FileReport } from '../../disclosure/report.ts';
import { takeFittingReports } from '../../functions/airlock/manifest-queries.ts';

describe('a page of check reports', () => {
  const cell = { row: 1, column: 1, value: 'x'.repeat(200) };
  const finding = { rule: 'r', action: 'warn', message: 'x', cells: Array.from({ length: 50 }, () => cell), count: 50 };
  const report = (findings: number) =>
    FileReport.parse({
      ...{ path: 'a', sha256: '', type: 't', policy: 'p', ran: [] },
      findings: Array.from({ length: findings }, () => finding),
    });
  const bytes = (value: unknown) => Buffer.byteLength(JSON.stringify(value));

  it('fits into the answer of a Lambda and continues where it ended', () => {
    const reports = Array.from({ length: 100 }, () => report(30));
    expect(bytes(reports)).toBeGreaterThan(6 * 1024 ** 2);
    const page = takeFittingReports(reports);
    expect(bytes(page)).toBeLessThan(5 * 1024 ** 2);
    expect(page).toEqual(reports.slice(0, page.length));
    expect(page.length).toBeGreaterThan(1);
    expect(takeFittingReports(reports.slice(0, 5))).toHaveLength(5);
  });

  it('gives every finding of a report that is too large by itself, with only its first cells', () => {
    const [firstReport] = takeFittingReports([report(600), report(1)]);
    expect(firstReport?.findings).toHaveLength(600);
    expect(firstReport?.findings[0]).toMatchObject({ count: 50, cells: [cell, cell, cell] });
    expect(bytes(firstReport)).toBeLessThan(5 * 1024 ** 2);
  });
});
