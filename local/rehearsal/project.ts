import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { CreateBucketCommand, GetObjectCommand, NoSuchKey, S3Client } from '@aws-sdk/client-s3';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import type { EmbeddedCloud } from '../cloud.ts';

/** A project's bucket and the role of its instances, with a session as the hypervisor gives it to one instance. */
export interface RehearsedProject {
  readonly bucket: string;
  readonly instance: string;
  /** The beginning of the instance's aws:userid. */
  readonly role: string;
  readonly credentials: { readonly AccessKeyId: string; readonly SecretAccessKey: string; readonly Token: string };
  /** What the instance wrote under a name, or nothing yet. */
  read(name: string): Promise<string | undefined>;
}

export async function createRehearsedProject({ endpoint, region }: EmbeddedCloud): Promise<RehearsedProject> {
  const client = { endpoint, region, credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };
  const [s3, iam, sts] = [
    new S3Client({ ...client, forcePathStyle: true }),
    new IAMClient(client),
    new STSClient(client),
  ];
  const [bucket, instance] = ['broch-rehearsal', 'i-0123456789abcdef0'];
  await s3.send(
    new CreateBucketCommand({ Bucket: bucket, CreateBucketConfiguration: { LocationConstraint: 'eu-west-2' } }),
  );
  const trust = { Effect: 'Allow', Principal: { AWS: '*' }, Action: 'sts:AssumeRole' };
  const { Role } = await iam.send(
    new CreateRoleCommand({
      RoleName: 'rehearsal',
      AssumeRolePolicyDocument: JSON.stringify({ Version: '2012-10-17', Statement: [trust] }),
    }),
  );
  // What lib/project/storage.ts gives to the instances of a project for their reports.
  const reports = {
    Effect: 'Allow',
    Action: 's3:PutObject',
    Resource: `arn:aws:s3:::${bucket}/agents/\${aws:userid}/*`,
  };
  await iam.send(
    new PutRolePolicyCommand({
      RoleName: 'rehearsal',
      PolicyName: 'reports',
      PolicyDocument: JSON.stringify({ Version: '2012-10-17', Statement: [reports] }),
    }),
  );
  const { Credentials } = await sts.send(new AssumeRoleCommand({ RoleArn: Role?.Arn, RoleSessionName: instance }));
  if (!Role?.RoleId || !Credentials?.AccessKeyId || !Credentials.SecretAccessKey || !Credentials.SessionToken)
    throw new Error('the embedded cloud gave no session');
  const role = Role.RoleId;
  return {
    bucket,
    instance,
    role,
    credentials: {
      AccessKeyId: Credentials.AccessKeyId,
      SecretAccessKey: Credentials.SecretAccessKey,
      Token: Credentials.SessionToken,
    },
    async read(name) {
      try {
        const key = `agents/${role}:${instance}/${name}.json`;
        const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
        return await Body?.transformToString();
      } catch (error) {
        if (error instanceof NoSuchKey) return undefined;
        throw error;
      }
    },
  };
}
