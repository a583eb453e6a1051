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
const sealed = cloud.outputs['data.Sealed'] ?? '';
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
const gone = { check: new Set<string>(), release: new Set<string>() };

/** Waits for an attempt's end, and notes which ways it went. */
async function ends(machine: Machine, { request }: Params, attempt: number, end: string) {
  const went = await waitForExecutionEnd(cloud, machine, request, attempt);
  expect(went.end).toBe(end);
  const top = went.entered.filter(name => name in machines[machine]);
  for (const [index, name] of top.entries()) if (index > 0) gone[machine].add(`${top[index - 1]} > ${name}`);
  return went;
}

type Beside = { params: Params; rana: TestUser; bucket: string };
let made = 0;
/** A submission in a project of its own, or beside another's, whose calls fail as told. */
async function submitted(files: SourceFiles = good, faults: readonly Fault[] = [], paths = ['**'], beside?: Beside) {
  const number = made++;
  const project = beside?.params.project ?? `brn-${String(number).padStart(3, '0')}-x`;
  const rana = beside?.rana ?? (number % 2 ? people.rana : people.rosa);
  const bucket = beside?.bucket ?? (await makeAirlockProject(cloud, project, [rana]));
  const source = `data/outbox/results-${number}/`;
  await putSourceFiles(cloud, bucket, source, files);
  const watched = await watchCalls(cloud, project, faults);
  const groups = [{ name: 'all', kind: 'table', purpose: 'paper', paths }];
  const body = { title: 'T', direction: 'export', source, groups };
  const { id } = await rana.ask('draftRequest', { params: { project }, body });
  const params = { project, request: id };
  await rana.ask('submitRequest', { params });
  return { params, rana, bucket, source, watched };
}
type Of = Awaited<ReturnType<typeof submitted>>;

