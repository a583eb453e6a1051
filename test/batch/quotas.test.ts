import { describe, expect, it } from 'vitest';
import { accruedCost, estimateJob, smallestVcpus } from '../../functions/batch/estimate.ts';
import { explainMissingQuota } from '../../functions/batch/quotas.ts';
import { testRequest } from './builders.ts';

describe('the quotas of the account', () => {
  it.each([
    ['Spot alone is enough', [4, 0]],
    ['On-Demand alone is enough', [0, 4]],
    ['AWS does not list one', [undefined, 0]],
  ])('let a queue open when %s', (_, values) => expect(explainMissingQuota('gpu', values, 4)).toBeUndefined());

  it('are named with their codes and values when no machine could ever start', () => {
    const reason = explainMissingQuota('gpu', [0, 3], 4);
    expect(reason).toContain('"All G and VT Spot Instance Requests" (L-3819A6DF) is 0');
    expect(reason).toContain('"Running On-Demand G and VT instances" (L-DB2E81BA) is 3');
    expect(reason).toContain('the smallest machine has 4 vCPUs');
  });

  it('are compared with the smallest machine that the region offers', () =>
    expect(smallestVcpus(['g4dn.12xlarge', 'g4dn.2xlarge'])).toBe(8));
});

describe('what a job has cost so far', () => {
  const request = testRequest({ minutes: 60, attempts: 2 });
  const job = { request, estimate: estimateJob(request, 'us-east-1') };
  const now = '2026-11-28T12:30:00.000Z';
  const timeOf = (time: string) => Date.parse(`2026-11-28T${time}:00.000Z`);

  it('grows with the attempt that runs, and never beyond what was reserved', () => {
    const attempts = [{ startedAt: timeOf('12:00'), stoppedAt: timeOf('12:10') }, { startedAt: timeOf('12:20') }];
    // 10 and 10 minutes, and 10 more for each machine, at $0.096 an hour.
    expect(accruedCost({ ...job, attempts }, now)).toBe(Math.ceil((96_000 * 40) / 60));
    expect(accruedCost({ ...job, attempts: [{ startedAt: timeOf('00:00') }] }, now)).toBe(job.estimate.mostMicros);
  });

  it('is nothing before an attempt has started', () => expect(accruedCost({ ...job, attempts: [] }, now)).toBe(0));
});
