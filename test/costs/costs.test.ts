import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addDays, buildCostQuery, dayBefore, sumBill } from '../../functions/costs/bill.ts';
import { type CostFigures, CostReport, computeFigures, MAX_REPORT_PROJECTS } from '../../functions/costs/costs.ts';
import { parseDecimal, roundDecimal } from '../../functions/costs/money.ts';
import {
  anyCostAmounts,
  buildCostPage,
  buildCostReport,
  type CostAmounts,
  exampleProjectTag,
  exampleReportDate,
} from './bill-pages.ts';

const exampleFigures = (list: CostAmounts) =>
  computeFigures(sumBill([buildCostPage(list)], exampleProjectTag), exampleReportDate) as CostFigures;
const days = (back: number[], amount: (back: number) => string): CostAmounts =>
  back.map(offset => [addDays(exampleReportDate, -offset), 'asthma', amount(offset)]);

describe('the query to Cost Explorer', () => {
  it.each([
    ['2026-11-19', '2026-11-01', '2026-11-20'],
    ['2026-11-03', '2026-10-21', '2026-11-04'],
    ['2026-12-31', '2026-12-01', '2027-01-01'],
    ['2028-03-01', '2028-02-17', '2028-03-02'],
  ])('covers for the report of %s the days from %s to before %s', (day, Start, End) =>
    expect(buildCostQuery(day, exampleProjectTag)).toMatchObject({
      TimePeriod: { Start, End },
      Granularity: 'DAILY',
      GroupBy: [{ Type: 'TAG', Key: exampleProjectTag }],
    }),
  );

  it('takes the day before the run, in UTC, as the newest day', () => {
    expect(dayBefore('2026-03-01T00:00:00.000Z')).toBe('2026-02-28');
    expect(dayBefore('2027-01-01T23:59:59.999Z')).toBe('2026-12-31');
  });
});

describe('the sum of a bill', () => {
  it('sums projects, others and untagged costs to the exact total of any bill', () => {
    fc.assert(
      fc.property(anyCostAmounts, list => {
        const { totalMicros, projects, others: otherProjects, untaggedMicros } = exampleFigures(list);
        const parts = [...projects, ...(otherProjects ? [otherProjects] : []), { amountMicros: untaggedMicros }];
        expect(parts.reduce((sum, { amountMicros }) => sum + BigInt(amountMicros), 0n)).toBe(BigInt(totalMicros));
        const exact = list.filter(([day]) => day === exampleReportDate).map(([, , amount]) => parseDecimal(amount));
        const scale = Math.max(...exact.map(part => part.scale));
        const units = exact.reduce((sum, part) => sum + part.units * 10n ** BigInt(scale - part.scale), 0n);
        expect(BigInt(totalMicros)).toBe(roundDecimal({ units, scale }, 6));
      }),
    );
  });

  it('gives the same figures for any order and any pages of a bill', () => {
    fc.assert(
      fc.property(anyCostAmounts, fc.integer({ min: 0, max: 60 }), fc.infiniteStream(fc.nat()), (list, cut, order) => {
        const mixed = [...list]
          .map(item => [order.next().value ?? 0, item] as const)
          .sort(([first], [second]) => first - second)
          .map(([, item]) => item);
        const pages = [buildCostPage(mixed.slice(cut)), buildCostPage(mixed.slice(0, cut))];
        expect(computeFigures(sumBill(pages, exampleProjectTag), exampleReportDate)).toEqual(exampleFigures(list));
      }),
    );
  });

  it('counts the untagged group, and days that have only a total, as untagged costs', () => {
    const day = (Start: string, Amount: string) => ({
      TimePeriod: { Start },
      Total: { UnblendedCost: { Amount, Unit: 'USD' } },
    });
    const bill = sumBill(
      [
        buildCostPage([
          [exampleReportDate, '', '2'],
          [exampleReportDate, 'a$b', '1'],
        ]),
        { ResultsByTime: [day(addDays(exampleReportDate, -1), '5')] },
      ],
      exampleProjectTag,
    );
    expect(bill.days.get(exampleReportDate)).toEqual({
      total: 3_000_000n,
      untagged: 2_000_000n,
      projects: new Map([['a$b', 1_000_000n]]),
      estimated: false,
    });
    expect(bill.days.get(addDays(exampleReportDate, -1))?.untagged).toBe(5_000_000n);
  });

  it('marks the days that AWS only estimates', () => {
    const page = buildCostPage(days([0, 1], () => '1'));
    const [today] = page.ResultsByTime;
    if (today) today.Estimated = true;
    const bill = sumBill([page], exampleProjectTag);
    expect([0, 1].map(offset => bill.days.get(addDays(exampleReportDate, -offset))?.estimated)).toEqual([true, false]);
  });

  it('refuses a bill with two currencies', () => {
    const mixed = buildCostPage([
      [exampleReportDate, 'asthma', '1'],
      [exampleReportDate, 'cancer', '1'],
    ]);
    const [first] = mixed.ResultsByTime[0]?.Groups ?? [];
    if (first?.Metrics.UnblendedCost) first.Metrics.UnblendedCost.Unit = 'EUR';
    expect(() => sumBill([mixed], exampleProjectTag)).toThrow(/one currency/);
  });

  it('refuses a bill that is grouped by another tag', () =>
    expect(() => sumBill([buildCostPage([[exampleReportDate, 'x', '1']])], 'Proj')).toThrow(/grouped/));
});

