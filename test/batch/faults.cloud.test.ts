import { BatchClient, ListJobsCommand } from '@aws-sdk/client-batch';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ComputeJob } from '../../functions/batch/schemas.ts';
import { mapInParallel } from '../../functions/storage/parallel.ts';
import { playedImage } from '../../local/registry.ts';
import { playScheduler } from '../../local/scheduler.ts';
import { connectTestCloud } from '../cloud.ts';
import { type Fault, groupCallsByFunction, watchCalls } from '../faults.ts';
import { areTrialsComplete, selectTrials } from '../trials.ts';
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
});
afterAll(async () => {
  playing.abort();
  await watch?.end();
});

/** The limit only ends trials that hang: all of them take minutes on a quiet machine. */
const trialsTimeout = areTrialsComplete ? 3_600_000 : 900_000;

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

/** A sample fails every operation of AWS Batch in both ways, and a call of every function. */
const kindsOf = ({ function: name, action = '', how: kind }: Fault) => [
  name,
  ...(action.startsWith('batch:') ? [`${action} ${kind}`] : []),
];

it(
  'whichever AWS call of a job fails, or only its answer is lost, AWS gets the job once and its cost is booked once',
  async () => {
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
  },
  trialsTimeout,
);

const submission = { function: 'batch/api.lambda.ts POST /projects/{project}/jobs', nth: 1 } as const;
const placement = { function: 'batch/dispatch.lambda.ts', action: 'batch:SubmitJob' } as const;
const submit = (change: object = {}) =>
  people.lead.ask('submitJob', { params, body: { image: playedImage, command: ['true'], minutes: 1, ...change } });
const waitForEnd = ({ id }: ComputeJob) =>
  waitForAnswerThat(() => people.lead.ask('showJob', { params: { ...params, job: id } }), isDescribed);
const costOf = (job: ComputeJob) => ('costMicros' in job ? job.costMicros : Number.NaN);

it('of two jobs that fit the budget alone but not together exactly one is taken, though both read the same budget', async () => {
  const earlier = await people.lead.ask('showBudget', { params });
  const size = { vcpus: 16, attempts: 5 };
  const hour = { image: playedImage, command: ['true'], ...size, attempts: 1, minutes: 50 };
  // An hour is billed: the machine has ten minutes beside the job.
  const { mostMicros: hourMicros } = await people.lead.ask('estimateJob', { params, body: hour });
  const minutes = Math.floor((0.6 * earlier.roomMicros * 60) / (hourMicros * size.attempts)) - 10;
  await watch.rearm([{ ...submission, action: 'dynamodb:TransactWriteItems JOB', how: 'hold', invocations: 2 }]);
  const submissions = Promise.allSettled([submit({ ...size, minutes }), submit({ ...size, minutes })]);
  await waitForAnswerThat(
    () => watch.calls(),
    ({ calls }) => calls.filter(({ how: kind }) => kind === 'hold').length === 2,
  );
  await watch.rearm([]);
  const results = await submissions;
  const takenJobs = results.flatMap(result => (result.status === 'fulfilled' ? [result.value] : []));
  const refusals = results.flatMap(result => (result.status === 'rejected' ? [String(result.reason)] : []));
  expect([takenJobs.length, refusals]).toEqual([1, [expect.stringMatching(/of the budget of bat-faults are free/)]]);
  const job = await waitForEnd(takenJobs[0] as ComputeJob);
  expect(await people.lead.ask('showBudget', { params })).toMatchObject({
    reservedMicros: 0,
    spentMicros: earlier.spentMicros + costOf(job),
  });
});

const crowd = areTrialsComplete ? 1000 : 12;
it(
  `of ${crowd} jobs submitted at once while AWS throttles, AWS gets each exactly once, and none is lost`,
  async () => {
    const earlier = await people.lead.ask('showBudget', { params });
    await watch.rearm([
      { ...placement, nth: 1, how: 'lost', invocations: 2 },
      { ...placement, nth: 1, how: 'throttle', invocations: crowd },
      { ...placement, nth: 2, how: 'throttle', invocations: Math.ceil(crowd / 5) },
    ]);
    const submissions = await mapInParallel(Array.from({ length: crowd }), 10, () => submit());
    const jobs = await mapInParallel(submissions, 10, waitForEnd);
    expect(new Set(jobs.map(({ id, status }) => `${id} ${status}`)).size).toBe(crowd);
    expect(jobs.filter(({ status }) => status !== 'succeeded')).toEqual([]);
    const { calls, unmet } = await watch.calls();
    expect(unmet).toEqual([]);
    console.log(
      `${calls.filter(({ how: kind }) => kind === 'throttle').length} submissions to AWS Batch were throttled`,
    );
    const names = jobs.map(({ id }) => id);
    const { jobSummaryList = [] } = await batch.send(
      new ListJobsCommand({ jobQueue: queueArn, filters: [{ name: 'JOB_NAME', values: names }] }),
    );
    expect(jobSummaryList.map(({ jobName }) => jobName).sort()).toEqual(names.sort());
    expect(await people.lead.ask('showBudget', { params })).toMatchObject({
      reservedMicros: 0,
      spentMicros: earlier.spentMicros + jobs.reduce((sum, job) => sum + costOf(job), 0),
    });
  },
  trialsTimeout,
);
