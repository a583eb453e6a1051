import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { StartExecutionCommand } from '@aws-sdk/client-sfn';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ApiClient } from '../../bin/cli/call.ts';
import type { Delivery } from '../../functions/ingest/schemas.ts';
import { connectTestCloud } from '../cloud.ts';
import { addSha256Sums, type DeliveryFiles, toBag, toSha256Hex, toSha256Sums } from './delivery.ts';
import {
  countKeyVersions,
  deliverFiles,
  openIngestMachine,
  openPartnerLanding,
  recordDeliveryEvents,
  signInNewPerson,
  uploadDeliveryFiles,
  waitForDelivery,
  withBucketDenial,
} from './partner.ts';

const cloud = connectTestCloud();
const lake = cloud.outputs['data.Lake'] ?? '';
let partner: ApiClient;
let otherPartner: ApiClient;
let steward: ApiClient;
let readEvents: Awaited<ReturnType<typeof recordDeliveryEvents>>;

beforeAll(async () => {
  readEvents = await recordDeliveryEvents(cloud);
  [partner, otherPartner, steward] = await Promise.all([
    signInNewPerson(cloud, 'ingest-pia', 'partner'),
    signInNewPerson(cloud, 'ingest-otto', 'partner'),
    signInNewPerson(cloud, 'ingest-sten', 'steward'),
  ]);
});

const files: DeliveryFiles = {
  'a.csv': 'id,age\n1,40\n',
  'sub folder/größe +%41.csv': 'x'.repeat(70_000),
  'empty.csv': '',
};
const requireRegistered = (delivery: Delivery) => {
  if (delivery.status !== 'registered') throw new Error(`it is ${JSON.stringify(delivery)}`);
  return delivery;
};
const requireHeld = (delivery: Delivery) => {
  if (delivery.status !== 'held') throw new Error(`it is ${JSON.stringify(delivery)}`);
  return delivery;
};
const versionsOf = async (dataset: string) => (await steward.ask('listVersions', { params: { dataset } })).items;
const endOf = async (delivery: string) => {
  const { executions, ended: waitForEnd } = await openIngestMachine(cloud);
  const runs = await executions(delivery);
  return Promise.all(runs.map(({ executionArn }) => waitForEnd(executionArn ?? '')));
};

