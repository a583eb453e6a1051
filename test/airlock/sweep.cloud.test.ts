import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { DeleteItemCommand, DynamoDBClient, ListTablesCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { InvokeCommand, LambdaClient, ListFunctionsCommand } from '@aws-sdk/client-lambda';
import {
  GetObjectCommand,
  GetObjectRetentionCommand,
  ListObjectVersionsCommand,
  PutObjectCommand,
  PutObjectRetentionCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { marshall } from '@aws-sdk/util-dynamodb';
import { beforeAll, describe, expect, it } from 'vitest';
import { sweepAt } from '../../functions/airlock/lapse.ts';
import { after, day, hour, Request } from '../../functions/airlock/request.ts';
import { dueKey } from '../../functions/airlock/store.ts';
import { key } from '../../functions/keys.ts';
import { keys } from '../ingest/partner.ts';
import { rows } from '../workspaces/ground.ts';
import { scene } from './ground.ts';
import { witness } from './witness.ts';

const { of, people, project, sealed, released, submit, settle, vote, approve } = scene('airlock-sweep');
const s3 = new S3Client(of.configuration);
const lambda = new LambdaClient(of.configuration);
type Params = Awaited<ReturnType<typeof approve>>;
const files = { 'tables/one.csv': 'group,n\na,20\nb,30\n', 'größe +%41.csv': 'group,n\na,40\nb,50\n' };
const hex = (text: string) => createHash('sha256').update(text).digest('hex');
let bus: Awaited<ReturnType<typeof witness>>;
let table: Awaited<ReturnType<typeof rows>>;
let TableName: string | undefined;
const dynamo = new DynamoDBClient(of.configuration);
beforeAll(async () => {
  [bus, table] = await Promise.all([witness(of), rows(of)]);
  const { TableNames = [] } = await dynamo.send(new ListTablesCommand({}));
  TableName = TableNames.find(name => name.startsWith('broch-local-data'));
});

/** One run of the deployed sweeper. */
async function sweep() {
  let Marker: string | undefined;
  do {
    const { Functions = [], NextMarker } = await lambda.send(new ListFunctionsCommand({ Marker }));
    const found = Functions.find(({ Description }) => Description === 'functions/airlock/sweep.ts');
    if (found) {
      const { Payload, FunctionError } = await lambda.send(
        new InvokeCommand({ FunctionName: found.FunctionName, Payload: '{}' }),
      );
      const said = JSON.parse(Buffer.from(Payload ?? []).toString('utf8'));
      return { ...said, failed: FunctionError ? said.errorMessage : 0 };
    }
    Marker = NextMarker;
  } while (Marker);
  throw new Error('there is no sweeper');
}

const rowOf = async (request: string) => Request.parse(await table.get(key('airlock', request)));

/** Takes a row out of the list of what is due. */
async function drop(row: Parameters<typeof dueKey>[0]) {
  await dynamo.send(new DeleteItemCommand({ TableName, Key: marshall(dueKey(row)) }));
}

/** Time passes: what is due in the future is due since an hour ago. The row of what is due moves with it. */
async function pass(request: string) {
  const row = (await table.get(key('airlock', request))) ?? {};
  const due = sweepAt(Request.parse(row));
  if (due === undefined) throw new Error(`${request} is never due`);
  expect(await table.get(dueKey({ due, request })), 'the list of what is due').toMatchObject({ request, due });
  const now = after(new Date().toISOString(), -hour);
  const times = ['expiresAt', 'deadline', 'retainedUntil'].flatMap(name => (name in row ? [[name, now]] : []));
  // With its revision, as the rows that are written with it have the same.
  await dynamo.send(new PutItemCommand({ TableName, Item: marshall({ ...row, ...Object.fromEntries(times) }) }));
  await drop({ due, request });
  await table.put(dueKey({ due: now, request }), { project, request, due: now });
}

async function unlock(Bucket: string, prefix: string) {
  const { Versions = [] } = await s3.send(new ListObjectVersionsCommand({ Bucket, Prefix: prefix }));
  for (const { Key, VersionId } of Versions)
    await s3.send(
      new PutObjectRetentionCommand({
        Bucket,
        Key,
        VersionId,
        Retention: { Mode: 'GOVERNANCE', RetainUntilDate: new Date(Date.now() + 1000) },
        BypassGovernanceRetention: true,
      }),
    );
  await sleep(1200);
}

async function read(Key: string) {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: released, Key }));
  return JSON.parse((await Body?.transformToString()) ?? '');
}

