import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { DynamoDBClient, GetItemCommand, ListTablesCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import {
  CreateSecurityGroupCommand,
  CreateSubnetCommand,
  CreateTagsCommand,
  CreateVpcCommand,
  EC2Client,
} from '@aws-sdk/client-ec2';
import {
  AddRoleToInstanceProfileCommand,
  CreateInstanceProfileCommand,
  CreateRoleCommand,
  IAMClient,
  PutRolePolicyCommand,
} from '@aws-sdk/client-iam';
import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { InvokeCommand, LambdaClient, ListFunctionsCommand } from '@aws-sdk/client-lambda';
import {
  CreateBucketCommand,
  PutBucketEncryptionCommand,
  PutBucketNotificationConfigurationCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import {
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  DescribeStateMachineCommand,
  ListStateMachinesCommand,
  SendTaskSuccessCommand,
  SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import { agentFor, createApiClient } from '../../bin/cli/call.ts';
import { type ImageName, imageKey, type LoaderMeasurements } from '../../functions/images/schemas.ts';
import { rowKey } from '../../functions/keys.ts';
import { APPROVED_TAG } from '../../functions/names.ts';
import type { Project, ProjectNetwork } from '../../functions/projects/schemas.ts';
import { workspaceProviders } from '../../functions/workspaces/kinds.ts';
import { enrolLocalPerson, keepLocalSession, signInLocalPerson } from '../../local/people.ts';
import type { connectTestCloud } from '../cloud.ts';
import { buildOf, follow, publishWidely, withApproved } from '../images/lifecycle.ts';
import { pauseSince } from '../pause.ts';

type Cloud = ReturnType<typeof connectTestCloud>;

/** Asks until `good` holds of the answer, for two minutes at most unless it says longer. */
export async function waitUntil<T>(
  ask: () => Promise<T>,
  good: (answer: T) => boolean | Promise<boolean>,
  seconds = 110,
): Promise<T> {
  let last: T | undefined;
  for (const start = Date.now(); Date.now() < start + seconds * 1000; await pauseSince(start)) {
    last = await ask();
    if (await good(last)) return last;
  }
  throw new Error(`it never became so; at last it was ${JSON.stringify(last)}`);
}

/** The one table, read and written by its root: the parts of others (a project, a membership) are played by it. */
export function openTestTable({ configuration }: Cloud) {
  testTable ??= connectTestTable(configuration);
  return testTable;
}
let testTable: ReturnType<typeof connectTestTable> | undefined;

async function connectTestTable(configuration: Cloud['configuration']) {
  const client = new DynamoDBClient(configuration);
  const { TableNames = [] } = await client.send(new ListTablesCommand({}));
  const TableName = TableNames.find(name => name.startsWith('broch-local-data'));
  return {
    name: TableName ?? '',
    async put(key: { pk: string; sk: string }, item: object) {
      const Item = marshall({ ...item, ...key, revision: 1 }, { removeUndefinedValues: true });
      await client.send(new PutItemCommand({ TableName, Item }));
    },
    async get(key: { pk: string; sk: string }): Promise<Record<string, unknown> | undefined> {
      const { Item } = await client.send(new GetItemCommand({ TableName, Key: marshall(key), ConsistentRead: true }));
      return Item && unmarshall(Item);
    },
  };
}

/** An image of which one version is published, as people leave it, or of which none is. */
export const publishTestImage = (cloud: Cloud, kind: keyof typeof workspaceProviders, ami?: string): Promise<void> =>
  publishTestVersion(cloud, workspaceProviders[kind].image, ami);

export async function publishTestVersion(
  cloud: Cloud,
  image: ImageName,
  ami?: string,
  measurements?: LoaderMeasurements,
): Promise<void> {
  const version = follow(withApproved(1), publishWidely(1)).versions.map(published => ({
    ...published,
    build: { ...buildOf(1), ami, ...(measurements && { measurements }) },
  }));
  await (await openTestTable(cloud)).put(imageKey(image), { image, pins: [], versions: ami ? version : [] });
  const Tags = [{ Key: APPROVED_TAG, Value: 'local' }];
  if (ami) await new EC2Client(cloud.configuration).send(new CreateTagsCommand({ Resources: [ami], Tags }));
}

/** A project as the projects' workflow leaves one, as far as workspaces use it. */
export async function makeReadyProject({ configuration, account }: Cloud, id: string): Promise<Project> {
  const ec2 = new EC2Client(configuration);
  const { Vpc } = await ec2.send(new CreateVpcCommand({ CidrBlock: '10.99.0.0/22' }));
  const subnets = await Promise.all(
    ['10.99.0.0/24', '10.99.1.0/24'].map(async CidrBlock => {
      const { Subnet } = await ec2.send(new CreateSubnetCommand({ VpcId: Vpc?.VpcId, CidrBlock }));
      return Subnet?.SubnetId ?? '';
    }),
  );
  const { GroupId = '' } = await ec2.send(
    new CreateSecurityGroupCommand({ VpcId: Vpc?.VpcId, GroupName: id, Description: id }),
  );
  const { KeyMetadata } = await new KMSClient(configuration).send(new CreateKeyCommand({ Description: id }));

  const s3 = new S3Client(configuration);
  const bucket = `broch-local-${account}-${id}`;
  await s3.send(
    new CreateBucketCommand({
      Bucket: bucket,
      CreateBucketConfiguration: { LocationConstraint: configuration.region as 'eu-west-2' },
    }),
  );
  await s3.send(
    new PutBucketEncryptionCommand({
      Bucket: bucket,
      ServerSideEncryptionConfiguration: {
        Rules: [
          {
            BucketKeyEnabled: true,
            ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: KeyMetadata?.Arn },
          },
        ],
      },
    }),
  );
  await s3.send(
    new PutBucketNotificationConfigurationCommand({
      Bucket: bucket,
      NotificationConfiguration: { EventBridgeConfiguration: {} },
    }),
  );

  const iam = new IAMClient(configuration);
  const name = `broch-local-${id}-instance`;
  const document = (...Statement: object[]) => JSON.stringify({ Version: '2012-10-17', Statement });
  const trusts = { Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' };
  const { Role } = await iam.send(
    new CreateRoleCommand({ RoleName: name, Path: '/broch/', AssumeRolePolicyDocument: document(trusts) }),
  );
  const reports = `arn:aws:s3:::${bucket}/agents/\${aws:userid}/*`;
  await iam.send(
    new PutRolePolicyCommand({
      RoleName: name,
      PolicyName: 'instance',
      PolicyDocument: document(
        { Effect: 'Allow', Action: 's3:PutObject', Resource: reports },
        { Effect: 'Allow', Action: ['kms:GenerateDataKey', 'kms:Decrypt'], Resource: KeyMetadata?.Arn },
      ),
    }),
  );
  await iam.send(new CreateInstanceProfileCommand({ InstanceProfileName: name, Path: '/broch/' }));
  await iam.send(new AddRoleToInstanceProfileCommand({ InstanceProfileName: name, RoleName: name }));

  const network: ProjectNetwork = {
    stackId: `stack/${id}`,
    vpcId: Vpc?.VpcId ?? '',
    subnetIds: subnets,
    securityGroupId: GroupId,
    endpointSecurityGroupId: GroupId,
    bucket,
    keyArn: KeyMetadata?.Arn ?? '',
    instanceProfile: name,
    instanceRole: Role?.RoleId ?? '',
  };
  const now = new Date().toISOString();
  const fields = { id, title: id, requestedBy: 'test', requestedAt: now, attempt: 1, cidr: '10.99.0.0/22' };
  return { status: 'ready', ...fields, network, readyAt: now };
}

/** Researchers of a project, and the API as each of them. */
export async function makeResearchers(cloud: Cloud, project: string, names: readonly string[]) {
  const place = {
    name: 'test',
    api: cloud.api,
    pool: cloud.outputs['data.Pool'] ?? '',
    client: cloud.outputs['data.Client'] ?? '',
    region: cloud.region,
    embedded: { endpoint: cloud.endpoint, account: cloud.account, ca: readFileSync(cloud.ca, 'utf8'), people: [] },
  };
  const table = await openTestTable(cloud);
  const apis = await Promise.all(
    names.map(async name => {
      const tokens = await signInLocalPerson(
        place,
        await enrolLocalPerson(place, cloud.configuration, name, 'researcher'),
      );
      const api = createApiClient(
        place,
        agentFor(place),
        keepLocalSession(place, async () => tokens),
        { backoff: () => 100 },
      );
      const { id } = await api.ask('showMe');
      const member = { user: id, name, roles: ['researcher'], since: new Date().toISOString() };
      await table.put(rowKey('project', project, `MEMBER#${id}`), member);
      return [name, { ...api, id }] as const;
    }),
  );
  return Object.fromEntries(apis);
}

/** The names of copies of the workflow that tests break. Those of everybody else go on with the workflow itself. */
const COPY_PREFIX = 'broch-local-test-';

/** The workflow as deployed. */
export async function openWorkspaceWorkflow(cloud: Cloud) {
  const client = new SFNClient(cloud.configuration);
  const table = await openTestTable(cloud);
  const { stateMachines = [] } = await client.send(new ListStateMachinesCommand({ maxResults: 1000 }));
  const machines = await Promise.all(
    stateMachines.map(({ stateMachineArn }) => client.send(new DescribeStateMachineCommand({ stateMachineArn }))),
  );
  const machine = machines.find(
    ({ definition, name }) => definition?.includes('give a person a desktop') && !name?.startsWith(COPY_PREFIX),
  );
  if (!machine?.definition) throw new Error('the workflow of workspaces is not deployed');
  const { definition, roleArn } = machine;
  return {
    /** Runs an attempt on a copy of the workflow with the definition as `change` leaves it, for as long as that takes. */
    async run(input: { project: string; workspace: string }, change: (definition: string) => string) {
      const name = `${COPY_PREFIX}${randomUUID()}`;
      const copy = { name, definition: change(definition), roleArn };
      const { stateMachineArn } = await client.send(new CreateStateMachineCommand(copy));
      const { executionArn } = await client.send(
        new StartExecutionCommand({ stateMachineArn, input: JSON.stringify(input) }),
      );
      // The copy stays: other tests read the list of workflows, and one that is gone would be in it.
      return waitUntil(
        async () => {
          // The function that hears reports may answer for the workflow only, not for its copy.
          const { token: taskToken, desktop } =
            (await table.get(rowKey('workspace', input.project, input.workspace))) ?? {};
          if (typeof taskToken === 'string' && desktop)
            await client.send(new SendTaskSuccessCommand({ taskToken, output: '{}' })).catch(() => {});
          return client.send(new DescribeExecutionCommand({ executionArn }));
        },
        ({ status }) => status !== 'RUNNING',
      );
    },
  };
}

/** Calls a function by its file, as a schedule does. */
export async function invokeByFile({ configuration }: Cloud, file: string, input: object = {}): Promise<void> {
  const client = new LambdaClient(configuration);
  for (let Marker: string | undefined, page = 0; page < 20; page++) {
    const { Functions = [], NextMarker } = await client.send(new ListFunctionsCommand({ Marker }));
    const name = Functions.find(({ Description }) => Description === file)?.FunctionName;
    if (name !== undefined) {
      await client.send(new InvokeCommand({ FunctionName: name, Payload: JSON.stringify(input) }));
      return;
    }
    if (NextMarker === undefined) break;
    Marker = NextMarker;
  }
  throw new Error(`there is no function ${file}`);
}
