import { describe, expect, it } from 'vitest';
import { decideJob, JobClaimed, type JobCommand, type JobState } from '../../functions/batch/batch.ts';
import { costOf, estimateJob } from '../../functions/batch/estimate.ts';
import { decideQueue } from '../../functions/batch/queues.ts';
import type { ComputeJob } from '../../functions/batch/schemas.ts';
import {
  approvedImage,
  jobOwner,
  openQueue,
  submissionTime,
  submitTestJob,
  testBudget,
  testReport,
  testRequest,
  testSubmission,
} from './builders.ts';

const reservation = estimateJob(testRequest(), 'us-east-1').mostMicros;
const approver = { id: 'u-olga', name: 'olga' };
const start = () => submitTestJob({ budget: testBudget(1e9) }).state;
const decide = (state: JobState, ...commands: JobCommand[]) =>
  commands.reduce((current, command) => decideJob(current, command, submissionTime).state, state);
const stopJob = { do: 'stop', by: jobOwner, reason: 'Wrong input.', isLead: false } as const;
const placement = { do: 'recordPlacement', batchId: 'aws-1' } as const;
const claim = { do: 'claim', until: '2026-11-28T12:02:00.000Z' } as const;
const report = (change: Parameters<typeof testReport>[0]): JobCommand => ({
  do: 'recordReport',
  report: testReport(change),
});

describe('the budget of a project', () => {
  it('takes one of two jobs that fit alone but not together', () => {
    const first = submitTestJob({ budget: testBudget(1.5 * reservation) });
    expect(first.state.budget?.reservedMicros).toBe(reservation);
    expect(() => submitTestJob(first.state, testSubmission(2))).toThrow(
      /may cost \$0\.\d\d, and \$0\.\d\d .* are free/,
    );
  });

  it('has room again when the first job has ended, at what it cost', () => {
    const { state } = submitTestJob({ budget: testBudget(1.5 * reservation) });
    const attempts = [{ startedAt: 0, stoppedAt: 60_000, container: { exitCode: 0 } }];
    const end = decide(state, claim, placement, report({ status: 'SUCCEEDED', attempts }));
    expect(end.job).toMatchObject({ status: 'succeeded' });
    expect(end.budget).toMatchObject({ reservedMicros: 0 });
    const cost = (end.job as Extract<ComputeJob, { status: 'succeeded' }>).costMicros;
    expect(end.budget?.spentMicros).toBe(cost);
    expect(cost).toBeLessThan(reservation);
    expect(submitTestJob(end, testSubmission(2)).state.job?.status).toBe('submitted');
  });

  it('is never charged more than was reserved, whatever AWS reports', () => {
    const { job } = start();
    const attempts = Array.from({ length: 50 }, () => ({ startedAt: 0, stoppedAt: 1e12 }));
    expect(costOf(job as ComputeJob, attempts)).toBe(reservation);
  });

  it('cannot be lowered below what jobs have cost and may cost, so no job outgrows it while it runs', () => {
    const { budget } = start();
    const { openedAt: _, place: __, ...common } = openQueue;
    const requestedQueue = { ...common, kind: 'gpu' as const, status: 'requested' as const };
    const approve = (limitMicros: number) =>
      decideQueue(
        { queue: requestedQueue, budget },
        { do: 'approve', limitMicros, by: approver, isMember: false },
        submissionTime,
      ).state.budget;
    expect(() => approve(reservation - 1)).toThrow(/may cost \$0\.\d\d\. Set at least both/);
    expect(approve(reservation)).toMatchObject({ reservedMicros: reservation, roomMicros: 0 });
  });

  it('is charged once for an end that is reported again', () => {
    const end = decide(start(), claim, placement, report({ status: 'FAILED' }));
    expect(decide(end, report({ status: 'FAILED' }), report({ status: 'SUCCEEDED' }))).toEqual(end);
  });
});

