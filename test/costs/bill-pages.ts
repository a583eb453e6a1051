import fc from 'fast-check';
import { addDays, type CostPage, sumBill } from '../../functions/costs/bill.ts';
import { type BilledReport, computeFigures } from '../../functions/costs/costs.ts';
import { applyFigures } from '../../functions/costs/report.ts';

export const exampleProjectTag = 'broch:project';
export const exampleReportDate = '2026-11-19';
export const exampleReportTime = '2026-11-20T07:00:00.000Z';

/** Names as bad as tags allow, and worse: a tag's value is written by whoever may tag. */
export const anyTagValue = fc.oneof(
  fc.stringMatching(/^[a-z][a-z0-9-]{2,19}$/),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 256 }),
  fc.constantFrom(
    '[free money](https://evil.example)',
    '<img src=x onerror=alert(1)>',
    '**bold** _it_ ~~no~~ `code`',
    '{{DATE(2026-01-01T00:00:00Z,SHORT)}}',
    '${user.email}',
    '<at>everyone</at>',
    'www.evil.example/x?y=z',
    'mailto:a@b.example',
    '1. list\n- list\r# head',
    '\u202Egpj.exe',
    'a$b$',
    '__proto__',
    'constructor',
    '界'.repeat(256),
    '\u{1F4B8}'.repeat(128),
    '\uD800',
    ' ',
  ),
);

export type CostAmounts = readonly (readonly [day: string, name: string, amount: string])[];

/** Cost Explorer's pages for amounts: `''` is untagged. Every amount becomes a group of its own. */
export const buildCostPage = (amounts: CostAmounts, next?: string): CostPage => ({
  ResultsByTime: [...new Set(amounts.map(([day]) => day))].map(day => ({
    TimePeriod: { Start: day },
    Groups: amounts
      .filter(([date]) => date === day)
      .map(([, project, Amount]) => ({
        Keys: [`${exampleProjectTag}$${project}`],
        Metrics: { UnblendedCost: { Amount, Unit: 'USD' } },
      })),
  })),
  ...(next && { NextPageToken: next }),
});

const amount = fc.oneof(
  fc.constantFrom('0', '-3.5', '8.3E-9', '0.0000005', '1234567.8901234567'),
  fc.double({ min: 0, max: 5000, noNaN: true }).map(value => value.toFixed(10)),
);

/** A month of spending, anything goes. */
export const anyCostAmounts: fc.Arbitrary<CostAmounts> = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 18 }), fc.oneof(anyTagValue, fc.constant('')), amount), { maxLength: 60 })
  .map(list => [
    [exampleReportDate, 'asthma', '1'] as const,
    ...list.map(([back, project, value]) => [addDays(exampleReportDate, -back), project, value] as const),
  ]);

/** The report that a list of amounts makes. */
export function buildCostReport(list: CostAmounts): BilledReport {
  const figures = computeFigures(sumBill([buildCostPage(list)], exampleProjectTag), exampleReportDate);
  if ('reason' in figures) throw new Error(figures.reason);
  return applyFigures(undefined, figures, { now: exampleReportTime });
}
