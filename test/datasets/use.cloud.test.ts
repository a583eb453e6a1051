import {
  GetObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ApiClient } from '../../bin/cli/call.ts';
import { DATASET_LIST_KEY } from '../../functions/datasets/access-policy.ts';
import { verifyErasureReceipt } from '../../functions/datasets/receipt.ts';
import type { DatasetUse, MinimisedVersion } from '../../functions/datasets/schemas.ts';
import { rowKey } from '../../functions/keys.ts';
import type { ReadyProject } from '../../functions/projects/schemas.ts';
import { connectTestCloud } from '../cloud.ts';
import { addSha256Sums, toSha256Hex } from '../ingest/delivery.ts';
import { countKeyVersions, deliverFiles, signInNewPerson } from '../ingest/partner.ts';
import { openTestTable } from '../workspaces/harness.ts';
import {
  buildProjectFor,
  callScheduledFunction,
  endLocks,
  minimisedOf,
  openDesktopOf,
  readByAccessPoint,
  tomorrow,
  waitForAnswer,
  waitForLakeWriters,
  waitForMinimised,
} from './harness.ts';

const cloud = connectTestCloud();
const root = new S3Client(cloud.configuration);
const dataset = 'uses-visits';
const csv = 'region,n\nNorth,40\n';

let [operator, partner, owner, steward, lead]: ApiClient[] = [];
let [project, otherProject]: ReadyProject[] = [];
let [version, prefix] = ['', ''];
let minimised: MinimisedVersion;

const readDataset = (reader: ReadyProject, desk = reader) => readByAccessPoint(cloud, `${prefix}a.csv`, reader, desk);
const waitForDataset = (reader: ReadyProject, answer: string) => waitForAnswer(cloud, `${prefix}a.csv`, reader, answer);

const requestUse = (id: string, change: object = {}) =>
  lead?.ask('requestUse', {
    params: { project: id },
    body: { dataset, purpose: 'research', endsAt: tomorrow(), explanation: 'Visits by region.', ...change },
  }) as Promise<DatasetUse>;

const setTier = (tier: 1 | null) =>
  operator?.ask('changeSettings', {
    params: { project: 'uses-one' },
    body: { settings: { tier }, reason: 'A test.', confirm: true },
  });

beforeAll(async () => {
  const people = ['operator', 'partner', 'steward', 'steward', 'researcher'] as const;
  [operator, partner, owner, steward, lead] = await Promise.all(
    people.map((group, index) => signInNewPerson(cloud, `uses-${group}-${index}`, group)),
  );
  const delivery = await deliverFiles(cloud, partner as ApiClient, dataset, addSha256Sums({ 'a.csv': csv }));
  if (delivery.status !== 'registered') throw new Error(JSON.stringify(delivery));
  version = delivery.version;
  prefix = `datasets/${dataset}/${version}/data/`;
  project = await buildProjectFor(operator as ApiClient, lead as ApiClient, 'uses-one');
  otherProject = await buildProjectFor(operator as ApiClient, lead as ApiClient, 'uses-two');
});

