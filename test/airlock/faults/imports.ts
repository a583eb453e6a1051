import { createHash } from 'node:crypto';
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { expect } from 'vitest';
import { DeletedObject } from '../../../functions/airlock/deletion/erase.ts';
import { rowKey } from '../../../functions/keys.ts';
import type { Fault } from '../../faults.ts';
import { openTestTable, waitUntil } from '../../workspaces/harness.ts';
import { makeAirlockProject, type TestUser, waitForExecutionEnd, waitForStatus } from '../harness.ts';
import {
  chooseRequester,
  faultCloud,
  faultPeople,
  invokeFunction,
  listVersionsBelow,
  readPartition,
  readRequestHistory,
  waitForDecisionToken,
  watchFaults,
} from './harness.ts';

const files = { 'reference/codes.csv': 'code,label\nA01,Typhoid\nA02,Other\n', 'fit.R': 'lm(y ~ x)\n' };
const paths = Object.keys(files).sort();
const groups = [{ name: 'all', kind: 'supporting' as const, purpose: 'reference data', paths: ['**'] }];
export const codesImport = { title: 'Codes', direction: 'import', groups } as const;
const hex = (text: string) => createHash('sha256').update(text).digest('hex');
const root = new S3Client(faultCloud.configuration);
const releaseBucket = faultCloud.outputs['data.Released'] ?? '';

async function textOf(Bucket: string, Key: string, VersionId?: string) {
  const { Body } = await root.send(new GetObjectCommand({ Bucket, Key, VersionId }));
  return (await Body?.transformToString()) ?? '';
}

/** Uploads with what is lent for it. Says where to. */
export async function uploadImportFiles(rana: TestUser, params: { project: string; request: string }) {
  const { accessKeyId, secretAccessKey, sessionToken, bucket, prefix } = await rana.ask('importAccess', { params });
  const s3 = new S3Client({ ...faultCloud.configuration, credentials: { accessKeyId, secretAccessKey, sessionToken } });
  for (const [path, Body] of Object.entries(files))
    await s3.send(new PutObjectCommand({ Bucket: bucket, Key: prefix + path, Body }));
  return bucket;
}

/** Settings of a project are made once, and look so to everybody. */
async function settings(project: string, rana: TestUser) {
  const { olga, vera } = faultPeople;
  const params = { project };
  const settings = { tier: 3, imports: { quorum: 1 } };
  const set = await olga.ask('changeSettings', { params, body: { settings, reason: 'villages' } });
  const projectSettings = await rana.ask('showSettings', { params });
  const { items } = await vera.ask('listSettings', { params });
  expect([set, projectSettings]).toEqual([
    projectSettings,
    expect.objectContaining({ settings, reason: 'villages', by: olga.name }),
  ]);
  expect(items).toMatchObject([{ settings, reason: 'villages', by: olga.id }]);
}

/** An import from its draft to its delivery, and out of the project again, under settings of the project's own. */
export async function runImportPath(project: string, faults: readonly Fault[]) {
  const { vera, olga } = faultPeople;
  const rana = chooseRequester(project);
  const bucket = await makeAirlockProject(faultCloud, project, [rana]);
  const watch = await watchFaults(project, faults);
  await settings(project, rana);
  const { id } = await rana.ask('draftRequest', { params: { project }, body: codesImport });
  const params = { project, request: id };
  await uploadImportFiles(rana, params);
  await rana.ask('submitRequest', { params });
  const { seal } = await waitForStatus(vera, params, ['inReview']);
  await waitForDecisionToken(id);
  await vera.ask('reviewRequest', { params, body: { verdict: 'approve', seal: seal?.sha256 } });
  await waitForStatus(rana, params, ['approved']);
  await olga.ask('releaseRequest', { params });
  await waitForStatus(rana, params, ['released']);

  const prefix = `data/imports/${id}/`;
  const delivery = await listVersionsBelow(bucket, prefix);
  expect(delivery.map(({ path }) => path).sort()).toEqual(paths);
  for (const [path, content] of Object.entries(files)) expect(await textOf(bucket, prefix + path)).toBe(content);
  const { row } = await readRequestHistory(id);
  if (row.status !== 'released') throw new Error(`it is ${row.status}`);
  expect([row.round, row.attempt, row.seal.sha256]).toEqual([1, 2, seal?.sha256]);
  expect(hex(await textOf(releaseBucket, row.release.key, row.release.versionId))).toBe(row.release.sha256);
  expect(new Set((await listVersionsBelow(releaseBucket, `released/${id}/`)).map(({ path }) => path))).toEqual(
    new Set(['files.json', 'release.json']),
  );
  // What is delivered is fetched by nobody.
  expect(await readPartition(rowKey('download', `${project}#${id}`).pk)).toEqual([]);
  expect(await waitForExecutionEnd(faultCloud, 'release', id, 2)).toMatchObject({
    status: 'SUCCEEDED',
    end: 'Released',
  });

  await olga.ask('revokeRequest', { params, body: { reason: 'the wrong codes' } });
  const retraction = await expectRetraction(id, watch);
  expect(retraction.objects).toBe(paths.length);
  expect(await listVersionsBelow(bucket, prefix)).toEqual([]);
  const receipt = DeletedObject.array().parse(
    JSON.parse(await textOf(releaseBucket, retraction.receipt.key, retraction.receipt.versionId)),
  );
  const receiptFiles = receipt.map(({ key, version, sha256 }) => ({ path: key.slice(prefix.length), version, sha256 }));
  expect(receiptFiles.sort(byPath)).toEqual(
    delivery.map(file => ({ ...file, sha256: hex(files[file.path as keyof typeof files]) })).sort(byPath),
  );
  const { happened } = await readRequestHistory(id);
  expect(happened).toEqual(
    [
      ...['RequestOpened', 'RequestSubmitted', 'RequestSealed', 'ReviewOpened', 'VoteCast', 'RequestApproved'],
      ...['ReleaseStarted', 'RequestReleased', 'RequestRevoked', 'ContentDeleted'],
    ].sort(),
  );
  return { ...(await watch.end()), requests: [id] };
}

const byPath = (a: { path: string }, b: { path: string }) => (a.path < b.path ? -1 : 1);

/** Where the event's own three tries end in the queue, somebody calls the function with it again. */
async function expectRetraction(id: string, watch: Awaited<ReturnType<typeof watchFaults>>) {
  const retraction = await waitUntil(
    async () => {
      const { events } = await watch.calls();
      const [first, , third] = events.filter(({ function: name }) => name === 'airlock/deletion/retract.lambda.ts');
      const { row } = await readRequestHistory(id);
      const record = 'retracted' in row ? row.retracted : undefined;
      if (!record && first && third) await invokeFunction('airlock/deletion/retract.lambda.ts', first.event);
      return record;
    },
    record => record !== undefined,
  );
  if (!retraction) throw new Error('nothing was retracted');
  return retraction;
}

/** What is about no project, and asked by nobody else. */
export async function runPathOutsideProjects(project: string, faults: readonly Fault[]) {
  const { otto } = faultPeople;
  const watch = await watchFaults(otto.id, faults);
  const current = await otto.ask('showSigningKey', {});
  const keyId = current.keyId.replace(/[^/]+$/, project);
  const earlier = { ...current, current: undefined, keyId };
  await (await openTestTable(faultCloud)).put(rowKey('download', `signing#${project}`), earlier);
  expect(await otto.ask('showSigningKey', { query: { id: project } })).toEqual({ ...current, keyId, current: false });
  for (const filter of ['waiting', 'all']) await otto.ask('listQueue', { query: { which: filter } });
  return { ...(await watch.end()), requests: [] };
}
