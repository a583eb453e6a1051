import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ApiClient } from '../../bin/cli/call.ts';
import { ExitError } from '../../bin/cli/exit.ts';
import type { DatasetUse } from '../../functions/datasets/schemas.ts';
import type { ReadyProject } from '../../functions/projects/schemas.ts';
import { connectTestCloud } from '../cloud.ts';
import { type Fault, groupCallsByFunction, type WatchedRun, watchCalls } from '../faults.ts';
import { addSha256Sums } from '../ingest/delivery.ts';
import { countKeyVersions, deliverFiles, signInNewPerson } from '../ingest/partner.ts';
import { areTrialsComplete, selectTrials } from '../trials.ts';
import { buildProjectFor, minimisedOf, tomorrow, waitForAnswer, waitForMinimised } from './harness.ts';

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
});
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

const requestUse = (change: object = {}) =>
  lead?.ask('requestUse', {
    params: { project },
    body: { dataset, purpose: 'research', endsAt: tomorrow(), explanation: 'Visits by region.', ...change },
  }) as Promise<DatasetUse>;

/** Gives the project the dataset and takes it away again, each with the faults. */
async function giveAndTake(faults: readonly Fault[]): Promise<void> {
  const use = await requestUse();
  const params = { project, use: use.id };
  await watch.rearm(faults);
  await insist(() => owner?.ask('approveUse', { params, body: {} }));
  await waitForAnswer(cloud, key, reader, csv);
  await watch.rearm(faults);
  await insist(() => lead?.ask('endUse', { params, body: { reason: 'Done.' } }));
  await waitForAnswer(cloud, key, reader, 'AccessDenied');
}

/** A sample fails a call of every function in each way. */
const kindsOf = ({ function: name, how: kind }: Fault) => [`${name} ${kind}`];

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
}, 900_000);

let recipeCount = 0;

/** Gives the project a minimised version of its own with the faults, which all happen, and takes it away again. */
async function minimiseAndTake(faults: readonly Fault[]): Promise<WatchedRun> {
  const label = `region${++recipeCount}`;
  const tables = [{ path: 'a.csv', columns: [{ name: 'region', do: 'keep', as: label }] }];
  const request = await requestUse({ recipe: { recipe: 1, tables } });
  const params = { project, use: request.id };
  await watch.rearm(faults);
  await owner?.ask('approveUse', { params, body: { recipe: request.recipeDigest } });
  const { prefix, rowsWritten } = minimisedOf(await waitForMinimised(lead as ApiClient, request));
  expect(rowsWritten).toBe(1);
  await waitForAnswer(cloud, `${prefix}data/a.csv`, reader, `${label}\nNorth\n`);
  const run = await watch.calls();
  expect(run.unmet).toEqual([]);
  await watch.rearm([]);
  await lead?.ask('endUse', { params, body: { reason: 'Done.' } });
  return run;
}

it('whichever AWS call of a minimisation fails, and however often a step is repeated, the project reads one version', async () => {
  // The first one also makes the linkage key of the project.
  await minimiseAndTake([]);
  const { calls } = await minimiseAndTake([]);
  const faults = [...groupCallsByFunction(calls)]
    .filter(([name]) => name.startsWith('datasets/minimise'))
    .flatMap(([name, list]) =>
      (['error', 'lost'] as const).flatMap(kind =>
        // The last calls first: they are the ones that write.
        list.toReversed().map(({ action, nth }): Fault => ({ function: name, action, nth, how: kind })),
      ),
    );
  expect(new Set(faults.map(({ function: name }) => name)).size).toBe(5);
  // A sample fails one call of every function, all in one run, in each way.
  const selection = selectTrials('datasets, an AWS call of a minimisation fails', faults, fault => [
    `${fault.function} ${fault.how}`,
  ]);
  const runs = areTrialsComplete
    ? selection.map(fault => [fault])
    : (['error', 'lost'] as const).map(kind => selection.filter(fault => fault.how === kind));
  for (const run of runs) await minimiseAndTake(run);
  const versionCounts = await countKeyVersions(cloud, cloud.outputs['data.Lake'] ?? '', `datasets/${dataset}/`);
  const tables = Object.entries(versionCounts).filter(([path]) => path.endsWith('/data/a.csv'));
  expect(tables.map(([, count]) => count)).toEqual(Array.from({ length: runs.length + 3 }, () => 1));
}, 900_000);