const said = (request: string, name: string) =>
  bus.until(request, all => all.some(one => one.name === name)).then(all => all.filter(one => one.name === name));

it('a draft that nobody goes on with expires, and the bus hears of it', async () => {
  const groups = [{ name: 'all', kind: 'table' as const, purpose: 'paper', paths: ['**'] }];
  const body = { title: 'T', source: 'data/outbox/never/', groups };
  const { id: request } = await people.rana.ask('draftRequest', { params: { project }, body });
  await pass(request);
  expect(await sweep()).toMatchObject({ failed: 0 });
  const [event] = await said(request, 'RequestExpired');
  expect(event?.about).toMatchObject({
    status: 'expired',
    by: '',
    says: expect.stringContaining('data/outbox/never/'),
  });
  const { status, retainedUntil } = await people.rana.ask('showRequest', { params: { project, request } });
  expect({ status, retainedUntil }).toEqual({ status: 'expired' });
  await sweep();
  expect(await said(request, 'RequestExpired')).toHaveLength(1);
});

describe('what was withdrawn after it was sealed', () => {
  let params: Params;
  beforeAll(async () => {
    ({ params } = await submit(files));
    await settle(params, ['inReview']);
    await people.rana.ask('withdrawRequest', { params, body: { reason: 'a wrong table' } });
  });

  it('says until when it is kept', async () => {
    const { retainedUntil = '' } = await people.rana.ask('showRequest', { params });
    const days = (Date.parse(retainedUntil) - Date.now()) / (day * 1000);
    expect(Math.round(days)).toBe(365);
  });

  it('stays while S3 keeps it locked, and is tried again', async () => {
    await pass(params.request);
    const before = await keys(of, sealed, `requests/${params.request}/`);
    expect(await sweep()).toMatchObject({ failed: 0, locked: 1, deleted: 0 });
    expect(await keys(of, sealed, `requests/${params.request}/`)).toEqual(before);
    const row = await rowOf(params.request);
    expect(row).toMatchObject({ inventory: { key: `receipts/${params.request}/inventory.json` } });
    expect('deleted' in row && row.deleted).toBeFalsy();
  });

  it('is deleted, every version of it, with a receipt that lists exactly what was there', async () => {
    const prefix = `requests/${params.request}/`;
    // Somebody put another version there meanwhile, and deleted one.
    await s3.send(new PutObjectCommand({ Bucket: sealed, Key: `${prefix}1/files/tables/one.csv`, Body: 'forged' }));
    const there = await keys(of, sealed, prefix);
    await unlock(sealed, prefix);
    await pass(params.request);
    expect(await sweep()).toMatchObject({ failed: 0, deleted: 1 });
    expect(await keys(of, sealed, prefix)).toEqual({});
    const receipt = await read(`receipts/${params.request}.json`);
    const counts: Record<string, number> = {};
    for (const { key } of receipt.objects)
      counts[key.slice(prefix.length)] = (counts[key.slice(prefix.length)] ?? 0) + 1;
    expect(counts).toEqual(there);
    expect(receipt).toMatchObject({ request: params.request, why: 'a wrong table', rule: { lockDays: 365 } });
    const hashes = receipt.objects.map(({ sha256 }: { sha256: string }) => sha256);
    for (const text of [...Object.values(files), 'forged']) expect(hashes).toContain(hex(text));
    expect(hashes.every((hash: string) => /^[0-9a-f]{64}$/.test(hash))).toBe(true);
    expect(new Set(receipt.objects.map(({ version }: { version: string }) => version)).size).toBe(hashes.length);
  });

  it('tells it: on the bus, in the trail, in the request, under lock', async () => {
    const [event] = await said(params.request, 'ContentDeleted');
    const shown = await people.rana.ask('showRequest', { params });
    expect(event?.about.says).toContain(shown.deleted?.receipt.sha256);
    const { items } = await people.rana.ask('listTrail', { params });
    expect(items[0]).toMatchObject({ name: 'ContentDeleted' });
    const { key: Key, versionId: VersionId } = shown.deleted?.receipt ?? {};
    const { Retention } = await s3.send(new GetObjectRetentionCommand({ Bucket: released, Key, VersionId }));
    expect(Retention?.Mode).toBe('GOVERNANCE');
    expect(await sweep()).toMatchObject({ deleted: 0 });
  });
});

