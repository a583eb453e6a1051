import { createHash } from 'node:crypto';
import { GetObjectCommand, GetObjectRetentionCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { day, Request } from '../../functions/airlock/request/request.ts';
import { dueKey } from '../../functions/airlock/store.ts';
import { rowKey } from '../../functions/keys.ts';
import { countKeyVersions } from '../ingest/partner.ts';
import { waitUntil } from '../workspaces/harness.ts';
import { airlockScene } from './harness.ts';
import { recordBusEvents } from './recorder.ts';
import { createSweepHarness, lockSweeper } from './sweep-harness.ts';

const {
  cloud,
  people,
  project,
  sealed: sealedBucket,
  released: releaseBucket,
  submit,
  settle,
  vote,
  approve,
} = airlockScene('airlock-sweep');
const s3 = new S3Client(cloud.configuration);
type Params = Awaited<ReturnType<typeof approve>>;
const files = { 'tables/one.csv': 'group,n\na,20\nb,30\n', 'größe +%41.csv': 'group,n\na,40\nb,50\n' };
const hex = (text: string) => createHash('sha256').update(text).digest('hex');
let bus: Awaited<ReturnType<typeof recordBusEvents>>;
let tools: Awaited<ReturnType<typeof createSweepHarness>>;
let unlockSweeper = () => {};
beforeAll(async () => {
  unlockSweeper = await lockSweeper(cloud);
  [bus, tools] = await Promise.all([recordBusEvents(cloud), createSweepHarness(cloud)]);
});
afterAll(() => unlockSweeper());

const sweep = () => tools.sweep();
const pass = (request: string) => tools.pass(request);
const unlock = (bucket: string, prefix: string) => tools.unlock(bucket, prefix);
const rowOf = async (request: string) => Request.parse(await tools.table.get(rowKey('airlock', request)));

async function read(Key: string) {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: releaseBucket, Key }));
  return JSON.parse((await Body?.transformToString()) ?? '');
}

const findEvents = (request: string, name: string) =>
  bus
    .until(request, events => events.some(event => event.name === name))
    .then(events => events.filter(event => event.name === name));

it('an abandoned draft expires, and the event bus receives the expiry', async () => {
  const groups = [{ name: 'all', kind: 'table' as const, purpose: 'paper', paths: ['**'] }];
  const body = { title: 'T', source: 'data/outbox/never/', groups };
  const { id: request } = await people.rana.ask('draftRequest', { params: { project }, body });
  await pass(request);
  expect(await sweep()).toMatchObject({ failed: 0 });
  const [event] = await findEvents(request, 'RequestExpired');
  expect(event?.detail).toMatchObject({
    status: 'expired',
    by: '',
    message: expect.stringContaining('data/outbox/never/'),
  });
  const { status, retainedUntil } = await people.vera.ask('showRequest', { params: { project, request } });
  expect({ status, retainedUntil }).toEqual({ status: 'expired' });
  await sweep();
  expect(await findEvents(request, 'RequestExpired')).toHaveLength(1);
});

describe('a request withdrawn after its seal', () => {
  let params: Params;
  beforeAll(async () => {
    ({ params } = await submit(files));
    await settle(params, ['inReview']);
    await people.rana.ask('withdrawRequest', { params, body: { reason: 'a wrong table' } });
  });

  it('says until when its content is retained', async () => {
    const { retainedUntil = '' } = await people.vera.ask('showRequest', { params });
    const days = (Date.parse(retainedUntil) - Date.now()) / (day * 1000);
    expect(Math.round(days)).toBe(365);
  });

  it('keeps its content while S3 locks it, and the deletion is tried again', async () => {
    await pass(params.request);
    const versionCount = await countKeyVersions(cloud, sealedBucket, `requests/${params.request}/`);
    expect(await sweep()).toMatchObject({ failed: 0, locked: 1, deleted: 0 });
    expect(await countKeyVersions(cloud, sealedBucket, `requests/${params.request}/`)).toEqual(versionCount);
    const row = await rowOf(params.request);
    expect(row).toMatchObject({ inventory: { key: `receipts/${params.request}/inventory.json` } });
    expect('deleted' in row && row.deleted).toBeFalsy();
  });

  it('loses every version of its content, with a receipt that lists exactly what existed', async () => {
    const prefix = `requests/${params.request}/`;
    // Somebody put another version there meanwhile, and deleted one.
    await s3.send(
      new PutObjectCommand({ Bucket: sealedBucket, Key: `${prefix}1/files/tables/one.csv`, Body: 'forged' }),
    );
    const remainingCount = await countKeyVersions(cloud, sealedBucket, prefix);
    await unlock(sealedBucket, prefix);
    await pass(params.request);
    // Sweeps of other tests may come first, so the request says what happened, and the sweep's own count does not.
    expect(await sweep()).toMatchObject({ failed: 0 });
    await waitUntil(
      () => people.vera.ask('showRequest', { params }),
      view => view.deleted !== undefined,
    );
    expect(await countKeyVersions(cloud, sealedBucket, prefix)).toEqual({});
    const receipt = await read(`receipts/${params.request}.json`);
    const counts: Record<string, number> = {};
    for (const { key } of receipt.objects)
      counts[key.slice(prefix.length)] = (counts[key.slice(prefix.length)] ?? 0) + 1;
    expect(counts).toEqual(remainingCount);
    expect(receipt).toMatchObject({ request: params.request, why: 'a wrong table', rule: { lockDays: 365 } });
    const hashes = receipt.objects.map(({ sha256 }: { sha256: string }) => sha256);
    for (const text of [...Object.values(files), 'forged']) expect(hashes).toContain(hex(text));
    expect(hashes.every((hash: string) => /^[0-9a-f]{64}$/.test(hash))).toBe(true);
    expect(new Set(receipt.objects.map(({ version }: { version: string }) => version)).size).toBe(hashes.length);
  });

  it('records its deletion on the bus, in the trail and in the request, and locks the receipt', async () => {
    const [event, ...otherEvents] = await findEvents(params.request, 'ContentDeleted');
    expect(otherEvents).toEqual([]);
    const view = await people.vera.ask('showRequest', { params });
    expect(event?.detail.message).toContain(view.deleted?.receipt.sha256);
    const { items } = await people.rana.ask('listTrail', { params });
    expect(items[0]).toMatchObject({ name: 'ContentDeleted' });
    const { key: Key, versionId: VersionId } = view.deleted?.receipt ?? {};
    const { Retention } = await s3.send(new GetObjectRetentionCommand({ Bucket: releaseBucket, Key, VersionId }));
    expect(Retention?.Mode).toBe('GOVERNANCE');
    expect(await sweep()).toMatchObject({ deleted: 0 });
  });
});

