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

/** One thing that a thief might do. `target` is what an environment names where the role may do it; without, nobody may. */
export interface AttackAttempt {
  readonly name: string;
  readonly target?: string;
  /** What a policy would have to allow: an action, an ARN and the key of a partition. Without it, every thief tries it. */
  readonly right?: { readonly action: string; readonly resource: string; readonly partition?: string };
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
    { name: 'GetObject', target: Bucket, run: () => s3.send(new GetObjectCommand({ Bucket, Key })) },
    { name: 'PutObject', target: Bucket, run: () => s3.send(new PutObjectCommand({ Bucket, Key, Body: 'x' })) },
    { name: 'ListObjects', target: Bucket, run: () => s3.send(new ListObjectsV2Command({ Bucket })) },
    { name: 'DeleteObject', run: () => s3.send(new DeleteObjectCommand({ Bucket, Key })) },
  ].map(attempt => ({
    ...attempt,
    name: `${attempt.name} ${Bucket}`,
    right: {
      action: `s3:${attempt.name.replace('Objects', 'Bucket')}`,
      resource: attempt.name === 'ListObjects' ? `arn:aws:s3:::${Bucket}` : `arn:aws:s3:::${Bucket}/${Key}`,
    },
  }));
}

/** Every deed on a partition. `target` names it as rights do: `GetItem PROJECT#*`. */
export function attackPartition({ dynamo }: AttackClients, TableName: string, leading: string): AttackAttempt[] {
  const pk = { S: leading.replace('*', 'sec-none') };
  const [item, table] = [{ pk, sk: { S: 'ITEM' } }, { TableName }];
  const query = { KeyConditionExpression: 'pk = :pk', ExpressionAttributeValues: { ':pk': pk } };
  return [
    { name: 'GetItem', run: () => dynamo.send(new GetItemCommand({ ...table, Key: item })) },
    { name: 'PutItem', run: () => dynamo.send(new PutItemCommand({ ...table, Item: item })) },
    { name: 'UpdateItem', run: () => dynamo.send(new UpdateItemCommand({ ...table, Key: item })) },
    { name: 'DeleteItem', run: () => dynamo.send(new DeleteItemCommand({ ...table, Key: item })) },
    { name: 'Query', run: () => dynamo.send(new QueryCommand({ ...table, ...query })) },
  ].map(attempt => ({
    ...attempt,
    target: `${attempt.name} ${leading}`,
    name: `${attempt.name} ${leading} of ${TableName}`,
    right: { action: `dynamodb:${attempt.name}`, resource: `arn:aws:dynamodb:*:*:table/${TableName}`, partition: pk.S },
  }));
}

export const attackTableScan = ({ dynamo }: AttackClients, TableName: string): AttackAttempt => ({
  name: `Scan ${TableName}`,
  run: () => dynamo.send(new ScanCommand({ TableName })),
});

