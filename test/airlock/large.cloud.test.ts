import { createHash, randomBytes } from 'node:crypto';
import { DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import {
  DeleteObjectCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { rewriteFile } from '../../disclosure/rewrite.ts';
import { decideRequest } from '../../functions/airlock/airlock.ts';
import type { SealedFiles } from '../../functions/airlock/steps/attempt.ts';
import { rowKey } from '../../functions/keys.ts';
import { connectTestCloud } from '../cloud.ts';
import { makeXlsx } from '../disclosure/builders.ts';
import { makeReadyProject, openTestTable } from '../workspaces/harness.ts';
import {
  buildAirlockConfig,
  buildBallot,
  buildPerson,
  buildRequestInReview,
  exampleStartTime,
  olga,
  rana,
} from './builders.ts';

const cloud = connectTestCloud();
const s3 = new S3Client(cloud.configuration);
const MiB = 1024 ** 2;
/** What is large here, so that a file of a few megabytes goes the way of one of many gigabytes. */
const limits = { whole: 6 * MiB, part: 5 * MiB };
const [AIRLOCK_BUCKET = '', RELEASE_BUCKET = ''] = [cloud.outputs['data.Sealed'], cloud.outputs['data.Released']];
const id = `al-${Date.now().toString(16).padStart(16, '0')}`;
const attempt = { project: 'large-parts', request: id, attempt: 1 };
const source = 'data/outbox/large/';
const hex = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const context = { getRemainingTimeInMillis: () => 900_000, awsRequestId: 'x' };
type Step = (input: object, context: object) => Promise<Record<string, string>>;

let bucket = '';
let steps: { seal: Step; copy: Step };
let texts: typeof import('../../functions/storage/scratch-store.ts');

afterAll(() => void vi.unstubAllEnvs());
beforeAll(async () => {
  const project = await makeReadyProject(cloud, attempt.project);
  if (project.status !== 'ready') throw new Error('the project is not ready');
  bucket = project.network.bucket;
  await s3.send(new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: 'Enabled' } }));
  // As Lambda sets it: the very functions, with nothing changed but how large is large.
  const environment = {
    AWS_ENDPOINT_URL: cloud.endpoint,
    AWS_REGION: cloud.region,
    AWS_ACCESS_KEY_ID: cloud.configuration.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: cloud.configuration.credentials.secretAccessKey,
    BUCKETS: 'broch-',
    AIRLOCK_BUCKET,
    RELEASE_BUCKET,
    // Where steps leave texts for each other may be anywhere.
    WORK_BUCKET: bucket,
    UPLOADS_BUCKET: 'none',
    TABLE_NAME: await releasing(),
    RULES: '{}',
  };
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  vi.doMock('../../functions/storage/object-copy.ts', async original => ({
    ...(await original<object>()),
    copyLimits: limits,
  }));
  texts = await import('../../functions/storage/scratch-store.ts');
  steps = {
    seal: (await import('../../functions/airlock/steps/seal.lambda.ts')).handler as unknown as Step,
    copy: (await import('../../functions/airlock/steps/copy.lambda.ts')).handler as unknown as Step,
  };
});

/** A request that is being released, as the table has it; gives the table's name. */
async function releasing(): Promise<string> {
  const facts = { rules: buildAirlockConfig({ quorum: 1 }), members: [rana.id], reviewers: ['ada'], candidates: [] };
  const vote = { do: 'vote', by: buildPerson('ada', 'reviewer'), ballot: buildBallot(1, 'approve') } as const;
  const approvedState = decideRequest(buildRequestInReview(facts), vote, exampleStartTime, facts).state;
  const { state } = decideRequest(approvedState, { do: 'release', by: olga }, exampleStartTime, facts);
  const row = {
    ...state,
    ...attempt,
    id,
    deadline: '2099-01-01T00:00:00.000Z',
    expiresAt: '2099-01-01T00:00:00.000Z',
  };
  await (await openTestTable(cloud)).put(rowKey('airlock', id), row);
  const { TableNames = [] } = await new DynamoDBClient(cloud.configuration).send(new ListTablesCommand({}));
  return TableNames.find(name => name.startsWith('broch-local-data')) ?? '';
}

async function land(path: string, content: Uint8Array) {
  const { VersionId: version = '', ETag: etag = '' } = await s3.send(
    new PutObjectCommand({ Bucket: bucket, Key: source + path, Body: content }),
  );
  return { path, version, size: content.length, etag, kind: 'supporting', group: 0 };
}
const seal = async (round: number, files: readonly object[]) => {
  const chunk = await texts.putScratch(bucket, 'large', JSON.stringify(files));
  const { sealed: sealKey = '', findings } = await steps.seal(
    { ...attempt, bucket, source, direction: 'export', round, chunk },
    context,
  );
  return {
    sealed: sealKey,
    findings,
    files: JSON.parse(await texts.getScratch(bucket, sealKey)) as ReturnType<typeof SealedFiles.parse>,
  };
};
const copy = (round: number, chunk: string) => steps.copy({ ...attempt, round, into: null, chunk }, context);
const read = async (Bucket: string, Key: string, VersionId?: string) => {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key, VersionId }));
  return Buffer.from((await Body?.transformToByteArray()) ?? '');
};
const halfDone = async (Bucket: string) => {
  const { Uploads = [] } = await s3.send(new ListMultipartUploadsCommand({ Bucket }));
  return Uploads.filter(({ Key }) => Key?.includes(id));
};