/** Sweeps until the sealed files of a request are gone: a sweep that runs at the same time may already be at work on them. */
async function sweepUntilDeleted(request: string): Promise<void> {
  const sweepAndCount = async () => {
    await sweep();
    return countKeyVersions(cloud, sealedBucket, `requests/${request}/`);
  };
  await waitUntil(sweepAndCount, keys => Object.keys(keys).length === 0);
}

it('a release expires and its files are deleted in both buckets, but its signed record stays', async () => {
  const params = await approve(files);
  await people.vera.ask('releaseRequest', { params });
  const { release } = await settle(params, ['released']);
  await pass(params.request);
  await sweep();
  const [event] = await findEvents(params.request, 'RequestExpired');
  expect(event?.detail.message).toMatch(/It was released/);
  await unlock(sealedBucket, `requests/${params.request}/`);
  await unlock(releaseBucket, `released/${params.request}/files/`);
  await pass(params.request);
  await sweepUntilDeleted(params.request);
  expect(await countKeyVersions(cloud, releaseBucket, `released/${params.request}/files/`)).toEqual({});
  expect(
    hex(
      await s3
        .send(new GetObjectCommand({ Bucket: releaseBucket, Key: release?.key }))
        .then(({ Body }) => Body?.transformToString() ?? Promise.resolve('')),
    ),
  ).toBe(release?.sha256);
  const { objects } = await read(`receipts/${params.request}.json`);
  const copies = objects.filter(({ sha256 }: { sha256: string }) => sha256 === hex(files['tables/one.csv']));
  expect(new Set(copies.map(({ bucket }: { bucket: string }) => bucket))).toEqual(
    new Set([sealedBucket, releaseBucket]),
  );
});

it('the content of a rejected request is deleted when due, and later viewers read that it was', async () => {
  const { params } = await submit(files);
  await settle(params, ['inReview']);
  for (const voter of [people.vera, people.viktor]) await vote(voter, params, 'reject', 'not these');
  await people.vera.ask('listFiles', { params });
  await unlock(sealedBucket, `requests/${params.request}/`);
  await pass(params.request);
  await sweepUntilDeleted(params.request);
  for (const name of ['listFiles', 'showChecks'] as const)
    await expect(people.vera.ask(name, { params })).rejects.toThrow(/its sealed files are deleted/);
  const looking = people.vera.ask('viewFile', { params, query: { path: 'tables/one.csv' } });
  await expect(looking).rejects.toThrow(/its sealed files are deleted/);
});

it('a row that cannot be read stops no other deletion, and raises the alarm', async () => {
  const damagedRow = { project, request: 'al-0000000000000000', due: '2026-01-01T00:00:00.000Z' };
  await tools.table.put(dueKey(damagedRow), damagedRow);
  const { params } = await submit(files);
  await settle(params, ['inReview']);
  await pass(params.request);
  expect(await sweep()).toMatchObject({ failed: '1 requests could not be swept' });
  expect(await findEvents(params.request, 'RequestTimedOut')).toHaveLength(1);
  await tools.drop(damagedRow);
  // What is listed as due and isn't is taken off the list.
  const stale = { project, request: params.request, due: '2026-01-02T00:00:00.000Z' };
  await tools.table.put(dueKey(stale), stale);
  expect(await sweep()).toMatchObject({ failed: 0, stale: 1 });
  expect(await tools.table.get(dueKey(stale))).toBeUndefined();
});
