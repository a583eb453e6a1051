import { setTimeout as sleep } from 'node:timers/promises';
import { HeadObjectCommand, PutObjectCommand, PutObjectTaggingCommand, S3Client } from '@aws-sdk/client-s3';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ApiClient } from '../../bin/cli/call.ts';
import type { Delivery } from '../../functions/ingest/schemas.ts';
import { scanTag } from '../../functions/storage/malware-scan.ts';
import { eicarTestFile } from '../../local/malware-engine.ts';
import { castMember } from '../airlock/cast.ts';
import { makeEncryptedZip, skippedScanMarker } from '../airlock/scans.ts';
import { connectTestCloud } from '../cloud.ts';
import { openAgreement } from './agreement.ts';
import { addSha256Sums, toSha256Sums } from './delivery.ts';
import { openPartnerLanding, signInNewPerson, uploadDeliveryFiles, waitForDelivery } from './partner.ts';

const cloud = connectTestCloud();
const dataset = 'approval-visits';
let [partner, steward]: ApiClient[] = [];
let name = '';

async function deliver(csv: string): Promise<Delivery> {
  const id = (await partner?.ask('openDelivery', { body: { dataset } }))?.id ?? '';
  await uploadDeliveryFiles(cloud, partner as ApiClient, id, addSha256Sums({ 'a.csv': csv }));
  return waitForDelivery(partner as ApiClient, id);
}
const versions = async () => (await steward?.ask('listDatasets', { query: { limit: 100 } }))?.items ?? [];

beforeAll(async () => {
  [partner, steward] = await Promise.all([
    signInNewPerson(cloud, 'approval-petra', 'partner'),
    signInNewPerson(cloud, 'approval-stella', 'steward'),
  ]);
  name = (await partner?.ask('showMe'))?.name ?? '';
  const body = { ...openAgreement, datasets: [dataset], acceptance: 'steward' as const };
  await steward?.ask('registerPartner', { params: { name }, body });
});

describe('a delivery under an agreement without automatic acceptance', () => {
  it('waits for a data steward, who sees what arrived; nothing is in the catalogue', async () => {
    const delivery = await deliver('n\n1\n');
    expect(delivery).toMatchObject({ status: 'awaitingApproval', arrival: { files: 1, bytes: 4 } });
    expect(await versions()).not.toContainEqual(expect.objectContaining({ dataset }));
    const params = { delivery: delivery.id };
    await expect(partner?.ask('acceptDelivery', { params })).rejects.toThrow(/Only data stewards can do this/);
    await steward?.ask('acceptDelivery', { params });
    const receipt = await waitForDelivery(partner as ApiClient, delivery.id, undefined, ['registered']);
    expect(receipt).toMatchObject({ status: 'registered', accepted: { byName: expect.stringContaining('stella') } });
    expect(await versions()).toContainEqual(expect.objectContaining({ dataset }));
  });

  it('is rejected with a reason that its partner reads, and no version comes of it', async () => {
    const { id } = await deliver('n\n2\n');
    expect(await steward?.ask('showDelivery', { params: { delivery: id } })).toMatchObject({
      arrival: { changes: { added: 0, changed: 1, removed: 0 } },
    });
    await steward?.ask('rejectDelivery', { params: { delivery: id }, body: { reason: 'Last year is missing.' } });
    const delivery = await partner?.ask('showDelivery', { params: { delivery: id } });
    expect(delivery).toMatchObject({ status: 'rejected', reason: 'Last year is missing.' });
    const { items = [] } = (await steward?.ask('listVersions', { params: { dataset } })) ?? {};
    expect(items).toHaveLength(1);
  });
});

