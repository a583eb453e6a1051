import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient, ListTablesCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { DeleteObjectCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { ListExecutionsCommand, ListStateMachinesCommand, SFNClient, StopExecutionCommand } from '@aws-sdk/client-sfn';
import { describe, expect, it } from 'vitest';
import { Request } from '../../functions/airlock/request/request.ts';
import { rowKey } from '../../functions/keys.ts';
import { pollUntilSettled } from '../../local/story/until.ts';
import { watchCalls } from '../faults.ts';
import { openTestTable } from '../workspaces/harness.ts';
import {
  addProjectMember,
  airlockScene,
  backdateRequest,
  changeUserGroup,
  disableUser,
  enrolTestUser,
  waitForExecutionEnd,
} from './harness.ts';

const {
  cloud,
  released: releaseBucket,
  sealed: sealedBucket,
  people,
  submit,
  settle,
  vote,
  approve,
} = airlockScene('airlock-tamper');
const files = { 'a.csv': 'region,n\nNorth,20\nSouth,30\n', 'b.csv': 'region,n\nEast,40\n' };
type Params = Awaited<ReturnType<typeof approve>>;
const s3 = new S3Client(cloud.configuration);

async function rowOf({ request }: Params) {
  return Request.parse(await (await openTestTable(cloud)).get(rowKey('airlock', request)));
}

async function fileOf(params: Params, path: string) {
  const { items } = await people.vera.ask('listFiles', { params });
  const versionId = items.find(file => file.path === path)?.versionId ?? '';
  return { Key: `requests/${params.request}/1/files/${path}`, VersionId: versionId };
}

async function stops(params: Params, attempt = 2) {
  await people.olga.ask('releaseRequest', { params });
  expect(await waitForExecutionEnd(cloud, 'release', params.request, attempt)).toMatchObject({
    status: 'FAILED',
    error: 'Tampered',
  });
  expect(await settle(params, ['approved'])).toMatchObject({
    reason: expect.stringContaining('differ from the sealed files'),
  });
}

describe('tampering by an administrator', () => {
  it('has no effect by overwriting a sealed object: the sealed version is released', async () => {
    const params = await approve(files);
    const { Key } = await fileOf(params, 'a.csv');
    await s3.send(new PutObjectCommand({ Bucket: sealedBucket, Key, Body: 'region,n\nNorth,1\n' }));
    const manifest = `requests/${params.request}/1/manifest.json`;
    await s3.send(new PutObjectCommand({ Bucket: sealedBucket, Key: manifest, Body: '{}' }));
    await people.olga.ask('releaseRequest', { params });
    await settle(params, ['released']);
    const { Body } = await s3.send(
      new GetObjectCommand({ Bucket: releaseBucket, Key: `released/${params.request}/files/a.csv` }),
    );
    expect(await Body?.transformToString()).toBe(files['a.csv']);
  });

  it('stops the release by deleting a locked version, and the approval stays', async () => {
    const params = await approve(files);
    const version = await fileOf(params, 'b.csv');
    await s3.send(new DeleteObjectCommand({ Bucket: sealedBucket, ...version, BypassGovernanceRetention: true }));
    await stops(params);
    // A copy put in its place is another version, and no way round.
    await s3.send(new PutObjectCommand({ Bucket: sealedBucket, Key: version.Key, Body: files['b.csv'] }));
    await stops(params, 3);
  });

  it('stops the release by changing the manifest or report named in the row', async () => {
    const [firstRequest, two] = [await approve(files), await approve({ 'c.csv': 'region,n\nWest,50\n' })];
    const otherRow = await rowOf(two);
    if (!('seal' in otherRow) || !otherRow.seal) throw new Error('it is not sealed');
    const dynamo = new DynamoDBClient(cloud.configuration);
    const { TableNames = [] } = await dynamo.send(new ListTablesCommand({}));
    const { pk, sk } = rowKey('airlock', firstRequest.request);
    await dynamo.send(
      new UpdateItemCommand({
        TableName: TableNames.find(name => name.startsWith('broch-local-data')),
        Key: { pk: { S: pk }, sk: { S: sk } },
        UpdateExpression: 'SET seal.#key = :key, seal.versionId = :version',
        ExpressionAttributeNames: { '#key': 'key' },
        ExpressionAttributeValues: { ':key': { S: otherRow.seal.key }, ':version': { S: otherRow.seal.versionId } },
      }),
    );
    await stops(firstRequest);
  });
});

describe('eligibility at the time of each vote', () => {
  it('drops the vote of a reviewer who lost the group, was disabled, or joined the project', async () => {
    const [dora, emil, fay] = await Promise.all(
      ['dora', 'emil', 'fay'].map(name => enrolTestUser(cloud, `tamper-${name}`, 'reviewer')),
    );
    if (!dora || !emil || !fay) throw new Error('nobody has signed in');
    const { params } = await submit(files);
    await settle(params, ['inReview']);
    await vote(dora, params, 'approve');
    await changeUserGroup(cloud, dora, 'reviewer', 'remove');
    // Her token says reviewer until it expires.
    await expect(vote(dora, params, 'approve')).rejects.toThrow(/Only reviewer/);
    await vote(fay, params, 'approve');
    await disableUser(cloud, fay);
    expect(await vote(emil, params, 'approve')).toMatchObject({ status: 'inReview' });
    await addProjectMember(cloud, params.project, emil);
    expect(await vote(people.vera, params, 'approve')).toMatchObject({ status: 'inReview' });
    await expect(vote(emil, params, 'approve')).rejects.toThrow(/Members of airlock-tamper cannot review/);
    expect(await vote(people.viktor, params, 'approve')).toMatchObject({ status: 'approved' });
    const row = await rowOf(params);
    expect('votes' in row && row.votes.map(({ by: voterId }) => voterId)).toEqual([people.vera.id, people.viktor.id]);
  });
});

it('an approval that expires while its record is being signed releases nothing', async () => {
  const params = await approve(files);
  const signing = { function: 'airlock/steps/sign.lambda.ts', action: 'kms:Sign', nth: 1, how: 'hold' } as const;
  const watch = await watchCalls(cloud, params.request, [signing]);
  await people.olga.ask('releaseRequest', { params });
  await pollUntilSettled(watch.calls, ({ calls }) => calls.some(({ how: kind }) => kind === 'hold'));
  await sleep(1500);
  for (const name of ['deadline', 'expiresAt']) await backdateRequest(cloud, params.request, name);
  await watch.end();
  expect(await waitForExecutionEnd(cloud, 'release', params.request, 2)).toMatchObject({ end: 'Superseded' });
  expect(await settle(params, ['expired', 'released'])).toMatchObject({ status: 'expired' });
  await expect(people.rana.ask('openDownload', { params, body: {} })).rejects.toThrow(/Nothing can be downloaded/);
});

describe('a review without a workflow', () => {
  it('is reissued without losing a vote', async () => {
    const { params } = await submit(files);
    await settle(params, ['inReview']);
    await vote(people.vera, params, 'approve');
    const sfn = new SFNClient(cloud.configuration);
    const { stateMachines = [] } = await sfn.send(new ListStateMachinesCommand({ maxResults: 1000 }));
    for (const { stateMachineArn } of stateMachines) {
      const { executions = [] } = await sfn.send(new ListExecutionsCommand({ stateMachineArn, maxResults: 1000 }));
      const execution = executions.find(({ name }) => name === `${params.request}-1`);
      if (execution) await sfn.send(new StopExecutionCommand({ executionArn: execution.executionArn }));
    }
    await people.olga.ask('reissueReview', { params });
    expect(await vote(people.viktor, params, 'approve')).toMatchObject({ status: 'approved' });
    expect(await waitForExecutionEnd(cloud, 'check', params.request, 2)).toMatchObject({
      status: 'SUCCEEDED',
      end: 'Decided',
    });
  });

  it('times out, and an operator resumes it with its votes', async () => {
    const { params } = await submit(files);
    await settle(params, ['inReview']);
    await vote(people.vera, params, 'approve');
    const pastTime = new Date(Date.now() - 1000).toISOString();
    const table = await openTestTable(cloud);
    const key = rowKey('airlock', params.request);
    const row = await table.get(key);
    const dynamo = new DynamoDBClient(cloud.configuration);
    const { TableNames = [] } = await dynamo.send(new ListTablesCommand({}));
    await dynamo.send(
      new UpdateItemCommand({
        TableName: TableNames.find(name => name.startsWith('broch-local-data')),
        Key: { pk: { S: key.pk }, sk: { S: key.sk } },
        UpdateExpression: 'SET deadline = :past',
        ExpressionAttributeValues: { ':past': { S: pastTime } },
      }),
    );
    expect(row?.status).toBe('inReview');
    expect(await settle(params, ['timedOut'])).toMatchObject({
      reason: expect.stringContaining('did not finish in time'),
    });
    await expect(vote(people.viktor, params, 'approve')).rejects.toThrow(/nothing to vote on/);
    expect(await people.olga.ask('resumeRequest', { params })).toMatchObject({ status: 'inReview' });
    expect(await vote(people.viktor, params, 'approve')).toMatchObject({ status: 'approved' });
  });
});
