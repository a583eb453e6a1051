import { CloudFormationClient, CreateStackCommand, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteBucketCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { beforeAll, describe, expect, it } from 'vitest';
import { connectTestCloud } from '../cloud.ts';

// The embedded S3 refuses what S3 refuses, so that code which AWS would break does not pass here.
const cloud = connectTestCloud();
const root = new S3Client(cloud.configuration);
const bucket = 'strict-reads';
const CreateBucketConfiguration = { LocationConstraint: cloud.region } as { LocationConstraint: 'eu-west-2' };

/** A client that may read and write the bucket's objects, and may list it or not. */
async function createReader(name: string, actions: string[]): Promise<S3Client> {
  const [iam, sts] = [new IAMClient(cloud.configuration), new STSClient(cloud.configuration)];
  const document = (statement: object) => JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
  const trust = document({
    Effect: 'Allow',
    Principal: { AWS: `arn:aws:iam::${cloud.account}:root` },
    Action: 'sts:AssumeRole',
  });
  const { Role } = await iam.send(new CreateRoleCommand({ RoleName: name, AssumeRolePolicyDocument: trust }));
  const Resource = [`arn:aws:s3:::${bucket}`, `arn:aws:s3:::${bucket}/*`];
  await iam.send(
    new PutRolePolicyCommand({
      RoleName: name,
      PolicyName: 'read',
      PolicyDocument: document({ Effect: 'Allow', Action: actions, Resource }),
    }),
  );
  const { Credentials: session } = await sts.send(
    new AssumeRoleCommand({ RoleArn: Role?.Arn, RoleSessionName: 'read' }),
  );
  const { AccessKeyId = '', SecretAccessKey = '', SessionToken = '' } = session ?? {};
  const credentials = { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken };
  return new S3Client({ ...cloud.configuration, credentials });
}

const refusalOf = (call: Promise<unknown>) =>
  call.then(
    () => 'no refusal',
    ({ name, $metadata }) => `${$metadata?.httpStatusCode} ${name}`,
  );

describe('a missing object', () => {
  let [reader, lister] = [root, root];
  beforeAll(async () => {
    await root.send(new CreateBucketCommand({ Bucket: bucket, CreateBucketConfiguration }));
    await root.send(new PutObjectCommand({ Bucket: bucket, Key: 'there', Body: 'x' }));
    const objects = ['s3:GetObject', 's3:GetObjectVersion', 's3:PutObject'];
    [reader, lister] = await Promise.all([
      createReader('strict-reader', objects),
      createReader('strict-lister', [...objects, 's3:ListBucket']),
    ]);
  });
  const get = (client: S3Client, Key: string) => client.send(new GetObjectCommand({ Bucket: bucket, Key }));
  const head = (client: S3Client, Key: string) => client.send(new HeadObjectCommand({ Bucket: bucket, Key }));
  const copy = (client: S3Client, key: string) =>
    client.send(new CopyObjectCommand({ Bucket: bucket, Key: 'copy', CopySource: `${bucket}/${key}` }));

  it('is hidden from who may not list the bucket', async () => {
    await get(reader, 'there');
    await head(reader, 'there');
    expect(await refusalOf(get(reader, 'absent'))).toBe('403 AccessDenied');
    expect(await refusalOf(head(reader, 'absent'))).toMatch(/^403 /);
    expect(await refusalOf(copy(reader, 'absent'))).toBe('403 AccessDenied');
  });

  it('is reported to who may list the bucket', async () => {
    expect(await refusalOf(get(lister, 'absent'))).toBe('404 NoSuchKey');
    expect(await refusalOf(head(lister, 'absent'))).toMatch(/^404 /);
    expect(await refusalOf(copy(lister, 'absent'))).toBe('404 NoSuchKey');
  });
});

describe('the name of a deleted bucket', () => {
  const create = (Bucket: string) => root.send(new CreateBucketCommand({ Bucket, CreateBucketConfiguration }));

  it('is not free at once', async () => {
    await create('strict-names');
    await root.send(new DeleteBucketCommand({ Bucket: 'strict-names' }));
    expect(await refusalOf(create('strict-names'))).toBe('409 BucketAlreadyExists');
  });

  it('is not free for a stack either', async () => {
    const cloudFormation = new CloudFormationClient(cloud.configuration);
    const StackName = 'strict-stack';
    const Resources = { Bucket: { Type: 'AWS::S3::Bucket', Properties: { BucketName: 'strict-stacks' } } };
    await create('strict-stacks');
    await root.send(new DeleteBucketCommand({ Bucket: 'strict-stacks' }));
    await cloudFormation.send(new CreateStackCommand({ StackName, TemplateBody: JSON.stringify({ Resources }) }));
    const describeStatus = async () =>
      (await cloudFormation.send(new DescribeStacksCommand({ StackName }))).Stacks?.[0]?.StackStatus ?? 'IN_PROGRESS';
    await expect.poll(describeStatus).not.toMatch(/IN_PROGRESS$/);
    expect(await describeStatus()).toMatch(/^ROLLBACK_COMPLETE$|FAILED$/);
  });
});
