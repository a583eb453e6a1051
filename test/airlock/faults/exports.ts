import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import { rowKey } from '../../../functions/keys.ts';
import type { Fault } from '../../faults.ts';
import { fetchFirstPage } from '../download-helper.ts';
import {
  backdateRequest,
  makeAirlockProject,
  putSourceFiles,
  type TestUser,
  waitForExecutionEnd,
  waitForStatus,
} from '../harness.ts';
import {
  chooseRequester,
  faultCloud,
  faultPeople,
  listVersionsBelow,
  readPartition,
  readRequestHistory,
  waitForDecisionToken,
  watchFaults,
} from './harness.ts';

const releaseBucket = faultCloud.outputs['data.Released'] ?? '';
const files = { 'a.csv': 'region,n\nNorth,20\nSouth,30\n', 'tables/b.csv': 'region,n\nEast,40\n' };
const source = 'data/outbox/results/';
const groups = [{ name: 'all', kind: 'table', purpose: 'paper', paths: ['**'] }];
const draft = { title: 'T', direction: 'export', source, groups };
const hex = (text: string | Uint8Array) => createHash('sha256').update(text).digest('hex');
type Params = { project: string; request: string };

/** All that was released, and the signed record of it, as its recipient fetches them. */
async function download(rana: TestUser, params: Params) {
  const { token } = await rana.ask('openDownload', { params, body: {} });
  await rana.ask('takeDownload', { params, body: { token } });
  return fetchFirstPage(rana, params, token);
}

/** A request from its draft to its download, and to its end. Everything must have happened once. */
export async function runExportPath(project: string, faults: readonly Fault[]) {
  const { vera, viktor, olga } = faultPeople;
  const rana = chooseRequester(project);
  const bucket = await makeAirlockProject(faultCloud, project, [rana]);
  const watch = await watchFaults(project, faults);
  await putSourceFiles(faultCloud, bucket, source, files);
  const { id } = await rana.ask('draftRequest', { params: { project }, body: draft });
  const params = { project, request: id };
  await rana.ask('submitRequest', { params });
  const { seal } = await waitForStatus(vera, params, ['inReview']);
  await waitForDecisionToken(id);
  for (const voter of [vera, viktor])
    await voter.ask('reviewRequest', { params, body: { verdict: 'approve', seal: seal?.sha256 } });
  await waitForStatus(rana, params, ['approved']);
  await olga.ask('releaseRequest', { params });
  await waitForStatus(rana, params, ['released']);
  const downloadedFile = await download(rana, params);

  expect(downloadedFile.files).toEqual(files);
  const { items: requests } = await rana.ask('listRequests', { params: { project } });
  // Nor was anything drafted twice.
  expect(requests.map(item => item.id)).toEqual([id]);
  const { row, rows } = await readRequestHistory(id);
  if (row.status !== 'released') throw new Error(`it is ${row.status}`);
  expect(hex(downloadedFile.record)).toBe(row.release.sha256);
  expect([row.round, row.attempt, row.seal.sha256]).toEqual([1, 2, seal?.sha256]);
  expect(row.votes.map(({ by: reviewerId }) => reviewerId)).toEqual([vera.id, viktor.id]);
  expect(rows.filter(({ sk }) => String(sk).startsWith('ROUND#'))).toHaveLength(1);
  // What was given is counted beside the grant.
  const grants = async () =>
    (await readPartition(rowKey('download', `${project}#${id}`).pk)).filter(
      ({ sk }) => !String(sk).startsWith('GIVEN#'),
    );
  const [grant, ...otherGrants] = await grants();
  expect([grant?.taken, grant?.seal, otherGrants]).toEqual([1, row.seal.sha256, []]);
  const releasePaths = (await listVersionsBelow(releaseBucket, `released/${id}/`)).map(({ path }) => path);
  const content = releasePaths.filter(path => path.startsWith('files/')).sort();
  expect(content).toEqual(
    Object.keys(files)
      .map(path => `files/${path}`)
      .sort(),
  );
  // Of a file that was left, nothing but these may be there.
  expect(new Set(releasePaths)).toEqual(new Set([...content, 'files.json', 'release.json']));
  expect(await waitForExecutionEnd(faultCloud, 'release', id, 2)).toMatchObject({
    status: 'SUCCEEDED',
    end: 'Released',
  });

  await olga.ask('revokeRequest', { params, body: { reason: 'a small count' } });
  const end = await readRequestHistory(id);
  expect([end.row.status, (await grants())[0]?.revoked]).toEqual(['revoked', expect.anything()]);
  expect(end.happened).toEqual(
    [
      ...['RequestOpened', 'RequestSubmitted', 'RequestSealed', 'ReviewOpened', 'VoteCast', 'VoteCast'],
      ...['RequestApproved', 'ReleaseStarted', 'RequestReleased', 'RequestRevoked'],
    ].sort(),
  );
  const { calls, unmet } = await watch.calls();
  // A word to the waiting workflow that was never sent is the one thing that nobody repeats: it looks by itself, later.
  const silent = calls.some(
    ({ function: name, action, how: kind }) =>
      name.endsWith('/reviews') &&
      ((kind === 'error' && action === 'states:SendTaskSuccess') ||
        (kind === 'lost' && action.startsWith('dynamodb:TransactWriteItems'))),
  );
  if (!silent)
    expect(await waitForExecutionEnd(faultCloud, 'check', id, 1)).toMatchObject({
      status: 'SUCCEEDED',
      end: 'Decided',
    });
  await watch.end();
  return { calls, unmet, requests: [id] };
}

