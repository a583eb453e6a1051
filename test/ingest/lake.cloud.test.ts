import { randomBytes } from 'node:crypto';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { connectTestCloud } from '../cloud.ts';
import { toSha256Hex } from './delivery.ts';

const cloud = connectTestCloud();
const s3 = new S3Client(cloud.configuration);
const [landing = '', lake = ''] = [cloud.outputs['data.Landing'], cloud.outputs['data.Lake']];
const MiB = 1024 ** 2;
const root = `in/test-lake/${Date.now()}/`;

let io: typeof import('../../functions/storage/object-read.ts') &
  typeof import('../../functions/storage/object-copy.ts');
afterAll(() => void vi.unstubAllEnvs());
beforeAll(async () => {
  // As Lambda sets it, so that the modules' own client finds its way.
  const environment = {
    AWS_ENDPOINT_URL: cloud.endpoint,
    AWS_REGION: cloud.region,
    AWS_ACCESS_KEY_ID: cloud.configuration.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: cloud.configuration.credentials.secretAccessKey,
  };
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  io = {
    ...(await import('../../functions/storage/object-read.ts')),
    ...(await import('../../functions/storage/object-copy.ts')),
  };
});

async function land(path: string, content: Uint8Array) {
  const { VersionId = '', ETag = '' } = await s3.send(
    new PutObjectCommand({ Bucket: landing, Key: root + path, Body: content }),
  );
  const source = { bucket: landing, key: root + path, version: VersionId };
  return { from: source, content: { sha256: toSha256Hex(content), size: content.length, etag: ETag } };
}
const lakeObject = (path: string) => ({ bucket: lake, key: `datasets/test-lake/${root}${path}` });
const read = async ({ bucket, key }: { bucket: string; key: string }) => {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  return Buffer.from((await Body?.transformToByteArray()) ?? '');
};

describe('the list of uploaded files', () => {
  it('has the newest version of each object, over many pages, without deleted objects and folders', async () => {
    const names = Array.from({ length: 1100 }, (_, index) => `many/${index} +%2B&é.csv`);
    for (let offset = 0; offset < names.length; offset += 50)
      await Promise.all(names.slice(offset, offset + 50).map(name => land(name, Buffer.from(name))));
    const { from: source } = await land('many/0 +%2B&é.csv', Buffer.from('newer'));
    await land('many/folder/', Buffer.alloc(0));
    await s3.send(new DeleteObjectCommand({ Bucket: landing, Key: `${root}${names[1]}` }));
    const present = (await io.listObjects(landing, `${root}many/`)) ?? [];
    expect(present.map(({ path }) => `many/${path}`).sort()).toEqual(names.filter((_, index) => index !== 1).sort());
    expect(present.find(({ path }) => path === '0 +%2B&é.csv')).toMatchObject({ version: source.version, size: 5 });
  });
});

describe('hashing', () => {
  it('gives the hash of the object and of each part, wherever the stream is cut', async () => {
    const content = randomBytes(3 * MiB + 7);
    const { from: source } = await land('parts.bin', content);
    const { sha256, size, parts } = await io.hashObject(source, MiB);
    expect([sha256, size]).toEqual([toSha256Hex(content), content.length]);
    const slices = [0, 1, 2, 3].map(index => content.subarray(index * MiB, (index + 1) * MiB));
    expect(parts).toEqual(slices.map(slice => Buffer.from(toSha256Hex(slice), 'hex').toString('base64')));
  });

  it('reads the requested version and not a later one', async () => {
    const { from: source, content } = await land('pinned.csv', Buffer.from('first'));
    await land('pinned.csv', Buffer.from('second'));
    expect((await io.hashObject(source)).sha256).toBe(content.sha256);
    await io.copyObject(source, lakeObject('pinned.csv'), content);
    expect((await read(lakeObject('pinned.csv'))).toString()).toBe('first');
  });

  it('reports that a version no longer exists', async () => {
    const { from: source } = await land('gone.csv', Buffer.from('x'));
    await s3.send(new DeleteObjectCommand({ Bucket: landing, Key: source.key, VersionId: source.version }));
    const error = await io.hashObject(source).catch((error: unknown) => error);
    expect(io.isMissingObject(error)).toBe(true);
  });
});

describe('copying', () => {
  it('copies an object to any name, and again without effect', async () => {
    const { from: source, content } = await land('a b+%41/é?#.csv', Buffer.from('content'));
    for (const _ of [1, 2]) await io.copyObject(source, lakeObject('a b+%41/é?#.csv'), content);
    expect((await read(lakeObject('a b+%41/é?#.csv'))).toString()).toBe('content');
  });

  it('fails when the copy differs from the verified file', async () => {
    const { from: source, content } = await land('other.csv', Buffer.from('content'));
    const otherContent = { ...content, etag: '"other"', sha256: toSha256Hex('other') };
    await expect(io.copyObject(source, lakeObject('other.csv'), otherContent)).rejects.toThrow(
      /differs from the verified file/,
    );
  });

  it('copies in parts once and leaves no incomplete upload', async () => {
    const bytes = randomBytes(12 * MiB);
    const { from: source, content } = await land('large.bin', bytes);
    const part = 5 * MiB;
    const { parts: hashes } = await io.hashObject(source, part);
    expect(hashes).toHaveLength(3);
    for (const _ of [1, 2]) await io.copyObjectInParts(source, lakeObject('large.bin'), content, { part, hashes });
    expect(Buffer.compare(await read(lakeObject('large.bin')), bytes)).toBe(0);
    const { from: otherFrom, content: otherContent } = await land('other.bin', randomBytes(12 * MiB));
    const secondCopy = io.copyObjectInParts(otherFrom, lakeObject('large.bin'), otherContent, { part, hashes });
    await expect(secondCopy).rejects.toThrow(/differs from the verified file/);
    expect(Buffer.compare(await read(lakeObject('large.bin')), bytes)).toBe(0);
    const { Uploads = [] } = await s3.send(new ListMultipartUploadsCommand({ Bucket: lake }));
    expect(Uploads.filter(({ Key }) => Key === lakeObject('large.bin').key)).toEqual([]);
  });

  it('writes a text once and never replaces it', async () => {
    for (const text of ['first', 'second']) await io.putObjectOnce(lakeObject('SHA256SUMS'), text);
    expect((await read(lakeObject('SHA256SUMS'))).toString()).toBe('first');
  });
});
