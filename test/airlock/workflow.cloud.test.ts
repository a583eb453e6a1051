import { createHash } from 'node:crypto';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { beforeAll, describe, expect, it } from 'vitest';
import { rewriteFile } from '../../disclosure/rewrite.ts';
import { SignedRelease } from '../../functions/airlock/release/record.ts';
import { makeXlsx } from '../disclosure/builders.ts';
import { countKeyVersions } from '../ingest/partner.ts';
import { airlockScene, type TestUser, waitForExecutionEnd } from './harness.ts';

const { cloud, released: releaseBucket, people, submit, resubmit, settle, vote } = airlockScene('airlock-way-out');
const hex = (text: string | Uint8Array) => createHash('sha256').update(text).digest('hex');
type Params = Awaited<ReturnType<typeof submit>>['params'];

describe('a request without findings', () => {
  const files = {
    'tables/one.csv': 'group,n\na,20\nb,30\n',
    'notes größe +%41.txt': `${'x'.repeat(599)}\n`.repeat(15),
  };
  let params: Params;
  beforeAll(async () => {
    ({ params } = await submit(files));
  });

  it('is sealed unchanged and shown to reviewers', async () => {
    const { seal } = await settle(params, ['inReview']);
    expect(seal).toMatchObject({ files: 2, bytes: 9018 });
    const { items } = await people.vera.ask('listFiles', { params });
    expect(items.map(({ path, sha256 }) => [path, sha256])).toEqual(
      Object.entries(files)
        .map(([path, content]) => [path, hex(content)])
        .sort(),
    );
    const { items: reports } = await people.vera.ask('showChecks', { params });
    expect(reports).toHaveLength(2);
  });

  it('is voted on without sight of other votes', async () => {
    await vote(people.vera, params, 'approve', 'fine');
    const { rana, vera, viktor, olga } = people;
    const votes = async (viewer: TestUser) => (await viewer.ask('showRequest', { params })).votes;
    expect(await votes(vera)).toHaveLength(1);
    expect(await votes(viktor)).toEqual([]);
    for (const viewer of [rana, olga]) expect(await votes(viewer)).toBeUndefined();
    expect(await vote(people.viktor, params, 'approve')).toMatchObject({ status: 'approved' });
    expect(await votes(people.walt)).toHaveLength(2);
    expect(await waitForExecutionEnd(cloud, 'check', params.request, 1)).toMatchObject({
      status: 'SUCCEEDED',
      end: 'Decided',
    });
  });

  it('is released only by another person, byte for byte, with a signed record', async () => {
    await expect(people.rana.ask('releaseRequest', { params })).rejects.toThrow(/Only reviewers or operators/);
    await people.olga.ask('releaseRequest', { params });
    const { release } = await settle(params, ['released']);
    const prefix = `released/${params.request}/`;
    expect(Object.keys(await countKeyVersions(cloud, releaseBucket, prefix)).sort()).toEqual(
      [...Object.keys(files).map(path => `files/${path}`), 'files.json', 'release.json'].sort(),
    );
    const s3 = new S3Client(cloud.configuration);
    const read = async (Key: string) => {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: releaseBucket, Key }));
      return (await Body?.transformToString()) ?? '';
    };
    for (const [path, content] of Object.entries(files)) expect(await read(`${prefix}files/${path}`)).toBe(content);
    const text = await read(release?.key ?? '');
    expect(hex(text)).toBe(release?.sha256);
    expect(SignedRelease.parse(JSON.parse(text)).record).toMatchObject({
      request: params.request,
      requester: people.rana.id,
    });
  });

  it('is revoked, and nothing can follow', async () => {
    await expect(people.rana.ask('withdrawRequest', { params, body: { reason: 'x' } })).rejects.toThrow(/revoke/);
    expect(await people.walt.ask('revokeRequest', { params, body: { reason: 'a mistake' } })).toMatchObject({
      status: 'revoked',
      reason: 'a mistake',
    });
    await expect(people.olga.ask('releaseRequest', { params })).rejects.toThrow(/only an approved request/);
  });
});

describe('a file that is written again when it is sealed', () => {
  it('is reviewed and released as it was sealed, and its submitted form is on record', async () => {
    const original = makeXlsx([
      ['group', 'n'],
      ['a', 20],
      ['b', 30],
    ]);
    const sealedFile = await rewriteFile('t.xlsx', original);
    const { params } = await submit({ 't.xlsx': original });
    await settle(params, ['inReview']);
    const { items } = await people.vera.ask('listFiles', { params });
    expect(items).toMatchObject([
      { sha256: hex(sealedFile ?? ''), original: { sha256: hex(original), size: original.length } },
    ]);
    const { html } = await people.vera.ask('viewFile', { params, query: { path: 't.xlsx' } });
    expect(html).toContain(hex(original));
    await vote(people.vera, params, 'approve');
    await vote(people.viktor, params, 'approve');
    await people.olga.ask('releaseRequest', { params });
    await settle(params, ['released']);
    const { Body } = await new S3Client(cloud.configuration).send(
      new GetObjectCommand({ Bucket: releaseBucket, Key: `released/${params.request}/files/t.xlsx` }),
    );
    expect(await Body?.transformToByteArray()).toEqual(new Uint8Array(sealedFile ?? []));
  });
});

