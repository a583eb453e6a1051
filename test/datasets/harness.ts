import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient, QueryCommand } from '@aws-sdk/client-dynamodb';
import { InvokeCommand, LambdaClient, ListFunctionsCommand } from '@aws-sdk/client-lambda';
import { GetObjectCommand, ListObjectVersionsCommand, PutObjectRetentionCommand, S3Client } from '@aws-sdk/client-s3';
import type { ApiClient } from '../../bin/cli/call.ts';
import type { DatasetUse, MinimisedVersion } from '../../functions/datasets/schemas.ts';
import { lakeWriterKey } from '../../functions/lake-writers.ts';
import type { ReadyProject } from '../../functions/projects/schemas.ts';
import type { connectTestCloud } from '../cloud.ts';
import { pauseSince } from '../pause.ts';
import { waitForProject } from '../projects/harness.ts';
import { assumeAnyRole } from '../security/attacker.ts';
import { openTestTable, waitUntil } from '../workspaces/harness.ts';

type Cloud = ReturnType<typeof connectTestCloud>;

/** A project that the real workflow built, with `lead` as its lead. */
export async function buildProjectFor(operator: ApiClient, lead: ApiClient, id: string): Promise<ReadyProject> {
  await operator.ask('createProject', { body: { id, title: id } });
  const ready = await waitForProject(
    () => operator.ask('showProject', { params: { project: id } }),
    answer => answer.status !== 'provisioning',
  );
  if (ready.status !== 'ready') throw new Error(JSON.stringify(ready));
  const { name } = await lead.ask('showMe');
  await operator.ask('addMember', { params: { project: id, name }, body: { roles: ['lead'] } });
  return ready;
}

/** S3 as the desktops of a project have it. */
export async function openDesktopOf(cloud: Cloud, { network }: ReadyProject): Promise<S3Client> {
  const credentials = await assumeAnyRole(cloud, network.datasets?.role ?? '');
  return new S3Client({ ...cloud.configuration, credentials, maxAttempts: 1 });
}

/** What a desktop of `desk` reads by the access point of `reader`: the text, or the name of the error. */
export async function readByAccessPoint(
  cloud: Cloud,
  Key: string,
  reader: ReadyProject,
  desk: ReadyProject = reader,
): Promise<string> {
  const desktop = await openDesktopOf(cloud, desk);
  try {
    const { Body } = await desktop.send(new GetObjectCommand({ Bucket: reader.network.datasets?.alias, Key }));
    return (await Body?.transformToString()) ?? '';
  } catch (error) {
    return (error as Error).name;
  }
}

/** Waits for a minute at most until the project's desktops read `answer`. */
export async function waitForAnswer(cloud: Cloud, key: string, reader: ReadyProject, answer: string): Promise<void> {
  for (const start = Date.now(); Date.now() < start + 60_000; await pauseSince(start))
    if ((await readByAccessPoint(cloud, key, reader)) === answer) return;
  throw new Error(`it stayed ${await readByAccessPoint(cloud, key, reader)}`);
}

/** Waits for a minute at most until the use has its minimised version or has ended. */
export async function waitForMinimised(lead: ApiClient, { project, id }: DatasetUse): Promise<DatasetUse> {
  for (const start = Date.now(); Date.now() < start + 60_000; await pauseSince(start)) {
    const { items } = await lead.ask('listProjectUses', { params: { project } });
    const use = items.find(item => item.id === id);
    if (use?.status === 'ended' || (use?.status === 'approved' && use.minimised)) return use;
  }
  throw new Error(`the use ${id} stayed as it was`);
}

/** The minimised version of a use that has one. */
export function minimisedOf(use: DatasetUse): MinimisedVersion {
  if (!('minimised' in use && use.minimised)) throw new Error(JSON.stringify(use));
  return use.minimised;
}

export const tomorrow = () => new Date(Date.now() + 24 * 3600 * 1000).toISOString();

/** Calls a deployed function, as its schedule does. */
export async function callScheduledFunction(cloud: Cloud, description: string): Promise<void> {
  const lambda = new LambdaClient(cloud.configuration);
  const { Functions = [] } = await lambda.send(new ListFunctionsCommand({ MaxItems: 1000 }));
  const name = Functions.find(({ Description }) => Description === description)?.FunctionName;
  const { FunctionError, Payload } = await lambda.send(new InvokeCommand({ FunctionName: name, Payload: '{}' }));
  if (FunctionError !== undefined) throw new Error(Buffer.from(Payload ?? []).toString('utf8'));
}

/** Waits until no step writes objects of the dataset into the lake any more. */
export async function waitForLakeWriters(cloud: Cloud, dataset: string): Promise<void> {
  const client = new DynamoDBClient(cloud.configuration);
  const { pk, sk } = lakeWriterKey(dataset, '');
  const query = new QueryCommand({
    TableName: (await openTestTable(cloud)).name,
    KeyConditionExpression: 'pk = :pk AND begins_with(sk, :sk)',
    ExpressionAttributeValues: { ':pk': { S: pk }, ':sk': { S: sk } },
    ConsistentRead: true,
  });
  await waitUntil(
    () => client.send(query),
    ({ Count }) => Count === 0,
  );
}

/** Time passes: the locks of everything in the lake below these prefixes end. */
export async function endLocks(cloud: Cloud, prefixes: readonly string[]): Promise<void> {
  const s3 = new S3Client(cloud.configuration);
  const Bucket = cloud.outputs['data.Lake'];
  for (const Prefix of prefixes) {
    const { Versions = [] } = await s3.send(new ListObjectVersionsCommand({ Bucket, Prefix }));
    for (const { Key, VersionId } of Versions) {
      const Retention = { Mode: 'GOVERNANCE', RetainUntilDate: new Date(Date.now() + 1000) } as const;
      const version = { Bucket, Key, VersionId, BypassGovernanceRetention: true };
      await s3.send(new PutObjectRetentionCommand({ ...version, Retention }));
    }
  }
  await sleep(1200);
}
