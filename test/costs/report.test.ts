import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addDays } from '../../functions/costs/bill.ts';
import type { BilledReport, CostFigures, CostReport } from '../../functions/costs/costs.ts';
import {
  applyFigures,
  CLAIM_SECONDS,
  claimEdition,
  isProvisional,
  MAX_WAIT_SECONDS,
  markSent,
  markUnsent,
  parseRetryAfter,
  resolveReportRun,
  unreachableOutcome,
  webhookOutcome,
} from '../../functions/costs/report.ts';
import { buildCostReport, exampleReportDate, exampleReportTime } from './bill-pages.ts';

const report = buildCostReport([[exampleReportDate, 'asthma', '3']]);
const restatement = buildCostReport([[exampleReportDate, 'asthma', '4']]);
const sentReport = markSent(report, exampleReportTime) as BilledReport;
const addSeconds = (seconds: number) => new Date(Date.parse(exampleReportTime) + seconds * 1000).toISOString();
const take = (current: BilledReport, sender: string, timestamp = exampleReportTime) =>
  claimEdition(current, current.edition, { by: sender, now: timestamp });
const sending = (sender: string) => {
  const claim = take(report, sender);
  if (!claim.take) throw new Error('not taken');
  return claim.report;
};

describe('a day', () => {
  it.each([
    ['2026-11-20T07:00:00.000Z', true],
    ['2026-11-20T23:59:59.999Z', true],
    ['2026-11-21T00:00:00.000Z', false],
  ])('of the 19th is provisional at %s: %s', (timestamp, open) =>
    expect(isProvisional('2026-11-19', timestamp)).toBe(open),
  );
});

describe('asking for a report', () => {
  it('means yesterday by default', () =>
    expect(resolveReportRun(undefined, exampleReportTime)).toEqual({
      date: exampleReportDate,
      name: '2026-11-19-asked-20261120070000',
    }));
  it.each([
    ['2026-11-20', 'no bill yet'],
    ['2027-01-01', 'no bill yet'],
    ['2025-11-18', 'no longer'],
  ])('of %s is refused: %s', (day, reason) => expect(() => resolveReportRun(day, exampleReportTime)).toThrow(reason));
});

describe('collecting again', () => {
  const recollect = (current: CostReport | undefined, figures: CostFigures, timestamp = exampleReportTime) =>
    applyFigures(current, figures, { now: timestamp });

  it('the same bill changes nothing, but that the day is final in the end', () => {
    expect(recollect(sentReport, report)).toEqual(sentReport);
    expect(recollect(sentReport, report, '2026-11-21T07:00:00.000Z')).toEqual({ ...sentReport, provisional: false });
  });

  it('shows figures that AWS only estimates as provisional, and sends nothing again when they become final', () => {
    const now = '2026-11-21T07:00:00.000Z';
    const estimate = applyFigures(sentReport, report, { now, estimated: true });
    expect(estimate).toEqual({ ...sentReport, provisional: true });
    expect(applyFigures(estimate, report, { now })).toEqual({ ...sentReport, provisional: false });
  });

  it('a changed bill makes a new edition, which says what was sent', () =>
    expect(recollect(sentReport, restatement)).toMatchObject({
      status: 'collected',
      edition: 2,
      total: '4000000',
      restates: { edition: 1, total: '3000000' },
    }));

  it('what was never sent is not restated', () =>
    expect(
      recollect(markUnsent(report, { date: exampleReportDate, reason: 'x', now: exampleReportTime }), restatement),
    ).not.toHaveProperty('restates'));

  it('after a day without a bill starts at edition 1', () =>
    expect(
      recollect(markUnsent(undefined, { date: exampleReportDate, reason: 'x', now: exampleReportTime }), report),
    ).toMatchObject({ edition: 1 }));

  it('tells how the day before ended, where it was reported otherwise', () => {
    const eve = { ...report, date: addDays(exampleReportDate, -1), total: '1000000' };
    const figures = buildCostReport([
      [exampleReportDate, 'asthma', '3'],
      [addDays(exampleReportDate, -1), 'asthma', '2'],
    ]);
    const settlement = { date: eve.date, total: '2000000', was: '1000000' };
    expect(applyFigures(undefined, figures, { now: exampleReportTime, eve })).toMatchObject({ settled: settlement });
    expect(
      applyFigures(undefined, figures, { now: exampleReportTime, eve: { ...eve, total: '2000000' } }),
    ).not.toHaveProperty('settled');
  });
});