describe('a correct delivery', () => {
  const dataset = 'ingest-whole';
  let first: ReturnType<typeof requireRegistered>;
  let secondId = '';
  beforeAll(async () => {
    first = requireRegistered(await deliverFiles(cloud, partner, dataset, addSha256Sums(files)));
  });

  it('becomes a version named by the SHA-256 of its sorted manifest', async () => {
    const sorted = Object.keys(files)
      .sort()
      .map(path => `${toSha256Hex(files[path] ?? '')}  ${path}\n`);
    expect(first).toMatchObject({ version: toSha256Hex(sorted.join('')), files: 3, bytes: 70_012 });
    expect(await versionsOf(dataset)).toMatchObject([{ version: first.version, delivery: first.id, files: 3 }]);
    const { items } = await steward.ask('listDatasets', { query: { limit: 100 } });
    expect(items).toContainEqual(expect.objectContaining({ dataset, version: first.version }));
  });

  it('is copied to the lake byte for byte, with its manifest', async () => {
    const prefix = `datasets/${dataset}/${first.version}/`;
    const expected = [...Object.keys(files).map(path => `data/${path}`), 'SHA256SUMS'];
    expect(Object.keys(await countKeyVersions(cloud, lake, prefix)).sort()).toEqual(expected.sort());
    const s3 = new S3Client(cloud.configuration);
    const read = async (Key: string) => {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: lake, Key }));
      return (await Body?.transformToString()) ?? '';
    };
    for (const [path, content] of Object.entries(files)) expect(await read(`${prefix}data/${path}`)).toBe(content);
    expect(toSha256Hex(await read(`${prefix}SHA256SUMS`))).toBe(first.version);
  });

  it('has the same version when it is delivered again as a bag, and its own receipt', async () => {
    const secondDelivery = requireRegistered(await deliverFiles(cloud, partner, dataset, toBag(files)));
    secondId = secondDelivery.id;
    expect(secondDelivery).toMatchObject({ version: first.version, sameAs: first.id, files: 3 });
    expect(await versionsOf(dataset)).toHaveLength(1);
    const prefix = `datasets/${dataset}/${first.version}/`;
    expect(Object.values(await countKeyVersions(cloud, lake, prefix))).toEqual([1, 1, 1, 1]);
  });

  it('belongs to its partner: another cannot open a delivery for it, nor complete one opened before', async () => {
    const open = (name: string) => otherPartner.ask('openDelivery', { body: { dataset: name } });
    await expect(open(dataset)).rejects.toThrow(/ingest-whole belongs to another partner/);
    // Opened by both before either delivered.
    const { id } = await open('ingest-first');
    requireRegistered(await deliverFiles(cloud, partner, 'ingest-first', addSha256Sums(files)));
    await uploadDeliveryFiles(cloud, otherPartner, id, addSha256Sums({ 'a.csv': 'id,age\n9,99\n' }));
    const late = requireHeld(await waitForDelivery(otherPartner, id));
    expect(late.findings).toEqual([{ path: '', reason: expect.stringMatching(/belongs to another partner/) }]);
    expect(await versionsOf('ingest-first')).toHaveLength(1);
  });

  it('accepts no more files', async () => {
    const answer = partner.ask('uploadAccess', { params: { delivery: first.id } });
    await expect(answer).rejects.toThrow(/is registered and accepts no more files/);
  });

  it('is shown to its own partner and to staff only', async () => {
    const show = (api: ApiClient) => api.ask('showDelivery', { params: { delivery: first.id } });
    await expect(show(otherPartner)).rejects.toThrow(/There is no delivery/);
    expect((await show(steward)).id).toBe(first.id);
    const { items } = await otherPartner.ask('listDeliveries');
    expect(items.map(({ id }) => id)).not.toContain(first.id);
    await expect(otherPartner.ask('uploadAccess', { params: { delivery: first.id } })).rejects.toThrow(/no delivery/);
    await expect(steward.ask('uploadAccess', { params: { delivery: first.id } })).rejects.toThrow(/Only data partner/);
  });

  it('publishes an event for a new version and one for each receipt', async () => {
    const { version, files: count, bytes, id } = first;
    const subject = { delivery: id, dataset, version, files: count, bytes };
    expect(await readEvents(id, ['DatasetRegistered', 'DeliveryReceived'])).toMatchObject({
      DatasetRegistered: subject,
      DeliveryReceived: { ...subject, first: true },
    });
    expect(await readEvents(secondId, ['DeliveryReceived'])).toEqual({
      DeliveryReceived: expect.objectContaining({ delivery: secondId, first: false }),
    });
  });

  it('is checked by one execution', async () => {
    expect(await endOf(first.id)).toMatchObject([{ status: 'SUCCEEDED', output: { outcome: 'registered' } }]);
  });
});

