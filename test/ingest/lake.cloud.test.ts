import { randomBytes } from 'node:crypto';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { beforeAll, describe, expect, it } from 'vitest';
import { connectTestCloud } from '../cloud.ts';
import { toSha256Hex } from './delivery.ts';

const of = connectTestCloud();
const s3 = new S3Client(of.configuration);
const [landing = '', lake = ''] = [of.outputs['data.Landing'], of.outputs['data.Lake']];
const MiB = 1024 ** 2;
const root = `in/test-lake/${Date.now()}/`;

let io: typeof import('../../functions/storage/object-read.ts') &
  typeof import('../../functions/storage/object-copy.ts');
beforeAll(async () => {
  // As Lambda sets it, so that the modules' own client finds its way.
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: of.endpoint,
    AWS_REGION: of.region,
    AWS_ACCESS_KEY_ID: of.configuration.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: of.configuration.credentials.secretAccessKey,
  });
  io = {
    ...(await import('../../functions/storage/object-read.ts')),
    ...(await import('../../functions/storage/object-copy.ts')),
  };
});

async function land(path: string, content: Uint8Array) {
  const { VersionId = '', ETag = '' } = await s3.send(
    new PutObjectCommand({ Bucket: landing, Key: root + path, Body: content }),
  );
  const from = { bucket: landing, key: root + path, version: VersionId };
  return { from, content: { sha256: toSha256Hex(content), size: content.length, etag: ETag } };
}
const at = (path: string) => ({ bucket: lake, key: `datasets/test-lake/${root}${path}` });
const read = async ({ bucket, key }: { bucket: string; key: string }) => {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  return Buffer.from((await Body?.transformToByteArray()) ?? '');
};

describe('what is there when a check begins', () => {
  it('is the newest version of each object, over many pages, without what was deleted and without folders', async () => {
    const names = Array.from({ length: 1100 }, (_, index) => `many/${index} +%2B&é.csv`);
    for (let from = 0; from < names.length; from += 50)
      await Promise.all(names.slice(from, from + 50).map(name => land(name, Buffer.from(name))));
    const { from } = await land('many/0 +%2B&é.csv', Buffer.from('newer'));
    await land('many/folder/', Buffer.alloc(0));
    await s3.send(new DeleteObjectCommand({ Bucket: landing, Key: `${root}${names[1]}` }));
    const present = (await io.listObjects(landing, `${root}many/`)) ?? [];
    expect(present.map(({ path }) => `many/${path}`).sort()).toEqual(names.filter((_, index) => index !== 1).sort());
    expect(present.find(({ path }) => path === '0 +%2B&é.csv')).toMatchObject({ version: from.version, size: 5 });
  });
});

describe('hashing', () => {
  it('gives the hash of the whole and of each part, wherever the stream is cut', async () => {
    const content = randomBytes(3 * MiB + 7);
    const { from } = await land('parts.bin', content);
    const { sha256, size, parts } = await io.hashObject(from, MiB);
    expect([sha256, size]).toEqual([toSha256Hex(content), content.length]);
    const slices = [0, 1, 2, 3].map(index => content.subarray(index * MiB, (index + 1) * MiB));
    expect(parts).toEqual(slices.map(slice => Buffer.from(toSha256Hex(slice), 'hex').toString('base64')));
  });

  it('reads the version that was pinned, not what came after', async () => {
    const { from, content } = await land('pinned.csv', Buffer.from('first'));
    await land('pinned.csv', Buffer.from('second'));
    expect((await io.hashObject(from)).sha256).toBe(content.sha256);
    await io.copyObject(from, at('pinned.csv'), content);
    expect((await read(at('pinned.csv'))).toString()).toBe('first');
  });

  it('says when a version is gone', async () => {
    const { from } = await land('gone.csv', Buffer.from('x'));
    await s3.send(new DeleteObjectCommand({ Bucket: landing, Key: from.key, VersionId: from.version }));
    const error = await io.hashObject(from).catch((error: unknown) => error);
    expect(io.isMissingObject(error)).toBe(true);
  });
});

describe('copying', () => {
  it('whole, to a name with anything in it, as often as one likes', async () => {
    const { from, content } = await land('a b+%41/é?#.csv', Buffer.from('content'));
    for (const _ of [1, 2]) await io.copyObject(from, at('a b+%41/é?#.csv'), content);
    expect((await read(at('a b+%41/é?#.csv'))).toString()).toBe('content');
  });

  it('ends in an error where what was written differs from the verified file', async () => {
    const { from, content } = await land('other.csv', Buffer.from('content'));
    const other = { ...content, etag: '"other"', sha256: toSha256Hex('other') };
    await expect(io.copyObject(from, at('other.csv'), other)).rejects.toThrow(/differs from the verified file/);
  });

  it('copies in parts once and leaves no incomplete upload', async () => {
    const bytes = randomBytes(12 * MiB);
    const { from, content } = await land('large.bin', bytes);
    const part = 5 * MiB;
    const { parts: hashes } = await io.hashObject(from, part);
    expect(hashes).toHaveLength(3);
    for (const _ of [1, 2]) await io.copyObjectInParts(from, at('large.bin'), content, { part, hashes });
    expect(Buffer.compare(await read(at('large.bin')), bytes)).toBe(0);
    const { from: otherFrom, content: other } = await land('other.bin', randomBytes(12 * MiB));
    const over = io.copyObjectInParts(otherFrom, at('large.bin'), other, { part, hashes });
    await expect(over).rejects.toThrow(/differs from the verified file/);
    expect(Buffer.compare(await read(at('large.bin')), bytes)).toBe(0);
    const { Uploads = [] } = await s3.send(new ListMultipartUploadsCommand({ Bucket: lake }));
    expect(Uploads.filter(({ Key }) => Key === at('large.bin').key)).toEqual([]);
  });

  it('writes a text once', async () => {
    for (const text of ['first', 'second']) await io.putObjectOnce(at('SHA256SUMS'), text);
    expect((await read(at('SHA256SUMS'))).toString()).toBe('first');
  });
});
