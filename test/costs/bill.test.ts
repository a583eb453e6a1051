import { describe, expect, it } from 'vitest';
import { bill, CostPage, question } from '../../functions/costs/bill.ts';
import { type Figures, figures } from '../../functions/costs/costs.ts';
import { pages } from '../../local/bill.ts';
import { date, tag } from './bill-pages.ts';

const of = { projects: ['asthma', 'stroke', 'diabetes'], seed: 'a month', tag };
const month = (day: string) => {
  const { Start, End } = question(day, tag).TimePeriod;
  return bill(
    pages(of, Start, End).map(page => CostPage.parse(page)),
    tag,
  );
};

describe('the made-up bill', () => {
  it('is the same whenever, and whichever range, it is asked for', () => {
    expect(month(date)).toEqual(month(date));
    expect(month('2026-11-25').days.get(date)).toEqual(month(date).days.get(date));
  });

  it('looks like one: a month of days, cheaper weekends, untagged spend, all projects', () => {
    const { days } = month(date);
    const total = (day: string) => Number(days.get(day)?.total);
    expect(days.size).toBe(19);
    expect(total('2026-11-15')).toBeLessThan(total('2026-11-17') / 2);
    const found = figures(month(date), date) as Figures;
    expect(found.projects.map(({ project }) => project).sort()).toEqual([...of.projects].sort());
    expect(Number(found.untagged)).toBeGreaterThan(1e6);
  });

  it('comes in pages, the first with a token', () =>
    expect(pages(of, '2026-11-01', '2026-11-20').map(page => typeof page.NextPageToken)).toEqual([
      'string',
      'undefined',
    ]));
});
