import { readFileSync } from 'node:fs';
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createJobId } from '../../functions/batch/batch.ts';
import type { ComputeJob } from '../../functions/batch/schemas.ts';
import { rowKey } from '../../functions/keys.ts';
import { playedImage as image } from '../../local/registry.ts';
import { playScheduler } from '../../local/scheduler.ts';
import { connectTestCloud } from '../cloud.ts';
import { readByAccessPoint, tomorrow } from '../datasets/harness.ts';
import { addSha256Sums } from '../ingest/delivery.ts';
import { deliverFiles, signInNewPerson } from '../ingest/partner.ts';
import { assumeAnyRole } from '../security/attacker.ts';
import { openTestTable } from '../workspaces/harness.ts';
import { type BatchPeople, isDescribed, openTestQueue, signInBatchPeople, waitForAnswerThat } from './harness.ts';

const cloud = connectTestCloud();
const root = new S3Client(cloud.configuration);
const params = { project: 'bat-flow' };
const dataset = 'bat-rain';
const lines: string[] = [];
const playing = new AbortController();
let people: BatchPeople;
let scheduler: Promise<void>;
let [version, use] = ['', ''];

const csv = 'day,rain\n1,0\n';
const datasetKey = () => `datasets/${dataset}/${version}/data/days.csv`;

const waitFor = <T>(ask: () => Promise<T>, holds: (answer: T) => boolean) =>
  waitForAnswerThat(ask, holds, () => lines.join('\n'));
const run = (change: object = {}) =>
  people.lead.ask('runPipeline', {
    params: { ...params, pipeline: 'counts' },
    body: {
      ...{ revision: '1.0', image, taskImage: image, input: 'data/cohort/days.csv', minutes: 5 },
      ...{ places: 1, taskVcpus: 1, ...change },
    },
  });
const waitForEnd = ({ id }: ComputeJob) =>
  waitFor(() => people.lead.ask('showJob', { params: { ...params, job: id } }), isDescribed);
const Bucket = () => people.project.network.bucket;
const writeFile = (Key: string, Body: string | Buffer) =>
  root.send(new PutObjectCommand({ Bucket: Bucket(), Key, Body }));
async function readFile(Key: string): Promise<string> {
  const { Body } = await root.send(new GetObjectCommand({ Bucket: Bucket(), Key }));
  return (await Body?.transformToString()) ?? '';
}
/** What the heads of the project's pipelines read by its access point: the text, or the name of the error. */
async function readAsHead(): Promise<string> {
  const { items } = await people.lead.ask('listQueues', { params });
  const role = items[0]?.status === 'open' ? items[0].place.headRole : undefined;
  const head = new S3Client({ ...cloud.configuration, credentials: await assumeAnyRole(cloud, role ?? '') });
  const object = { Bucket: people.project.network.datasets?.alias, Key: datasetKey() };
  return head.send(new GetObjectCommand(object)).then(
    ({ Body }) => Body?.transformToString() ?? '',
    (error: Error) => error.name,
  );
}

/** Writes rows of jobs that were submitted after all others and have ended. */
async function addEndedJobs(count: number): Promise<void> {
  const table = await openTestTable(cloud);
  const { items } = await people.lead.ask('listJobs', { params });
  const endedJob = await table.get(rowKey('job', params.project, items.find(isDescribed)?.id ?? ''));
  const now = new Date().toISOString();
  for (let first = 0; first < count; first += 50)
    await Promise.all(
      Array.from({ length: 50 }, (_, index) => {
        const id = createJobId(now, first + index);
        return table.put(rowKey('job', params.project, id), { ...endedJob, id });
      }),
    );
}

/** Gives the project the version. Returns the id of the use. */
async function grantUse({ steward, lead }: Pick<BatchPeople, 'steward' | 'lead'>): Promise<string> {
  const body = { dataset, purpose: 'research', endsAt: tomorrow(), explanation: 'Rain by day.' };
  const use = await lead.ask('requestUse', { params, body });
  await steward.ask('approveUse', { params: { ...params, use: use.id }, body: {} });
  return use.id;
}

/** A delivered dataset that the project may use. */
async function grantDataset({ steward, lead }: Pick<BatchPeople, 'steward' | 'lead'>): Promise<string> {
  const partner = await signInNewPerson(cloud, 'bat-flow-partner', 'partner');
  const delivery = await deliverFiles(cloud, partner, dataset, addSha256Sums({ 'days.csv': csv }));
  if (delivery.status !== 'registered') throw new Error(JSON.stringify(delivery));
  version = delivery.version;
  const owner = (await steward.ask('showMe')).name;
  const terms = { title: 'Rain', controller: 'Tayside Health', licence: 'DSA 1', purposes: ['research'], days: 30 };
  await steward.ask('governDataset', { params: { dataset }, body: { ...terms, owner } });
  return grantUse({ steward, lead });
}

beforeAll(async () => {
  people = await signInBatchPeople(cloud, params.project);
  await openTestQueue(people);
  scheduler = playScheduler(cloud, { ...params, signal: playing.signal, log: line => lines.push(line) });
  await writeFile('data/pipelines/counts/1.0/main.nf', readFileSync('examples/pipeline/main.nf'));
});
afterAll(async () => {
  playing.abort();
  await scheduler;
});