async function inReview(faults: readonly Fault[] = [], files: SourceFiles = good, beside?: Of) {
  const one = await submitted(files, faults, undefined, beside);
  await waitForStatus(one.rana, one.params, ['inReview']);
  return one;
}
async function approved(faults: readonly Fault[] = []) {
  const one = await inReview(faults);
  await voteTogether([people.vera, people.viktor], one.params);
  return one;
}
describe.concurrent('every transition of the check workflow', () => {
  it('ends as decided once the votes wake it', async () => {
    const one = await approved();
    await ends('check', one.params, 1, 'Decided');
  });

  for (const step of ['plan', 'seal', 'write-manifest', 'check', 'aggregate-reports'])
    it(`ends as broken where ${step} keeps failing: the request gives the reason, and an operator resumes it`, async () => {
      const one = await submitted(good, [failEvery(`airlock/steps/${step}.lambda.ts`)]);
      expect((await ends('check', one.params, 1, 'Broken')).status).toBe('FAILED');
      const { reason } = await waitForStatus(one.rana, one.params, ['timedOut']);
      expect(reason).toMatch(/An internal error stopped/);
      await one.watched.rearm([]);
      await people.olga.ask('resumeRequest', { params: one.params });
      await waitForStatus(one.rana, one.params, ['inReview']);
    });

  it('ends as stuck where even the failure cannot be recorded; the request times out and is resumed', async () => {
    const one = await submitted(good, [
      failEvery('airlock/steps/plan.lambda.ts'),
      failEvery('airlock/steps/fail.lambda.ts'),
    ]);
    await ends('check', one.params, 1, 'Stuck');
    expect((await waitForStatus(one.rana, one.params, ['submitted'])).status).toBe('submitted');
    await one.watched.rearm([]);
    await backdateRequest(cloud, one.params.request);
    await waitForStatus(one.rana, one.params, ['timedOut']);
    await people.olga.ask('resumeRequest', { params: one.params });
    await waitForStatus(one.rana, one.params, ['inReview']);
  });

  it('returns the request from the plan where no group takes a file', async () => {
    const one = await submitted({ ...good, 'b.log': 'b' }, [], ['*.csv']);
    await ends('check', one.params, 1, 'Returned');
    await waitForStatus(one.rana, one.params, ['draft']);
  });

  it('returns the request from the seal where a file is deleted permanently meanwhile', async () => {
    const one = await submitted(good, [holdCall('airlock/steps/seal.lambda.ts', 's3:GetObject')]);
    await waitForHeldCall(one.watched, 'airlock/steps/seal.lambda.ts');
    const { Versions = [] } = await s3.send(new ListObjectVersionsCommand({ Bucket: one.bucket, Prefix: one.source }));
    for (const { Key, VersionId } of Versions)
      await s3.send(new DeleteObjectCommand({ Bucket: one.bucket, Key, VersionId }));
    await one.watched.rearm([]);
    await ends('check', one.params, 1, 'Returned');
    expect((await waitForStatus(one.rana, one.params, ['draft'])).findings?.[0]?.reason).toMatch(
      /was deleted while it was being sealed/,
    );
  });

  it('returns the request from the checks where they have questions', async () => {
    const one = await submitted({ 'a.csv': 'region,n\n=A1,20\nSouth,30\n' });
    await waitForStatus(one.rana, one.params, ['returned']);
    await ends('check', one.params, 1, 'Returned');
  });

  it('ends as blocked where a check blocks', async () => {
    const one = await submitted({ 'a.csv': 'region,n\nNorth,3\nSouth,30\n' });
    await waitForStatus(one.rana, one.params, ['blocked']);
    await ends('check', one.params, 1, 'Blocked');
  });

  for (const step of ['plan', 'write-manifest', 'aggregate-reports'])
    it(`ends as superseded where the request is withdrawn before ${step}`, async () => {
      const one = await submitted(good, [holdCall(`airlock/steps/${step}.lambda.ts`)]);
      await waitForHeldCall(one.watched, `airlock/steps/${step}.lambda.ts`);
      await one.rana.ask('withdrawRequest', { params: one.params, body: { reason: 'wrong' } });
      await one.watched.rearm([]);
      await ends('check', one.params, 1, 'Superseded');
      expect((await waitForStatus(one.rana, one.params, ['withdrawn'])).status).toBe('withdrawn');
    });

  it('reminds, escalates and times out; a resumed review keeps its votes', async () => {
    const one = await inReview();
    for (const [hours, name] of [
      [49, 'ReviewReminded'],
      [97, 'ReviewEscalated'],
    ] as const) {
      await backdateRequest(cloud, one.params.request, 'since', hours * 3600_000);
      const token = await waitForTaskToken(cloud, one.params.request);
      await timeOutTask(cloud, token);
      await waitUntil(
        () => waitForTaskToken(cloud, one.params.request),
        next => next !== token,
      );
      const trail = await people.olga.ask('listTrail', { params: one.params });
      expect(JSON.stringify(trail)).toContain(name);
    }
    await backdateRequest(cloud, one.params.request);
    await timeOutTask(cloud, await waitForTaskToken(cloud, one.params.request));
    await ends('check', one.params, 1, 'Timed out');
    await waitForStatus(one.rana, one.params, ['timedOut']);
    await people.olga.ask('resumeRequest', { params: one.params });
    await voteTogether([people.vera, people.viktor], one.params);
    await ends('check', one.params, 2, 'Decided');
  });

  it('pauses where it cannot wait for a token, and still ends as decided', async () => {
    const one = await inReview([
      { function: 'airlock/steps/await-decision.lambda.ts', nth: 1, how: 'error', invocations: 6 },
    ]);
    await waitForTaskToken(cloud, one.params.request);
    await voteTogether([people.vera, people.viktor], one.params);
    await ends('check', one.params, 1, 'Decided');
  });

  it('ends as unattended where reminders keep failing; votes count, and the review is reissued', async () => {
    const one = await inReview([failEvery('airlock/steps/review-reminder.lambda.ts')]);
    await sfn.send(
      new SendTaskSuccessCommand({ taskToken: await waitForTaskToken(cloud, one.params.request), output: '{}' }),
    );
    await ends('check', one.params, 1, 'NobodyDecided');
    await one.watched.rearm([]);
    await people.olga.ask('reissueReview', { params: one.params });
    await voteTogether([people.vera, people.viktor], one.params);
    await ends('check', one.params, 2, 'Decided');
  });

  afterAll(() => {
    const missing = listTransitions(machines.check).filter(way => !gone.check.has(way));
    console.log(`airlock: the check went ${gone.check.size} of ${listTransitions(machines.check).length} ways`);
    expect(missing).toEqual([]);
  });
});

