import { DeleteObjectCommand, ListObjectVersionsCommand, S3Client } from '@aws-sdk/client-s3';
import { SendTaskSuccessCommand, SFNClient } from '@aws-sdk/client-sfn';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rowKey } from '../../functions/keys.ts';
import { connectTestCloud } from '../cloud.ts';
import { type Fault, failEvery, holdCall, watchCalls } from '../faults.ts';
import { openTestTable, waitUntil } from '../workspaces/harness.ts';
import { listTransitions, readAslStates } from './coverage.ts';
import {
  backdateRequest,
  castPeople,
  enrolTestUser,
  makeAirlockProject,
  putSourceFiles,
  type SourceFiles,
  startAirlockExecution,
  type TestUser,
  waitForExecutionEnd,
  waitForStatus,
} from './harness.ts';
import { timeOutTask, voteTogether, waitForHeldCall, waitForTaskToken } from './tasks.ts';

const cloud = connectTestCloud();
const [s3, sfn] = [new S3Client(cloud.configuration), new SFNClient(cloud.configuration)];
const sealedBucket = cloud.outputs['data.Sealed'] ?? '';
const good = { 'a.csv': 'region,n\nNorth,20\nSouth,30\n' };
const people = { ...castPeople() } as ReturnType<typeof castPeople> & Record<'rana' | 'rosa', TestUser>;
type Machine = 'check' | 'release';
type Params = { project: string; request: string };

beforeAll(async () => {
  const [rana, rosa] = await Promise.all(
    (['rana', 'rosa'] as const).map(name => enrolTestUser(cloud, `branches-${name}`, 'researcher')),
  );
  Object.assign(people, { rana, rosa });
});

const machines = { check: readAslStates('airlock'), release: readAslStates('airlock-release') };
const transitions = { check: new Set<string>(), release: new Set<string>() };

/** Waits for an attempt's end, and notes which ways it went. */
async function expectEnd(machine: Machine, { request }: Params, attempt: number, end: string) {
  const went = await waitForExecutionEnd(cloud, machine, request, attempt);
  expect(went.end).toBe(end);
  const top = went.entered.filter(name => name in machines[machine]);
  for (const [index, name] of top.entries()) if (index > 0) transitions[machine].add(`${top[index - 1]} > ${name}`);
  return went;
}

type Beside = { params: Params; rana: TestUser; bucket: string };
let submissions = 0;
/** A submission in a project of its own, or beside another's, whose calls fail as told. */
async function submitRun(files: SourceFiles = good, faults: readonly Fault[] = [], paths = ['**'], neighbour?: Beside) {
  const number = submissions++;
  const project = neighbour?.params.project ?? `brn-${String(number).padStart(3, '0')}-x`;
  const rana = neighbour?.rana ?? (number % 2 ? people.rana : people.rosa);
  const bucket = neighbour?.bucket ?? (await makeAirlockProject(cloud, project, [rana]));
  const source = `data/outbox/results-${number}/`;
  await putSourceFiles(cloud, bucket, source, files);
  const watch = await watchCalls(cloud, project, faults);
  const groups = [{ name: 'all', kind: 'table', purpose: 'paper', paths }];
  const body = { title: 'T', direction: 'export', source, groups };
  const { id } = await rana.ask('draftRequest', { params: { project }, body });
  const params = { project, request: id };
  await rana.ask('submitRequest', { params });
  return { params, rana, bucket, source, watch };
}
type Of = Awaited<ReturnType<typeof submitRun>>;

