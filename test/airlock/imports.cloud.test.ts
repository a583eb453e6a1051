import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { beforeAll, describe, expect, it } from 'vitest';
import { SignedRelease } from '../../functions/airlock/release/record.ts';
import { pollUntilSettled } from '../../local/story/until.ts';
import { countKeyVersions } from '../ingest/partner.ts';
import { addProjectMember, airlockScene, enrolTestUser } from './harness.ts';

const { cloud, people, project, bucket, released: releaseBucket, settle, vote } = airlockScene('airlock-way-in');
const files = { 'reference/codes.csv': 'code,label\nA01,Typhoid\nA02,Other\n', 'fit.R': 'lm(y ~ x)\n' };
const groups = [{ name: 'all', kind: 'supporting' as const, purpose: 'reference data', paths: ['**'] }];
const admin = new S3Client(cloud.configuration);

async function draft(person = people.rana) {
  const { id, source } = await person.ask('draftRequest', {
    params: { project },
    body: { title: 'Codes', direction: 'import', groups },
  });
  return { params: { project, request: id }, source };
}

/** S3 as the requester of an import has it, for ten minutes. */
async function uploader(params: { project: string; request: string }, person = people.rana) {
  const { accessKeyId, secretAccessKey, sessionToken, ...place } = await person.ask('importAccess', { params });
  const s3 = new S3Client({ ...cloud.configuration, credentials: { accessKeyId, secretAccessKey, sessionToken } });
  const put = (path: string, Body: string) =>
    s3.send(new PutObjectCommand({ Bucket: place.bucket, Key: place.prefix + path, Body }));
  return { s3, put, ...place };
}

async function submit(content: Readonly<Record<string, string>>) {
  const { params } = await draft();
  const { put } = await uploader(params);
  for (const [path, body] of Object.entries(content)) await put(path, body);
  await people.rana.ask('submitRequest', { params });
  return params;
}

describe('upload credentials of an import', () => {
  let place: Awaited<ReturnType<typeof uploader>>;
  let params: Awaited<ReturnType<typeof draft>>['params'];
  beforeAll(async () => {
    ({ params } = await draft());
    place = await uploader(params);
    await place.put('mine.csv', 'x,y\n');
  });

  it.each<[string, () => Promise<unknown>]>([
    [
      'writing to another import',
      () =>
        place.s3.send(new PutObjectCommand({ Bucket: place.bucket, Key: 'uploads/al-0011223344556677/x', Body: 'x' })),
    ],
    [
      'writing to a prefix that begins like its own',
      () =>
        place.s3.send(
          new PutObjectCommand({ Bucket: place.bucket, Key: `${place.prefix.slice(0, -1)}x/y`, Body: 'x' }),
        ),
    ],
    [
      'writing to the project',
      () => place.s3.send(new PutObjectCommand({ Bucket: bucket(), Key: 'data/imports/x', Body: 'x' })),
    ],
    [
      'reading its files',
      () => place.s3.send(new GetObjectCommand({ Bucket: place.bucket, Key: `${place.prefix}mine.csv` })),
    ],
    [
      'deleting its files',
      () => place.s3.send(new DeleteObjectCommand({ Bucket: place.bucket, Key: `${place.prefix}mine.csv` })),
    ],
    [
      'listing all uploads',
      () => place.s3.send(new ListObjectsV2Command({ Bucket: place.bucket, Prefix: 'uploads/' })),
    ],
  ])('do not allow: %s', async (_, attempt) => {
    await expect(attempt()).rejects.toMatchObject({ name: 'AccessDenied' });
  });

  it('are given only to the requester, only for imports, and only before the seal', async () => {
    for (const person of [people.vera, people.olga])
      await expect(person.ask('importAccess', { params })).rejects.toThrow(/Only|no project|There is no/);
    const { id } = await people.rana.ask('draftRequest', {
      params: { project },
      body: { title: 'Out', source: 'data/outbox/out/', groups },
    });
    await expect(people.rana.ask('importAccess', { params: { project, request: id } })).rejects.toThrow(/is an export/);
    const sealedRequest = await submit(files);
    await settle(sealedRequest, ['inReview']);
    await expect(people.rana.ask('importAccess', { params: sealedRequest })).rejects.toThrow(
      /can only be uploaded to a draft/,
    );
  });

  it('write to a folder outside the project, and a project folder cannot be an upload', async () => {
    const body = { title: 'x', direction: 'import', source: 'data/outbox/x/', groups } as const;
    await expect(people.rana.ask('draftRequest', { params: { project }, body })).rejects.toThrow(
      /The files of an import are uploaded/,
    );
    const exportBody = { title: 'x', direction: 'export', source: 'uploads/al-0011223344556677/', groups } as const;
    await expect(people.rana.ask('draftRequest', { params: { project }, body: exportBody })).rejects.toThrow(
      /does not have the format/,
    );
  });
});

