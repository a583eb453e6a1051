import {
  CloudWatchLogsClient,
  FilterLogEventsCommand,
  paginateDescribeLogGroups,
} from '@aws-sdk/client-cloudwatch-logs';
import { DynamoDBClient, paginateListTables, paginateScan } from '@aws-sdk/client-dynamodb';
import { DescribeInstancesCommand, EC2Client } from '@aws-sdk/client-ec2';
import { GetObjectCommand, paginateListObjectsV2, S3Client } from '@aws-sdk/client-s3';
import {
  paginateGetExecutionHistory,
  paginateListExecutions,
  paginateListStateMachines,
  SFNClient,
} from '@aws-sdk/client-sfn';
import { expect } from 'vitest';
import { AwakeProject } from '../../functions/awake/lease.ts';
import type { PackHeader } from '../../functions/enclaves/pack/pack.ts';
import { rowKey } from '../../functions/keys.ts';
import type { EnclaveStage } from '../../local/enclaves/play-parents.ts';
import type { connectTestCloud } from '../cloud.ts';
import { openTestTable } from '../workspaces/harness.ts';

type Trace = readonly [place: string, content: Uint8Array];

async function* readRows(configuration: object): AsyncGenerator<Trace> {
  const client = new DynamoDBClient(configuration);
  for await (const { TableNames = [] } of paginateListTables({ client }, {}))
    for (const TableName of TableNames)
      for await (const { Items = [] } of paginateScan({ client }, { TableName }))
        for (const item of Items) yield [`row ${item.pk?.S} ${item.sk?.S}`, Buffer.from(JSON.stringify(item))];
}

async function* readObjects(configuration: object, buckets: readonly string[]): AsyncGenerator<Trace> {
  const client = new S3Client(configuration);
  for (const Bucket of buckets)
    for await (const { Contents = [] } of paginateListObjectsV2({ client }, { Bucket }))
      for (const { Key } of Contents) {
        const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }));
        yield [`object ${Bucket}/${Key}`, (await Body?.transformToByteArray()) ?? new Uint8Array()];
      }
}

async function* readLogs(configuration: object): AsyncGenerator<Trace> {
  const client = new CloudWatchLogsClient(configuration);
  for await (const { logGroups = [] } of paginateDescribeLogGroups({ client }, {}))
    for (const { logGroupName = '' } of logGroups.filter(group => /enclave/i.test(group.logGroupName ?? '')))
      for (let nextToken: string | undefined; ; ) {
        const page = await client.send(new FilterLogEventsCommand({ logGroupName, ...(nextToken && { nextToken }) }));
        for (const { message = '' } of page.events ?? []) yield [`log ${logGroupName}`, Buffer.from(message)];
        nextToken = page.nextToken;
        if (!nextToken) break;
      }
}

async function* readExecutions(configuration: object): AsyncGenerator<Trace> {
  const client = new SFNClient(configuration);
  for await (const { stateMachines = [] } of paginateListStateMachines({ client }, {}))
    for (const { stateMachineArn, name } of stateMachines.filter(machine => /enclave/i.test(machine.name ?? '')))
      for await (const { executions = [] } of paginateListExecutions({ client }, { stateMachineArn }))
        for (const { executionArn } of executions)
          for await (const { events = [] } of paginateGetExecutionHistory({ client }, { executionArn }))
            yield [`execution of ${name}`, Buffer.from(JSON.stringify(events))];
}

/** Where, of all that was stored, something is found: rows with the events in them, objects, logs, and histories of workflows. */
async function findTraces(
  { configuration }: ReturnType<typeof connectTestCloud>,
  buckets: readonly string[],
  secrets: Readonly<Record<string, Uint8Array>>,
): Promise<string[]> {
  const places = new Set<string>();
  for (const traces of [
    readRows(configuration),
    readObjects(configuration, buckets),
    readLogs(configuration),
    readExecutions(configuration),
  ])
    for await (const [place, content] of traces)
      for (const [name, secret] of Object.entries(secrets))
        if (secret.length > 0 && Buffer.from(content).includes(Buffer.from(secret))) places.add(`${name} in ${place}`);
  return [...places];
}

/** A secret as it may be written down: as it is, in hexadecimal and in Base64. */
const formsOf = (name: string, secret: Uint8Array): Record<string, Uint8Array> => ({
  [name]: secret,
  [`${name}, hexadecimal`]: Buffer.from(Buffer.from(secret).toString('hex')),
  [`${name}, Base64`]: Buffer.from(Buffer.from(secret).toString('base64').replace(/=+$/, '')),
});

/** What both parties keep to themselves: a part of the code, and the data. */
const confidentialTexts = {
  model: Buffer.from('"groups":{"high":[75,165]'),
  patients: Buffer.from('70,160\n80,170\n30,110'),
};

/** Neither keys and credentials nor code and data lie anywhere in clear. That the search finds things, the run's id shows. */
export async function expectNoSecretStored(
  cloud: ReturnType<typeof connectTestCloud>,
  { kms: { upstream } }: EnclaveStage,
  { buckets, run, headers }: { buckets: readonly string[]; run: string; headers: readonly PackHeader[] },
): Promise<void> {
  const keys = await Promise.all(
    headers.map(({ kmsKey, wrappedKey, context }) =>
      upstream.decrypt(kmsKey, Buffer.from(wrappedKey, 'base64'), context),
    ),
  );
  const credentials = [...upstream.sessions.values()].map(({ secretAccessKey }) => Buffer.from(secretAccessKey));
  const secrets = [...keys, ...credentials].flatMap((secret, index) =>
    Object.entries(formsOf(`secret ${index}`, secret)),
  );
  const marks = {
    ...Object.fromEntries(secrets),
    ...confidentialTexts,
    run: Buffer.from(run),
    call: Buffer.from('RequestId'),
  };
  const places = await findTraces(cloud, buckets, marks);
  expect(places.filter(place => !/^(run|call) in/.test(place))).toEqual([]);
  for (const kind of ['row', 'object', 'execution'])
    expect(
      places.some(place => place.startsWith(`run in ${kind}`)),
      kind,
    ).toBe(true);
  // Functions log nothing of a run that goes well, but each of their calls.
  expect(places.some(place => place.startsWith('call in log'))).toBe(true);
}

async function listLeftInstances({ configuration }: ReturnType<typeof connectTestCloud>, run: string) {
  const ec2 = new EC2Client(configuration);
  const Filters = [
    { Name: 'tag:broch:enclave', Values: [run] },
    { Name: 'instance-state-name', Values: ['pending', 'running'] },
  ];
  const { Reservations = [] } = await ec2.send(new DescribeInstancesCommand({ Filters }));
  return Reservations.flatMap(({ Instances = [] }) => Instances.map(({ InstanceId = '' }) => InstanceId));
}

/** What a run left: instances, its lease, and grants on the keys. */
export async function listLeftovers(
  cloud: ReturnType<typeof connectTestCloud>,
  { kms: { upstream } }: EnclaveStage,
  { project, run, keys }: { project: string; run: string; keys: readonly string[] },
): Promise<unknown[]> {
  const leases = AwakeProject.optional().parse(await (await openTestTable(cloud)).get(rowKey('awake', project)));
  return [
    ...(await listLeftInstances(cloud, run)),
    ...(leases?.holders ?? []).filter(({ id }) => id === run),
    ...(await Promise.all(keys.map(key => upstream.grants(key)))).flat(),
  ];
}