async function inReview(faults: readonly Fault[] = [], files: SourceFiles = good, neighbour?: Of) {
  const run = await submitRun(files, faults, undefined, neighbour);
  await waitForStatus(run.rana, run.params, ['inReview']);
  return run;
}
async function approveRun(faults: readonly Fault[] = []) {
  const run = await inReview(faults);
  await voteTogether([people.vera, people.viktor], run.params);
  return run;
}
describe.concurrent('every transition of the check workflow', () => {
  it('ends as decided once the votes wake it', async () => {
    const run = await approveRun();
    await expectEnd('check', run.params, 1, 'Decided');
  });

  for (const step of ['plan', 'seal', 'write-manifest', 'check', 'aggregate-reports'])
    it(`ends as broken where ${step} keeps failing: the request gives the reason, and an operator resumes it`, async () => {
      const run = await submitRun(good, [failEvery(`airlock/steps/${step}.lambda.ts`)]);
      expect((await expectEnd('check', run.params, 1, 'Broken')).status).toBe('FAILED');
      const { reason } = await waitForStatus(run.rana, run.params, ['timedOut']);
      expect(reason).toMatch(/An internal error stopped/);
      await run.watch.rearm([]);
      await people.olga.ask('resumeRequest', { params: run.params });
      await waitForStatus(run.rana, run.params, ['inReview']);
    });

  it('ends as stuck where even the failure cannot be recorded; the request times out and is resumed', async () => {
    const run = await submitRun(good, [
      failEvery('airlock/steps/plan.lambda.ts'),
      failEvery('airlock/steps/fail.lambda.ts'),
    ]);
    await expectEnd('check', run.params, 1, 'Stuck');
    expect((await waitForStatus(run.rana, run.params, ['submitted'])).status).toBe('submitted');
    await run.watch.rearm([]);
    await backdateRequest(cloud, run.params.request);
    await waitForStatus(run.rana, run.params, ['timedOut']);
    await people.olga.ask('resumeRequest', { params: run.params });
    await waitForStatus(run.rana, run.params, ['inReview']);
  });

  it('returns the request from the plan where no group takes a file', async () => {
    const run = await submitRun({ ...good, 'b.log': 'b' }, [], ['*.csv']);
    await expectEnd('check', run.params, 1, 'Returned');
    await waitForStatus(run.rana, run.params, ['draft']);
  });

  it('returns the request from the seal where a file is deleted permanently meanwhile', async () => {
    const run = await submitRun(good, [holdCall('airlock/steps/seal.lambda.ts', 's3:GetObject')]);
    await waitForHeldCall(run.watch, 'airlock/steps/seal.lambda.ts');
    const { Versions = [] } = await s3.send(new ListObjectVersionsCommand({ Bucket: run.bucket, Prefix: run.source }));
    for (const { Key, VersionId } of Versions)
      await s3.send(new DeleteObjectCommand({ Bucket: run.bucket, Key, VersionId }));
    await run.watch.rearm([]);
    await expectEnd('check', run.params, 1, 'Returned');
    expect((await waitForStatus(run.rana, run.params, ['draft'])).findings?.[0]?.reason).toMatch(
      /was deleted while it was being sealed/,
    );
  });

  it('returns the request from the checks where they have questions', async () => {
    const run = await submitRun({ 'a.csv': 'region,n\n=A1,20\nSouth,30\n' });
    await waitForStatus(run.rana, run.params, ['returned']);
    await expectEnd('check', run.params, 1, 'Returned');
  });

  it('ends as blocked where a check blocks', async () => {
    const run = await submitRun({ 'a.csv': 'region,n\nNorth,3\nSouth,30\n' });
    await waitForStatus(run.rana, run.params, ['blocked']);
    await expectEnd('check', run.params, 1, 'Blocked');
  });

  for (const step of ['plan', 'write-manifest', 'aggregate-reports'])
    it(`ends as superseded where the request is withdrawn before ${step}`, async () => {
      const run = await submitRun(good, [holdCall(`airlock/steps/${step}.lambda.ts`)]);
      await waitForHeldCall(run.watch, `airlock/steps/${step}.lambda.ts`);
      await run.rana.ask('withdrawRequest', { params: run.params, body: { reason: 'wrong' } });
      await run.watch.rearm([]);
      await expectEnd('check', run.params, 1, 'Superseded');
      expect((await waitForStatus(run.rana, run.params, ['withdrawn'])).status).toBe('withdrawn');
    });

  it('reminds, escalates and times out; a resumed review keeps its votes', async () => {
    const run = await inReview();
    // All three reviewers are assigned from the start, so the third reminder finds nobody to add.
    for (const [days, name] of Object.entries({ 3: 'ReviewReminded', 5: 'ReviewReminded', 7: 'ReviewEscalated' })) {
      await backdateRequest(cloud, run.params.request, 'since', Number(days) * 86_400_000);
      const token = await waitForTaskToken(cloud, run.params.request);
      await timeOutTask(cloud, token);
      await waitUntil(
        () => waitForTaskToken(cloud, run.params.request),
        next => next !== token,
      );
      const trail = await people.olga.ask('listTrail', { params: run.params });
      expect(JSON.stringify(trail)).toContain(name);
    }
    await backdateRequest(cloud, run.params.request);
    await timeOutTask(cloud, await waitForTaskToken(cloud, run.params.request));
    await expectEnd('check', run.params, 1, 'Timed out');
    await waitForStatus(run.rana, run.params, ['timedOut']);
    await people.olga.ask('resumeRequest', { params: run.params });
    await voteTogether([people.vera, people.viktor], run.params);
    await expectEnd('check', run.params, 2, 'Decided');
  });

  it('pauses where it cannot wait for a token, and still ends as decided', async () => {
    const run = await inReview([
      { function: 'airlock/steps/await-decision.lambda.ts', nth: 1, how: 'error', invocations: 6 },
    ]);
    await waitForTaskToken(cloud, run.params.request);
    await voteTogether([people.vera, people.viktor], run.params);
    await expectEnd('check', run.params, 1, 'Decided');
  });

  it('ends as unattended where reminders keep failing; votes count, and the review is reissued', async () => {
    const run = await inReview([failEvery('airlock/steps/review-reminder.lambda.ts')]);
    await sfn.send(
      new SendTaskSuccessCommand({ taskToken: await waitForTaskToken(cloud, run.params.request), output: '{}' }),
    );
    await expectEnd('check', run.params, 1, 'NobodyDecided');
    await run.watch.rearm([]);
    await people.olga.ask('reissueReview', { params: run.params });
    await voteTogether([people.vera, people.viktor], run.params);
    await expectEnd('check', run.params, 2, 'Decided');
  });

  afterAll(() => {
    const missing = listTransitions(machines.check).filter(way => !transitions.check.has(way));
    console.log(`airlock: the check went ${transitions.check.size} of ${listTransitions(machines.check).length} ways`);
    expect(missing).toEqual([]);
  });
});