describe('a pipeline', () => {
  const readTrace = async ({ id }: ComputeJob) => {
    const { reports } = await people.lead.ask('showJob', { params: { ...params, job: id } });
    const trace = await readFile(reports?.trace ?? '');
    return trace
      .split('\n')
      .slice(1, -1)
      .map(line => line.split('\t').slice(3, 5).join(' '));
  };

  it('runs in tasks of its own, and another run of it continues where the first ended', async () => {
    await writeFile('data/cohort/days.csv', 'day,rain\n1,0\n2,5\n');
    const job = await run();
    expect(await waitForEnd(job), lines.join('\n')).toMatchObject({ status: 'succeeded' });
    expect(await readFile(`batch/${job.id}/outputs/report.txt`)).toBe('days: 2\n');
    expect(await readTrace(job)).toEqual(['COUNT COMPLETED', 'REPORT COMPLETED']);
    expect(await readFile(`batch/${job.id}/run/nextflow.config`)).toContain("executor = 'awsbatch'");
    const second = await run({ resumes: job.id });
    expect(await waitForEnd(second), lines.join('\n')).toMatchObject({ status: 'succeeded' });
    expect(await readTrace(second)).toEqual(['COUNT CACHED', 'REPORT CACHED']);
  });

  it('reads the granted version of a dataset at the path that desktops have, and its description names the version', async () => {
    await expect(run({ datasets: [dataset] })).rejects.toThrow(`may not use the dataset ${dataset}`);
    use = await grantDataset(people);
    const input = `/data/${dataset}/${version.slice(0, 12)}/days.csv`;
    await expect(run({ input })).rejects.toThrow(`${input} is in no dataset of the run`);
    // The heads of pipelines may read it too once the approval is applied.
    await waitFor(readAsHead, text => text === csv);
    const job = await run({ datasets: [dataset], input });
    expect(await waitForEnd(job), lines.join('\n')).toMatchObject({ status: 'succeeded' });
    expect(await readFile(`batch/${job.id}/outputs/report.txt`)).toBe('days: 1\n');
    const { '@graph': graph } = JSON.parse(await readFile(`batch/${job.id}/run/ro-crate-metadata.json`));
    const { object } = graph.find((entity: Record<string, unknown>) => entity['@type'] === 'CreateAction');
    expect(object).toContainEqual({ '@id': `urn:broch:dataset:${dataset}:${version}` });
  });

  it('leaves no task behind when it is cancelled', async () => {
    const script = `process WAIT {\n  script:\n  """\n  echo waits\n  sleep 60\n  """\n}\nworkflow { WAIT() }\n`;
    await writeFile('data/pipelines/counts/2.0/main.nf', script);
    const job = await run({ revision: '2.0' });
    await waitFor(
      async () => lines,
      output => output.includes('WAIT: waits'),
    );
    await people.lead.ask('cancelJob', { params: { ...params, job: job.id }, body: { reason: 'Wrong input.' } });
    expect(await waitForEnd(job)).toMatchObject({ status: 'cancelled' });
    await waitFor(
      async () => lines,
      output => output.some(line => line.startsWith('WAIT: FAILED')),
    );
  });
});

describe('a job that has a copy of a dataset', () => {
  const startJob = async () => {
    const body = { image, command: ['sh', '-c', `cat "$BROCH_DATA"/${dataset}/*/days.csv; sleep 120`], minutes: 5 };
    const job = await people.lead.ask('submitJob', { params, body: { ...body, datasets: [dataset] } });
    // Its copy is complete then.
    const start = `${job.id}: job.sh: ${job.id} starts, task-0-attempt-1`;
    await waitFor(
      async () => lines,
      output => output.includes(start),
    );
    return job;
  };

  it('is stopped when the dataset is suspended', async () => {
    const job = await startJob();
    await people.steward.ask('suspendDataset', { params: { dataset }, body: { reason: 'A consent is in doubt.' } });
    const reason = `The dataset ${dataset} is suspended: A consent is in doubt.`;
    expect(await waitForEnd(job)).toMatchObject({ status: 'cancelled', reason, stop: { by: { name: 'Broch' } } });
    await people.steward.ask('resumeDataset', { params: { dataset } });
  });

  it('is stopped when the use ends early, also behind a thousand newer jobs', async () => {
    const job = await startJob();
    await addEndedJobs(1000);
    await people.steward.ask('endUse', { params: { ...params, use }, body: { reason: 'The study is over.' } });
    const reason = `The use of the dataset ${dataset} ended: The study is over.`;
    expect(await waitForEnd(job)).toMatchObject({ status: 'cancelled', reason });
    await grantUse(people);
  });
});

it('when its queue is closed, the desktops of the project read its datasets as before', async () => {
  await people.lead.ask('closeQueue', { params: { ...params, kind: 'cpu' } });
  await waitFor(
    () => people.lead.ask('listQueues', { params }),
    ({ items }) => items[0]?.status === 'closed',
  );
  await waitFor(
    () => readByAccessPoint(cloud, datasetKey(), people.project),
    text => text === csv,
  );
});
