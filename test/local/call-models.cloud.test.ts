import { CostExplorerClient, GetCostAndUsageCommand } from '@aws-sdk/client-cost-explorer';
import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { GetFunctionCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { CreateBucketCommand, PutBucketVersioningCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { beforeAll, describe, expect, it } from 'vitest';
import { connectTestCloud } from '../cloud.ts';
import { readJudgedCalls, wrongOnPurpose } from '../judged-calls.ts';

const cloud = connectTestCloud();
const { configuration } = cloud;
const s3 = new S3Client(configuration);
const bucket = 'strict-models';
const stateMachineArn = `arn:aws:states:${cloud.region}:${cloud.account}:stateMachine:none`;

/** A call of each protocol that AWS's model refuses: too long, not matching, not of an enumeration, missing. */
const refusals: Record<string, { call: () => Promise<unknown>; expected: RegExp }> = {
  'a table name that is too long (JSON)': {
    call: () =>
      new DynamoDBClient(configuration).send(
        new GetItemCommand({ TableName: `${wrongOnPurpose}${'x'.repeat(2000)}`, Key: { pk: { S: 'x' } } }),
      ),
    expected: /\.TableName is above the most/,
  },
  'an execution name that is too long (JSON)': {
    call: () =>
      new SFNClient(configuration).send(
        new StartExecutionCommand({ stateMachineArn, name: `${wrongOnPurpose}-${'x'.repeat(80)}` }),
      ),
    expected: /\.name is above the most, 80/,
  },
  'a policy name with a space (query)': {
    call: () =>
      new IAMClient(configuration).send(
        new PutRolePolicyCommand({ RoleName: 'x', PolicyName: `${wrongOnPurpose} x`, PolicyDocument: '{}' }),
      ),
    expected: /\.PolicyName does not match/,
  },
  'a function name with a space (REST)': {
    call: () => new LambdaClient(configuration).send(new GetFunctionCommand({ FunctionName: `${wrongOnPurpose} x` })),
    expected: /\.FunctionName does not match/,
  },
  'a storage class that none is (header)': {
    call: () =>
      s3.send(
        new PutObjectCommand({ Bucket: bucket, Key: 'x', Body: 'x', StorageClass: wrongOnPurpose as 'STANDARD' }),
      ),
    expected: /\.StorageClass is not one of/,
  },
  'a versioning status that none is (XML)': {
    call: () =>
      s3.send(
        new PutBucketVersioningCommand({
          Bucket: bucket,
          VersioningConfiguration: { Status: wrongOnPurpose as 'Enabled' },
        }),
      ),
    expected: /\.VersioningConfiguration\.Status is not one of/,
  },
  'a date that none is (Cost Explorer)': {
    call: () =>
      new CostExplorerClient({ ...configuration, endpoint: cloud.moto }).send(
        new GetCostAndUsageCommand({
          TimePeriod: { Start: wrongOnPurpose, End: '2026-01-01' },
          Granularity: 'DAILY',
          Metrics: ['UnblendedCost'],
        }),
      ),
    expected: /\.TimePeriod\.Start does not match/,
  },
};

beforeAll(async () => {
  const CreateBucketConfiguration = { LocationConstraint: cloud.region as 'eu-west-2' };
  await s3.send(new CreateBucketCommand({ Bucket: bucket, CreateBucketConfiguration }));
});

describe("a call that AWS's model of the operation forbids is refused:", () => {
  it.each(Object.entries(refusals))('%s', async (_, { call, expected }) => {
    await expect(call()).rejects.toThrow(expected);
  });
});

it('judges each operation that a Lambda or a state machine has called', async () => {
  const { counts, failures } = await readJudgedCalls(cloud.plain);
  expect(failures).toEqual({});
  expect(Object.keys(counts).length).toBeGreaterThan(20);
});
