import { BatchClient, ListJobsCommand } from '@aws-sdk/client-batch';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { playedImage } from '../../local/registry.ts';
import { playScheduler } from '../../local/scheduler.ts';
import { connectTestCloud } from '../cloud.ts';
import { type Fault, groupCallsByFunction, watchCalls } from '../faults.ts';
import { selectTrials } from '../trials.ts';
import { type BatchPeople, isDescribed, openTestQueue, signInBatchPeople, waitForAnswerThat } from './harness.ts';

const cloud = connectTestCloud();
const params = { project: 'bat-faults' };
const playing = new AbortController();
const batch = new BatchClient(cloud.configuration);
let people: BatchPeople;
let queueArn = '';
let watch: Awaited<ReturnType<typeof watchCalls>>;

beforeAll(async () => {
  people = await signInBatchPeople(cloud, params.project);
  await openTestQueue(people);
  const { items } = await people.lead.ask('listQueues', { params });
  queueArn = items[0]?.status === 'open' ? items[0].place.queueArn : '';
  void playScheduler(cloud, { project: params.project, signal: playing.signal, skipsPrograms: () => true });
  watch = await watchCalls(cloud, params.project);
}, 240_000);
afterAll(async () => {
  playing.abort();
  await watch?.end();
});

/** Submits a job and waits until it is described, while these faults happen. */
async function runJob(faults: readonly Fault[]) {
  await watch.rearm(faults);
  const body = { image: playedImage, command: ['true'], minutes: 1 };
  const { id } = await people.lead.ask('submitJob', { params, body });
  const job = await waitForAnswerThat(
    () => people.lead.ask('showJob', { params: { ...params, job: id } }),
    isDescribed,
    () => JSON.stringify(faults),
  );
  const filters = [{ name: 'JOB_NAME', values: [id] }];
  const { jobSummaryList = [] } = await batch.send(new ListJobsCommand({ jobQueue: queueArn, filters }));
  return { job, submissions: jobSummaryList.length };
}

/** A sample fails every operation of AWS Batch in both ways, and every other operation and every function once. */
const kindsOf = ({ function: name, action = '', how: kind }: Fault) => {
  const operation = action.split(' ')[0] ?? '';
  return [name, operation.startsWith('batch:') ? `${operation} ${kind}` : operation];
};

it('whichever AWS call of a job fails, or only its answer is lost, AWS gets the job once and its cost is booked once', async () => {
  const { job } = await runJob([]);
  expect(job).toMatchObject({ status: 'succeeded' });
  const { calls } = await watch.calls();
  const faults = [...groupCallsByFunction(calls)].flatMap(([name, list]) =>
    /^batch\/(dispatch|report|finish)\./.test(name)
      ? list.flatMap(({ action, nth }): Fault[] => [
          { function: name, action, nth, how: 'error' },
          ...(action === 'lambda:Invoke' ? [] : [{ function: name, action, nth, how: 'lost' } as const]),
        ])
      : [],
  );
  expect(new Set(faults.map(({ function: name }) => name)).size).toBe(3);
  let spentMicros = 'costMicros' in job ? job.costMicros : 0;
  for (const fault of selectTrials('batch, an AWS call of a job fails', faults, kindsOf)) {
    const title = `${fault.function} ${fault.action} ${fault.nth} ${fault.how}`;
    const trial = await runJob([fault]);
    expect([title, trial.job.status, trial.submissions]).toEqual([title, 'succeeded', 1]);
    spentMicros += 'costMicros' in trial.job ? trial.job.costMicros : 0;
    const budget = await people.lead.ask('showBudget', { params });
    expect([title, budget.reservedMicros, budget.spentMicros]).toEqual([title, 0, spentMicros]);
  }
}, 400_000);

it('of jobs submitted at the same moment none is lost, and none passes the budget', async () => {
  await watch.rearm([]);
  const earlier = await people.lead.ask('showBudget', { params });
  // The API answers 409 where too many change the budget at once. A person, or the command line, tries again.
  const submissions = await Promise.allSettled(
    Array.from({ length: 12 }, () =>
      people.lead.ask('submitJob', { params, body: { image: playedImage, command: ['true'], minutes: 1 } }),
    ),
  );
  const ids = submissions.flatMap(result => (result.status === 'fulfilled' ? [result.value.id] : []));
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.length).toBeGreaterThan(0);
  const jobs = await Promise.all(
    ids.map(job => waitForAnswerThat(() => people.lead.ask('showJob', { params: { ...params, job } }), isDescribed)),
  );
  const costs = jobs.map(job => ('costMicros' in job ? job.costMicros : Number.NaN));
  const budget = await people.lead.ask('showBudget', { params });
  expect(budget).toMatchObject({
    reservedMicros: 0,
    spentMicros: earlier.spentMicros + costs.reduce((sum, cost) => sum + cost, 0),
  });
}, 200_000);
