import type { Agent } from 'node:https';
import {
  CloudFormationClient,
  CreateStackCommand,
  DeleteStackCommand,
  DescribeStacksCommand,
} from '@aws-sdk/client-cloudformation';
import {
  AdminAddUserToGroupCommand,
  AdminGetUserCommand,
  CognitoIdentityProviderClient,
} from '@aws-sdk/client-cognito-identity-provider';
import {
  DeleteItemCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  ScanCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { EC2Client, RunInstancesCommand, TerminateInstancesCommand } from '@aws-sdk/client-ec2';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { CreateUserCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { DecryptCommand, EncryptCommand, GenerateDataKeyCommand, KMSClient, SignCommand } from '@aws-sdk/client-kms';
import { GetFunctionCommand, InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { ListExecutionsCommand, SFNClient, StartExecutionCommand, StopExecutionCommand } from '@aws-sdk/client-sfn';
import { ReceiveMessageCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';

export interface StolenCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
}

/** One thing that a thief might do. `on` is what an environment would name who may do it; without, nobody may. */
export interface AttackAttempt {
  readonly what: string;
  readonly on?: string;
  readonly run: () => Promise<unknown>;
}

export interface AttackEndpoint {
  readonly configuration: { readonly endpoint: string; readonly region: string; readonly forcePathStyle: boolean };
  readonly agent: Agent;
}

/** Clients under stolen credentials. They share connections, as a thief makes thousands of calls. */
export function createAttackClients({ configuration, agent }: AttackEndpoint, credentials: StolenCredentials) {
  const options = { ...configuration, credentials, maxAttempts: 1, requestHandler: { httpsAgent: agent } };
  return {
    s3: new S3Client(options),
    dynamo: new DynamoDBClient(options),
    kms: new KMSClient(options),
    secrets: new SecretsManagerClient(options),
    states: new SFNClient(options),
    lambda: new LambdaClient(options),
    queues: new SQSClient(options),
    events: new EventBridgeClient(options),
    sts: new STSClient(options),
    iam: new IAMClient(options),
    stacks: new CloudFormationClient(options),
    pool: new CognitoIdentityProviderClient(options),
    ssm: new SSMClient(options),
    ec2: new EC2Client(options),
  };
}
export type AttackClients = ReturnType<typeof createAttackClients>;

/** Objects that nothing of ours is called, so that a try which did succeed would break nothing else. */
const Key = 'sec/none';

export function attackBucket({ s3 }: AttackClients, Bucket: string): AttackAttempt[] {
  return [
    { what: 'GetObject', on: Bucket, run: () => s3.send(new GetObjectCommand({ Bucket, Key })) },
    { what: 'PutObject', on: Bucket, run: () => s3.send(new PutObjectCommand({ Bucket, Key, Body: 'x' })) },
    { what: 'ListObjects', on: Bucket, run: () => s3.send(new ListObjectsV2Command({ Bucket })) },
    { what: 'DeleteObject', run: () => s3.send(new DeleteObjectCommand({ Bucket, Key })) },
  ].map(one => ({ ...one, what: `${one.what} ${Bucket}` }));
}

/** Every deed on a partition. `on` names it as rights do: `GetItem PROJECT#*`. */
export function attackPartition({ dynamo }: AttackClients, TableName: string, leading: string): AttackAttempt[] {
  const pk = { S: leading.replace('*', 'sec-none') };
  const [item, table] = [{ pk, sk: { S: 'ITEM' } }, { TableName }];
  const query = { KeyConditionExpression: 'pk = :pk', ExpressionAttributeValues: { ':pk': pk } };
  return [
    { what: 'GetItem', run: () => dynamo.send(new GetItemCommand({ ...table, Key: item })) },
    { what: 'PutItem', run: () => dynamo.send(new PutItemCommand({ ...table, Item: item })) },
    { what: 'UpdateItem', run: () => dynamo.send(new UpdateItemCommand({ ...table, Key: item })) },
    { what: 'DeleteItem', run: () => dynamo.send(new DeleteItemCommand({ ...table, Key: item })) },
    { what: 'Query', run: () => dynamo.send(new QueryCommand({ ...table, ...query })) },
  ].map(one => ({ ...one, on: `${one.what} ${leading}`, what: `${one.what} ${leading} of ${TableName}` }));
}

export const attackTableScan = ({ dynamo }: AttackClients, TableName: string): AttackAttempt => ({
  what: `Scan ${TableName}`,
  run: () => dynamo.send(new ScanCommand({ TableName })),
});

/** A key used by hand. `sealed` is something encrypted under it, once bare and once bound to a workspace. */
export function attackKey(
  { kms }: AttackClients,
  KeyId: string,
  sealed: { bare: Uint8Array; bound: Uint8Array },
): AttackAttempt[] {
  const EncryptionContext = { workspace: 'sec-none' };
  const Plaintext = Buffer.from('x');
  return [
    { what: 'Decrypt', run: () => kms.send(new DecryptCommand({ KeyId, CiphertextBlob: sealed.bare })) },
    {
      what: 'Sign',
      on: KeyId,
      run: () =>
        kms.send(
          new SignCommand({
            KeyId,
            Message: Buffer.alloc(32),
            MessageType: 'DIGEST',
            SigningAlgorithm: 'ECDSA_SHA_256',
          }),
        ),
    },
    { what: 'Encrypt', run: () => kms.send(new EncryptCommand({ KeyId, Plaintext })) },
    { what: 'GenerateDataKey', run: () => kms.send(new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256' })) },
    {
      what: 'Decrypt, bound',
      on: KeyId,
      run: () => kms.send(new DecryptCommand({ KeyId, CiphertextBlob: sealed.bound, EncryptionContext })),
    },
    {
      what: 'Encrypt, bound',
      on: KeyId,
      run: () => kms.send(new EncryptCommand({ KeyId, Plaintext, EncryptionContext })),
    },
  ].map(one => ({ ...one, what: `${one.what} ${KeyId}` }));
}

export function attackStateMachine({ states }: AttackClients, stateMachineArn: string): AttackAttempt[] {
  const executionArn = `${stateMachineArn.replace(':stateMachine:', ':execution:')}:sec-none`;
  return [
    {
      what: 'StartExecution',
      on: stateMachineArn,
      run: () => states.send(new StartExecutionCommand({ stateMachineArn, input: '{}' })),
    },
    { what: 'ListExecutions', run: () => states.send(new ListExecutionsCommand({ stateMachineArn })) },
    { what: 'StopExecution', run: () => states.send(new StopExecutionCommand({ executionArn })) },
  ].map(one => ({ ...one, what: `${one.what} ${stateMachineArn}` }));
}

export const attackFunction = ({ lambda }: AttackClients, FunctionName: string): AttackAttempt[] => [
  {
    what: `Invoke ${FunctionName}`,
    run: () => lambda.send(new InvokeCommand({ FunctionName, InvocationType: 'DryRun' })),
  },
  { what: `GetFunction ${FunctionName}`, run: () => lambda.send(new GetFunctionCommand({ FunctionName })) },
];

export const attackQueue = ({ queues }: AttackClients, QueueUrl: string, arn: string): AttackAttempt[] => [
  {
    what: `SendMessage ${arn}`,
    on: arn,
    run: () => queues.send(new SendMessageCommand({ QueueUrl, MessageBody: 'x' })),
  },
  { what: `ReceiveMessage ${arn}`, run: () => queues.send(new ReceiveMessageCommand({ QueueUrl })) },
];

export const attackSecret = ({ secrets }: AttackClients, SecretId: string): AttackAttempt => ({
  what: `GetSecretValue ${SecretId}`,
  on: SecretId,
  run: () => secrets.send(new GetSecretValueCommand({ SecretId })),
});

export const attackBus = ({ events }: AttackClients, EventBusName: string): AttackAttempt => ({
  what: `PutEvents ${EventBusName}`,
  on: EventBusName,
  run: () =>
    events.send(new PutEventsCommand({ Entries: [{ EventBusName, Source: 'sec', DetailType: 'None', Detail: '{}' }] })),
});

export const attackRole = ({ sts }: AttackClients, RoleArn: string): AttackAttempt => ({
  what: `AssumeRole ${RoleArn}`,
  on: RoleArn,
  run: () => sts.send(new AssumeRoleCommand({ RoleArn, RoleSessionName: 'sec-thief' })),
});

/** Ways from a foothold to more. */
export function attackPrivileges(clients: AttackClients, own: string, pool: string): AttackAttempt[] {
  const { iam, stacks, pool: people, ssm, ec2 } = clients;
  const anything = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] };
  const PolicyDocument = JSON.stringify(anything);
  const RoleName = own.split('/').at(-1);
  const who = { UserPoolId: pool, Username: 'sec-none' };
  const TemplateBody = JSON.stringify({ Resources: { X: { Type: 'AWS::SNS::Topic' } } });
  return [
    {
      what: 'PutRolePolicy on itself',
      run: () => iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: 'more', PolicyDocument })),
    },
    { what: 'CreateUser', run: () => iam.send(new CreateUserCommand({ UserName: 'sec-none' })) },
    {
      what: 'AdminAddUserToGroup operator',
      run: () => people.send(new AdminAddUserToGroupCommand({ ...who, GroupName: 'operator' })),
    },
    { what: 'AdminGetUser', on: pool, run: () => people.send(new AdminGetUserCommand(who)) },
    {
      what: 'CreateStack of its own',
      run: () => stacks.send(new CreateStackCommand({ StackName: 'sec-none', TemplateBody })),
    },
    { what: 'DeleteStack', run: () => stacks.send(new DeleteStackCommand({ StackName: 'sec-none' })) },
    {
      what: 'DescribeStacks of the airlock',
      run: () => stacks.send(new DescribeStacksCommand({ StackName: 'broch-local-airlock' })),
    },
    {
      what: 'GetParameter',
      run: () => ssm.send(new GetParameterCommand({ Name: '/cdk-bootstrap/hnb659fds/version' })),
    },
    {
      what: 'RunInstances without our tags',
      // The embedded cloud asks for the right to the image only, where AWS asks for it to all that a launch makes.
      on: '/broch/images',
      run: () => ec2.send(new RunInstancesCommand({ ImageId: 'ami-0a0a0a0a0a0a0a0a0', MinCount: 1, MaxCount: 1 })),
    },
    {
      what: "TerminateInstances of what isn't ours",
      run: () => ec2.send(new TerminateInstancesCommand({ InstanceIds: ['i-0a0a0a0a0a0a0a0a0'] })),
    },
  ];
}