describe('a delivery with errors', () => {
  const dataset = 'ingest-wrong';

  it('is held for one wrong byte, leaves nothing in the lake, and is registered once it is corrected', async () => {
    const bad = { ...addSha256Sums(files), 'a.csv': 'id,age\n1,41\n' };
    const { id, check, ...rests } = requireHeld(await deliverFiles(cloud, partner, dataset, bad));
    expect(rests).toMatchObject({
      found: 1,
      findings: [{ path: 'a.csv', reason: expect.stringMatching(/^The SHA-256 is/) }],
    });
    expect(await countKeyVersions(cloud, lake, `datasets/${dataset}/`)).toEqual({});
    expect(await readEvents(id, ['DeliveryHeld'])).toMatchObject({ DeliveryHeld: { dataset, found: 1 } });
    await uploadDeliveryFiles(cloud, partner, id, addSha256Sums(files));
    requireRegistered(await waitForDelivery(partner, id, check));
    expect(await versionsOf(dataset)).toHaveLength(1);
  });

  it('is held before any file is read when listed and uploaded files differ, with a reason for each file', async () => {
    const bad = { 'b.csv': 'x', SHA256SUMS: toSha256Sums({ 'a.csv': 'x', '../b.csv': 'x' }) };
    const { findings } = requireHeld(await deliverFiles(cloud, partner, 'ingest-sets', bad));
    expect(findings.map(({ path }) => path)).toEqual(['../b.csv', 'a.csv', 'b.csv']);
  });

  it('is held for an empty manifest', async () => {
    const { findings } = requireHeld(
      await deliverFiles(cloud, partner, 'ingest-empty', { 'a.csv': 'x', SHA256SUMS: '' }),
    );
    expect(findings[0]).toMatchObject({ path: 'SHA256SUMS', reason: expect.stringMatching(/is empty/) });
  });

  it('keeps 200 of 1,200 findings in its row, and all of them in the work bucket', async () => {
    const manyFiles = Object.fromEntries(Array.from({ length: 1200 }, (_, index) => [`${index}.csv`, 'x']));
    const { found: findingCount, findings } = requireHeld(
      await deliverFiles(cloud, partner, 'ingest-many', { SHA256SUMS: toSha256Sums(manyFiles) }),
    );
    expect([findingCount, findings.length]).toEqual([1200, 200]);
  });
});

describe('an internal fault', () => {
  const stepFails = async (dataset: string, deny: (delivery: string) => Parameters<typeof withBucketDenial>[1]) => {
    const { id } = await partner.ask('openDelivery', { body: { dataset } });
    let check = '';
    await withBucketDenial(cloud, deny(id), async () => {
      await uploadDeliveryFiles(cloud, partner, id, addSha256Sums(files));
      const heldDelivery = requireHeld(await waitForDelivery(partner, id));
      expect(heldDelivery.findings).toMatchObject([
        { path: '', reason: expect.stringMatching(/internal error.*again/) },
      ]);
      check = heldDelivery.check;
    });
    expect(await endOf(id)).toMatchObject([{ status: 'FAILED', error: 'Broken' }]);
    await uploadDeliveryFiles(cloud, partner, id, addSha256Sums(files));
    requireRegistered(await waitForDelivery(partner, id, check));
    expect(await versionsOf(dataset)).toHaveLength(1);
  };
  const inLanding = (id: string, path: string) => `/in/*/${id}/${path}`;
  const bucket = async () => {
    const { id } = await partner.ask('openDelivery', { body: { dataset: 'ingest-none' } });
    return (await openPartnerLanding(cloud, partner, id)).bucket;
  };

  it('while planning, verifying, copying or registering holds the delivery with a reason, and a new upload of the manifest starts a new check', async () => {
    const name = await bucket();
    await stepFails('ingest-no-plan', id => ({
      bucket: name,
      action: 's3:ListBucketVersions',
      path: '',
      condition: { StringLike: { 's3:prefix': `in/*/${id}/*` } },
    }));
    await stepFails('ingest-no-read', id => ({ bucket: name, action: 's3:GetObject*', path: inLanding(id, 'a.csv') }));
    await stepFails('ingest-no-copy', () => ({
      bucket: lake,
      action: 's3:PutObject',
      path: '/datasets/ingest-no-copy/*/data/a.csv',
    }));
    await stepFails('ingest-no-list', () => ({
      bucket: lake,
      action: 's3:PutObject',
      path: '/datasets/ingest-no-list/*/SHA256SUMS',
    }));
  });

  it('that prevents the delivery from being held fails the execution, which raises an alarm', async () => {
    const { arn, sfn, ended: waitForEnd } = await openIngestMachine(cloud);
    const { executionArn = '' } = await sfn.send(
      new StartExecutionCommand({ stateMachineArn: arn, input: JSON.stringify({ delivery: 'no such thing' }) }),
    );
    expect(await waitForEnd(executionArn)).toMatchObject({ status: 'FAILED', error: 'Stuck' });
  });
});

