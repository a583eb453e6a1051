import { createHash } from 'node:crypto';
import { DynamoDBClient, ListTablesCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import { ListObjectVersionsCommand, S3Client } from '@aws-sdk/client-s3';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { beforeAll, expect, it } from 'vitest';
import { Request } from '../../functions/airlock/request.ts';
import { parallel } from '../../functions/ingest/parallel.ts';
import { key } from '../../functions/keys.ts';
import { cloud } from '../cloud.ts';
import { type Call, callsOf, type Fault, watch } from '../faults.ts';
import { until } from '../workspaces/ground.ts';
import { fetched } from './fetched.ts';
import { ending, openProject, put, type Somebody, settle, somebody } from './ground.ts';

const of = cloud();
const s3 = new S3Client(of.configuration);
const dynamo = new DynamoDBClient(of.configuration);
const released = of.outputs['data.Released'] ?? '';
const files = { 'a.csv': 'region,n\nNorth,20\nSouth,30\n', 'tables/b.csv': 'region,n\nEast,40\n' };
const hex = (text: string | Uint8Array) => createHash('sha256').update(text).digest('hex');
const people = {} as Record<'rana' | 'vera' | 'viktor' | 'olga', Somebody>;

beforeAll(async () => {
  const cast = { rana: 'researcher', vera: 'reviewer', viktor: 'reviewer', olga: 'operator' } as const;
  // As anybody's client does, each repeats a call that failed, with the same key; only not as patiently.
  const names = Object.keys(cast) as (keyof typeof cast)[];
  const all = await Promise.all(
    names.map(name => somebody(of, `faults-${name}`, cast[name], { backoff: attempt => 40 * attempt })),
  );
  for (const [index, name] of names.entries()) people[name] = all[index] as Somebody;
});

async function partition(pk: string) {
  const { TableNames = [] } = await dynamo.send(new ListTablesCommand({}));
  const { Items = [] } = await dynamo.send(
    new QueryCommand({
      TableName: TableNames.find(name => name.startsWith('broch-local-data')),
      KeyConditionExpression: 'pk = :pk',
      ExpressionAttributeValues: { ':pk': { S: pk } },
      ConsistentRead: true,
    }),
  );
  return Items.map(item => unmarshall(item));
}

/** A request from its draft to its download, while `faults` happen. Everything must have happened once. */
async function way(project: string, faults: readonly Fault[]) {
  const { rana, vera, viktor, olga } = people;
  const bucket = await openProject(of, project, [rana]);
  const watched = await watch(of, project, faults);
  const source = 'data/outbox/results/';
  await put(of, bucket, source, files);
  const groups = [{ name: 'all', kind: 'table', purpose: 'paper', paths: ['**'] }];
  const { id } = await rana.ask('draftRequest', {
    params: { project },
    body: { title: 'T', direction: 'export', source, groups },
  });
  const params = { project, request: id };
  await rana.ask('submitRequest', { params });
  const { seal } = await settle(vera, params, ['inReview']);
  // Whatever failed, the workflow waits for the decision.
  await until(
    async () => (await partition(key('airlock', id).pk)).find(({ sk }) => sk === 'ITEM'),
    row => typeof row?.token === 'string',
  );
  for (const who of [vera, viktor])
    await who.ask('reviewRequest', { params, body: { verdict: 'approve', seal: seal?.sha256 } });
  await settle(rana, params, ['approved']);
  await olga.ask('releaseRequest', { params });
  await settle(rana, params, ['released']);
  const { token } = await rana.ask('openDownload', { params, body: {} });
  await rana.ask('takeDownload', { params, body: { token } });
  const page = await rana.ask('downloadFiles', { params, body: { token } });
  const got = await Promise.all(page.files.map(async ({ path, url }) => [path, await fetched(url)] as const));

  expect(Object.fromEntries(got.map(([path, bytes]) => [path, bytes.toString()]))).toEqual(files);
  const rows = await partition(key('airlock', id).pk);
  const row = Request.parse(rows.find(({ sk }) => sk === 'ITEM'));
  if (row.status !== 'released') throw new Error(`it is ${row.status}`);
  expect([row.round, row.attempt, row.seal.sha256]).toEqual([1, 2, seal?.sha256]);
  expect(row.votes.map(({ by }) => by)).toEqual([vera.id, viktor.id]);
  const happened = rows
    .filter(({ sk }) => String(sk).startsWith('EVENT#'))
    .flatMap(({ events }) => (events as { name: string }[]).map(({ name }) => name))
    .filter(name => name.startsWith('Re') || name.startsWith('Vote'))
    .sort();
  expect(happened).toEqual(
    [
      ...['RequestOpened', 'RequestSubmitted', 'RequestSealed', 'ReviewOpened', 'VoteCast', 'VoteCast'],
      ...['RequestApproved', 'ReleaseStarted', 'RequestReleased'],
    ].sort(),
  );
  expect(rows.filter(({ sk }) => String(sk).startsWith('ROUND#'))).toHaveLength(1);
  const [grant, ...more] = await partition(key('download', `${project}#${id}`).pk);
  expect([grant?.taken, grant?.seal, more]).toEqual([1, row.seal.sha256, []]);
  const { Versions = [] } = await s3.send(
    new ListObjectVersionsCommand({ Bucket: released, Prefix: `released/${id}/` }),
  );
  const kept = Versions.map(({ Key }) => Key?.slice(`released/${id}/`.length)).filter(path =>
    path?.startsWith('files/'),
  );
  expect(kept.sort()).toEqual(
    Object.keys(files)
      .map(path => `files/${path}`)
      .sort(),
  );
  // Of a file that was left, nothing but these may be there.
  expect(new Set(Versions.map(({ Key }) => Key?.slice(`released/${id}/`.length)))).toEqual(
    new Set([...kept, 'files.json', 'release.json']),
  );
  expect(hex(await fetched(page.release?.url ?? ''))).toBe(row.release.sha256);
  expect(await ending(of, 'release', id, 2)).toMatchObject({ status: 'SUCCEEDED', end: 'Released' });
  const { calls, unmet } = await watched.calls();
  // A word to the waiting workflow that got lost is the one thing that nobody repeats: it looks by itself, later.
  if (!calls.some(({ action, how }) => action === 'states:SendTaskSuccess' && how === 'throttle'))
    expect(await ending(of, 'check', id, 1)).toMatchObject({ status: 'SUCCEEDED', end: 'Decided' });
  await watched.end();
  return { calls, unmet };
}

/** Which of a function's calls can each fail in one way: all of them, but for what keeps outcomes (see below). */
const once = / ONCE$/;
function faultsOf(calls: readonly Call[], how: Fault['how']): Map<string, Fault[]> {
  const all = new Map<string, Fault[]>();
  for (const [name, actions] of callsOf(calls))
    all.set(
      name,
      [...actions.entries()].flatMap(([nth, action]) =>
        once.test(action) || !name.startsWith('airlock/') ? [] : [{ function: name, nth, action, how }],
      ),
    );
  return all;
}

/** Four at most of each function in one run: a step is tried six times, a call to the API five. */
function* runsOf(faults: Map<string, Fault[]>): Generator<Fault[]> {
  for (let from = 0; [...faults.values()].some(({ length }) => length > from); from += 4)
    yield [...faults.values()].flatMap(own => own.slice(from, from + 4));
}

let runs = 0;
const next = () => `flt-${String(runs++).padStart(3, '0')}-x`;

it('a request ends where it should, once, whichever AWS call of the airlock fails or is lost', async () => {
  const { calls } = await way(next(), []);
  const map = [...callsOf(calls)].filter(([name]) => name.startsWith('airlock/'));
  const total = map.reduce((sum, [, actions]) => sum + actions.length, 0);
  const tally = { throttle: 0, lost: 0 };
  let missed: Fault[] = (['throttle', 'lost'] as const).flatMap(how => [...faultsOf(calls, how).values()].flat());
  const wanted = missed.length;
  for (let round = 0; round < 4 && missed.length > 0; round++) {
    const todo = (['throttle', 'lost'] as const).flatMap(how => {
      const own = Map.groupBy(
        missed.filter(fault => fault.how === how),
        fault => fault.function,
      );
      return [...runsOf(own)];
    });
    const done = await parallel(todo, 5, async faults => way(next(), faults));
    missed = done.flatMap(({ unmet }) => unmet);
    for (const [index, { unmet }] of done.entries())
      for (const { how, function: name, nth } of todo[index] ?? [])
        if (how !== 'error' && !unmet.some(one => one.function === name && one.nth === nth)) tally[how]++;
  }
  console.log(
    `airlock: ${map.length} functions and operations make ${total} AWS calls; of ${wanted} faults ${tally.throttle} ` +
      `throttled and ${tally.lost} lost were recovered from in ${runs - 1} requests; never reached: ${JSON.stringify(missed)}`,
  );
  expect(missed).toEqual([]);
}, 240_000);