describe('a file too large for a single copy', () => {
  const content = randomBytes(17 * MiB + 3);

  it('is sealed and released in parts, in the planned version, with the same SHA-256', async () => {
    const plannedFile = await land('large.bin', content);
    await land('large.bin', randomBytes(7 * MiB));
    const { sealed: sealKey, files } = await seal(1, [plannedFile, await land('small.txt', Buffer.from('small'))]);
    const [large] = files;
    expect(large).toMatchObject({ path: 'large.bin', size: content.length, sha256: hex(content) });
    const key = `requests/${id}/1/files/large.bin`;
    expect(hex(await read(AIRLOCK_BUCKET, key, large?.versionId))).toBe(hex(content));
    const { ObjectParts } = await s3.send(
      new GetObjectAttributesCommand({ Bucket: AIRLOCK_BUCKET, Key: key, ObjectAttributes: ['ObjectParts'] }),
    );
    expect(ObjectParts?.TotalPartsCount).toBe(4);
    // A step is asked again when its answer was lost: it finds what it made.
    expect((await seal(1, [plannedFile])).files[0]?.versionId).toBe(large?.versionId);
    await s3.send(new PutObjectCommand({ Bucket: AIRLOCK_BUCKET, Key: key, Body: 'another' }));
    const { list: copyKey = '' } = await copy(1, sealKey);
    const [copiedFile] = JSON.parse(await texts.getScratch(bucket, copyKey));
    expect(copiedFile).toMatchObject({ path: 'large.bin', sha256: hex(content), size: content.length });
    expect(hex(await read(RELEASE_BUCKET, copiedFile.key, copiedFile.versionId))).toBe(hex(content));
    expect([await halfDone(AIRLOCK_BUCKET), await halfDone(RELEASE_BUCKET)]).toEqual([[], []]);
  });

  it('is not released where its content differs from the seal', async () => {
    const { files } = await seal(2, [await land('other.bin', content)]);
    const wrong = files.map(file => ({ ...file, sha256: hex(Buffer.from('other')) }));
    const chunk = await texts.putScratch(bucket, 'large', JSON.stringify(wrong));
    await expect(copy(2, chunk)).rejects.toMatchObject({ name: 'Tampered' });
    const { Versions = [] } = await s3.send(
      new ListObjectVersionsCommand({ Bucket: RELEASE_BUCKET, Prefix: `released/${id}/files/other.bin` }),
    );
    expect(Versions).toEqual([]);
  });

  it('leaves no incomplete upload where the copy fails halfway', async () => {
    const plannedFile = await land('gone.bin', content);
    const { copyObjectInParts: copyParts } = await import('../../functions/storage/object-copy.ts');
    const { hashObject: hashOf } = await import('../../functions/storage/object-read.ts');
    const sourceObject = { bucket, key: source + plannedFile.path, version: plannedFile.version };
    const { parts: hashes, sha256 } = await hashOf(sourceObject, limits.part);
    await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: sourceObject.key, VersionId: sourceObject.version }));
    const targetObject = { bucket: AIRLOCK_BUCKET, key: `requests/${id}/3/files/gone.bin` };
    const file = { sha256, size: content.length, etag: '' };
    await expect(copyParts(sourceObject, targetObject, file, { part: limits.part, hashes })).rejects.toThrow();
    expect(await halfDone(AIRLOCK_BUCKET)).toEqual([]);
    expect((await seal(3, [plannedFile])).findings).toMatch(/./);
  });
});

describe('files that are written again when they are sealed', () => {
  const workbook = (count: number) =>
    makeXlsx([
      ['group', 'n'],
      ['a', count],
    ]);

  it('are sealed as rewritten, each under its own path, and once although the step is repeated', async () => {
    const workbooks = Array.from({ length: 40 }, (_, index) => [`${100 + index}.xlsx`, workbook(100 + index)] as const);
    const plannedFiles = await Promise.all(workbooks.map(([path, bytes]) => land(path, bytes)));
    const { files } = await seal(4, plannedFiles);
    const rewritten = await Promise.all(workbooks.map(([path, bytes]) => rewriteFile(path, bytes)));
    expect(files.map(({ sha256 }) => sha256)).toEqual(rewritten.map(bytes => hex(bytes ?? new Uint8Array())));
    expect(files.map(({ original }) => original?.sha256)).toEqual(workbooks.map(([, bytes]) => hex(bytes)));
    const [first] = files;
    const content = await read(AIRLOCK_BUCKET, `requests/${id}/4/files/100.xlsx`, first?.versionId);
    expect(hex(content)).toBe(first?.sha256);
    expect((await seal(4, plannedFiles)).files).toEqual(files);
  });

  it('are sealed as they were submitted where the checks find something hidden in them', async () => {
    const content = Buffer.concat([workbook(100), Buffer.from('tail')]);
    const { files } = await seal(5, [await land('tail.xlsx', content)]);
    expect(files).toMatchObject([{ path: 'tail.xlsx', sha256: hex(content), size: content.length }]);
    expect(files[0]?.original).toBeUndefined();
  });
});