describe('a file that its page shows only in part', () => {
  it('needs an explanation, and approvals that say how much was seen, which the record keeps', async () => {
    const { params } = await submit({ 'notes.txt': 'A note.\n'.repeat(3100) });
    const { report } = await settle(params, ['returned']);
    expect(report).toMatchObject({ worst: 'ask', partialFiles: 1, first: [{ rule: 'preview.partial' }] });
    await people.rana.ask('editRequest', { params, body: { explanation: 'The same line again and again.' } });
    await people.rana.ask('submitRequest', { params });
    const { seal } = await settle(params, ['inReview']);
    const view = { path: 'notes.txt', row: 3001 };
    expect((await people.vera.ask('viewFile', { params, query: view })).html).toContain('data-n="3100"');
    const body = { verdict: 'approve', seal: seal?.sha256 ?? '' } as const;
    await expect(people.vera.ask('reviewRequest', { params, body })).rejects.toThrow(/only in part/);
    await people.vera.ask('reviewRequest', { params, body: { ...body, extent: 'part' } });
    const voteForPart = people.viktor.ask('reviewRequest', { params, body: { ...body, extent: 'part' } });
    await expect(voteForPart).rejects.toThrow(/have not opened notes\.txt/);
    const voteForAll = () => people.viktor.ask('reviewRequest', { params, body: { ...body, extent: 'whole' } });
    await expect(voteForAll()).rejects.toThrow(/have not opened all pages of notes\.txt/);
    await people.viktor.ask('viewFile', { params, query: { path: 'notes.txt' } });
    await expect(voteForAll()).rejects.toThrow(/have not opened all pages of notes\.txt.*--row/);
    await people.viktor.ask('viewFile', { params, query: view });
    await voteForAll();
    await people.olga.ask('releaseRequest', { params });
    const { release } = await settle(params, ['released']);
    const { Body } = await new S3Client(cloud.configuration).send(
      new GetObjectCommand({ Bucket: releaseBucket, Key: release?.key ?? '' }),
    );
    const { record } = SignedRelease.parse(JSON.parse((await Body?.transformToString()) ?? ''));
    expect(record.reviewers.map(({ extent }) => extent).sort()).toEqual(['part', 'whole']);
  });
});

describe('a request that returns to the requester', () => {
  it('comes back with comments, is sealed again, and old votes no longer count', async () => {
    const { params, source } = await submit({ 'a.csv': 'region,n\nNorth,20\nSouth,30\n' });
    const first = await settle(params, ['inReview']);
    await vote(people.vera, params, 'approve');
    const returnVote = await vote(people.viktor, params, 'return', 'Round the counts.');
    expect(returnVote).toMatchObject({ status: 'returned', comments: [{ comment: 'Round the counts.' }] });
    await resubmit(params, source, { 'a.csv': 'region,n\nNorth,25\nSouth,35\n' });
    const second = await settle(params, ['inReview']);
    expect(second.round).toBe(2);
    const stale = { verdict: 'approve', seal: first.seal?.sha256 ?? '' } as const;
    await expect(people.vera.ask('reviewRequest', { params, body: stale })).rejects.toThrow(/The seal of/);
    await vote(people.vera, params, 'approve');
    expect((await settle(params, ['inReview'])).status).toBe('inReview');
    expect(await vote(people.walt, params, 'approve')).toMatchObject({ status: 'approved' });
  });

  it('becomes a draft again that names every file without a group', async () => {
    const { params } = await submit({ 'a.csv': 'x,n\nA,50\n', 'other/b.log': 'b' }, ['*.csv']);
    const draft = await settle(params, ['draft']);
    expect(draft.findings).toEqual([{ path: 'other/b.log', reason: expect.stringContaining('No group matches') }]);
    expect(await waitForExecutionEnd(cloud, 'check', params.request, 1)).toMatchObject({ end: 'Returned' });
  });

  it('is blocked by a check and can be corrected', async () => {
    const { params, source } = await submit({ 'a.csv': 'region,n\nNorth,3\nSouth,30\n' });
    const block = await settle(params, ['blocked']);
    expect(block.report).toMatchObject({ worst: 'block', first: [{ path: 'a.csv', rule: 'sdc.minimum-count' }] });
    await expect(vote(people.vera, params, 'approve')).rejects.toThrow(/nothing to vote on/);
    await resubmit(params, source, { 'a.csv': 'region,n\nNorth,25\nSouth,35\n' });
    expect((await settle(params, ['inReview'])).round).toBe(2);
    await people.rana.ask('withdrawRequest', { params, body: { reason: 'done' } });
    expect(await waitForExecutionEnd(cloud, 'check', params.request, 2)).toMatchObject({ end: 'Decided' });
  });
});
