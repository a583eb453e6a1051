import { beforeAll, describe, expect, it } from 'vitest';
import { rowKey } from '../../functions/keys.ts';
import { connectTestCloud } from '../cloud.ts';
import { watchCalls } from '../faults.ts';
import { openTestTable } from '../workspaces/harness.ts';
import { enrolTestUser, makeAirlockProject, putSourceFiles, type TestUser, waitForStatus } from './harness.ts';

const cloud = connectTestCloud();
let rana: TestUser;
beforeAll(async () => {
  // What a call left unfinished counts as under way for as long as a Lambda of the API may run: half a minute.
  const backoff = (attempt: number) => (attempt === 1 ? 300 : 11_000);
  rana = await enrolTestUser(cloud, 'once-rana', 'researcher', { backoff });
});

describe.concurrent('recording the outcome of an API call', () => {
  for (const kind of ['error', 'lost'] as const)
    for (const action of ['dynamodb:PutItem ONCE', 'dynamodb:UpdateItem ONCE'])
      it(`performs a repeated call once where ${action} failed (${kind})`, async () => {
        const project = `once-${kind}-${action.slice(9, 10).toLowerCase()}-x`;
        const bucket = await makeAirlockProject(cloud, project, [rana]);
        const source = 'data/outbox/results/';
        await putSourceFiles(cloud, bucket, source, { 'a.csv': 'region,n\nNorth,20\n' });
        const groups = [{ name: 'all', kind: 'table', purpose: 'paper', paths: ['**'] }];
        const body = { title: 'T', direction: 'export', source, groups };
        const { id } = await rana.ask('draftRequest', { params: { project }, body });
        const params = { project, request: id };
        const name = 'airlock/api.lambda.ts POST /projects/{project}/airlock/{request}/submit';
        const watch = await watchCalls(cloud, project, [{ function: name, action, nth: 1, how: kind }]);
        await rana.ask('submitRequest', { params });
        expect((await watch.end()).unmet).toEqual([]);
        await waitForStatus(rana, params, ['inReview']);
        const row = await (await openTestTable(cloud)).get(rowKey('airlock', id));
        expect([row?.round, row?.attempt]).toEqual([1, 1]);
        const { items } = await rana.ask('listTrail', { params });
        expect(JSON.stringify(items).split('RequestSubmitted')).toHaveLength(2);
      });
});