describe('an import', () => {
  it('is reviewed by its own quorum, delivered byte for byte with a signed record, and cannot be downloaded', async () => {
    const params = await submit(files);
    expect(await settle(params, ['inReview'])).toMatchObject({ quorum: 1, direction: 'import' });
    await expect(vote(people.rana, params, 'approve')).rejects.toThrow(/Only reviewer/);
    expect(await vote(people.vera, params, 'approve')).toMatchObject({ status: 'approved' });
    await expect(people.rana.ask('releaseRequest', { params })).rejects.toThrow(/Only reviewers or operators/);
    await people.olga.ask('releaseRequest', { params });
    const { release } = await settle(params, ['released']);
    const prefix = `data/imports/${params.request}/`;
    expect(Object.keys(await countKeyVersions(cloud, bucket(), prefix)).sort()).toEqual(
      Object.keys(files)
        .map(path => prefix + path)
        .map(key => key.slice(prefix.length))
        .sort(),
    );
    for (const [path, content] of Object.entries(files)) {
      const { Body } = await admin.send(new GetObjectCommand({ Bucket: bucket(), Key: prefix + path }));
      expect(await Body?.transformToString()).toBe(content);
    }
    expect(Object.keys(await countKeyVersions(cloud, releaseBucket, `released/${params.request}/`)).sort()).toEqual([
      'files.json',
      'release.json',
    ]);
    const { Body } = await admin.send(new GetObjectCommand({ Bucket: releaseBucket, Key: release?.key ?? '' }));
    expect(SignedRelease.parse(JSON.parse((await Body?.transformToString()) ?? '')).record).toMatchObject({
      direction: 'import',
    });
    await expect(people.rana.ask('openDownload', { params, body: {} })).rejects.toThrow(/Imports are not downloaded/);
  });

  it('is removed from the project in every version when it is revoked, with a receipt', async () => {
    const params = await submit(files);
    await settle(params, ['inReview']);
    await vote(people.vera, params, 'approve');
    await people.olga.ask('releaseRequest', { params });
    await settle(params, ['released']);
    const prefix = `data/imports/${params.request}/`;
    // Somebody with all rights wrote over one of them meanwhile: that goes too.
    await admin.send(new PutObjectCommand({ Bucket: bucket(), Key: `${prefix}fit.R`, Body: 'other' }));
    await people.olga.ask('revokeRequest', { params, body: { reason: 'the wrong codes' } });
    const expiry = await pollUntilSettled(
      () => people.vera.ask('showRequest', { params }),
      ({ retracted: retraction }) => retraction !== undefined,
    );
    expect(expiry.retracted).toMatchObject({ objects: 3 });
    expect(await countKeyVersions(cloud, bucket(), prefix)).toEqual({});
    const { key: Key, versionId: VersionId } = expiry.retracted?.receipt ?? { key: '', versionId: '' };
    const { Body } = await admin.send(new GetObjectCommand({ Bucket: releaseBucket, Key, VersionId }));
    const receipt = JSON.parse((await Body?.transformToString()) ?? '') as { key: string; sha256: string }[];
    expect(receipt.map(({ key }) => key.slice(prefix.length)).sort()).toEqual([
      'fit.R',
      'fit.R',
      'reference/codes.csv',
    ]);
    expect(receipt.every(({ sha256 }) => /^[0-9a-f]{64}$/.test(sha256))).toBe(true);
  });

  it('is removed even where the list of delivered files is gone', async () => {
    const params = await submit(files);
    await settle(params, ['inReview']);
    await vote(people.vera, params, 'approve');
    await people.olga.ask('releaseRequest', { params });
    await settle(params, ['released']);
    const Key = `released/${params.request}/files.json`;
    const { VersionId } = await admin.send(new HeadObjectCommand({ Bucket: releaseBucket, Key }));
    const deletion = { Bucket: releaseBucket, Key, VersionId, BypassGovernanceRetention: true };
    await admin.send(new DeleteObjectCommand(deletion));
    await people.olga.ask('revokeRequest', { params, body: { reason: 'the wrong codes' } });
    const { retracted: retraction } = await pollUntilSettled(
      () => people.vera.ask('showRequest', { params }),
      ({ retracted: retraction }) => retraction !== undefined,
    );
    expect(retraction).toMatchObject({ objects: 2 });
    expect(await countKeyVersions(cloud, bucket(), `data/imports/${params.request}/`)).toEqual({});
  });

  it('may contain small counts, but no content that runs when opened', async () => {
    const small = await submit({ 'published.csv': 'region,n\nNorth,1\nSouth,3\n' });
    expect((await settle(small, ['inReview', 'blocked', 'returned'])).status).toBe('inReview');
    const pickle = await submit({
      'model.pkl': '\x80\x04\x95\x1e\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94.',
    });
    expect(await settle(pickle, ['inReview', 'blocked'])).toMatchObject({ status: 'blocked' });
  });

  it('explains what to do where nothing was uploaded', async () => {
    const { params } = await draft();
    await people.rana.ask('submitRequest', { params });
    expect((await settle(params, ['draft'])).findings?.[0]?.reason).toMatch(/There are no files/);
  });
});

