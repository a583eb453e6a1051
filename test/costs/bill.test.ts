import { describe, expect, it } from 'vitest';
import { buildCostQuery, CostPage, sumBill } from '../../functions/costs/bill.ts';
import { type CostFigures, computeFigures } from '../../functions/costs/costs.ts';
import { simulateCostPages } from '../../local/bill.ts';
import { exampleProjectTag, exampleReportDate } from './bill-pages.ts';

const source = { projects: ['asthma', 'stroke', 'diabetes'], seed: 'a month', tag: exampleProjectTag };
const month = (day: string) => {
  const { Start, End } = buildCostQuery(day, exampleProjectTag).TimePeriod;
  return sumBill(
    simulateCostPages(source, Start, End).map(page => CostPage.parse(page)),
    exampleProjectTag,
  );
};

describe('the simulated bill', () => {
  it('gives the same simulated costs for a day in every query', () => {
    expect(month(exampleReportDate)).toEqual(month(exampleReportDate));
    expect(month('2026-11-25').days.get(exampleReportDate)).toEqual(
      month(exampleReportDate).days.get(exampleReportDate),
    );
  });

  it('simulates a month with cheaper weekends, untagged costs and all projects', () => {
    const { days } = month(exampleReportDate);
    const total = (day: string) => Number(days.get(day)?.total);
    expect(days.size).toBe(19);
    expect(total('2026-11-15')).toBeLessThan(total('2026-11-17') / 2);
    const figures = computeFigures(month(exampleReportDate), exampleReportDate) as CostFigures;
    expect(figures.projects.map(({ project }) => project).sort()).toEqual([...source.projects].sort());
    expect(Number(figures.untaggedMicros)).toBeGreaterThan(1e6);
  });

  it('splits the simulated bill into pages, the first with a token', () =>
    expect(simulateCostPages(source, '2026-11-01', '2026-11-20').map(page => typeof page.NextPageToken)).toEqual([
      'string',
      'undefined',
    ]));
});