it('a release expires, and its files are deleted on both sides; its signed record stays', async () => {
  const params = await approve(files);
  await people.vera.ask('releaseRequest', { params });
  const { release } = await settle(params, ['released']);
  await pass(params.request);
  await sweep();
  const [event] = await said(params.request, 'RequestExpired');
  expect(event?.about.says).toMatch(/It was released/);
  await unlock(sealed, `requests/${params.request}/`);
  await unlock(released, `released/${params.request}/files/`);
  await pass(params.request);
  expect(await sweep()).toMatchObject({ deleted: 1 });
  expect(await keys(of, sealed, `requests/${params.request}/`)).toEqual({});
  expect(await keys(of, released, `released/${params.request}/files/`)).toEqual({});
  expect(
    hex(
      await s3
        .send(new GetObjectCommand({ Bucket: released, Key: release?.key }))
        .then(({ Body }) => Body?.transformToString() ?? Promise.resolve('')),
    ),
  ).toBe(release?.sha256);
  const { objects } = await read(`receipts/${params.request}.json`);
  const copies = objects.filter(({ sha256 }: { sha256: string }) => sha256 === hex(files['tables/one.csv']));
  expect(new Set(copies.map(({ bucket }: { bucket: string }) => bucket))).toEqual(new Set([sealed, released]));
});

it('what was rejected is deleted in its time, and whoever would look at it is told so', async () => {
  const { params } = await submit(files);
  await settle(params, ['inReview']);
  for (const who of [people.vera, people.viktor]) await vote(who, params, 'reject', 'not these');
  await people.vera.ask('listFiles', { params });
  await unlock(sealed, `requests/${params.request}/`);
  await pass(params.request);
  expect(await sweep()).toMatchObject({ deleted: 1 });
  for (const name of ['listFiles', 'showChecks'] as const)
    await expect(people.vera.ask(name, { params })).rejects.toThrow(/what was sealed of it is deleted/);
  const looking = people.vera.ask('viewFile', { params, query: { path: 'tables/one.csv' } });
  await expect(looking).rejects.toThrow(/what was sealed of it is deleted/);
});

it('a row that cannot be read stops no other, and the alarm hears of it', async () => {
  const broken = { project, request: 'al-0000000000000000', due: '2026-01-01T00:00:00.000Z' };
  await table.put(dueKey(broken), broken);
  const { params } = await submit(files);
  await settle(params, ['inReview']);
  await pass(params.request);
  expect(await sweep()).toMatchObject({ failed: '1 requests could not be swept' });
  expect(await said(params.request, 'RequestTimedOut')).toHaveLength(1);
  await drop(broken);
  // What is listed as due and isn't is taken off the list.
  const stale = { project, request: params.request, due: '2026-01-02T00:00:00.000Z' };
  await table.put(dueKey(stale), stale);
  expect(await sweep()).toMatchObject({ failed: 0, stale: 1 });
  expect(await table.get(dueKey(stale))).toBeUndefined();
});