/** A key used by hand. `sealed` is something encrypted under it, once bare and once bound to a workspace. */
export function attackKey(
  { kms }: AttackClients,
  KeyId: string,
  ciphertexts: { bare: Uint8Array; bound: Uint8Array },
): AttackAttempt[] {
  const EncryptionContext = { workspace: 'sec-none' };
  const Plaintext = Buffer.from('x');
  return [
    { name: 'Decrypt', run: () => kms.send(new DecryptCommand({ KeyId, CiphertextBlob: ciphertexts.bare })) },
    {
      name: 'Sign',
      target: KeyId,
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
    { name: 'Encrypt', run: () => kms.send(new EncryptCommand({ KeyId, Plaintext })) },
    { name: 'GenerateDataKey', run: () => kms.send(new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256' })) },
    {
      name: 'Decrypt, bound',
      target: KeyId,
      run: () => kms.send(new DecryptCommand({ KeyId, CiphertextBlob: ciphertexts.bound, EncryptionContext })),
    },
    {
      name: 'Encrypt, bound',
      target: KeyId,
      run: () => kms.send(new EncryptCommand({ KeyId, Plaintext, EncryptionContext })),
    },
  ].map(attempt => ({
    ...attempt,
    name: `${attempt.name} ${KeyId}`,
    right: { action: `kms:${attempt.name.replace(', bound', '')}`, resource: KeyId },
  }));
}

export function attackStateMachine({ states }: AttackClients, stateMachineArn: string): AttackAttempt[] {
  const executionArn = `${stateMachineArn.replace(':stateMachine:', ':execution:')}:sec-none`;
  return [
    {
      name: 'StartExecution',
      target: stateMachineArn,
      run: () => states.send(new StartExecutionCommand({ stateMachineArn, input: '{}' })),
    },
    { name: 'ListExecutions', run: () => states.send(new ListExecutionsCommand({ stateMachineArn })) },
    { name: 'StopExecution', run: () => states.send(new StopExecutionCommand({ executionArn })) },
  ].map(attempt => ({
    ...attempt,
    name: `${attempt.name} ${stateMachineArn}`,
    right: {
      action: `states:${attempt.name}`,
      resource: attempt.name === 'StopExecution' ? executionArn : stateMachineArn,
    },
  }));
}

export const attackFunction = ({ lambda }: AttackClients, FunctionName: string, arn: string): AttackAttempt[] => [
  {
    name: `Invoke ${FunctionName}`,
    right: { action: 'lambda:InvokeFunction', resource: arn },
    run: () => lambda.send(new InvokeCommand({ FunctionName, InvocationType: 'DryRun' })),
  },
  {
    name: `GetFunction ${FunctionName}`,
    right: { action: 'lambda:GetFunction', resource: arn },
    run: () => lambda.send(new GetFunctionCommand({ FunctionName })),
  },
];

export const attackQueue = ({ queues }: AttackClients, QueueUrl: string, arn: string): AttackAttempt[] => [
  {
    name: `SendMessage ${arn}`,
    target: arn,
    run: () => queues.send(new SendMessageCommand({ QueueUrl, MessageBody: 'x' })),
  },
  { name: `ReceiveMessage ${arn}`, run: () => queues.send(new ReceiveMessageCommand({ QueueUrl })) },
];

export const attackSecret = ({ secrets }: AttackClients, SecretId: string): AttackAttempt => ({
  name: `GetSecretValue ${SecretId}`,
  target: SecretId,
  run: () => secrets.send(new GetSecretValueCommand({ SecretId })),
});

export const attackBus = ({ events }: AttackClients, EventBusName: string): AttackAttempt => ({
  name: `PutEvents ${EventBusName}`,
  target: EventBusName,
  run: () =>
    events.send(new PutEventsCommand({ Entries: [{ EventBusName, Source: 'sec', DetailType: 'None', Detail: '{}' }] })),
});

export const attackRole = ({ sts }: AttackClients, RoleArn: string): AttackAttempt => ({
  name: `AssumeRole ${RoleArn}`,
  target: RoleArn,
  run: () => sts.send(new AssumeRoleCommand({ RoleArn, RoleSessionName: 'sec-thief' })),
});

/** Ways from a foothold to more. */
export function attackPrivileges(clients: AttackClients, ownRole: string, pool: string): AttackAttempt[] {
  const { iam, stacks, pool: people, ssm, ec2 } = clients;
  const fullAccess = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] };
  const PolicyDocument = JSON.stringify(fullAccess);
  const RoleName = ownRole.split('/').at(-1);
  const user = { UserPoolId: pool, Username: 'sec-none' };
  const TemplateBody = JSON.stringify({ Resources: { X: { Type: 'AWS::SNS::Topic' } } });
  return [
    {
      name: 'PutRolePolicy on itself',
      run: () => iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: 'more', PolicyDocument })),
    },
    { name: 'CreateUser', run: () => iam.send(new CreateUserCommand({ UserName: 'sec-none' })) },
    {
      name: 'AdminAddUserToGroup operator',
      run: () => people.send(new AdminAddUserToGroupCommand({ ...user, GroupName: 'operator' })),
    },
    { name: 'AdminGetUser', target: pool, run: () => people.send(new AdminGetUserCommand(user)) },
    {
      name: 'CreateStack of its own',
      run: () => stacks.send(new CreateStackCommand({ StackName: 'sec-none', TemplateBody })),
    },
    { name: 'DeleteStack', run: () => stacks.send(new DeleteStackCommand({ StackName: 'sec-none' })) },
    {
      name: 'DescribeStacks of the airlock',
      run: () => stacks.send(new DescribeStacksCommand({ StackName: 'broch-local-airlock' })),
    },
    {
      name: 'GetParameter',
      run: () => ssm.send(new GetParameterCommand({ Name: '/cdk-bootstrap/hnb659fds/version' })),
    },
    {
      // Nobody approved it, so it has no tag. The embedded cloud asks for the right to the image only.
      name: 'RunInstances from an image that nobody approved',
      run: () => ec2.send(new RunInstancesCommand({ ImageId: 'ami-0c0c0c0c0c0c0c0c0', MinCount: 1, MaxCount: 1 })),
    },
    {
      name: "TerminateInstances of what isn't ours",
      run: () => ec2.send(new TerminateInstancesCommand({ InstanceIds: ['i-0a0a0a0a0a0a0a0a0'] })),
    },
  ];
}
