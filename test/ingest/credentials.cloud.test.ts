import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ApiClient } from '../../bin/cli/call.ts';
import { connectTestCloud } from '../cloud.ts';
import { toSha256Hex } from './delivery.ts';
import { openPartnerLanding, signInNewPerson, waitForDelivery } from './partner.ts';

const cloud = connectTestCloud();
let partner: ApiClient;
let s3: S3Client;
let [id, bucket, prefix] = ['', '', ''];

const put = (folder: string) => s3.send(new PutObjectCommand({ Bucket: bucket, Key: `${folder}x.csv`, Body: 'x' }));

beforeAll(async () => {
  partner = await signInNewPerson(cloud, 'ingest-cleo', 'partner');
  ({ id } = await partner.ask('openDelivery', { body: { dataset: 'ingest-fenced' } }));
  ({ s3, bucket, prefix } = await openPartnerLanding(cloud, partner, id));
});

describe('credentials for an upload', () => {
  it('write and list the files of their delivery, large ones in parts', async () => {
    const large = Buffer.alloc(12 * 1024 * 1024, 'x');
    const params = { Bucket: bucket, Key: `${prefix}large.bin`, Body: large };
    await new Upload({ client: s3, params, partSize: 5 * 1024 * 1024 }).done();
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix }));
    expect(Contents.map(({ Key }) => Key)).toEqual([`${prefix}large.bin`]);
    const sums = `${toSha256Hex(large)}  large.bin\n`;
    await s3.send(new PutObjectCommand({ Bucket: bucket, Key: `${prefix}SHA256SUMS`, Body: sums }));
    expect(await waitForDelivery(partner, id)).toMatchObject({ status: 'registered', bytes: large.length });
  });

  it.each<[string, () => Promise<unknown>]>([
    ['another delivery', () => put(prefix.replace(id, 'dl-0000000000000000'))],
    ['another partner', () => put(prefix.replace(/^in\/[^/]+/, 'in/somebody'))],
    ['what begins like theirs', () => put(`${prefix.slice(0, -1)}x/`)],
    ['outside', () => put('')],
    [
      'the lake',
      () => s3.send(new PutObjectCommand({ Bucket: cloud.outputs['data.Lake'], Key: 'datasets/x', Body: 'x' })),
    ],
    ['reading', () => s3.send(new GetObjectCommand({ Bucket: bucket, Key: `${prefix}large.bin` }))],
    ['deleting', () => s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: `${prefix}large.bin` }))],
    ['listing everything', () => s3.send(new ListObjectsV2Command({ Bucket: bucket }))],
    ['listing all partners', () => s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: 'in/' }))],
    ['old versions', () => s3.send(new ListObjectVersionsCommand({ Bucket: bucket, Prefix: prefix }))],
    [
      'another encryption',
      () =>
        s3.send(
          new PutObjectCommand({ Bucket: bucket, Key: `${prefix}plain`, Body: 'x', ServerSideEncryption: 'AES256' }),
        ),
    ],
  ])('are refused: %s', async (_, attempt) => {
    await expect(attempt()).rejects.toMatchObject({ name: 'AccessDenied' });
  });
});
