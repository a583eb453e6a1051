import { setTimeout as sleep } from 'node:timers/promises';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ApiClient } from '../../bin/cli/call.ts';
import { connectTestCloud } from '../cloud.ts';
import { addSha256Sums, toSha256Hex } from './delivery.ts';
import {
  deliverFiles,
  openIngestMachine,
  openPartnerLanding,
  signInNewPerson,
  uploadDeliveryFiles,
} from './partner.ts';

const cloud = connectTestCloud();
const dataset = 'catalogue-visits';
const earlier = { 'a.csv': 'id\n1\n', 'b.csv': 'id\n2\n', 'notes/größe.csv': 'id\n3\n' };
const laterFiles = { 'b.csv': 'id\n22\n', 'notes/größe.csv': 'id\n3\n', 'c.csv': 'id\n4\n' };

describe('what a data steward and a partner see of deliveries and versions', () => {
  let [partner, otherPartner, steward]: ApiClient[] = [];
  const versions: string[] = [];
  const deliveries: string[] = [];

  beforeAll(async () => {
    [partner, otherPartner, steward] = await Promise.all([
      signInNewPerson(cloud, 'catalogue-pia', 'partner'),
      signInNewPerson(cloud, 'catalogue-otto', 'partner'),
      signInNewPerson(cloud, 'catalogue-sten', 'steward'),
    ]);
    for (const files of [earlier, laterFiles]) {
      const delivery = await deliverFiles(cloud, partner as ApiClient, dataset, addSha256Sums(files));
      if (delivery.status !== 'registered') throw new Error(JSON.stringify(delivery));
      versions.push(delivery.version);
      deliveries.push(delivery.id);
    }
  });

  it('lists the files of a version that is named by its first characters, page by page', async () => {
    const params = { dataset, version: versions[0]?.slice(0, 8) ?? '' };
    const first = await steward?.ask('listDatasetFiles', { params, query: { limit: 2 } });
    const second = await steward?.ask('listDatasetFiles', { params, query: { limit: 2, next: first?.next } });
    expect(second?.next).toBeUndefined();
    expect([...(first?.items ?? []), ...(second?.items ?? [])]).toEqual(
      Object.entries(earlier).map(([path, content]) => ({ path, sha256: toSha256Hex(content) })),
    );
  });

  it('compares two versions file by file, and their tables by columns and rows', async () => {
    const table = { columns: ['id'], columnCount: 1, rows: 1 };
    const params = { dataset, version: versions[0] ?? '', later: 'latest' };
    expect((await steward?.ask('compareVersions', { params }))?.items).toEqual([
      { path: 'a.csv', change: 'removed', before: table },
      { path: 'b.csv', change: 'changed', before: table, after: table },
      { path: 'c.csv', change: 'added', after: table },
    ]);
  });

  it('refuses an unknown dataset and an unknown version by name', async () => {
    const ask = (name: string, version: string) =>
      steward?.ask('listDatasetFiles', { params: { dataset: name, version } });
    await expect(ask('catalogue-nothing', 'latest')).rejects.toThrow(/There is no dataset catalogue-nothing/);
    await expect(ask(dataset, '000000')).rejects.toThrow(/has no version 000000/);
    await expect(steward?.ask('listVersions', { params: { dataset: 'catalogue-nothing' } })).rejects.toThrow(
      /There is no dataset catalogue-nothing/,
    );
    expect((await steward?.ask('listVersions', { params: { dataset } }))?.items).toHaveLength(2);
  });

  it('gives the full receipt to the partner who delivered, and to no other partner', async () => {
    const params = { delivery: deliveries[1] ?? '' };
    const { items } = (await partner?.ask('listReceiptFiles', { params })) ?? { items: [] };
    expect(new Map(items.map(({ path, sha256 }) => [path, sha256]))).toEqual(
      new Map(Object.entries(laterFiles).map(([path, content]) => [path, toSha256Hex(content)])),
    );
    await expect(otherPartner?.ask('listReceiptFiles', { params })).rejects.toThrow(/There is no delivery/);
  });

  it('shows deliveries that wait for a person first to staff, and to a partner only their own', async () => {
    const heldDelivery = await deliverFiles(cloud, otherPartner as ApiClient, 'catalogue-held', {
      ...addSha256Sums({ 'a.csv': 'id\n1\n' }),
      'b.csv': 'not listed',
    });
    expect(heldDelivery.status).toBe('held');
    await partner?.ask('openDelivery', { body: { dataset } });
    const ids: string[] = [];
    let next: string | undefined;
    do {
      const page = await steward?.ask('listDeliveries', { query: { limit: 100, next } });
      const items = page?.items ?? [];
      // Other deliveries change between two pages, but not within one.
      const isWaiting = items.map(({ status }) => status === 'held' || status === 'awaitingApproval');
      expect(isWaiting).toEqual(isWaiting.toSorted((first, second) => Number(second) - Number(first)));
      ids.push(...items.map(({ id }) => id));
      next = page?.next;
    } while (next !== undefined);
    expect(ids.indexOf(heldDelivery.id)).toBeLessThan(ids.indexOf(deliveries[0] ?? ''));
    expect(ids).toEqual(expect.arrayContaining([heldDelivery.id, ...deliveries]));
    const ownDeliveries = (await otherPartner?.ask('listDeliveries'))?.items ?? [];
    expect(ownDeliveries).toEqual([expect.objectContaining({ id: heldDelivery.id, status: 'held', found: 1 })]);
  });

  it('cancels an open delivery: no more uploads, and a manifest that arrives later starts no check', async () => {
    const { id } = (await partner?.ask('openDelivery', { body: { dataset } })) ?? { id: '' };
    const landing = await openPartnerLanding(cloud, partner as ApiClient, id);
    await expect(otherPartner?.ask('cancelDelivery', { params: { delivery: id } })).rejects.toThrow(
      /There is no delivery/,
    );
    expect(await partner?.ask('cancelDelivery', { params: { delivery: id } })).toMatchObject({ status: 'cancelled' });
    await expect(uploadDeliveryFiles(cloud, partner as ApiClient, id, addSha256Sums(earlier))).rejects.toThrow(
      /was cancelled. Open a new delivery/,
    );
    // The credentials that were lent before still work for a while.
    const { s3, bucket, prefix } = landing;
    await s3.send(new PutObjectCommand({ Bucket: bucket, Key: `${prefix}SHA256SUMS`, Body: 'x' }));
    s3.destroy();
    const { executions, ended: waitForEnd } = await openIngestMachine(cloud);
    let [execution] = await executions(id);
    for (; !execution; [execution] = await executions(id)) await sleep(200);
    expect((await waitForEnd(execution.executionArn ?? '')).output).toMatchObject({ outcome: 'ignored' });
    expect(await partner?.ask('showDelivery', { params: { delivery: id } })).toMatchObject({ status: 'cancelled' });
    await expect(partner?.ask('cancelDelivery', { params: { delivery: deliveries[0] ?? '' } })).rejects.toThrow(
      /cannot be taken back/,
    );
  });

  it('refuses a delivery of a partner who has twenty that are not finished, until one is cancelled', async () => {
    const eager = await signInNewPerson(cloud, 'catalogue-eager', 'partner');
    const open = () => eager.ask('openDelivery', { body: { dataset: 'catalogue-eager' } });
    const ids: string[] = [];
    for (let count = 0; count < 20; count++) ids.push((await open()).id);
    await expect(open()).rejects.toThrow(`cancel one: broch delivery cancel ${ids[0]}`);
    await eager.ask('cancelDelivery', { params: { delivery: ids[0] ?? '' } });
    expect((await open()).status).toBe('open');
  });
});