/** Once more than lib/retries.ts repeats a call that Lambda could not take: the workflow gives up. */
const scanFault: Fault = {
  function: 'airlock/steps/plan.lambda.ts',
  action: 'lambda:Invoke',
  nth: 1,
  how: 'error',
  invocations: 13,
};

/** What else people do: a request fails, is resumed, times out, is resumed, waited for again, returned, and withdrawn. */
export async function runExportDetour(project: string, faults: readonly Fault[]) {
  const { vera, viktor, olga } = faultPeople;
  const rana = chooseRequester(project);
  const bucket = await makeAirlockProject(faultCloud, project, [rana]);
  const watch = await watchFaults(project, [scanFault, ...faults]);
  await putSourceFiles(faultCloud, bucket, source, files);
  const { id } = await rana.ask('draftRequest', { params: { project }, body: draft });
  const params = { project, request: id };
  await rana.ask('editRequest', { params, body: { title: 'Two' } });
  await rana.ask('submitRequest', { params });
  await waitForStatus(vera, params, ['timedOut']);
  await olga.ask('resumeRequest', { params });
  await waitForStatus(vera, params, ['inReview']);
  await waitForDecisionToken(id);
  await backdateRequest(faultCloud, id);
  await waitForStatus(vera, params, ['timedOut']);
  await olga.ask('resumeRequest', { params });
  await waitForDecisionToken(id);
  await olga.ask('reissueReview', { params });
  const { seal } = await waitForStatus(vera, params, ['inReview']);
  await vera.ask('listFiles', { params });
  await vera.ask('showChecks', { params });
  await vera.ask('viewFile', { params, query: { path: 'a.csv' } });
  for (const voter of [vera, viktor])
    await voter.ask('returnRequest', { params, body: { seal: seal?.sha256, comment: 'Round it.' } });
  await waitForStatus(rana, params, ['returned']);
  await rana.ask('withdrawRequest', { params, body: { reason: 'enough' } });
  const [{ items: requests }, { items: rounds }, { items: trail }] = await Promise.all([
    rana.ask('listRequests', { params: { project } }),
    vera.ask('listRounds', { params }),
    vera.ask('listTrail', { params }),
  ]);
  // Nor was anything drafted twice.
  expect(requests.map(item => item.id)).toEqual([id]);
  expect(rounds.map(({ outcome }) => outcome)).toEqual(['withdrawn', 'returned']);
  const { row, happened } = await readRequestHistory(id);
  expect([row.status, row.round, row.attempt, row.title]).toEqual(['withdrawn', 2, 4, 'Two']);
  const passages = [
    ...['RequestOpened', 'RequestEdited', 'RequestSubmitted', 'RequestTimedOut', 'RequestResumed', 'RequestSealed'],
    ...['ReviewOpened', 'RequestTimedOut', 'RequestResumed', 'ReviewReissued', 'VoteCast', 'VoteCast'],
    ...['RequestReturned', 'RequestWithdrawn'],
  ].sort();
  expect(happened).toEqual(passages);
  // Each look is on record; more than one where its answer was lost.
  expect([...new Set(trail.map(({ name }) => name))].sort()).toEqual([...new Set([...passages, 'FileViewed'])].sort());
  const { calls, unmet } = await watch.end();
  return { calls, unmet, requests: [id] };
}
