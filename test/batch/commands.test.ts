import { describe, expect, it } from 'vitest';
import type { CommandContext } from '../../bin/cli/commands.ts';
import { jobLogsCommand } from '../../bin/cli/job-logs.ts';
import { compareRuns } from '../../bin/cli/run-reproduce.ts';
import type { ComputeJob } from '../../functions/batch/schemas.ts';
import { submitTestJob, testBudget } from './builders.ts';

const submittedJob = submitTestJob({ budget: testBudget(1e9) }).state.job as ComputeJob;
const runOf = (change: object) => ({ ...submittedJob, ...change }) as ComputeJob;
const outputs = (sha256: string) => ({ outputs: { folder: 'f/', files: 1, bytes: 2, sha256, crate: 'c' } });

describe('two runs', () => {
  const original = runOf({ status: 'succeeded', ...outputs('a') });

  it.each([
    ['equal', { status: 'succeeded', ...outputs('a') }],
    ['different', { status: 'succeeded', ...outputs('b') }],
    ['failed', { status: 'failed', ...outputs('a') }],
    ['failed', { status: 'cancelled' }],
  ])('are %s by what they left', (verdict, change) =>
    expect(compareRuns(original, runOf({ id: 'job-2', ...change }))).toMatchObject({ verdict, repetition: 'job-2' }),
  );
});

/** Runs `job logs` beside an API that answers in turn, and returns what was printed. */
async function printLogs(json: boolean, follow: boolean) {
  const jobs = [
    { status: 'running', attempts: [{}] },
    { status: 'running', attempts: [{}, {}] },
    { status: 'succeeded', attempts: [{}, {}] },
  ];
  const logs: Record<string, { lines: { at: string; text: string }[]; next?: string }> = {
    '1 start': { lines: [{ at: 't', text: 'epoch 1' }], next: 'one' },
    '1 one': { lines: [] },
    '2 start': { lines: [{ at: 't', text: 'epoch 2\u001b[31m' }], next: 'two' },
    '2 two': { lines: [] },
  };
  let [callCount, documents, text]: [number, unknown[], string] = [0, [], ''];
  const api = {
    ask: async (name: string, { query = {} }: { query?: { next?: string } }) => {
      if (name === 'showJob') return jobs[Math.min(callCount++, jobs.length - 1)];
      return logs[`${Math.min(callCount, 2)} ${query.next ?? 'start'}`] ?? { lines: [] };
    },
  };
  const context = {
    json,
    api: () => api,
    result: (value: unknown, answer: Uint8Array) => {
      documents = [...documents, value];
      text += Buffer.from(answer).toString();
    },
  } as unknown as CommandContext;
  const values = { params: { project: 'asthma', job: 'job-019a0b1c2d3e4f50' }, flags: { follow } };
  await jobLogsCommand.run(values, context);
  return { documents, text };
}

describe('broch job logs', () => {
  it('prints what there is', async () => expect((await printLogs(false, false)).text).toBe('epoch 1\n'));

  it('follows a job through its attempts until it ends, and lets no control character through', async () => {
    const { text } = await printLogs(false, true);
    expect(text.split('\n')[0]).toBe('epoch 1');
    expect(text).toContain('epoch 2');
    expect(text).not.toContain('\u001b');
  });

  it('prints one JSON document, however long it follows', async () => {
    const { documents } = await printLogs(true, true);
    expect(documents).toHaveLength(1);
    expect((documents[0] as { lines: unknown[] }).lines).toHaveLength(2);
  });
});