describe('sending', () => {
  it('is for one at a time; who holds the claim may go on, others when it ran out', () => {
    expect(take(sending('a'), 'a').take).toBe(true);
    expect(take(sending('a'), 'b')).toEqual({ take: false, why: 'busy', seconds: CLAIM_SECONDS });
    expect(take(sending('a'), 'b', addSeconds(CLAIM_SECONDS)).take).toBe(true);
  });

  it('is over once it was taken, or a newer edition is there', () => {
    expect(take(sentReport, 'a')).toEqual({ take: false, why: 'sent' });
    expect(claimEdition(report, 2, { by: 'a', now: exampleReportTime })).toEqual({ take: false, why: 'superseded' });
  });

  it('keeps no trace of the try in what was sent', () =>
    expect(markSent(sending('a'), exampleReportTime)).toEqual({
      ...report,
      status: 'sent',
      sentAt: exampleReportTime,
    }));

  it('never happens twice, whatever the order of runs, tries and collections', () => {
    const move = fc.record({
      run: fc.constantFrom('a', 'b', 'c'),
      does: fc.constantFrom('claim', 'post', 'give up', 'same', 'changed'),
      after: fc.integer({ min: 0, max: 20 }),
    });
    fc.assert(
      fc.property(fc.array(move, { maxLength: 40 }), moves => {
        let [current, clock]: [CostReport, number] = [report, 0];
        const editions: number[] = [];
        for (const { run, does: action, after: delay } of moves) {
          clock += delay;
          const [bill, time] = [current as BilledReport, addSeconds(clock)];
          if (action === 'claim') {
            const claim = claimEdition(bill, bill.edition, { by: run, now: time });
            if (claim.take) current = claim.report;
          } else if (action === 'post' && bill.status === 'sending' && bill.by === run && time < bill.until) {
            editions.push(bill.edition);
            current = markSent(bill, time);
          } else if (action === 'give up')
            current = markUnsent(bill, { date: exampleReportDate, reason: 'x', now: time });
          else if (action === 'same' || action === 'changed')
            current = applyFigures(bill, action === 'same' ? bill : editions.length % 2 ? restatement : report, {
              now: time,
            });
        }
        expect(new Set(editions).size).toBe(editions.length);
        expect(editions).toEqual([...editions].sort((a, b) => a - b));
      }),
    );
  });

  it('given up keeps the figures and says why; what is out stays out', () => {
    expect(markUnsent(report, { date: exampleReportDate, reason: 'gone', now: exampleReportTime })).toEqual({
      ...report,
      status: 'unsent',
      reason: 'gone',
      failedAt: exampleReportTime,
    });
    expect(markUnsent(sentReport, { date: exampleReportDate, reason: 'gone', now: exampleReportTime })).toBe(
      sentReport,
    );
    expect(markUnsent(undefined, { date: exampleReportDate, reason: 'gone', now: exampleReportTime })).toEqual({
      status: 'unbilled',
      date: exampleReportDate,
      reason: 'gone',
      failedAt: exampleReportTime,
    });
  });
});

describe('the answer', () => {
  it.each([
    [200, undefined, { outcome: 'sent' }],
    [202, undefined, { outcome: 'sent' }],
    [429, 17, { outcome: 'wait', seconds: 17 }],
    [429, 0, { outcome: 'wait', seconds: 1 }],
    [429, undefined, { outcome: 'wait', seconds: 30 }],
    [429, MAX_WAIT_SECONDS + 1, { outcome: 'refused' }],
    [502, undefined, { outcome: 'wait', seconds: 30 }],
    [503, 120, { outcome: 'wait', seconds: 120 }],
    [302, undefined, { outcome: 'refused' }],
    [400, undefined, { outcome: 'refused' }],
    [401, undefined, { outcome: 'refused', reason: expect.stringContaining('sig=') }],
    [404, undefined, { outcome: 'refused', reason: expect.stringContaining('workflow was deleted') }],
    [413, 5, { outcome: 'refused' }],
  ])('%d with Retry-After %s: %j', (status, wait, outcome) =>
    expect(webhookOutcome({ status, retryAfter: wait }, 1)).toMatchObject(outcome),
  );

  it('that never came is waited for, longer each time', () =>
    expect([1, 2, 3, 9].map(tries => unreachableOutcome('ECONNREFUSED', tries))).toMatchObject(
      [30, 60, 120, 900].map(seconds => ({ outcome: 'wait', seconds })),
    ));

  it.each([
    ['17', 17],
    [' 17 ', 17],
    ['Fri, 20 Nov 2026 07:01:00 GMT', 60],
    ['Fri, 20 Nov 2026 06:00:00 GMT', 0],
    ['soon', undefined],
    ['-5', undefined],
    ['2026-11-20', undefined],
    ['99999999999', undefined],
    [null, undefined],
  ])('may name a wait as %j: %s seconds', (header, seconds) =>
    expect(parseRetryAfter(header, exampleReportTime)).toBe(seconds),
  );
});
