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
import { ending, moveBack, openProject, put, type Somebody, settle, somebody } from './ground.ts';

const of = cloud();
const s3 = new S3Client(of.configuration);
const dynamo = new DynamoDBClient(of.configuration);
const released = of.outputs['data.Released'] ?? '';
const files = { 'a.csv': 'region,n\nNorth,20\nSouth,30\n', 'tables/b.csv': 'region,n\nEast,40\n' };
const hex = (text: string | Uint8Array) => createHash('sha256').update(text).digest('hex');
const people = {} as Record<'rana' | 'rosa' | 'ruth' | 'vera' | 'viktor' | 'olga', Somebody>;
/** Nobody may submit more than twenty requests in a day. */
const requester = (project: string) =>
  [people.rana, people.rosa, people.ruth][Number(project.slice(4, 7)) % 3] as Somebody;

beforeAll(async () => {
  const cast = {
    rana: 'researcher',
    rosa: 'researcher',
    ruth: 'researcher',
    vera: 'reviewer',
    viktor: 'reviewer',
    olga: 'operator',
  } as const;
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

/** Whatever failed, the workflow waits for the decision. */
const waits = (id: string) =>
  until(
    async () => (await partition(key('airlock', id).pk)).find(({ sk }) => sk === 'ITEM'),
    row => typeof row?.token === 'string',
  );

/** What else the API does: a request is edited, times out, is resumed, waited for anew, returned, and withdrawn. */
async function detour(project: string, faults: readonly Fault[]) {
  const { vera, viktor, olga } = people;
  const rana = requester(project);
  const bucket = await openProject(of, project, [rana]);
  const watched = await watch(of, project, faults);
  const source = 'data/outbox/results/';
  await put(of, bucket, source, files);
  const groups = [{ name: 'all', kind: 'table', purpose: 'paper', paths: ['**'] }];
  const body = { title: 'T', direction: 'export', source, groups };
  const { id } = await rana.ask('draftRequest', { params: { project }, body });
  const params = { project, request: id };
  await rana.ask('editRequest', { params, body: { title: 'Two' } });
  await rana.ask('submitRequest', { params });
  await settle(vera, params, ['inReview']);
  await waits(id);
  await moveBack(of, id);
  await settle(vera, params, ['timedOut']);
  await olga.ask('resumeRequest', { params });
  await olga.ask('reissueReview', { params });
  const { seal } = await settle(vera, params, ['inReview']);
  for (const path of [undefined, 'a.csv']) {
    const read = path === undefined ? (['listFiles', 'showChecks'] as const) : (['viewFile'] as const);
    for (const name of read) await vera.ask(name, { params, ...(path && { query: { path } }) });
  }
  for (const who of [vera, viktor])
    await who.ask('returnRequest', { params, body: { seal: seal?.sha256, comment: 'Round it.' } });
  await settle(rana, params, ['returned']);
  await rana.ask('withdrawRequest', { params, body: { reason: 'enough' } });
  await Promise.all([rana.ask('listRequests', { params: { project } }), olga.ask('listQueue', {})]);
  const rows = await partition(key('airlock', id).pk);
  const row = Request.parse(rows.find(({ sk }) => sk === 'ITEM'));
  expect([row.status, row.round, row.attempt, row.title]).toEqual(['withdrawn', 1, 3, 'Two']);
  const happened = rows
    .flatMap(({ events = [] }) => (events as { name: string }[]).map(({ name }) => name))
    .filter(name => name.startsWith('Re') || name.startsWith('Vote'))
    .sort();
  expect(happened).toEqual(
    [
      ...['RequestOpened', 'RequestEdited', 'RequestSubmitted', 'RequestSealed', 'ReviewOpened', 'RequestTimedOut'],
      ...['RequestResumed', 'ReviewReissued', 'VoteCast', 'VoteCast', 'RequestReturned', 'RequestWithdrawn'],
    ].sort(),
  );
  const { calls, unmet } = await watched.end();
  return { calls, unmet };
}

/** A request from its draft to its download, while `faults` happen. Everything must have happened once. */
async function way(project: string, faults: readonly Fault[]) {
  const { vera, viktor, olga } = people;
  const rana = requester(project);
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
  await waits(id);
  for (const who of [vera, viktor])
    await who.ask('reviewRequest', { params, body: { verdict: 'approve', seal: seal?.sha256 } });
  await settle(rana, params, ['approved']);
  await olga.ask('releaseRequest', { params });
  await settle(rana, params, ['released']);
  const { token } = await rana.ask('openDownload', { params, body: {} });
  await rana.ask('takeDownload', { params, body: { token } });
  const got = await fetched(rana, params, token);

  expect(got.files).toEqual(files);
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
  expect(hex(got.record)).toBe(row.release.sha256);
  expect(await ending(of, 'release', id, 2)).toMatchObject({ status: 'SUCCEEDED', end: 'Released' });
  const { calls, unmet } = await watched.calls();
  // A word to the waiting workflow that was never sent is the one thing that nobody repeats: it looks by itself, later.
  const silent = calls.some(
    ({ function: name, action, how }) =>
      name.endsWith('/reviews') &&
      ((how === 'error' && action === 'states:SendTaskSuccess') ||
        (how === 'lost' && action.startsWith('dynamodb:TransactWriteItems'))),
  );
  if (!silent) expect(await ending(of, 'check', id, 1)).toMatchObject({ status: 'SUCCEEDED', end: 'Decided' });
  await watched.end();
  return { calls, unmet };
}

/** Each call of the airlock's functions that `of` takes; not of what keeps the outcomes of calls, for which there is once.cloud.test.ts. */
function faultsOf(calls: readonly Call[], how: Fault['how'], takes = (_: string) => true, times?: number): Fault[] {
  return [...callsOf(calls)].flatMap(([name, all]) =>
    name.startsWith('airlock/') && takes(name)
      ? all
          .filter(({ action }) => !action.endsWith(' ONCE') && !(times !== undefined && action === 'lambda:Invoke'))
          .map(call => ({ function: name, ...call, how, ...(times !== undefined && { times }) }))
      : [],
  );
}

/** As many faults of each function as one run bears: a step is tried six times, a call to the API five. */
function* runsOf(faults: readonly Fault[]): Generator<Fault[]> {
  const by = [...Map.groupBy(faults, fault => fault.function).values()];
  for (let from = 0; by.some(({ length }) => length > from); from += 4)
    yield by.flatMap(own => own.slice(from, from + 4));
}

let runs = 0;
const next = () => `flt-${String(runs++).padStart(3, '0')}-x`;
type Run = { go: typeof way; faults: Fault[] };
const isRoute = (name: string) => name.includes(' ');

it('a request ends where it should, once, whichever AWS call of the airlock fails or is lost', async () => {
  const [out, back] = await Promise.all([way(next(), []), detour(next(), [])]);
  const known = callsOf(out.calls);
  const isNew = (name: string) => isRoute(name) && !known.has(name);
  const all = [...known, ...[...callsOf(back.calls)].filter(([name]) => isNew(name))];
  const names = all.filter(([name]) => name.startsWith('airlock/'));
  const made = names.reduce((sum, [, calls]) => sum + calls.length, 0);
  const plan = (how: 'error' | 'lost'): Run[] => {
    const mild = how === 'error' ? 'throttle' : how;
    const step = (name: string) => !isRoute(name);
    return [
      // One try only: the SDK's own next try must be good for something, and do nothing twice.
      { go: way, faults: faultsOf(out.calls, mild, step, 1) },
      { go: way, faults: faultsOf(out.calls, mild, isRoute, 1) },
      { go: detour, faults: faultsOf(back.calls, mild, isNew, 1) },
      ...[...runsOf(faultsOf(out.calls, how))].map(faults => ({ go: way, faults })),
      ...[...runsOf(faultsOf(back.calls, how, isNew))].map(faults => ({ go: detour, faults })),
    ];
  };
  const tally = new Map<string, number>();
  let missed: Fault[] = [];
  const perform = async ({ go, faults }: Run) => {
    const { unmet } = await go(next(), faults);
    missed.push(...unmet);
    for (const { how, times } of faults) {
      const kind = `${how}${times === undefined ? '' : ' once'}`;
      tally.set(kind, (tally.get(kind) ?? 0) + 1);
    }
    for (const { how, times } of unmet) {
      const kind = `${how}${times === undefined ? '' : ' once'}`;
      tally.set(kind, (tally.get(kind) ?? 0) - 1);
    }
    return unmet.map(fault => ({ go, fault }));
  };
  let left = (await parallel([...plan('error'), ...plan('lost')], 6, perform)).flat();
  // A step that was done although its answer was lost does not come to its last calls again: those have their own run.
  for (let round = 0; round < 3 && left.length > 0; round++) {
    missed = [];
    const again = [way, detour].flatMap(go =>
      (['error', 'lost', 'throttle'] as const).flatMap(how => {
        const faults = left.filter(one => one.go === go && one.fault.how === how).map(({ fault }) => fault);
        const by = [...Map.groupBy(faults, fault => fault.function).values()];
        return by.length > 0 ? [{ go, faults: by.flatMap(own => own.slice(0, 1)) }] : [];
      }),
    );
    const rest = left.filter(({ fault }) => !again.some(({ faults }) => faults.includes(fault)));
    left = [...rest, ...(await parallel(again, 6, perform)).flat()];
  }
  console.log(
    `airlock: ${names.length} functions and operations make ${made} AWS calls; recovered from ` +
      `${[...tally].map(([kind, count]) => `${count} ${kind}`).join(', ')} in ${runs - 2} requests; never reached ` +
      JSON.stringify(left.map(({ fault }) => fault)),
  );
  // What only a race makes somebody do once more is not there each time; but every action of each function must fail once.
  const reached = ({ function: name, action, how }: Fault) =>
    left.filter(({ fault }) => fault.function === name && fault.action === action && fault.how === how).length <
    all.flatMap(([of, calls]) => (of === name ? calls.filter(call => call.action === action) : [])).length;
  expect(left.filter(({ fault }) => !reached(fault))).toEqual([]);
}, 400_000);
