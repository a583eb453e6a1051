import { readFileSync } from 'node:fs';
import {
  EventBridgeClient,
  ListEventBusesCommand,
  PutRuleCommand,
  PutTargetsCommand,
} from '@aws-sdk/client-eventbridge';
import { CreateRoleCommand, IAMClient } from '@aws-sdk/client-iam';
import {
  GetBucketPolicyCommand,
  ListObjectVersionsCommand,
  PutBucketPolicyCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import {
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  DescribeStateMachineCommand,
  ListExecutionsCommand,
  ListStateMachinesCommand,
  SFNClient,
} from '@aws-sdk/client-sfn';
import { type ApiClient, agentFor, createApiClient, type RetryPolicy } from '../../bin/cli/call.ts';
import type { UserGroup } from '../../functions/http/route.ts';
import type { Delivery } from '../../functions/ingest/schemas.ts';
import { enrolLocalPerson, keepLocalSession, signInLocalPerson } from '../../local/people.ts';
import type { connectTestCloud } from '../cloud.ts';
import { pauseSince } from '../pause.ts';
import { registerAgreement } from './agreement.ts';
import type { DeliveryFiles } from './delivery.ts';

type Cloud = ReturnType<typeof connectTestCloud>;

/** The API for a new person in a group; `again` signs them in once more, with the groups they have by then. */
export async function signInNewPerson(
  cloud: Cloud,
  name: string,
  group: UserGroup,
  patience?: RetryPolicy,
): Promise<ApiClient & { readonly name: string; again(): Promise<ApiClient> }> {
  const place = {
    name: 'test',
    api: cloud.api,
    pool: cloud.outputs['data.Pool'] ?? '',
    client: cloud.outputs['data.Client'] ?? '',
    region: cloud.region,
    embedded: { endpoint: cloud.endpoint, ca: readFileSync(cloud.ca, 'utf8'), account: cloud.account, people: [] },
  };
  const person = await enrolLocalPerson(place, cloud.configuration, `${name}-${Date.now()}`, group);
  if (group === 'partner') await registerAgreement(person.name);
  const signedIn = async () => {
    const tokens = await signInLocalPerson(place, person);
    return createApiClient(
      place,
      agentFor(place),
      keepLocalSession(place, async () => tokens),
      patience,
    );
  };
  return { ...(await signedIn()), name: person.name, again: signedIn };
}

/** S3 with the credentials of a delivery, as its partner has it. */
export async function openPartnerLanding(cloud: Cloud, partner: ApiClient, delivery: string) {
  const { bucket, prefix, accessKeyId, secretAccessKey, sessionToken } = await partner.ask('uploadAccess', {
    params: { delivery },
  });
  const s3 = new S3Client({ ...cloud.configuration, credentials: { accessKeyId, secretAccessKey, sessionToken } });
  return { s3, bucket, prefix };
}

/** Uploads files, the manifest last. */
export async function uploadDeliveryFiles(
  cloud: Cloud,
  partner: ApiClient,
  delivery: string,
  files: DeliveryFiles,
): Promise<void> {
  const { s3, bucket, prefix } = await openPartnerLanding(cloud, partner, delivery);
  const put = (path: string, content: string | Uint8Array) =>
    s3.send(new PutObjectCommand({ Bucket: bucket, Key: prefix + path, Body: Buffer.from(content) }));
  const isManifest = (path: string) => path === 'SHA256SUMS' || path === 'manifest-sha256.txt';
  const entries = Object.entries(files);
  for (const [path, content] of entries.filter(([path]) => !isManifest(path))) await put(path, content);
  for (const [path, content] of entries.filter(([path]) => isManifest(path))) await put(path, content);
  s3.destroy();
}

/** The delivery once it rests: registered, held or awaiting approval, by another check than `previousCheck`. */
export async function waitForDelivery(
  api: ApiClient,
  delivery: string,
  previousCheck?: string,
  restingStates: readonly Delivery['status'][] = ['registered', 'held', 'awaitingApproval'],
): Promise<Delivery> {
  let last: Delivery | undefined;
  for (const start = Date.now(); Date.now() < start + 60_000; await pauseSince(start)) {
    last = await api.ask('showDelivery', { params: { delivery } });
    if (restingStates.includes(last.status) && !('check' in last && last.check === previousCheck)) return last;
  }
  throw new Error(`the delivery never came to rest: ${JSON.stringify(last)}`);
}

export async function deliverFiles(
  cloud: Cloud,
  partner: ApiClient,
  dataset: string,
  files: DeliveryFiles,
): Promise<Delivery> {
  const { id } = await partner.ask('openDelivery', { body: { dataset } });
  await uploadDeliveryFiles(cloud, partner, id, files);
  return waitForDelivery(partner, id);
}

/** What Broch adds beside the data of a version, some time after its registration. */
const descriptions = new Set(['ro-crate-metadata.json', 'dcat.jsonld']);

/** Keys below a prefix, each with how many versions it has. */
export async function countKeyVersions(cloud: Cloud, bucket: string, prefix: string): Promise<Record<string, number>> {
  const s3 = new S3Client(cloud.configuration);
  const { Versions = [] } = await s3.send(new ListObjectVersionsCommand({ Bucket: bucket, Prefix: prefix }));
  const counts: Record<string, number> = {};
  for (const { Key = '' } of Versions) {
    const path = Key.slice(prefix.length);
    if (!descriptions.has(path)) counts[path] = (counts[path] ?? 0) + 1;
  }
  return counts;
}

/** While `run` runs, the bucket denies this to everybody: a fault of ours, as far as a step can see. */
export async function withBucketDenial(
  cloud: Cloud,
  { bucket, action, path, condition }: { bucket: string; action: string; path: string; condition?: object },
  run: () => Promise<void>,
): Promise<void> {
  const s3 = new S3Client(cloud.configuration);
  const { Policy = '' } = await s3.send(new GetBucketPolicyCommand({ Bucket: bucket }));
  const policy = JSON.parse(Policy);
  policy.Statement.push({
    Effect: 'Deny',
    Principal: '*',
    Action: action,
    Resource: `arn:aws:s3:::${bucket}${path}`,
    ...(condition && { Condition: condition }),
  });
  await s3.send(new PutBucketPolicyCommand({ Bucket: bucket, Policy: JSON.stringify(policy) }));
  try {
    await run();
  } finally {
    await s3.send(new PutBucketPolicyCommand({ Bucket: bucket, Policy }));
  }
}

/** The machine, and how its executions for a delivery ended, oldest first. */
export async function openIngestMachine(cloud: Cloud) {
  const sfn = new SFNClient(cloud.configuration);
  const { stateMachines = [] } = await sfn.send(new ListStateMachinesCommand({ maxResults: 1000 }));
  const machines = await Promise.all(
    stateMachines.map(({ stateMachineArn }) => sfn.send(new DescribeStateMachineCommand({ stateMachineArn }))),
  );
  const arn = machines.find(({ definition }) => definition?.includes("A delivery's check"))?.stateMachineArn ?? '';
  return {
    arn,
    sfn,
    async executions(delivery: string) {
      const { executions = [] } = await sfn.send(new ListExecutionsCommand({ stateMachineArn: arn, maxResults: 1000 }));
      return executions.filter(({ name }) => name?.startsWith(delivery)).reverse();
    },
    async ended(executionArn: string) {
      for (const start = Date.now(); Date.now() < start + 60_000; await pauseSince(start)) {
        const { status, output, error } = await sfn.send(new DescribeExecutionCommand({ executionArn }));
        if (status !== 'RUNNING')
          return { status, error, output: output === undefined ? undefined : JSON.parse(output) };
      }
      throw new Error(`${executionArn} did not end`);
    },
  };
}

/** Sees the events of deliveries: a rule on the bus starts a machine that does nothing, and its executions are read. */
export async function recordDeliveryEvents(cloud: Cloud) {
  const [sfn, events, iam] = [
    new SFNClient(cloud.configuration),
    new EventBridgeClient(cloud.configuration),
    new IAMClient(cloud.configuration),
  ];
  const name = `ingest-witness-${Date.now()}`;
  const trust = {
    Effect: 'Allow',
    Principal: { Service: ['states.amazonaws.com', 'events.amazonaws.com'] },
    Action: 'sts:AssumeRole',
  };
  const { Role } = await iam.send(
    new CreateRoleCommand({
      RoleName: name,
      AssumeRolePolicyDocument: JSON.stringify({ Version: '2012-10-17', Statement: [trust] }),
    }),
  );
  const definition = JSON.stringify({ StartAt: 'Seen', States: { Seen: { Type: 'Succeed' } } });
  const { stateMachineArn } = await sfn.send(new CreateStateMachineCommand({ name, roleArn: Role?.Arn, definition }));
  const { EventBuses = [] } = await events.send(new ListEventBusesCommand({}));
  const EventBusName = EventBuses.find(({ Name }) => Name !== 'default')?.Name;
  const EventPattern = JSON.stringify({ source: ['broch.ingest'] });
  await events.send(new PutRuleCommand({ Name: name, EventBusName, EventPattern }));
  await events.send(
    new PutTargetsCommand({
      Rule: name,
      EventBusName,
      Targets: [{ Id: 'seen', Arn: stateMachineArn, RoleArn: Role?.Arn }],
    }),
  );
  const readAll = async (delivery: string): Promise<Record<string, unknown>> => {
    const { executions = [] } = await sfn.send(new ListExecutionsCommand({ stateMachineArn, maxResults: 1000 }));
    const inputs = await Promise.all(
      executions.map(async ({ executionArn }) => {
        const { input = '{}' } = await sfn.send(new DescribeExecutionCommand({ executionArn }));
        return JSON.parse(input) as { 'detail-type': string; detail: { delivery: string } };
      }),
    );
    const ownEvents = inputs.filter(({ detail }) => detail.delivery === delivery);
    return Object.fromEntries(ownEvents.map(event => [event['detail-type'], event.detail]));
  };
  /** Waits until the delivery has these events, and gives all that it has. */
  return async (delivery: string, types: readonly string[]) => {
    for (const start = Date.now(); ; await pauseSince(start)) {
      const deliveryEvents = await readAll(delivery);
      if (types.every(type => type in deliveryEvents) || Date.now() > start + 60_000) return deliveryEvents;
    }
  };
}