describe('a project and a dataset', () => {
  let use: DatasetUse;

  it('have nothing to do with each other while the dataset has no owner', async () => {
    await expect(requestUse('uses-one')).rejects.toThrow(/has no owner yet/);
    expect(await readDataset(project as ReadyProject)).toBe('AccessDenied');
  });

  it('the dataset gets an owner, who must be a data steward', async () => {
    const body = { title: 'Visits', controller: 'Tayside Health', licence: 'DSA 1', purposes: ['research'], days: 30 };
    const [leadName = '', ownerName = ''] = (await Promise.all([lead?.ask('showMe'), owner?.ask('showMe')])).map(
      me => me?.name,
    );
    const govern = (name: string) =>
      steward?.ask('governDataset', { params: { dataset }, body: { ...body, owner: name } });
    await expect(govern(leadName)).rejects.toThrow(/is no data steward/);
    expect(await govern(ownerName)).toMatchObject({ dataset, ownerName });
    expect((await lead?.ask('listCatalogue'))?.items).toContainEqual(
      expect.objectContaining({ dataset, title: 'Visits' }),
    );
  });

  it('a lead asks, and nobody but the owner decides', async () => {
    use = await requestUse('uses-one');
    expect(use).toMatchObject({ status: 'requested', version, project: 'uses-one' });
    expect(await readDataset(project as ReadyProject)).toBe('AccessDenied');
    const params = { project: 'uses-one', use: use.id };
    await expect(steward?.ask('approveUse', { params, body: {} })).rejects.toThrow(/Only .* who owns/);
    await expect(lead?.ask('approveUse', { params, body: {} })).rejects.toThrow(/Only data stewards can do this/);
    const waiting = await owner?.ask('listDatasetUses', { params: { dataset } });
    expect(waiting?.items[0]).toMatchObject({ id: use.id, status: 'requested' });
    expect(await owner?.ask('approveUse', { params, body: { conditions: 'No linkage.' } })).toMatchObject({
      status: 'approved',
    });
  });

  it('the desktops of this project read the version, list nothing else, and can change nothing', async () => {
    const reader = project as ReadyProject;
    await waitForDataset(reader, csv);
    const desktop = await openDesktopOf(cloud, reader);
    const Bucket = reader.network.datasets?.alias;
    const { Contents = [] } = await desktop.send(new ListObjectsV2Command({ Bucket, Prefix: prefix }));
    expect(Contents.map(({ Key }) => Key)).toEqual([`${prefix}a.csv`]);
    for (const attempt of [
      new ListObjectsV2Command({ Bucket }),
      new ListObjectsV2Command({ Bucket, Prefix: 'datasets/' }),
      new PutObjectCommand({ Bucket, Key: `${prefix}b.csv`, Body: 'x' }),
      new GetObjectCommand({ Bucket, Key: `manifests/${dataset}/${version}` }),
      new GetObjectCommand({ Bucket: cloud.outputs['data.Lake'], Key: `${prefix}a.csv` }),
      new PutObjectCommand({ Bucket: reader.network.bucket, Key: DATASET_LIST_KEY, Body: '{}' }),
    ])
      await expect(desktop.send(attempt as GetObjectCommand)).rejects.toThrow(
        expect.objectContaining({ name: 'AccessDenied' }),
      );
  });

  it('the project’s bucket has the list of what desktops show', async () => {
    const { Body } = await root.send(new GetObjectCommand({ Bucket: project?.network.bucket, Key: DATASET_LIST_KEY }));
    expect(JSON.parse((await Body?.transformToString()) ?? '')).toEqual({
      bucket: project?.network.datasets?.alias,
      datasets: [{ path: `/data/${dataset}/${version.slice(0, 12)}`, dataset, version, prefix, endsAt: use.endsAt }],
    });
  });

  it('no other project reads it, by its own access point or by this one', async () => {
    const [reader, stranger] = [project as ReadyProject, otherProject as ReadyProject];
    expect(await readDataset(stranger)).toBe('AccessDenied');
    expect(await readDataset(reader, stranger)).toBe('AccessDenied');
  });

  it('its owner reads in the access log who read it; nobody else does but operators', async () => {
    const { Buckets = [] } = await root.send(new ListBucketsCommand({}));
    const logs = Buckets.find(({ Name = '' }) => /^broch-local-data-coreaccesslogs/.test(Name))?.Name;
    const { accessPoint = '' } = project?.network.datasets ?? {};
    const entry = `o lake [01/Feb/2026:03:04:05 +0000] 10.0.0.1 arn:aws:sts::1:assumed-role/r/i-0a R REST.GET.OBJECT ${prefix}a.csv "GET / HTTP/1.1" 200 - 4 4 1 1 "-" "-" v - S C A h T ${accessPoint} Yes\n`;
    for (const name of ['03-05-00-A', '04-00-00-B'])
      await root.send(new PutObjectCommand({ Bucket: logs, Key: `lake/2026-02-01-${name}`, Body: entry }));
    const params = { dataset };
    const log = await owner?.ask('showAccessLog', { params, query: { day: '2026-02-01' } });
    const read = { at: '2026-02-01T03:04:05.000Z', version, project: 'uses-one', reader: 'r/i-0a' };
    expect(log?.items).toMatchObject([read, read]);
    const continuation = { day: '2026-02-01', next: '-03-05-00-A' };
    expect((await operator?.ask('showAccessLog', { params, query: continuation }))?.items).toMatchObject([read]);
    await expect(steward?.ask('showAccessLog', { params, query: { day: '2026-02-01' } })).rejects.toThrow(
      /Only the owner of the dataset uses-visits or an operator/,
    );
  });

  it('while the dataset is suspended, its desktops do not read it', async () => {
    const params = { dataset };
    await owner?.ask('suspendDataset', { params, body: { reason: 'A column is under investigation.' } });
    await waitForDataset(project as ReadyProject, 'AccessDenied');
    await expect(requestUse('uses-one')).rejects.toThrow(/is suspended: A column is under investigation/);
    await owner?.ask('resumeDataset', { params });
    await waitForDataset(project as ReadyProject, csv);
  });

  it('a newer version is offered, and the project still reads its own', async () => {
    const files = addSha256Sums({ 'a.csv': `${csv}West,4\n` });
    const delivery = await deliverFiles(cloud, partner as ApiClient, dataset, files);
    expect(delivery.status).toBe('registered');
    const { items = [] } = (await lead?.ask('listProjectUses', { params: { project: 'uses-one' } })) ?? {};
    const newerVersion = 'version' in delivery ? delivery.version : '';
    expect(items.filter(({ status }) => status === 'approved')).toMatchObject([{ version, newerVersion }]);
    await waitForDataset(project as ReadyProject, csv);
  });

  it('the project is reminded once that the use ends soon', async () => {
    const table = await openTestTable(cloud);
    const keys = [rowKey('use', 'uses-one', `USE#${use.id}`), rowKey('datasetUses', dataset, `2#${use.id}`)] as const;
    // It was approved a week ago.
    const approvedAt = new Date(Date.now() - 7 * 24 * 3600 * 1000).toISOString();
    for (const key of keys) await table.put(key, { ...(await table.get(key)), approvedAt });
    for (const _ of [1, 2]) {
      await callScheduledFunction(cloud, 'functions/datasets/remind.lambda.ts');
      for (const key of keys) expect(await table.get(key)).toMatchObject({ status: 'approved', remindedDays: 3 });
    }
    expect((await table.get(keys[0]))?.revision).toBe(2);
    await waitForDataset(project as ReadyProject, csv);
  });

  it('the tier of the project cannot be lowered below that of the dataset while it uses it', () =>
    expect(setTier(1)).rejects.toThrow(/uses datasets of a higher tier than 1: uses-visits\./));

  it('when the project ends the use, its desktops read it no longer, and its tier can be lowered', async () => {
    const params = { project: 'uses-one', use: use.id };
    await lead?.ask('endUse', { params, body: { reason: 'The analysis is finished.' } });
    await waitForDataset(project as ReadyProject, 'AccessDenied');
    await setTier(1);
    await expect(requestUse('uses-one')).rejects.toThrow(/is of tier 2, and the project uses-one of tier 1/);
    await setTier(null);
  });

  it('when the owner withdraws the dataset, every project loses it, and none gets it again', async () => {
    for (const reader of [project, otherProject] as ReadyProject[]) {
      const { id } = await requestUse(reader.id, { version });
      await owner?.ask('approveUse', { params: { project: reader.id, use: id }, body: {} });
      await waitForDataset(reader, csv);
    }
    const tables = [{ path: 'a.csv', columns: [{ name: 'region', do: 'keep' }] }];
    const request = await requestUse('uses-two', { version, recipe: { recipe: 1, tables } });
    const params = { project: 'uses-two', use: request.id };
    await owner?.ask('approveUse', { params, body: { recipe: request.recipeDigest } });
    minimised = minimisedOf(await waitForMinimised(lead as ApiClient, request));
    const readMinimised = (answer: string) =>
      waitForAnswer(cloud, `${minimised.prefix}data/a.csv`, otherProject as ReadyProject, answer);
    await readMinimised('region\nNorth\n');
    const body = { reason: 'The agreement ended.' };
    await expect(steward?.ask('withdrawDataset', { params: { dataset }, body })).rejects.toThrow(
      /who owns the dataset/,
    );
    await owner?.ask('withdrawDataset', { params: { dataset }, body });
    await readMinimised('AccessDenied');
    for (const reader of [project, otherProject] as ReadyProject[]) {
      await waitForDataset(reader, 'AccessDenied');
      const uses = await lead?.ask('listProjectUses', { params: { project: reader.id } });
      expect(uses?.items[0]).toMatchObject({
        status: 'ended',
        reason: expect.stringContaining('The agreement ended.'),
      });
    }
    await expect(requestUse('uses-one')).rejects.toThrow(/was withdrawn/);
    await expect(partner?.ask('openDelivery', { body: { dataset } })).rejects.toThrow(/nothing can be delivered to it/);
    expect((await steward?.ask('showDataset', { params: { dataset } }))?.rules?.withdrawn).toBeDefined();
  });

  it('what is left of it is deleted, and the signed receipt lists every object version', async () => {
    const lake = cloud.outputs['data.Lake'] ?? '';
    // The description of the newest version may still be on its way.
    await waitForLakeWriters(cloud, dataset);
    const versionCounts = await countKeyVersions(cloud, lake, `datasets/${dataset}/`);
    expect(Object.keys(versionCounts).length).toBeGreaterThan(1);
    await expect(owner?.ask('showReceipt', { params: { dataset } })).rejects.toThrow(/the locks of its files/);
    // Locked: S3 refuses, and nothing is lost.
    await callScheduledFunction(cloud, 'functions/datasets/erase.lambda.ts');
    expect(await countKeyVersions(cloud, lake, `datasets/${dataset}/`)).toEqual(versionCounts);
    await endLocks(cloud, [`datasets/${dataset}/`, `manifests/${dataset}/`]);
    await callScheduledFunction(cloud, 'functions/datasets/erase.lambda.ts');
    for (const folder of ['datasets', 'manifests'])
      expect(await countKeyVersions(cloud, lake, `${folder}/${dataset}/`)).toEqual({});
    const receipt = await owner?.ask('showReceipt', { params: { dataset } });
    const { record, problems } = verifyErasureReceipt(JSON.stringify(receipt));
    expect(problems).toEqual([]);
    const { url = '', sha256 } = (await owner?.ask('showReceiptLink', { params: { dataset } })) ?? {};
    expect(toSha256Hex(Buffer.from(await (await fetch(url)).arrayBuffer()))).toBe(sha256);
    const keys = record?.objects.map(({ key }) => key) ?? [];
    expect(Object.keys(versionCounts).some(path => path.endsWith('/ro-crate-metadata.json'))).toBe(true);
    for (const path of Object.keys(versionCounts)) expect(keys).toContain(`datasets/${dataset}/${path}`);
    expect(record?.objects.find(({ key }) => key === `${prefix}a.csv`)?.sha256).toBe(toSha256Hex(csv));
    const table = record?.objects.find(({ key }) => key === `${minimised.prefix}data/a.csv`);
    expect(table?.sha256).toBe(toSha256Hex('region\nNorth\n'));
    // A second run has nothing to do.
    await callScheduledFunction(cloud, 'functions/datasets/erase.lambda.ts');
  });

  it('a dataset whose retention has ended is withdrawn by itself', async () => {
    const shortDataset = 'uses-short';
    await deliverFiles(cloud, partner as ApiClient, shortDataset, addSha256Sums({ 'a.csv': csv }));
    const { name: ownerName = '' } = (await owner?.ask('showMe')) ?? {};
    const rules = {
      title: 'Short',
      controller: 'Tayside Health',
      licence: 'DSA 2026-14',
      purposes: ['research' as const],
    };
    const retainUntil = new Date(Date.now() - 1000).toISOString();
    const params = { dataset: shortDataset };
    await operator?.ask('governDataset', { params, body: { ...rules, owner: ownerName, retainUntil } });
    await callScheduledFunction(cloud, 'functions/datasets/owners.lambda.ts');
    const overview = await steward?.ask('showDataset', { params });
    expect(overview?.rules?.withdrawn).toMatchObject({ byName: 'Broch', reason: expect.stringContaining('retention') });
  });
});
