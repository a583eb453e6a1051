import { EventBridgeClient, ListEventBusesCommand, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { InvokeCommand, LambdaClient, ListFunctionsCommand } from '@aws-sdk/client-lambda';
import { DeleteObjectCommand, ListObjectVersionsCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { SendTaskFailureCommand, SendTaskSuccessCommand, SFNClient } from '@aws-sdk/client-sfn';
import { describe, expect, it } from 'vitest';
import { rowKey } from '../../functions/keys.ts';
import { watchCalls } from '../faults.ts';
import { openTestTable, waitUntil } from '../workspaces/harness.ts';
import {
  addProjectMember,
  airlockScene,
  changeUserGroup,
  enrolTestUser,
  setRequestField,
  startAirlockExecution,
  waitForExecutionEnd,
  waitForStatus,
} from './harness.ts';

const {
  cloud,
  project,
  people,
  sealed: sealedBucket,
  released: releaseBucket,
  submit,
  approve,
  vote,
} = airlockScene('airlock-replays');
const [s3, sfn, lambda] = [
  new S3Client(cloud.configuration),
  new SFNClient(cloud.configuration),
  new LambdaClient(cloud.configuration),
];
const files = { 'a.csv': 'region,n\nNorth,20\nSouth,30\n' };
type Params = Awaited<ReturnType<typeof approve>>;

const rowOf = async ({ request }: Params) => (await openTestTable(cloud)).get(rowKey('airlock', request));
const grantOf = async ({ request }: Params) =>
  (await openTestTable(cloud)).get(rowKey('download', `${project}#${request}`));
const tokenOf = async (params: Params, suffix = '') =>
  String(
    (
      await waitUntil(
        () => rowOf(params),
        row => typeof row?.token === 'string' && row.token !== suffix,
      )
    )?.token,
  );
const inReview = async () => {
  const { params } = await submit(files);
  await waitForStatus(people.rana, params, ['inReview']);
  await tokenOf(params);
  return params;
};
async function release(params: Params) {
  await people.olga.ask('releaseRequest', { params });
  await waitForStatus(people.rana, params, ['released']);
  await waitForExecutionEnd(cloud, 'release', params.request, 2);
}
async function stops(params: Params, attempt = 2) {
  await people.olga.ask('releaseRequest', { params });
  expect(await waitForExecutionEnd(cloud, 'release', params.request, attempt)).toMatchObject({
    status: 'FAILED',
    error: 'Tampered',
  });
  expect(await grantOf(params)).toBeUndefined();
}
async function versionsOf(Bucket: string, Prefix: string) {
  const { Versions = [], DeleteMarkers = [] } = await s3.send(new ListObjectVersionsCommand({ Bucket, Prefix }));
  return [...Versions, ...DeleteMarkers].map(({ Key, VersionId }) => `${Key} ${VersionId}`).sort();
}

describe.concurrent('repeating a message', () => {
  it('refuses a used task token, and a token of another request only wakes that request', async () => {
    const [firstRequest, two] = await Promise.all([inReview(), inReview()]);
    const [first, otherToken] = await Promise.all([tokenOf(firstRequest), tokenOf(two)]);
    await sfn.send(new SendTaskSuccessCommand({ taskToken: first, output: '{"outcome":"approved"}' }));
    const second = await tokenOf(firstRequest, first);
    for (const answer of [
      new SendTaskSuccessCommand({ taskToken: first, output: '{"outcome":"approved"}' }),
      new SendTaskFailureCommand({ taskToken: first, error: 'Approved' }),
    ])
      await expect(sfn.send(answer as SendTaskSuccessCommand)).rejects.toThrow();
    // Another's token wakes that other one's workflow, which looks and waits on.
    await sfn.send(new SendTaskSuccessCommand({ taskToken: otherToken, output: '{"outcome":"approved"}' }));
    await tokenOf(two, otherToken);
    expect([
      (await rowOf(firstRequest))?.token,
      (await rowOf(firstRequest))?.status,
      (await rowOf(two))?.status,
    ]).toEqual([second, 'inReview', 'inReview']);
    // What a waiting Lambda would be told by a forger: its own request's newest attempt counts, and no other.
    for (const params of [firstRequest, two])
      await people.rana.ask('withdrawRequest', { params, body: { reason: 'enough' } });
  });

  it('changes nothing when an attempt that ran, or one that never existed, is started', async () => {
    const params = await inReview();
    const previousRow = await rowOf(params);
    await startAirlockExecution(cloud, 'check', params, 1).catch((error: Error) =>
      expect(error.name).toBe('ExecutionAlreadyExists'),
    );
    for (const [attempt, entry] of [
      [9, 'start'],
      [10, 'review'],
    ] as const) {
      await startAirlockExecution(cloud, 'check', params, attempt, { from: entry });
      const { end } = await waitForExecutionEnd(cloud, 'check', params.request, attempt);
      expect(end).toBe(entry === 'start' ? 'Superseded' : 'Decided');
    }
    await startAirlockExecution(cloud, 'release', params, 11);
    expect((await waitForExecutionEnd(cloud, 'release', params.request, 11)).end).toBe('Superseded');
    expect(await rowOf(params)).toEqual(previousRow);
  });

  it('changes nothing when every step of a release is invoked again with the same input', async () => {
    const watch = await watchCalls(cloud, project);
    const params = await approve(files);
    await release(params);
    const { events } = await watch.end();
    const steps = events.filter(({ event }) => event.request === params.request && typeof event.attempt === 'number');
    const names = [...new Set(steps.map(({ function: name }) => name))];
    expect(names.length).toBeGreaterThanOrEqual(10);
    const state = async () => ({
      row: await rowOf(params),
      grant: await grantOf(params),
      sealed: await versionsOf(sealedBucket, `requests/${params.request}/`),
      released: await versionsOf(releaseBucket, `released/${params.request}/`),
    });
    const previousState = await state();
    const functions = new Map<string, string>();
    for (let Marker: string | undefined, remaining = true; remaining; remaining = Marker !== undefined) {
      const { Functions = [], NextMarker } = await lambda.send(new ListFunctionsCommand({ Marker }));
      for (const { Description = '', FunctionName = '' } of Functions)
        functions.set(Description.replace(/^functions\//, ''), FunctionName);
      Marker = NextMarker;
    }
    for (const { function: name, event } of steps) {
      const { Payload } = await lambda.send(
        new InvokeCommand({ FunctionName: functions.get(name), Payload: JSON.stringify(event) }),
      );
      expect(Buffer.from(Payload ?? '').toString()).not.toContain('Runtime.');
    }
    expect(await state()).toEqual(previousState);
    console.log(`airlock: ${steps.length} calls of ${names.length} steps made again changed nothing`);
  });

  it('counts a repeated vote once', async () => {
    const params = await inReview();
    for (const _ of [1, 2]) expect(await vote(people.vera, params, 'approve')).toMatchObject({ status: 'inReview' });
    expect((await rowOf(params))?.votes).toHaveLength(1);
    expect(await vote(people.viktor, params, 'approve')).toMatchObject({ status: 'approved' });
    await expect(vote(people.viktor, params, 'approve')).rejects.toThrow(/nothing to vote on/);
  });

  it('changes nothing on a forged event', async () => {
    const params = await inReview();
    const previousRow = await rowOf(params);
    const events = new EventBridgeClient(cloud.configuration);
    const { EventBuses = [] } = await events.send(new ListEventBusesCommand({}));
    for (const DetailType of ['RequestApproved', 'ReleaseStarted', 'RequestReleased', 'VoteCast'])
      for (const { Name } of EventBuses) {
        const Detail = JSON.stringify({
          ...previousRow,
          request: params.request,
          at: new Date().toISOString(),
          by: 'x',
        });
        await events.send(
          new PutEventsCommand({ Entries: [{ EventBusName: Name, Source: 'broch.airlock', DetailType, Detail }] }),
        );
      }
    await new Promise(resolve => setTimeout(resolve, 1500));
    expect([await rowOf(params), await grantOf(params)]).toEqual([previousRow, undefined]);
  });

  it('refuses a link to another person, from another network, a second time, and after its revocation', async () => {
    const params = await approve(files);
    await release(params);
    const { rana, olga } = people;
    const rosa = await enrolTestUser(cloud, 'replays-rosa', 'researcher');
    await addProjectMember(cloud, project, rosa);
    const far = await rana.ask('openDownload', { params, body: { network: '192.0.2.0/24' } });
    await expect(rana.ask('takeDownload', { params, body: { token: far.token } })).rejects.toThrow(/network/);
    const { token } = await rana.ask('openDownload', { params, body: {} });
    const steps = ['takeDownload', 'downloadFiles', 'downloadPart'] as const;
    const refuses = async (person: typeof rana, message: RegExp) => {
      for (const name of steps) await expect(person.ask(name, { params, body: { token } })).rejects.toThrow(message);
    };
    await refuses(rosa, /does not exist, or it belongs to somebody else/);
    for (const name of steps) await rana.ask(name, { params, body: { token } });
    await expect(rana.ask('takeDownload', { params, body: { token } })).rejects.toThrow(/works once/);
    await refuses(rosa, /does not exist, or it belongs to somebody else/);
    await olga.ask('revokeRequest', { params, body: { reason: 'a mistake' } });
    await refuses(rana, /revoked|not released/);
    expect((await grantOf(params))?.taken).toBe(1);
  });
});

describe.concurrent('altering stored data', () => {
  it('releases nothing if the seal in the row was altered before the votes', async () => {
    const params = await inReview();
    await setRequestField(cloud, params.request, 'seal.sha256', '0'.repeat(64));
    for (const voter of [people.vera, people.viktor]) await vote(voter, params, 'approve');
    await stops(params);
  });

  it('releases nothing if the seal in the row was altered after the votes', async () => {
    const params = await approve(files);
    await setRequestField(cloud, params.request, 'seal.sha256', '0'.repeat(64));
    await stops(params);
  });

  it('releases nothing if a report was altered in the bucket or in the row', async () => {
    const params = await approve(files);
    const Key = `requests/${params.request}/1/report.json`;
    const { VersionId } = await s3.send(new PutObjectCommand({ Bucket: sealedBucket, Key, Body: '{"findings":0}' }));
    const { items } = await people.vera.ask('showChecks', { params });
    expect(items).toHaveLength(1);
    await setRequestField(cloud, params.request, 'report.versionId', VersionId ?? '');
    await expect(people.vera.ask('showChecks', { params })).rejects.toThrow();
    await stops(params);
    const otherRequest = await approve(files);
    await setRequestField(cloud, otherRequest.request, 'report.sha256', '0'.repeat(64));
    await stops(otherRequest);
  });

  it('shows reviewers the original check results after an object was overwritten', async () => {
    const params = await approve(files);
    const { Versions = [] } = await s3.send(
      new ListObjectVersionsCommand({ Bucket: sealedBucket, Prefix: `requests/${params.request}/1/checks/` }),
    );
    const [Key, previousChecks] = [Versions[0]?.Key ?? '', await people.vera.ask('showChecks', { params })];
    await s3.send(new PutObjectCommand({ Bucket: sealedBucket, Key, Body: '[]' }));
    expect(await people.vera.ask('showChecks', { params })).toEqual(previousChecks);
  });

  it('releases nothing that cannot be compared with an altered or deleted release ledger', async () => {
    const ownProject = 'airlock-forgets';
    const rana = await enrolTestUser(cloud, 'replays-ruth', 'researcher');
    const home = await airlockScene.another(cloud, ownProject, rana);
    expect(home).toBe(ownProject);
    const params = await airlockScene.released(cloud, ownProject, rana, people, files);
    const versions = await s3.send(
      new ListObjectVersionsCommand({ Bucket: releaseBucket, Prefix: `remembered/${ownProject}/` }),
    );
    const [ledgerVersion] = versions.Versions ?? [];
    expect(ledgerVersion?.Key).toContain(params.request);
    // Put over: the version that is in the ledger counts.
    await s3.send(new PutObjectCommand({ Bucket: releaseBucket, Key: ledgerVersion?.Key, Body: '{}' }));
    const nearFiles = { 'b.csv': 'region,n\nNorth,20\nSouth,29\n' };
    const second = await airlockScene.submitted(cloud, ownProject, rana, nearFiles);
    expect((await waitForStatus(rana, second, ['blocked', 'returned', 'inReview'])).report?.worst).toMatch(/block|ask/);
    // Deleted: nothing can be compared any more, so nothing passes.
    await s3.send(
      new DeleteObjectCommand({
        Bucket: releaseBucket,
        Key: ledgerVersion?.Key,
        VersionId: ledgerVersion?.VersionId,
        BypassGovernanceRetention: true,
      }),
    );
    const third = await airlockScene.submitted(cloud, ownProject, rana, { 'c.csv': 'ward,n\nEast,40\nWest,50\n' });
    expect((await waitForStatus(rana, third, ['timedOut', 'inReview'])).status).toBe('timedOut');
  });
});

describe('the requester', () => {
  it('cannot vote, not even after joining the reviewers', async () => {
    const params = await inReview();
    const { seal } = await people.vera.ask('showRequest', { params });
    const ballot = { params, body: { verdict: 'approve', seal: seal?.sha256 } } as const;
    await expect(people.rana.ask('reviewRequest', ballot)).rejects.toThrow(/Only reviewer/);
    await changeUserGroup(cloud, people.rana, 'reviewer', 'add');
    const risen = await people.rana.again();
    await expect(risen.ask('reviewRequest', ballot)).rejects.toThrow(/The requester cannot review the request/);
    await expect(risen.ask('releaseRequest', { params })).rejects.toThrow(/The requester cannot review the request/);
    expect((await rowOf(params))?.votes).toEqual([]);
    await changeUserGroup(cloud, people.rana, 'reviewer', 'remove');
  });
});
