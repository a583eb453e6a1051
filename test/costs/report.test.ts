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
const changed = buildCostReport([[exampleReportDate, 'asthma', '4']]);
const out = markSent(report, exampleReportTime) as BilledReport;
const later = (seconds: number) => new Date(Date.parse(exampleReportTime) + seconds * 1000).toISOString();
const take = (current: BilledReport, by: string, at = exampleReportTime) =>
  claimEdition(current, current.edition, { by, now: at });
const sending = (by: string) => {
  const taken = take(report, by);
  if (!taken.take) throw new Error('not taken');
  return taken.report;
};

describe('a day', () => {
  it.each([
    ['2026-11-20T07:00:00.000Z', true],
    ['2026-11-20T23:59:59.999Z', true],
    ['2026-11-21T00:00:00.000Z', false],
  ])('of the 19th is provisional at %s: %s', (at, open) => expect(isProvisional('2026-11-19', at)).toBe(open));
});

describe('asking for a report', () => {
  it('means yesterday by default', () =>
    expect(resolveReportRun(undefined, exampleReportTime)).toEqual({
      date: exampleReportDate,
      name: '2026-11-19-asked-20261120070000000',
    }));
  it.each([
    ['2026-11-20', 'no bill yet'],
    ['2027-01-01', 'no bill yet'],
    ['2025-11-18', 'no longer'],
  ])('of %s is refused: %s', (day, reason) => expect(() => resolveReportRun(day, exampleReportTime)).toThrow(reason));
});

describe('collecting again', () => {
  const again = (current: CostReport | undefined, figures: CostFigures, at = exampleReportTime) =>
    applyFigures(current, figures, { now: at });

  it('the same bill changes nothing, but that the day is final in the end', () => {
    expect(again(out, report)).toEqual(out);
    expect(again(out, report, '2026-11-21T07:00:00.000Z')).toEqual({ ...out, provisional: false });
  });

  it('a changed bill makes a new edition, which says what was sent', () =>
    expect(again(out, changed)).toMatchObject({
      status: 'collected',
      edition: 2,
      total: '4000000',
      restates: { edition: 1, total: '3000000' },
    }));

  it('what was never sent is not restated', () =>
    expect(
      again(markUnsent(report, { date: exampleReportDate, reason: 'x', now: exampleReportTime }), changed),
    ).not.toHaveProperty('restates'));

  it('after a day without a bill starts at edition 1', () =>
    expect(
      again(markUnsent(undefined, { date: exampleReportDate, reason: 'x', now: exampleReportTime }), report),
    ).toMatchObject({ edition: 1 }));

  it('tells how the day before ended, where it was reported otherwise', () => {
    const eve = { ...report, date: addDays(exampleReportDate, -1), total: '1000000' };
    const figures = buildCostReport([
      [exampleReportDate, 'asthma', '3'],
      [addDays(exampleReportDate, -1), 'asthma', '2'],
    ]);
    const settled = { date: eve.date, total: '2000000', was: '1000000' };
    expect(applyFigures(undefined, figures, { now: exampleReportTime, eve })).toMatchObject({ settled });
    expect(
      applyFigures(undefined, figures, { now: exampleReportTime, eve: { ...eve, total: '2000000' } }),
    ).not.toHaveProperty('settled');
  });
});

describe('sending', () => {
  it('is for one at a time; who holds the claim may go on, others when it ran out', () => {
    expect(take(sending('a'), 'a').take).toBe(true);
    expect(take(sending('a'), 'b')).toEqual({ take: false, why: 'busy', seconds: CLAIM_SECONDS });
    expect(take(sending('a'), 'b', later(CLAIM_SECONDS)).take).toBe(true);
  });

  it('is over once it was taken, or a newer edition is there', () => {
    expect(take(out, 'a')).toEqual({ take: false, why: 'sent' });
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
        let [current, at]: [CostReport, number] = [report, 0];
        const posted: number[] = [];
        for (const { run, does, after } of moves) {
          at += after;
          const [billed, time] = [current as BilledReport, later(at)];
          if (does === 'claim') {
            const taken = claimEdition(billed, billed.edition, { by: run, now: time });
            if (taken.take) current = taken.report;
          } else if (does === 'post' && billed.status === 'sending' && billed.by === run && time < billed.until) {
            posted.push(billed.edition);
            current = markSent(billed, time);
          } else if (does === 'give up')
            current = markUnsent(billed, { date: exampleReportDate, reason: 'x', now: time });
          else if (does === 'same' || does === 'changed')
            current = applyFigures(billed, does === 'same' ? billed : posted.length % 2 ? changed : report, {
              now: time,
            });
        }
        expect(new Set(posted).size).toBe(posted.length);
        expect(posted).toEqual([...posted].sort((a, b) => a - b));
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
    expect(markUnsent(out, { date: exampleReportDate, reason: 'gone', now: exampleReportTime })).toBe(out);
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
