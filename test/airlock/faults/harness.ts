import { DynamoDBClient, ListTablesCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import { InvokeCommand, LambdaClient, ListFunctionsCommand } from '@aws-sdk/client-lambda';
import { ListObjectVersionsCommand, S3Client } from '@aws-sdk/client-s3';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { beforeAll, expect } from 'vitest';
import { Request } from '../../../functions/airlock/request/request.ts';
import { TRAIL_PREFIX } from '../../../functions/airlock/request/trail.ts';
import { rowKey } from '../../../functions/keys.ts';
import { connectTestCloud } from '../../cloud.ts';
import { type Fault, watchCalls } from '../../faults.ts';
import { waitUntil } from '../../workspaces/harness.ts';
import { castPeople, enrolTestUser, type TestUser } from '../harness.ts';
import { recordBusEvents } from '../recorder.ts';

export const faultCloud = connectTestCloud();
const dynamo = new DynamoDBClient(faultCloud.configuration);
const lambda = new LambdaClient(faultCloud.configuration);
const s3 = new S3Client(faultCloud.configuration);

const requesters = ['rana', 'rosa', 'ruth', 'remy'] as const;
export const faultPeople = {} as ReturnType<typeof castPeople> & Record<(typeof requesters)[number] | 'otto', TestUser>;
let bus: Awaited<ReturnType<typeof recordBusEvents>>;

/** What all runs share. */
export const enrolFaultPeople = () =>
  beforeAll(async () => {
    bus = await recordBusEvents(faultCloud);
    // Like any client, each repeats a failed call with the same key, only sooner.
    const retries = { backoff: (attempt: number) => 40 * attempt };
    const enrolments = ([...requesters, 'otto'] as const).map(async name => {
      const group = name === 'otto' ? 'operator' : 'researcher';
      return [name, await enrolTestUser(faultCloud, `faults-${name}`, group, retries)];
    });
    Object.assign(faultPeople, castPeople(retries), Object.fromEntries(await Promise.all(enrolments)));
  });

/** Watches a project's calls, or those about someone, while faults occur. A step is tried six times, an API call five. */
export const watchFaults = (subject: string, faults: readonly Fault[]) =>
  watchCalls(faultCloud, subject, faults, { step: 5, route: 4 });

/** Nobody may submit more than twenty requests in a day. */
export const chooseRequester = (project: string) =>
  faultPeople[requesters[Number(project.slice(4, 7)) % requesters.length] ?? 'rana'];

const findTableName = async () => {
  const { TableNames = [] } = await dynamo.send(new ListTablesCommand({}));
  return TableNames.find(name => name.startsWith('broch-local-data'));
};

export async function readPartition(pk: string) {
  const { Items = [] } = await dynamo.send(
    new QueryCommand({
      TableName: await findTableName(),
      KeyConditionExpression: 'pk = :pk',
      ExpressionAttributeValues: { ':pk': { S: pk } },
      ConsistentRead: true,
    }),
  );
  return Items.map(item => unmarshall(item));
}

/** Whatever failed, the workflow waits for the decision. */
export const waitForDecisionToken = (id: string) =>
  waitUntil(
    async () => (await readPartition(rowKey('airlock', id).pk)).find(({ sk }) => sk === 'ITEM'),
    row => typeof row?.token === 'string',
  );

/** The request as it stands, and all that has ever happened to it. */
export async function readRequestHistory(id: string) {
  const rows = await readPartition(rowKey('airlock', id).pk);
  const events = rows.filter(({ sk }) => String(sk).startsWith(TRAIL_PREFIX)) as {
    sk: string;
    events: { name: string }[];
  }[];
  return {
    rows,
    row: Request.parse(rows.find(({ sk }) => sk === 'ITEM')),
    happened: events.flatMap(row => row.events.map(({ name }) => name)).sort(),
    ids: events.flatMap(row => row.events.map((_, index) => `${id}/${row.sk.slice(TRAIL_PREFIX.length)}/${index}`)),
  };
}

/** All that is in a request's trail has come to the bus, in its order, and nothing else has. */
export async function assertEventsPublished(id: string): Promise<void> {
  const { ids } = await readRequestHistory(id);
  const lookRows = (await readPartition(rowKey('look', id).pk)) as { sk: string }[];
  const lookIds = lookRows
    .filter(({ sk }) => sk.startsWith(TRAIL_PREFIX))
    .map(({ sk }) => `${id}/${sk.slice(TRAIL_PREFIX.length)}/0`);
  const busEvents = await bus.until(id, events =>
    [...ids, ...lookIds].every(eventId => events.some(({ detail }) => detail.id === eventId)),
  );
  const eventIds = [...new Set(busEvents.map(({ detail }) => detail.id))];
  expect([...eventIds].sort()).toEqual([...ids, ...lookIds].sort());
  expect(eventIds.filter(eventId => ids.includes(eventId))).toEqual(ids);
}

/** Every version and every delete marker below a prefix, by what follows it. */
export async function listVersionsBelow(Bucket: string, Prefix: string) {
  const { Versions = [], DeleteMarkers = [] } = await s3.send(new ListObjectVersionsCommand({ Bucket, Prefix }));
  return [...Versions, ...DeleteMarkers].map(({ Key = '', VersionId = '' }) => ({
    path: Key.slice(Prefix.length),
    version: VersionId,
  }));
}

/** The functions of the airlock, as deployed, by their files. */
let functionNames: Promise<Map<string, string>> | undefined;
export const listFunctionNames = () => {
  functionNames ??= list();
  return functionNames;
};

async function list(): Promise<Map<string, string>> {
  const names = new Map<string, string>();
  for (let Marker: string | undefined, remaining = true; remaining; remaining = Marker !== undefined) {
    const page = await lambda.send(new ListFunctionsCommand({ Marker }));
    for (const { Description = '', FunctionName = '' } of page.Functions ?? [])
      if (Description.startsWith('functions/airlock/')) names.set(Description.slice('functions/'.length), FunctionName);
    Marker = page.NextMarker;
  }
  return names;
}

/** Calls a function as AWS would. */
export async function invokeFunction(name: string, event: object) {
  const { Payload, FunctionError } = await lambda.send(
    new InvokeCommand({ FunctionName: (await listFunctionNames()).get(name), Payload: JSON.stringify(event) }),
  );
  return {
    failed: FunctionError !== undefined,
    said: JSON.parse(Buffer.from(Payload ?? []).toString('utf8') || 'null'),
  };
}