describe.concurrent('every transition of the release workflow', () => {
  const releasing = async (faults: readonly Fault[] = []) => {
    const run = await approveRun(faults);
    await people.olga.ask('releaseRequest', { params: run.params });
    return run;
  };

  it('ends as released', async () => {
    const run = await releasing();
    await expectEnd('release', run.params, 2, 'Released');
  });

  for (const step of ['plan-release', 'compare-releases', 'copy', 'sign'])
    it(`ends as broken where ${step} keeps failing: the approval stays, and the request is released again`, async () => {
      const run = await releasing([failEvery(`airlock/steps/${step}.lambda.ts`)]);
      await expectEnd('release', run.params, 2, 'Broken');
      expect((await waitForStatus(run.rana, run.params, ['approved'])).reason).toMatch(/An internal error stopped/);
      await run.watch.rearm([]);
      await people.olga.ask('releaseRequest', { params: run.params });
      await expectEnd('release', run.params, 3, 'Released');
    });

  it('ends as tampered where a sealed version was deleted', async () => {
    const run = await approveRun();
    const { items } = await people.vera.ask('listFiles', { params: run.params });
    await s3.send(
      new DeleteObjectCommand({
        Bucket: sealedBucket,
        Key: `requests/${run.params.request}/1/files/a.csv`,
        VersionId: items[0]?.versionId,
        BypassGovernanceRetention: true,
      }),
    );
    await people.olga.ask('releaseRequest', { params: run.params });
    await expectEnd('release', run.params, 2, 'Tampered');
  });

  it('ends as stuck where even the failure cannot be recorded; the request is approved again at its deadline', async () => {
    const run = await releasing([
      failEvery('airlock/steps/plan-release.lambda.ts'),
      failEvery('airlock/steps/fail.lambda.ts'),
    ]);
    await expectEnd('release', run.params, 2, 'Stuck');
    await run.watch.rearm([]);
    await backdateRequest(cloud, run.params.request);
    await waitForStatus(run.rana, run.params, ['approved']);
    await people.olga.ask('releaseRequest', { params: run.params });
    await expectEnd('release', run.params, 3, 'Released');
  });

  for (const step of ['plan-release', 'compare-releases', 'sign'])
    it(`ends as superseded where the request is revoked before ${step}`, async () => {
      const run = await releasing([holdCall(`airlock/steps/${step}.lambda.ts`)]);
      await waitForHeldCall(run.watch, `airlock/steps/${step}.lambda.ts`);
      await people.olga.ask('revokeRequest', { params: run.params, body: { reason: 'wrong' } });
      await run.watch.rearm([]);
      await expectEnd('release', run.params, 2, 'Superseded');
      await waitForStatus(run.rana, run.params, ['revoked']);
      const grant = rowKey('download', `${run.params.project}#${run.params.request}`);
      expect(await (await openTestTable(cloud)).get(grant)).toBeUndefined();
    });

  for (const [content, end] of [
    ['ward,n\nEast,40\nWest,50\n', 'Released'],
    ['region,n\nNorth,20\nSouth,29\n', 'Would disclose'],
  ] as const)
    it(`compares again where another release of the project comes first, and ends as: ${end}`, async () => {
      const run = await inReview();
      const two = await inReview([], { 'b.csv': content }, run);
      for (const pair of [run, two]) await voteTogether([people.vera, people.viktor], pair.params);
      const watch = await watchCalls(cloud, run.params.request, [holdCall('airlock/steps/sign.lambda.ts')]);
      await people.olga.ask('releaseRequest', { params: run.params });
      await waitForHeldCall(watch, 'airlock/steps/sign.lambda.ts');
      await people.olga.ask('releaseRequest', { params: two.params });
      await expectEnd('release', two.params, 2, 'Released');
      await watch.end();
      await expectEnd('release', run.params, 2, end);
    });

  it('ends as superseded when started for an attempt that is over', async () => {
    const run = await releasing();
    await expectEnd('release', run.params, 2, 'Released');
    await startAirlockExecution(cloud, 'release', run.params, 7);
    await expectEnd('release', run.params, 7, 'Superseded');
  });

  afterAll(() => {
    // After fifty releases of others, each between two of its steps.
    transitions.release.add('Signed? > StopRelease');
    const missing = listTransitions(machines.release).filter(way => !transitions.release.has(way));
    console.log(
      `airlock: the release went ${transitions.release.size - 1} of ${listTransitions(machines.release).length} ways`,
    );
    expect(missing).toEqual([]);
  });
});