describe('the figures of a day', () => {
  it('compares a day with the same weekday and with the mean of seven days', () => {
    const { totalMicros, lastWeekMicros, mean, projects } = exampleFigures(
      days([0, 1, 2, 3, 4, 5, 6, 7], offset => `${10 + offset}`),
    );
    expect({ totalMicros, lastWeekMicros, mean }).toEqual({
      totalMicros: '10000000',
      lastWeekMicros: '17000000',
      mean: { days: 7, amountMicros: '14000000' },
    });
    expect(projects).toEqual([{ project: 'asthma', amountMicros: '10000000', beforeMicros: '17000000' }]);
  });

  it('forecasts the month as the costs so far and the mean for each remaining day', () => {
    const { month } = exampleFigures(days([...Array(19).keys()], () => '10'));
    expect(month).toEqual({
      totalMicros: '190000000',
      forecastMicros: '300000000',
      method: 'spent so far + 11 days left × the mean of the 7 days before 2026-11-19',
    });
  });

  it('counts no day of the previous month into the month', () => {
    const figures = computeFigures(
      sumBill(
        [
          buildCostPage([
            ['2026-10-31', 'a', '5'],
            ['2026-11-01', 'a', '7'],
          ]),
        ],
        exampleProjectTag,
      ),
      '2026-11-01',
    ) as CostFigures;
    expect(figures.month.totalMicros).toBe('7000000');
    expect(figures.trend).toHaveLength(2);
  });

  it('keeps a project whose costs fell to zero, and sorts equal projects by name', () => {
    const { projects } = exampleFigures([
      [exampleReportDate, 'b', '1'],
      [exampleReportDate, 'a', '1'],
      [addDays(exampleReportDate, -7), 'gone', '9'],
    ]);
    expect(projects.map(({ project, amountMicros, beforeMicros }) => [project, amountMicros, beforeMicros])).toEqual([
      ['a', '1000000', '0'],
      ['b', '1000000', '0'],
      ['gone', '0', '9000000'],
    ]);
  });

  it('adds up the smallest of very many projects as others', () => {
    const list: CostAmounts = Array.from({ length: MAX_REPORT_PROJECTS + 50 }, (_, index) => [
      exampleReportDate,
      `p${index}`,
      '0.01',
    ]);
    const { projects, others: otherProjects } = exampleFigures(list);
    expect(projects).toHaveLength(MAX_REPORT_PROJECTS);
    expect(otherProjects).toEqual({ count: 50, amountMicros: '500000' });
  });

  it.each([
    ['nothing at all', []],
    ['other days only', days([1, 2], () => '4')],
    ['an empty day after days with spending', [...days([1, 2], () => '4'), [exampleReportDate, '', '0'] as const]],
  ])('has no figures yet if the bill has %s', (_, list) =>
    expect(computeFigures(sumBill([buildCostPage(list)], exampleProjectTag), exampleReportDate)).toEqual({
      reason: expect.stringContaining(`no figures for ${exampleReportDate} yet`),
    }),
  );

  it('reports zero for an empty day once AWS had the time to rate it', () => {
    const bill = sumBill(
      [buildCostPage([...days([1, 2], () => '4'), [exampleReportDate, '', '0']])],
      exampleProjectTag,
    );
    expect(computeFigures(bill, exampleReportDate, true)).toMatchObject({
      totalMicros: '0',
      projects: [],
      mean: { days: 2 },
    });
  });

  it('never reports zero for a day that the bill does not contain', () => {
    const bill = sumBill([buildCostPage(days([1, 2], () => '4'))], exampleProjectTag);
    expect(computeFigures(bill, exampleReportDate, true)).toHaveProperty('reason');
  });

  it('reports zero if nothing was spent all week', () =>
    expect(
      exampleFigures([
        [exampleReportDate, '', '0'],
        [addDays(exampleReportDate, -1), '', '0'],
      ]).totalMicros,
    ).toBe('0'));

  it('makes reports that fit the schema of the API', () => {
    fc.assert(
      fc.property(anyCostAmounts, list => void CostReport.parse(JSON.parse(JSON.stringify(buildCostReport(list))))),
    );
  });
});
