import { setTimeout as sleep } from 'node:timers/promises';
import { BatchClient, ListJobsCommand } from '@aws-sdk/client-batch';
import type { ApiClient } from '../../bin/cli/call.ts';
import { mapInParallel } from '../../functions/storage/parallel.ts';
import type { CloudFacts } from '../deployed-cloud.ts';
import { playedImage as image, pullPlayedImage } from '../registry.ts';
import { clientConfigFor, rootCredentialsFor } from '../roles.ts';
import { pollUntilSettled } from '../story/until.ts';
import { assertHolds } from '../story.ts';
import { countStepCalls } from './record.ts';
import { type BenchLog, type BenchScene, withBenchScene } from './scene.ts';
import { endWorkers, watchWorkers } from './workers.ts';

const waves = [1, 100, 1000] as const;
/** How many people submit at the same moment. */
const PARALLELISM = 4;
const params = { project: 'bench-jobs' };
const request = { image, command: ['true'], minutes: 1, attempts: 1 };

/** A project with an open queue and an approved image. */
async function openQueue({ stage }: BenchScene): Promise<ApiClient> {
  const [olga, rana, stella] = [stage.as('olga'), stage.as('rana'), stage.as('stella')];
  await olga.ask('createProject', { body: { id: params.project, title: 'Bench' } });
  await pollUntilSettled(
    () => olga.ask('showProject', { params }),
    ({ status }) => status === 'ready',
    120,
  );
  await olga.ask('addMember', { params: { ...params, name: 'rana' }, body: { roles: ['lead', 'researcher'] } });
  await rana.ask('requestQueue', { params: { ...params, kind: 'cpu' }, body: { reason: 'A measurement.' } });
  await olga.ask('approveQueue', { params: { ...params, kind: 'cpu' }, body: { dollars: 100_000 } });
  await rana.ask('requestContainer', { params, body: { image, reason: 'A measurement.' } });
  await pullPlayedImage(clientConfigFor(stage.facts, rootCredentialsFor(stage.facts.account)));
  await stella.ask('approveContainer', { params, body: { image } });
  await pollUntilSettled(
    () => rana.ask('listQueues', { params }),
    ({ items }) => items[0]?.status === 'open',
    120,
  );
  return rana;
}

/** How many of the project's jobs have ended with all that they left on record, and how many there are. */
async function countJobs(rana: ApiClient): Promise<{ total: number; described: number }> {
  let [total, described, next]: [number, number, string | undefined] = [0, 0, undefined];
  do {
    const query = { limit: 100, ...(next !== undefined && { next }) };
    const page: Awaited<ReturnType<typeof rana.ask<'listJobs'>>> = await rana.ask('listJobs', { params, query });
    total += page.items.length;
    described += page.items.filter(job => job.status === 'succeeded' && job.outputs !== undefined).length;
    next = page.next;
  } while (next !== undefined);
  return { total, described };
}

/** The first try to give a job to AWS. AWS throttles more than 50 in a second. */
const firstPlacement = {
  function: 'batch/dispatch.lambda.ts',
  action: 'batch:SubmitJob',
  nth: 1,
  how: 'throttle',
} as const;

/** AWS Batch has every job of the project, and none twice. */
async function requireEachOnce(rana: ApiClient, facts: CloudFacts, total: number): Promise<void> {
  const { items } = await rana.ask('listQueues', { params });
  const jobQueue = items[0]?.status === 'open' ? items[0].place.queueArn : undefined;
  const batch = new BatchClient(clientConfigFor(facts, rootCredentialsFor(facts.account)));
  const { jobSummaryList = [] } = await batch.send(new ListJobsCommand({ jobQueue, jobStatus: 'SUCCEEDED' }));
  batch.destroy();
  const names = new Set(jobSummaryList.map(({ jobName }) => jobName));
  assertHolds(
    names.size === total && jobSummaryList.length === total,
    `of ${total} jobs, AWS Batch has ${names.size} in ${jobSummaryList.length} submissions`,
  );
}

interface WaveTools {
  readonly log: BenchLog;
  readonly count: Awaited<ReturnType<typeof countStepCalls>>;
  readonly rana: ApiClient;
}

/** Submits a number of jobs and waits until all are on record. */
async function submitWave(
  { stage }: BenchScene,
  { log, count, rana }: WaveTools,
  size: number,
  baseline: number,
): Promise<Record<string, number>> {
  const { facts } = stage;
  await endWorkers(facts.endpoint);
  const watch = watchWorkers(facts.endpoint);
  const throttledCount = Math.floor(size / 5);
  await count.list(throttledCount > 0 ? [{ ...firstPlacement, invocations: throttledCount }] : []);
  const start = Date.now();
  await mapInParallel(Array.from({ length: size }), PARALLELISM, () =>
    rana.ask('submitJob', { params, body: request }),
  );
  const submissionSeconds = (Date.now() - start) / 1000;
  for (let rounds = 0; ; rounds += 1) {
    // Looking is work for the embedded cloud too, so it looks rarely. What looking asks of AWS is not counted.
    await sleep(size === 1 ? 1000 : 5000);
    const { total, described } = await countJobs(rana);
    assertHolds(total === baseline + size, `${total - baseline} jobs are on record, not ${size}`);
    if (described === total) break;
    log(`${total - described} of ${size} have not ended`);
    assertHolds(rounds < 400, `${total - described} jobs of ${size} have not ended`);
  }
  const workers = watch.used();
  const calls = (await count.list()).filter(({ function: name }) => !name.includes(' GET '));
  await requireEachOnce(rana, facts, baseline + size);
  const perJob = (action: string) => calls.filter(call => call.action === action).length / size;
  return {
    calls_per_job: calls.length / size,
    // A job needs no workflow: events carry it on.
    transitions_per_job: perJob('states:StartExecution'),
    submissions_to_aws_per_job: perJob('batch:SubmitJob'),
    ...(workers.length > 0 && { lambda_ms_per_job: workers.reduce((sum, { cpuMs }) => sum + cpuMs, 0) / size }),
    machine_submissions_per_second: size / submissionSeconds,
  };
}

/**
 * One, a hundred and a thousand jobs of a project submitted at once: what each costs must not grow with how many there
 * are. AWS throttles a fifth of the submissions, and yet has each job exactly once. Their programs end at once, without a process, because it is the platform that is measured.
 */
export const benchJobs = (log: BenchLog): Promise<Record<string, number>> =>
  withBenchScene(log, { waits: 1, concurrency: 20, faults: true }, async scene => {
    scene.stage.played.skipsPrograms = true;
    const rana = await openQueue(scene);
    // The record of CloudTrail in the embedded cloud keeps the newest ten thousand calls only.
    const count = await countStepCalls(scene.stage.facts.plain, params.project);
    const results: Record<string, number>[] = [];
    let total = 0;
    for (const size of waves) {
      log(size === 1 ? '1 job' : `${size} jobs at once`);
      results.push(await submitWave(scene, { log, count, rana }, size, total));
      total += size;
    }
    const [first = {}, last = {}] = [results[0], results.at(-1)];
    return {
      ...Object.fromEntries(
        Object.keys(first).flatMap(name =>
          waves.map((size, index) => [`${name}_${size}`, results[index]?.[name] ?? Number.NaN]),
        ),
      ),
      calls_1000_to_1_ratio: (last.calls_per_job ?? Number.NaN) / (first.calls_per_job ?? Number.NaN),
    };
  });