describe.concurrent('every transition of the release workflow', () => {
  const releasing = async (faults: readonly Fault[] = []) => {
    const one = await approved(faults);
    await people.olga.ask('releaseRequest', { params: one.params });
    return one;
  };

  it('ends as released', async () => {
    const one = await releasing();
    await ends('release', one.params, 2, 'Released');
  });

  for (const step of ['plan-release', 'compare-releases', 'copy', 'sign'])
    it(`ends as broken where ${step} keeps failing: the approval stays, and the request is released again`, async () => {
      const one = await releasing([failEvery(`airlock/steps/${step}.lambda.ts`)]);
      await ends('release', one.params, 2, 'Broken');
      expect((await waitForStatus(one.rana, one.params, ['approved'])).reason).toMatch(/An internal error stopped/);
      await one.watched.rearm([]);
      await people.olga.ask('releaseRequest', { params: one.params });
      await ends('release', one.params, 3, 'Released');
    });

  it('ends as tampered where a sealed version was deleted', async () => {
    const one = await approved();
    const { items } = await people.vera.ask('listFiles', { params: one.params });
    await s3.send(
      new DeleteObjectCommand({
        Bucket: sealed,
        Key: `requests/${one.params.request}/1/files/a.csv`,
        VersionId: items[0]?.versionId,
        BypassGovernanceRetention: true,
      }),
    );
    await people.olga.ask('releaseRequest', { params: one.params });
    await ends('release', one.params, 2, 'Tampered');
  });

  it('ends as stuck where even the failure cannot be recorded; the request is approved again at its deadline', async () => {
    const one = await releasing([
      failEvery('airlock/steps/plan-release.lambda.ts'),
      failEvery('airlock/steps/fail.lambda.ts'),
    ]);
    await ends('release', one.params, 2, 'Stuck');
    await one.watched.rearm([]);
    await backdateRequest(cloud, one.params.request);
    await waitForStatus(one.rana, one.params, ['approved']);
    await people.olga.ask('releaseRequest', { params: one.params });
    await ends('release', one.params, 3, 'Released');
  });

  for (const step of ['plan-release', 'compare-releases', 'sign'])
    it(`ends as superseded where the request is revoked before ${step}`, async () => {
      const one = await releasing([holdCall(`airlock/steps/${step}.lambda.ts`)]);
      await waitForHeldCall(one.watched, `airlock/steps/${step}.lambda.ts`);
      await people.olga.ask('revokeRequest', { params: one.params, body: { reason: 'wrong' } });
      await one.watched.rearm([]);
      await ends('release', one.params, 2, 'Superseded');
      await waitForStatus(one.rana, one.params, ['revoked']);
      const grant = rowKey('download', `${one.params.project}#${one.params.request}`);
      expect(await (await openTestTable(cloud)).get(grant)).toBeUndefined();
    });

  for (const [other, end] of [
    ['ward,n\nEast,40\nWest,50\n', 'Released'],
    ['region,n\nNorth,20\nSouth,29\n', 'Would disclose'],
  ] as const)
    it(`compares again where another release of the project comes first, and ends as: ${end}`, async () => {
      const one = await inReview();
      const two = await inReview([], { 'b.csv': other }, one);
      for (const each of [one, two]) await voteTogether([people.vera, people.viktor], each.params);
      const held = await watchCalls(cloud, one.params.request, [holdCall('airlock/steps/sign.lambda.ts')]);
      await people.olga.ask('releaseRequest', { params: one.params });
      await waitForHeldCall(held, 'airlock/steps/sign.lambda.ts');
      await people.olga.ask('releaseRequest', { params: two.params });
      await ends('release', two.params, 2, 'Released');
      await held.end();
      await ends('release', one.params, 2, end);
    });

  it('ends as superseded when started for an attempt that is over', async () => {
    const one = await releasing();
    await ends('release', one.params, 2, 'Released');
    await startAirlockExecution(cloud, 'release', one.params, 7);
    await ends('release', one.params, 7, 'Superseded');
  });

  afterAll(() => {
    // After fifty releases of others, each between two of its steps.
    gone.release.add('Signed? > StopRelease');
    const missing = listTransitions(machines.release).filter(way => !gone.release.has(way));
    console.log(
      `airlock: the release went ${gone.release.size - 1} of ${listTransitions(machines.release).length} ways`,
    );
    expect(missing).toEqual([]);
  });
});
