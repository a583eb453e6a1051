import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ApiClient } from '../../bin/cli/call.ts';
import { connectTestCloud } from '../cloud.ts';
import { buildProjectFor } from '../datasets/harness.ts';
import { signInNewPerson } from '../ingest/partner.ts';

const cloud = connectTestCloud();
const image = `quay/python@sha256:${'a'.repeat(64)}`;
const params = { project: 'bat-one' };
const queue = { ...params, kind: 'cpu' } as const;
const reason = 'We train a model.';

let [operator, steward, lead]: ApiClient[] = [];

async function waitFor<T>(ask: () => Promise<T>, holds: (answer: T) => boolean): Promise<T> {
  let last: T | undefined;
  for (const end = Date.now() + 120_000; Date.now() < end; await sleep(200)) {
    last = await ask();
    if (holds(last)) return last;
  }
  throw new Error(`it stayed ${JSON.stringify(last)}`);
}

const submit = (change: object) =>
  lead?.ask('submitJob', { params, body: { image, command: ['true'], minutes: 5, ...change } });

beforeAll(async () => {
  [operator, steward, lead] = await Promise.all(
    (['operator', 'steward', 'researcher'] as const).map(group => signInNewPerson(cloud, `bat-${group}`, group)),
  );
  await buildProjectFor(operator as ApiClient, lead as ApiClient, params.project);
}, 240_000);

describe('a queue', () => {
  it('takes no job before it is open', () => expect(submit({})).rejects.toThrow(/has no cpu queue/));

  it('is requested by a lead, approved by an operator, and built', async () => {
    expect(await lead?.ask('requestQueue', { params: queue, body: { reason } })).toMatchObject({ status: 'requested' });
    await expect(lead?.ask('approveQueue', { params: queue, body: { dollars: 1 } })).rejects.toThrow(/Only operators/);
    await operator?.ask('approveQueue', { params: queue, body: { dollars: 5 } });
    const { items } = await waitFor(
      () => operator?.ask('listQueues', { params }) as Promise<{ items: { status: string }[] }>,
      answer => answer.items[0]?.status !== 'opening',
    );
    expect(items).toMatchObject([{ status: 'open', kind: 'cpu' }]);
  });

  it('runs no image that nobody outside the project approved', async () => {
    await expect(submit({})).rejects.toThrow(/not approved/);
    await lead?.ask('requestContainer', { params, body: { image, reason } });
    await expect(submit({})).rejects.toThrow(/not approved/);
    expect(await steward?.ask('approveContainer', { params, body: { image } })).toMatchObject({ status: 'approved' });
  });

  it('takes no job that may cost more than the budget has', async () =>
    await expect(submit({ minutes: 6000 })).rejects.toThrow(/of the budget of bat-one are free/));
});