describe('a check', () => {
  const checkInput = async (id: string, manifestVersion: string) => {
    const { partner: owner } = await partner.ask('showDelivery', { params: { delivery: id } });
    const check = `${id}-${toSha256Hex(manifestVersion).slice(0, 32)}`;
    return { partner: owner, delivery: id, manifest: 'SHA256SUMS', manifestVersion, check };
  };
  const run = async (input: object) => {
    const { arn, sfn, ended: waitForEnd } = await openIngestMachine(cloud);
    const { executionArn = '' } = await sfn.send(
      new StartExecutionCommand({ stateMachineArn: arn, input: JSON.stringify(input) }),
    );
    return waitForEnd(executionArn);
  };

  it('of an older manifest, or of a delivery that was never opened, is ignored', async () => {
    const { id, check } = requireHeld(
      await deliverFiles(cloud, partner, 'ingest-stale', { 'a.csv': 'x', SHA256SUMS: '' }),
    );
    const stale = await checkInput(id, 'an older version');
    expect(await run(stale)).toMatchObject({ status: 'SUCCEEDED', output: { outcome: 'ignored' } });
    expect(await partner.ask('showDelivery', { params: { delivery: id } })).toMatchObject({ status: 'held', check });
    const unknown = { ...stale, delivery: 'dl-0000000000000000' };
    expect(await run(unknown)).toMatchObject({ status: 'SUCCEEDED', output: { outcome: 'ignored' } });
  });

  it('of a manifest that was uploaded after the registration changes nothing, and the delivery says so', async () => {
    const { id } = await partner.ask('openDelivery', { body: { dataset: 'ingest-late' } });
    const { s3, bucket, prefix } = await openPartnerLanding(cloud, partner, id);
    await uploadDeliveryFiles(cloud, partner, id, addSha256Sums(files));
    const receipt = requireRegistered(await waitForDelivery(partner, id));
    const late = (Body: string) => s3.send(new PutObjectCommand({ Bucket: bucket, Key: `${prefix}SHA256SUMS`, Body }));
    const show = () => partner.ask('showDelivery', { params: { delivery: id } });
    const { executions, ended: waitForEnd } = await openIngestMachine(cloud);
    const waitForRuns = async (count: number) => {
      for (const end = Date.now() + 30_000; Date.now() < end; await new Promise(resolve => setTimeout(resolve, 200))) {
        const runs = await executions(id);
        if (runs.length === count) return Promise.all(runs.map(({ executionArn = '' }) => waitForEnd(executionArn)));
      }
      throw new Error('no check began');
    };
    await late(toSha256Sums(files));
    await waitForRuns(2);
    expect(await show()).toEqual(receipt);
    await late(toSha256Sums({ 'b.csv': 'other' }));
    await waitForRuns(3);
    expect(await show()).toEqual({
      ...receipt,
      ignored: { at: expect.any(String), reason: expect.stringMatching(/Open a new/) },
    });
    // A fault about a registered delivery is ignored as well.
    const fenced = { StringLike: { 's3:prefix': `in/*/${id}/*` } };
    const denial = { bucket, action: 's3:ListBucketVersions', path: '', condition: fenced };
    await withBucketDenial(cloud, denial, async () => {
      expect(await run(await checkInput(id, 'x'))).toMatchObject({
        status: 'SUCCEEDED',
        output: { outcome: 'superseded' },
      });
    });
  });

  it('is replaced by the check of a newer manifest, whichever ends first', async () => {
    const { id } = await partner.ask('openDelivery', { body: { dataset: 'ingest-overtaken' } });
    await uploadDeliveryFiles(cloud, partner, id, { ...addSha256Sums(files), 'a.csv': 'wrong' });
    await uploadDeliveryFiles(cloud, partner, id, addSha256Sums(files));
    const first = await waitForDelivery(partner, id);
    if (first.status === 'held') requireRegistered(await waitForDelivery(partner, id, first.check));
    expect(await versionsOf('ingest-overtaken')).toHaveLength(1);
  });
});
