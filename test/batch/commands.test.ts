import { describe, expect, it } from 'vitest';
import { findSource } from '../../bin/cli/airlock-draft.ts';
import type { CommandContext } from '../../bin/cli/commands.ts';
import { jobLogsCommand } from '../../bin/cli/job-logs.ts';
import { formatJob } from '../../bin/cli/job-text.ts';
import type { OutputScreen } from '../../bin/cli/output.ts';
import { compareRuns } from '../../bin/cli/run-reproduce.ts';
import { locateReports } from '../../functions/batch/pipeline.ts';
import { type ComputeJob, JobOutputs } from '../../functions/batch/schemas.ts';
import { submitTestJob, testBudget, testSubmission } from './builders.ts';

const submittedJob = submitTestJob({ budget: testBudget(1e9) }).state.job as ComputeJob;
const runOf = (change: object) => ({ ...submittedJob, ...change }) as ComputeJob;
const outputs = (repetition?: string) => ({ outputs: { folder: 'f/', crate: 'c', repetition } });

describe('two runs', () => {
  const original = runOf({ status: 'succeeded', ...outputs() });

  it.each([
    ['equal', { status: 'succeeded', ...outputs('equal') }],
    ['different', { status: 'succeeded', ...outputs('different') }],
    ['failed', { status: 'failed', ...outputs('different') }],
    ['failed', { status: 'succeeded', ...outputs() }],
    ['failed', { status: 'cancelled' }],
  ])('are %s by what they left', (verdict, change) =>
    expect(compareRuns(original, runOf({ id: 'job-2', ...change }))).toMatchObject({ verdict, repetition: 'job-2' }),
  );
});

it('a member outside a desktop learns where outputs are, and nothing that a program could choose of them', () =>
  expect(Object.keys(JobOutputs.shape)).toEqual(['folder', 'crate', 'repetition']));

describe('the source of a request', () => {
  it('is a folder, or what a batch job left', () => {
    expect(findSource('data/outbox/', undefined)).toBe('data/outbox/');
    expect(findSource(undefined, 'job-019a0b1c2d3e4f50')).toBe('batch/job-019a0b1c2d3e4f50/outputs/');
  });

  it('is not both', () => expect(() => findSource('data/outbox/', 'job-019a0b1c2d3e4f50')).toThrow(/either/));
});

/** Runs `job logs` beside an API that answers in turn. */
async function followLog(json: boolean, follow: boolean) {
  const answers = [
    { status: 'running', attempts: [{}] },
    { status: 'running', attempts: [{ reason: 'Host EC2' }, {}] },
    { status: 'failed', attempts: [{}, { exitCode: 3 }] },
  ];
  let [callCount, documents, text]: [number, unknown[], string] = [0, [], ''];
  const api = {
    ask: async () => ({ id: 'job-1', log: 'batch/job-1/log/', ...answers[Math.min(callCount++, answers.length - 1)] }),
  };
  const context = {
    json,
    api: () => api,
    result: (value: unknown, answer: string) => {
      documents = [...documents, value];
      text += `${answer}\n`;
    },
  } as unknown as CommandContext;
  const values = { params: { project: 'asthma', job: 'job-019a0b1c2d3e4f50' }, flags: { follow } };
  return { exit: await jobLogsCommand.run(values, context), documents, text };
}

describe('broch job logs', () => {
  it('says the state of a job, and where its log is read', async () => {
    const { exit, text } = await followLog(false, false);
    expect(exit).toBe('ok');
    expect(text).toMatch(/^job-1 running, attempt 1\n.*tail -F \/batch\/job-1\/log\/\*\n$/);
  });

  it('follows a job through its attempts until it ends', async () => {
    const { exit, text } = await followLog(false, true);
    expect(exit).toBe('fault');
    expect(text.split('\n').filter(line => line.startsWith('job-1'))).toEqual([
      'job-1 running, attempt 1',
      'job-1 running, attempt 2',
      'job-1 failed, attempt 2, exit code 3',
    ]);
  });

  it('prints one JSON document, however long it follows', async () => {
    const { documents } = await followLog(true, true);
    expect(documents).toMatchObject([{ status: 'failed', log: 'batch/job-1/log/' }]);
  });
});

describe('broch job show', () => {
  const textOf = (change: object) => formatJob(runOf(change), { width: 200 } as OutputScreen);

  it('says the place in the queue, why the job waits, and what it has cost so far', () => {
    const text = textOf({ status: 'queued', position: 2, wait: 'MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT' });
    expect(text).toMatch(/place +2 in the queue/);
    expect(text).toMatch(/waits +MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT/);
    expect(textOf({ status: 'running', accruedMicros: 1_500_000 })).toMatch(/cost so far +\$1\.50/);
  });

  it('names the files in which a pipeline reports, and shows nothing of them', () => {
    const text = textOf({ reports: locateReports(submittedJob.id) });
    for (const name of ['trace.txt', 'report.html', 'timeline.html', 'dag.html'])
      expect(text).toContain(`batch/${submittedJob.id}/outputs/pipeline_info/${name}`);
  });

  it('says that a multi-node job runs On-Demand, and on how many nodes', () => {
    const { state } = submitTestJob({ budget: testBudget(1e9) }, testSubmission(1, { nodes: 4 }));
    const text = formatJob(state.job as ComputeJob, { width: 200 } as OutputScreen);
    expect(text).toMatch(/asks for .*4 nodes/);
    expect(text).toMatch(/expected +\$\d+\.\d\d, On-Demand/);
  });
});
