import { describe, expect, it } from 'vitest';
import {
  accruedCost,
  estimateJob,
  estimatePipeline,
  headMachines,
  smallestVcpus,
} from '../../functions/batch/estimate.ts';
import { explainMissingMachines, permitMachines } from '../../functions/batch/machines.ts';
import { buildHeadRequest } from '../../functions/batch/pipeline.ts';
import { explainMissingQuota } from '../../functions/batch/quotas.ts';
import { PipelineRequest } from '../../functions/batch/schemas.ts';
import { testImage, testRequest } from './builders.ts';

describe('the machines of a tier', () => {
  it('are those of its families, or all if the configuration names none', () => {
    const machines = permitMachines('gpu', { tier: 3, families: undefined });
    expect(permitMachines('gpu', { tier: 3, families: ['g6', 'm6i'] })).toEqual(
      machines.filter(name => name.startsWith('g6.')),
    );
    expect(new Set(machines.map(name => name.split('.')[0])).size).toBeGreaterThan(1);
  });

  it('are named when there is none, with what keeps them away and the remedy', () => {
    const byTier = explainMissingMachines('gpu', { tier: 3, families: ['m6i', 'r6i'] });
    expect(byTier).toMatch(
      /^The machines of a gpu queue are g4dn\.xlarge, .*projects of tier 3 may use only.*m6i, r6i\./,
    );
    expect(byTier).toContain('batch.families');
    const byRegion = explainMissingMachines('gpu', { tier: 3, families: ['g6'] });
    expect(byRegion).toBe(
      'The region offers none of the machine types of a gpu queue: g6.xlarge, g6.2xlarge, g6.12xlarge.',
    );
  });

  it('decide what a job costs: the cheapest of the price list may not be one of them', () => {
    const gpu = testRequest({ kind: 'gpu', gpu: 1 });
    expect(estimateJob(gpu, 'us-east-1').machine).toBe('g4dn.xlarge');
    const machines = permitMachines('gpu', { tier: 3, families: ['g6'] });
    expect(estimateJob(gpu, 'us-east-1', machines).machine).toBe('g6.xlarge');
    expect(() => estimateJob(gpu, 'us-east-1', ['g6.xlarge'].slice(1))).toThrow(/No machine of the gpu queue/);
    const pipeline = PipelineRequest.parse({ pipeline: 'counts', revision: '1.0', image: testImage, taskVcpus: 2 });
    const estimateOn = (names: string[]) =>
      estimatePipeline(buildHeadRequest(pipeline), pipeline, 'us-east-1', names).mostMicros;
    expect(estimateOn(['m6i.2xlarge'])).toBeGreaterThan(estimateOn(['m6i.large', 'm6i.2xlarge']));
  });

  it('of heads are the two smallest', () =>
    expect(headMachines(['m6i.4xlarge', 'm6i.xlarge', 'm6i.large'])).toEqual(['m6i.large', 'm6i.xlarge']));
});

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

  it('for multi-node jobs are those of On-Demand machines, and must allow two', () => {
    expect(explainMissingQuota('gpu-nodes', [8], 4)).toBeUndefined();
    const reason = explainMissingQuota('gpu-nodes', [7], 4);
    expect(reason).toContain('the quota "Running On-Demand G and VT instances" (L-DB2E81BA) is 7;');
    expect(reason).toContain('the two smallest machines have 8 vCPUs');
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