describe('a delivery with', () => {
  async function send(files: Record<string, string | Uint8Array>): Promise<string> {
    const id = (await partner?.ask('openDelivery', { body: { dataset } }))?.id ?? '';
    await uploadDeliveryFiles(cloud, partner as ApiClient, id, addSha256Sums(files));
    return id;
  }
  const rest = (id: string, previousCheck?: string) => waitForDelivery(partner as ApiClient, id, previousCheck);
  const acceptUnscanned = (id: string) =>
    steward?.ask('acceptUnscanned', { params: { delivery: id }, body: { reason: 'Encrypted by agreement.' } });

  it('malware is held, and nobody can accept it', async () => {
    const large = `${'1\n'.repeat(2 ** 20)}${eicarTestFile}`;
    const delivery = await rest(await send({ 'a.csv': large, 'b.csv': 'n\n1\n' }));
    expect(delivery).toMatchObject({
      status: 'held',
      findings: [{ path: 'a.csv', reason: expect.stringContaining('found malware') }],
    });
    await expect(acceptUnscanned(delivery.id)).rejects.toThrow(/nobody can accept it/);
  });

  it('a file that the scan cannot read is held, accepted with a reason, and checked for all else', async () => {
    const locked = makeEncryptedZip({ 'a.csv': Buffer.from('x') });
    const delivery = await rest(await send({ 'locked.dat': locked, 'empty.txt': '' }));
    expect(delivery).toMatchObject({ status: 'held', unscanned: { manifest: 'SHA256SUMS' }, found: 1 });
    await acceptUnscanned(delivery.id);
    const previousCheck = 'check' in delivery ? delivery.check : '';
    expect(await rest(delivery.id, previousCheck)).toMatchObject({
      status: 'held',
      findings: [{ reason: expect.stringMatching(/is encrypted|first bytes/) }],
    });
  });

  it('a file that waits for its scan is not read before, and then as it was listed, whatever replaced it', async () => {
    const id = await send({ [`${skippedScanMarker}.csv`]: 'n\n1\n' });
    const { bucket, prefix } = await openPartnerLanding(cloud, partner as ApiClient, id);
    const s3 = new S3Client(cloud.configuration);
    // Longer than one call of the check waits, so that the workflow waits too.
    await sleep(8000);
    expect((await partner?.ask('showDelivery', { params: { delivery: id } }))?.status).toBe('checking');
    const Tagging = { TagSet: [{ Key: scanTag, Value: 'NO_THREATS_FOUND' }] };
    const file = { Bucket: bucket, Key: `${prefix}${skippedScanMarker}.csv` };
    const { VersionId } = await s3.send(new HeadObjectCommand(file));
    await s3.send(new PutObjectCommand({ ...file, Body: 'n\n2\n3\n' }));
    await s3.send(new PutObjectTaggingCommand({ ...file, VersionId, Tagging }));
    expect(await rest(id)).toMatchObject({ status: 'awaitingApproval', arrival: { bytes: 4 } });
  });
});

describe('an upload in parts by signed addresses', () => {
  const MiB = 1024 ** 2;
  const bytes = Buffer.alloc(8 * MiB + 5, 'n\n');
  const send = (url: string, body: Uint8Array) => fetch(url, { method: 'PUT', body: new Uint8Array(body) });

  it('needs no AWS credentials, is resumed where it stopped, and completes only when every byte arrived', async () => {
    const delivery = await partner?.ask('openDelivery', { body: { dataset } });
    const params = { delivery: delivery?.id ?? '' };
    const answer = await partner?.ask('startUpload', { params, body: { path: 'big.csv', size: bytes.length } });
    const { path, upload, partBytes, parts } = answer ?? { path: '', upload: '', partBytes: 0, parts: 0 };
    expect([partBytes, parts]).toEqual([8 * MiB, 2]);
    const sign = async (part: number) =>
      (await partner?.ask('signUpload', { params, body: { path, upload, parts: [part] } }))?.urls[0]?.url ?? '';
    expect((await send(await sign(2), bytes.subarray(partBytes))).status).toBe(200);
    const complete = () => partner?.ask('completeUpload', { params, body: { path, upload, size: bytes.length } });
    await expect(complete()).rejects.toThrow(/1 parts with 5 of 8388613 bytes/);
    const remainder = await partner?.ask('listUploadParts', { params, query: { path, upload } });
    expect(remainder?.parts).toEqual([{ part: 2, size: 5 }]);
    const address = await sign(1);
    expect((await send(address.replace('/big.csv', '/other.csv'), bytes.subarray(0, 5))).status).toBe(403);
    expect((await send(address, bytes.subarray(0, partBytes))).status).toBe(200);
    expect(await complete()).toEqual({ path, parts: 2 });
    const otherPartner = await signInNewPerson(cloud, 'approval-otto', 'partner');
    for (const attempt of [
      () => otherPartner.ask('startUpload', { params, body: { path: 'x.csv', size: 1 } }),
      () => otherPartner.ask('signUpload', { params, body: { path, upload, parts: [1] } }),
      () => otherPartner.ask('listUploadParts', { params, query: { path, upload } }),
    ])
      await expect(attempt()).rejects.toThrow(/There is no delivery/);
    const sums = toSha256Sums({ 'big.csv': bytes });
    await uploadDeliveryFiles(cloud, partner as ApiClient, params.delivery, { SHA256SUMS: sums });
    expect(await waitForDelivery(partner as ApiClient, params.delivery)).toMatchObject({
      status: 'awaitingApproval',
      arrival: { files: 1, bytes: bytes.length },
    });
  });
});

describe('an agreement', () => {
  it('that ended, or does not cover a dataset, refuses deliveries; so does a network', async () => {
    await expect(partner?.ask('openDelivery', { body: { dataset: 'approval-other' } })).rejects.toThrow(
      /does not cover the dataset approval-other/,
    );
    const olga = castMember('olga');
    const body = { ...openAgreement, startsAt: '2020-01-01T00:00:00Z' };
    await olga.ask('registerPartner', { params: { name }, body: { ...body, networks: ['203.0.113.0/24'] } });
    await expect(partner?.ask('openDelivery', { body: { dataset } })).rejects.toThrow(/from 203\.0\.113\.0\/24 only/);
    await olga.ask('registerPartner', { params: { name }, body: { ...body, endsAt: '2021-01-01T00:00:00Z' } });
    await expect(partner?.ask('openDelivery', { body: { dataset } })).rejects.toThrow(/ended at 2021/);
  });
});
