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

describe('the report of a day', () => {
  it.each([
    ['2026-11-20T07:00:00.000Z', true],
    ['2026-11-20T23:59:59.999Z', true],
    ['2026-11-21T00:00:00.000Z', false],
  ])('says at %s whether the report of the 19th is provisional: %s', (timestamp, open) =>
    expect(isProvisional('2026-11-19', timestamp)).toBe(open),
  );
});

describe('a requested report', () => {
  it('reports yesterday by default', () =>
    expect(resolveReportRun(undefined, exampleReportTime)).toEqual({
      date: exampleReportDate,
      name: '2026-11-19-asked-20261120070000',
    }));
  it.each([
    ['2026-11-20', 'no bill yet'],
    ['2027-01-01', 'no bill yet'],
    ['2025-11-18', 'no longer'],
  ])('refuses a report of %s: %s', (day, reason) =>
    expect(() => resolveReportRun(day, exampleReportTime)).toThrow(reason),
  );
});

describe('a second collection', () => {
  const recollect = (current: CostReport | undefined, figures: CostFigures, timestamp = exampleReportTime) =>
    applyFigures(current, figures, { now: timestamp });

  it('changes nothing for the same bill, except that the day becomes final', () => {
    expect(recollect(sentReport, report)).toEqual(sentReport);
    expect(recollect(sentReport, report, '2026-11-21T07:00:00.000Z')).toEqual({ ...sentReport, provisional: false });
  });

  it('shows figures that AWS only estimates as provisional, and sends nothing again when they become final', () => {
    const now = '2026-11-21T07:00:00.000Z';
    const estimate = applyFigures(sentReport, report, { now, estimated: true });
    expect(estimate).toEqual({ ...sentReport, provisional: true });
    expect(applyFigures(estimate, report, { now })).toEqual({ ...sentReport, provisional: false });
  });

  it('makes a new edition of a changed bill, which says what was sent before', () =>
    expect(recollect(sentReport, restatement)).toMatchObject({
      status: 'collected',
      edition: 2,
      totalMicros: '4000000',
      restates: { edition: 1, totalMicros: '3000000' },
    }));

  it('restates nothing that was never sent', () =>
    expect(
      recollect(markUnsent(report, { date: exampleReportDate, reason: 'x', now: exampleReportTime }), restatement),
    ).not.toHaveProperty('restates'));

  it('starts at edition 1 after a day without a bill', () =>
    expect(
      recollect(markUnsent(undefined, { date: exampleReportDate, reason: 'x', now: exampleReportTime }), report),
    ).toMatchObject({ edition: 1 }));

  it('tells the final total of the previous day if it differs from the reported one', () => {
    const eve = { ...report, date: addDays(exampleReportDate, -1), totalMicros: '1000000' };
    const figures = buildCostReport([
      [exampleReportDate, 'asthma', '3'],
      [addDays(exampleReportDate, -1), 'asthma', '2'],
    ]);
    const settlement = { date: eve.date, totalMicros: '2000000', wasMicros: '1000000' };
    expect(applyFigures(undefined, figures, { now: exampleReportTime, eve })).toMatchObject({ settled: settlement });
    expect(
      applyFigures(undefined, figures, { now: exampleReportTime, eve: { ...eve, totalMicros: '2000000' } }),
    ).not.toHaveProperty('settled');
  });
});

describe('the claim to send', () => {
  it('lets one run send at a time, and another when the claim has expired', () => {
    expect(take(sending('a'), 'a').take).toBe(true);
    expect(take(sending('a'), 'b')).toEqual({ take: false, why: 'busy', seconds: CLAIM_SECONDS });
    expect(take(sending('a'), 'b', addSeconds(CLAIM_SECONDS)).take).toBe(true);
  });

  it('lets nobody send an edition that was sent or superseded', () => {
    expect(take(sentReport, 'a')).toEqual({ take: false, why: 'sent' });
    expect(claimEdition(report, 2, { by: 'a', now: exampleReportTime })).toEqual({ take: false, why: 'superseded' });
  });

  it('keeps no trace of the attempt in a sent report', () =>
    expect(markSent(sending('a'), exampleReportTime)).toEqual({
      ...report,
      status: 'sent',
      sentAt: exampleReportTime,
    }));

  it('sends no edition twice in any order of runs, attempts and collections', () => {
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

  it('keeps the figures and the reason of an unsent report, and leaves a sent report unchanged', () => {
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

describe('the answer of the webhook', () => {
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
  ])('interprets the status %d with Retry-After %s as %j', (status, wait, outcome) =>
    expect(webhookOutcome({ status, retryAfter: wait }, 1)).toMatchObject(outcome),
  );

  it('waits longer each time when the webhook cannot be reached', () =>
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
  ])('reads the header Retry-After %j as %s seconds', (header, seconds) =>
    expect(parseRetryAfter(header, exampleReportTime)).toBe(seconds),
  );
});