describe('a job', () => {
  it.each([
    [
      'an image that nobody approved',
      { container: { ...approvedImage, status: 'requested' as const } },
      /not approved/,
    ],
    ['an image that was withdrawn', { container: { ...approvedImage, status: 'withdrawn' as const } }, /not approved/],
    ['no queue', { queue: undefined }, /has no cpu queue/],
    [
      'a queue that closes',
      { queue: { ...openQueue, status: 'closed' as const, closedAt: submissionTime } },
      /is closed/,
    ],
  ])('is refused with %s', (_, context, reason) =>
    expect(() => submitTestJob({ budget: testBudget(1e9) }, testSubmission(1), context as object)).toThrow(reason),
  );

  it('with nodes is refused beyond what its tier, its queue or AWS allows', () => {
    const submit = (nodes: number, context: object) =>
      submitTestJob({ budget: testBudget(1e9) }, testSubmission(1, { nodes, vcpus: 16 }), context);
    const queue = { ...openQueue, place: { ...openQueue.place, maxVcpus: 64 } };
    expect(submit(4, { queue, mostNodes: 4 }).state.job?.status).toBe('submitted');
    expect(() => submit(4, { queue, mostNodes: 2 })).toThrow(/at most 2 nodes\..*batch\.nodes/);
    expect(() => submit(2, { queue, mostNodes: 1 })).toThrow(/one machine only\. .*--tasks/);
    expect(() => submit(5, { queue, mostNodes: 8 })).toThrow(
      /5 nodes on m6i\.4xlarge have 80 vCPUs, and the queue may have 64/,
    );
    expect(() => submit(2, { queue: undefined })).toThrow(/no cpu-nodes queue\. .*broch queue open asthma cpu-nodes\./);
  });

  it('with nodes has the times and the exit code of its main node, however AWS reports them', () => {
    const { state } = submitTestJob({ budget: testBudget(1e9) }, testSubmission(1, { nodes: 2 }));
    const times = { startedAt: 1000, stoppedAt: 61_000 };
    const endedJobs = [
      { attempts: [{ ...times, container: { exitCode: 3 } }] },
      { container: { exitCode: 3 }, ...times },
    ].map(end => decide(state, claim, placement, report({ status: 'FAILED', ...end })).job);
    for (const job of endedJobs)
      expect(job).toMatchObject({ status: 'failed', reason: 'exit code 3', attempts: [{ ...times, exitCode: 3 }] });
    expect(endedJobs[0]).toMatchObject({ costMicros: costOf(endedJobs[0] as ComputeJob, [times]) });
  });

  it('is refused without any budget', () => expect(() => submitTestJob({ budget: undefined })).toThrow(/\$0\.00 of/));

  it('is refused on a gpu queue without a GPU, and where no machine is large enough', () => {
    expect(() => estimateJob(testRequest({ kind: 'gpu' }), 'eu-west-2')).toThrow(/at least one GPU/);
    expect(() => estimateJob(testRequest({ gpu: 1 }), 'eu-west-2')).toThrow(/No machine of the cpu queue/);
  });

  it('is given to AWS by one function at a time, and by another when the first is surely gone', () => {
    const state = decide(start(), claim);
    expect(() => decide(state, claim)).toThrow(JobClaimed);
    expect(decideJob(state, claim, '2026-11-28T12:03:00.000Z').reason).toBe('a function gives it to AWS');
  });

  it('may be given to AWS by another function at once when the first has failed', () => {
    const state = decide(start(), claim, { do: 'endClaim' });
    expect(state.job).toMatchObject({ status: 'submitted', claim: submissionTime });
    expect(decideJob(state, claim, submissionTime).reason).toBe('a function gives it to AWS');
  });

  it('is placed by a report that overtakes the answer of its submission', () => {
    const state = decide(start(), claim, report({ status: 'RUNNING', startedAt: 5 }), placement);
    expect(state.job).toMatchObject({ status: 'running', batchId: 'aws-1', attempts: [{ startedAt: 5 }] });
  });

  it('is not changed by a report of another job of its name', () => {
    const state = decide(start(), claim, placement);
    expect(decide(state, report({ jobId: 'aws-2', status: 'SUCCEEDED' }))).toBe(state);
  });

  it('ends at once if it is cancelled before AWS has it, and by AWS’s report afterwards', () => {
    expect(decide(start(), stopJob)).toMatchObject({ job: { status: 'cancelled' }, budget: { reservedMicros: 0 } });
    const state = decide(start(), claim, placement, stopJob);
    expect(state.job).toMatchObject({ status: 'queued', stop: { reason: 'Wrong input.' } });
    expect(decide(state, report({ status: 'FAILED' })).job).toMatchObject({
      status: 'cancelled',
      reason: 'Wrong input.',
    });
  });

  it('is cancelled by its owner or a lead only', () => {
    const stranger = { ...stopJob, by: { id: 'u-other', name: 'other' } };
    expect(() => decide(start(), stranger)).toThrow(/belongs to rana/);
    expect(decide(start(), { ...stranger, isLead: true }).job?.status).toBe('cancelled');
  });

  it('says why it failed', () => {
    const attempts = [{ startedAt: 0, stoppedAt: 1, container: { exitCode: 137, reason: 'OutOfMemoryError' } }];
    const { job } = decide(start(), claim, placement, report({ status: 'FAILED', attempts }));
    expect(job).toMatchObject({ status: 'failed', reason: 'exit code 137; OutOfMemoryError' });
  });
});

describe('an estimate', () => {
  it('names the smallest machine, and reserves every attempt of every task at the full price', () => {
    const estimate = estimateJob(testRequest({ kind: 'gpu', gpu: 1, attempts: 1 }), 'us-east-1');
    expect(estimate).toMatchObject({ machine: 'g4dn.xlarge', mostMicros: Math.ceil((526_000 * 70) / 60) });
    expect(estimateJob(testRequest({ kind: 'gpu', gpu: 1, attempts: 3, tasks: 10 }), 'us-east-1').mostMicros).toBe(
      estimate.mostMicros * 30,
    );
    expect(estimate.expectedMicros).toBeLessThan(estimate.mostMicros);
  });

  it('of a multi-node job counts each node, On-Demand and once', () => {
    const [single, four] = [1, 4].map(nodes => estimateJob(testRequest({ nodes, attempts: 1 }), 'us-east-1'));
    const estimate = estimateJob(testRequest({ nodes: 4 }), 'us-east-1');
    expect(estimate).toMatchObject({ mostMicros: 4 * (single?.mostMicros ?? 0), spotSavingPercent: 0 });
    expect(estimate).toEqual(four);
    expect(estimate.expectedMicros).toBe(estimate.mostMicros);
    const request = testRequest({ nodes: 4 });
    const attempts = [{ startedAt: 0, stoppedAt: 60_000 }];
    expect(costOf({ request, estimate }, attempts)).toBe(
      4 * costOf({ request: testRequest({ attempts: 1 }), estimate: single ?? estimate }, attempts),
    );
    expect(() => estimateJob(testRequest({ nodes: 2, tasks: 2 }), 'us-east-1')).toThrow(/tasks or nodes, not both/);
  });

  it('reckons a region that the list does not have at the highest factor', () =>
    expect(estimateJob(testRequest(), 'sa-east-1').mostMicros).toBeGreaterThan(reservation * 1.5));
});
