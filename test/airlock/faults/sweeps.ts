import { createHash } from 'node:crypto';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { expect } from 'vitest';
import { DeletedObject } from '../../../functions/airlock/deletion/erase.ts';
import { DueRow } from '../../../functions/airlock/store.ts';
import { rowKey } from '../../../functions/keys.ts';
import type { Fault } from '../../faults.ts';
import { makeAirlockProject, putSourceFiles, waitForStatus } from '../harness.ts';
import { createSweepHarness, lockSweeper } from '../sweep-harness.ts';
import {
  chooseRequester,
  faultCloud,
  faultPeople,
  listVersionsBelow,
  readPartition,
  readRequestHistory,
  watchFaults,
} from './harness.ts';
import { codesImport, uploadImportFiles } from './imports.ts';

const [sealedBucket = '', releaseBucket = ''] = ['Sealed', 'Released'].map(name => faultCloud.outputs[`data.${name}`]);
const groups = [{ name: 'all', kind: 'table', purpose: 'paper', paths: ['**'] }];
const files = { 'a.csv': 'region,n\nNorth,20\nSouth,30\n' };
const s3 = new S3Client(faultCloud.configuration);
type Places = readonly (readonly [bucket: string, prefix: string])[];

/** Two requests in a project: a release, and a draft of an import that files were uploaded for. */
async function two(project: string) {
  const { vera, viktor, olga } = faultPeople;
  const rana = chooseRequester(project);
  const bucket = await makeAirlockProject(faultCloud, project, [rana]);
  await putSourceFiles(faultCloud, bucket, 'data/outbox/results/', files);
  const body = { title: 'T', direction: 'export', source: 'data/outbox/results/', groups };
  const { id: release } = await rana.ask('draftRequest', { params: { project }, body });
  const params = { project, request: release };
  await rana.ask('submitRequest', { params });
  const { id: draft } = await rana.ask('draftRequest', { params: { project }, body: codesImport });
  const uploads = await uploadImportFiles(rana, { project, request: draft });
  const { seal } = await waitForStatus(vera, params, ['inReview']);
  for (const voter of [vera, viktor])
    await voter.ask('reviewRequest', { params, body: { verdict: 'approve', seal: seal?.sha256 } });
  await olga.ask('releaseRequest', { params });
  await waitForStatus(rana, params, ['released']);
  return { release, draft, uploads };
}

const lying = async (places: Places) => {
  const versionLists = places.map(async ([bucket, prefix]) =>
    (await listVersionsBelow(bucket, prefix)).map(({ path, version }) => `${bucket} ${prefix}${path} ${version}`),
  );
  return (await Promise.all(versionLists)).flat().sort();
};

/** What was there of a request is gone, once, and its receipt says exactly that. */
async function expectDeletion(id: string, places: Places, expectedVersions: readonly string[]) {
  const { row, happened } = await readRequestHistory(id);
  const { receipt, objects } = ('deleted' in row && row.deleted) || {};
  if (!receipt) throw new Error(`nothing of ${id} is deleted`);
  const deletionEvents = happened.filter(name => name === 'RequestExpired' || name === 'ContentDeleted');
  expect(deletionEvents).toEqual(['ContentDeleted', 'RequestExpired']);
  expect(await lying(places)).toEqual([]);
  const { Body } = await s3.send(
    new GetObjectCommand({ Bucket: releaseBucket, Key: receipt.key, VersionId: receipt.versionId }),
  );
  const text = (await Body?.transformToString()) ?? '';
  expect(createHash('sha256').update(text).digest('hex')).toBe(receipt.sha256);
  const receiptObjects = DeletedObject.array().parse(JSON.parse(text).objects);
  expect(receiptObjects.map(({ bucket, key, version }) => `${bucket} ${key} ${version}`).sort()).toEqual(
    expectedVersions,
  );
  expect(receiptObjects.every(({ sha256 = '' }) => sha256.length === 64)).toBe(true);
  expect([objects, expectedVersions.length > 0]).toEqual([expectedVersions.length, true]);
}

/** Time passes: a release expires, is locked still, and is deleted; a draft expires, and what was uploaded for it is deleted. */
export async function runSweepPath(project: string, faults: readonly Fault[]) {
  const { release, draft, uploads } = await two(project);
  const time = await createSweepHarness(faultCloud);
  const watch = await watchFaults(project, faults);
  const isDue = async (id: string) => {
    const now = new Date().toISOString();
    const rows = (await readPartition(rowKey('due', '').pk)).flatMap(row => DueRow.safeParse(row).data ?? []);
    return rows.some(({ request, due }) => request === id && due < now);
  };
  /** Until nothing of it is due any more, however often the sweeper has to come. */
  const pass = async (id: string) => {
    const end = await lockSweeper(faultCloud);
    try {
      await time.pass(id);
      for (let tries = 0; await isDue(id); tries++) {
        if (tries > 100) throw new Error(`${id} is still due`);
        await time.sweep({ project });
      }
    } finally {
      end();
    }
    const { row, happened } = await readRequestHistory(id);
    return [row.status, 'deleted' in row && row.deleted !== undefined, happened.includes('RequestExpired')];
  };

  const places: Places = [
    [sealedBucket, `requests/${release}/`],
    [releaseBucket, `released/${release}/files/`],
  ];
  const releaseVersions = await lying(places);
  expect(await pass(release)).toEqual(['expired', false, true]);
  // S3 keeps it still: it is tried again, a day later.
  expect(await pass(release)).toEqual(['expired', false, true]);
  expect(await lying(places)).toEqual(releaseVersions);
  for (const [bucket, prefix] of places) await time.unlock(bucket, prefix);
  expect(await pass(release)).toEqual(['expired', true, true]);
  await expectDeletion(release, places, releaseVersions);

  const uploadPlaces = [[uploads, `uploads/${draft}/`]] as const;
  const uploadVersions = await lying(uploadPlaces);
  // Nothing of it is locked: as soon as it has expired it is due again.
  expect(await pass(draft)).toEqual(['expired', true, true]);
  await expectDeletion(draft, uploadPlaces, uploadVersions);
  return { ...(await watch.end()), requests: [release, draft] };
}
