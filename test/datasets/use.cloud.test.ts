import { setTimeout as sleep } from 'node:timers/promises';
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ApiClient } from '../../bin/cli/call.ts';
import { DATASET_LIST_KEY } from '../../functions/datasets/access-policy.ts';
import type { DatasetUse } from '../../functions/datasets/schemas.ts';
import type { ReadyProject } from '../../functions/projects/schemas.ts';
import { connectTestCloud } from '../cloud.ts';
import { addSha256Sums } from '../ingest/delivery.ts';
import { deliverFiles, signInNewPerson } from '../ingest/partner.ts';
import { waitForProject } from '../projects/harness.ts';
import { assumeAnyRole } from '../security/attacker.ts';

const cloud = connectTestCloud();
const root = new S3Client(cloud.configuration);
const dataset = 'uses-visits';
const csv = 'region,n\nNorth,40\n';
const tomorrow = () => new Date(Date.now() + 24 * 3600 * 1000).toISOString();

let [operator, partner, owner, steward, lead]: ApiClient[] = [];
let [project, otherProject]: ReadyProject[] = [];
let [version, prefix] = ['', ''];

async function buildProject(id: string): Promise<ReadyProject> {
  await operator?.ask('createProject', { body: { id, title: id } });
  const ready = await waitForProject(
    async () => operator?.ask('showProject', { params: { project: id } }),
    answer => answer?.status !== 'provisioning',
  );
  if (ready?.status !== 'ready') throw new Error(JSON.stringify(ready));
  return ready;
}

/** S3 as the desktops of a project have it. */
async function openDesktop({ network }: ReadyProject): Promise<S3Client> {
  const credentials = await assumeAnyRole(cloud, network.datasets?.role ?? '');
  return new S3Client({ ...cloud.configuration, credentials, maxAttempts: 1 });
}

async function readDataset(reader: ReadyProject, desk: ReadyProject = reader): Promise<string> {
  const desktop = await openDesktop(desk);
  const Bucket = reader.network.datasets?.alias;
  try {
    const { Body } = await desktop.send(new GetObjectCommand({ Bucket, Key: `${prefix}a.csv` }));
    return (await Body?.transformToString()) ?? '';
  } catch (error) {
    return (error as Error).name;
  }
}

async function waitForAnswer(reader: ReadyProject, answer: string): Promise<void> {
  for (const end = Date.now() + 60_000; Date.now() < end; await sleep(200))
    if ((await readDataset(reader)) === answer) return;
  throw new Error(`it stayed ${await readDataset(reader)}`);
}

const requestUse = (id: string) =>
  lead?.ask('requestUse', {
    params: { project: id },
    body: { dataset, purpose: 'research', endsAt: tomorrow(), explanation: 'Visits by region.' },
  }) as Promise<DatasetUse>;

beforeAll(async () => {
  const people = ['operator', 'partner', 'steward', 'steward', 'researcher'] as const;
  [operator, partner, owner, steward, lead] = await Promise.all(
    people.map((group, index) => signInNewPerson(cloud, `uses-${group}-${index}`, group)),
  );
  const delivery = await deliverFiles(cloud, partner as ApiClient, dataset, addSha256Sums({ 'a.csv': csv }));
  if (delivery.status !== 'registered') throw new Error(JSON.stringify(delivery));
  version = delivery.version;
  prefix = `datasets/${dataset}/${version}/data/`;
  project = await buildProject('uses-one');
  otherProject = await buildProject('uses-two');
  const { name } = (await lead?.ask('showMe')) ?? { name: '' };
  for (const { id } of [project, otherProject])
    await operator?.ask('addMember', { params: { project: id, name }, body: { roles: ['lead'] } });
}, 240_000);

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
    await waitForAnswer(reader, csv);
    const desktop = await openDesktop(reader);
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

  it('when the project ends the use, its desktops read it no longer', async () => {
    const params = { project: 'uses-one', use: use.id };
    await lead?.ask('endUse', { params, body: { reason: 'The analysis is finished.' } });
    await waitForAnswer(project as ReadyProject, 'AccessDenied');
  });

  it('when the owner withdraws the dataset, every project loses it, and none gets it again', async () => {
    for (const reader of [project, otherProject] as ReadyProject[]) {
      const { id } = await requestUse(reader.id);
      await owner?.ask('approveUse', { params: { project: reader.id, use: id }, body: {} });
      await waitForAnswer(reader, csv);
    }
    const body = { reason: 'The agreement ended.' };
    await expect(steward?.ask('withdrawDataset', { params: { dataset }, body })).rejects.toThrow(
      /who owns the dataset/,
    );
    await owner?.ask('withdrawDataset', { params: { dataset }, body });
    for (const reader of [project, otherProject] as ReadyProject[]) {
      await waitForAnswer(reader, 'AccessDenied');
      const uses = await lead?.ask('listProjectUses', { params: { project: reader.id } });
      expect(uses?.items[0]).toMatchObject({
        status: 'ended',
        reason: expect.stringContaining('The agreement ended.'),
      });
    }
    await expect(requestUse('uses-one')).rejects.toThrow(/was withdrawn/);
  });
});
