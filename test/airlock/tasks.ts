import { SendTaskFailureCommand, SFNClient } from '@aws-sdk/client-sfn';
import { rowKey } from '../../functions/keys.ts';
import type { connectTestCloud } from '../cloud.ts';
import type { watchCalls } from '../faults.ts';
import { openTestTable, waitUntil } from '../workspaces/harness.ts';
import type { TestUser } from './harness.ts';

type Cloud = ReturnType<typeof connectTestCloud>;

/** The token of the task that waits for the decision on a request. */
export async function waitForTaskToken(cloud: Cloud, request: string): Promise<string> {
  const table = await openTestTable(cloud);
  const row = await waitUntil(
    () => table.get(rowKey('airlock', request)),
    row => typeof row?.token === 'string',
  );
  return String(row?.token);
}

/** Each reviewer looks at the request and votes on the seal they saw. */
export async function voteTogether(
  reviewers: readonly TestUser[],
  params: { project: string; request: string },
  verdict: 'approve' | 'reject' = 'approve',
): Promise<void> {
  for (const reviewer of reviewers) {
    const { seal } = await reviewer.ask('showRequest', { params });
    await reviewer.ask('reviewRequest', { params, body: { verdict, seal: seal?.sha256, comment: 'as it is' } });
  }
}

/** Fails a waiting task as Step Functions does when nobody answers in time. */
export const timeOutTask = (cloud: Cloud, taskToken: string) =>
  new SFNClient(cloud.configuration).send(new SendTaskFailureCommand({ taskToken, error: 'States.Timeout' }));

/** Waits until a function has reached a call that is held. */
export const waitForHeldCall = ({ calls }: Pick<Awaited<ReturnType<typeof watchCalls>>, 'calls'>, name: string) =>
  waitUntil(calls, ({ calls: watchedCalls }) =>
    watchedCalls.some(call => call.function === name && call.how === 'hold'),
  );