describe('settings of a project', () => {
  it('are changed only by an operator without a role in the project, and apply from the next submission', async () => {
    const params = { project };
    const body = { settings: { imports: { quorum: 2 }, tier: 3 as const }, reason: 'villages' };
    for (const person of [people.rana, people.vera])
      await expect(person.ask('changeSettings', { params, body })).rejects.toThrow(/Only operator/);
    const firstRequest = await submit(files);
    await settle(firstRequest, ['inReview']);
    const set = await people.olga.ask('changeSettings', { params, body });
    expect(set).toMatchObject({ rules: { tier: 3, imports: { quorum: 2 } }, policy: { version: 'broch-tier3-1' } });
    expect(set.differences).toContainEqual({ setting: 'tier', before: '2', after: '3', weaker: false });
    expect(await people.rana.ask('showSettings', { params })).toMatchObject({ reason: 'villages' });
    expect((await people.vera.ask('listSettings', { params })).items).toMatchObject([{ reason: 'villages' }]);
    expect(await settle(firstRequest, ['inReview'])).toMatchObject({ quorum: 1 });
    expect(await settle(await submit(files), ['inReview'])).toMatchObject({ quorum: 2 });
    await people.olga.ask('changeSettings', {
      params,
      body: { settings: { caps: { personRequests: 1 } }, reason: 'x' },
    });
    const excess = await submit(files);
    expect((await settle(excess, ['draft'])).findings?.[0]?.reason).toMatch(/You would reach \d+ submissions today/);
  });

  it('keep what a change does not name, and are weakened only when that is confirmed', async () => {
    const params = { project };
    const change = (body: Record<string, unknown>) => people.olga.ask('changeSettings', { params, body });
    const weaker = { settings: { tier: 2 }, reason: 'towns' };
    await expect(change(weaker)).rejects.toThrow(/This change lets more data leave, so it must be confirmed/);
    await expect(change({ settings: { tier: 3 }, reason: 'again' })).rejects.toThrow(/apply already/);
    const { settings, differences } = await change({ ...weaker, confirm: true });
    expect(settings).toEqual({ tier: 2, imports: { quorum: 2 }, caps: { personRequests: 1 } });
    expect(differences).toContainEqual({ setting: 'tier', before: '3', after: '2', weaker: true });
  });

  it('cannot be changed by a person who has a role in the project, even one given later', async () => {
    const { items } = await people.rana.ask('listRequests', { params: { project } });
    expect(items.length).toBeGreaterThan(0);
    const settings = { tier: null, imports: null, caps: null };
    const body = { settings, reason: 'as it was', confirm: true };
    const otto = await enrolTestUser(cloud, `${project}-otto`, 'operator');
    await otto.ask('changeSettings', { params: { project }, body });
    await addProjectMember(cloud, project, otto);
    await expect(otto.ask('changeSettings', { params: { project }, body })).rejects.toThrow(/Members of/);
    const back = await settle(await submit(files), ['draft', 'inReview']);
    expect(back.findings?.[0]?.reason).toMatch(
      /settings of .* are by .*-otto.*, who is a member of the project or the recipient/,
    );
    const pinnedSettings = { settings: { quorum: 2 }, reason: 'by an operator without a role' };
    await people.olga.ask('changeSettings', { params: { project }, body: pinnedSettings });
    await settle(await submit(files), ['inReview']);
  });
});
