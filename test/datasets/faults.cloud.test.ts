import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ApiClient } from '../../bin/cli/call.ts';
import { ExitError } from '../../bin/cli/exit.ts';
import type { ReadyProject } from '../../functions/projects/schemas.ts';
import { connectTestCloud } from '../cloud.ts';
import { type Fault, groupCallsByFunction, watchCalls } from '../faults.ts';
import { addSha256Sums } from '../ingest/delivery.ts';
import { deliverFiles, signInNewPerson } from '../ingest/partner.ts';
import { selectTrials } from '../trials.ts';
import { buildProjectFor, tomorrow, waitForAnswer } from './harness.ts';

const cloud = connectTestCloud();
const [dataset, project, csv] = ['usf-visits', 'usf-one', 'region,n\nNorth,40\n'];
let [operator, partner, owner, lead]: ApiClient[] = [];
let reader: ReadyProject;
let key: string;
let watch: Awaited<ReturnType<typeof watchCalls>>;

beforeAll(async () => {
  const groups = ['operator', 'partner', 'steward', 'researcher'] as const;
  [operator, partner, owner, lead] = await Promise.all(
    groups.map(group => signInNewPerson(cloud, `usf-${group}`, group)),
  );
  const delivery = await deliverFiles(cloud, partner as ApiClient, dataset, addSha256Sums({ 'a.csv': csv }));
  if (delivery.status !== 'registered') throw new Error(JSON.stringify(delivery));
  key = `datasets/${dataset}/${delivery.version}/data/a.csv`;
  reader = await buildProjectFor(operator as ApiClient, lead as ApiClient, project);
  const body = { title: 'Visits', controller: 'A', licence: 'B', purposes: ['research' as const], days: 30 };
  const ownerName = (await owner?.ask('showMe'))?.name ?? '';
  await operator?.ask('governDataset', { params: { dataset }, body: { ...body, owner: ownerName } });
  watch = await watchCalls(cloud, project);
}, 240_000);
afterAll(() => watch?.end());

/** Repeats a call that failed through a fault, as a person does, until it is done or was done before. */
async function insist(call: () => Promise<unknown> | undefined): Promise<void> {
  for (let tries = 0; ; tries++)
    try {
      await call();
      return;
    } catch (error) {
      const { message } = error as Error;
      if (/ is (approved|ended) already/.test(message)) return;
      const isRefused = error instanceof ExitError && error.ending === 'refused';
      if (tries === 3 || (isRefused && !message.includes('still in progress'))) throw error;
    }
}

/** Gives the project the dataset and takes it away again, each with the faults. */
async function giveAndTake(faults: readonly Fault[]): Promise<void> {
  const use = await lead?.ask('requestUse', {
    params: { project },
    body: { dataset, purpose: 'research', endsAt: tomorrow(), explanation: 'Visits by region.' },
  });
  const params = { project, use: use?.id ?? '' };
  await watch.rearm(faults);
  await insist(() => owner?.ask('approveUse', { params, body: {} }));
  await waitForAnswer(cloud, key, reader, csv);
  await watch.rearm(faults);
  await insist(() => lead?.ask('endUse', { params, body: { reason: 'Done.' } }));
  await waitForAnswer(cloud, key, reader, 'AccessDenied');
}

const kindsOf = ({ function: name, action = '', how: kind }: Fault) => [`${name} ${action.split(' ')[0]} ${kind}`];

it('whichever AWS call of a decision or of applying it fails, the project ends up with the access that was decided', async () => {
  await giveAndTake([]);
  const { calls } = await watch.calls();
  const faults = [...groupCallsByFunction(calls)].flatMap(([name, list]) =>
    list.flatMap(({ action, nth }): Fault[] => [
      { function: name, action, nth, how: 'error' },
      ...(name.startsWith('datasets/apply') ? [{ function: name, action, nth, how: 'lost' } as const] : []),
    ]),
  );
  expect(faults.length).toBeGreaterThanOrEqual(12);
  // A sample fails every operation of AWS in every function, in each way.
  const selection = selectTrials('datasets, an AWS call fails at an approval and at an end', faults, kindsOf);
  for (const fault of selection) await giveAndTake([fault]);
}, 400_000);
