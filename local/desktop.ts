import { DescribeInstancesCommand, EC2Client, type EC2ClientConfig } from '@aws-sdk/client-ec2';
import { IAMClient } from '@aws-sdk/client-iam';
import { S3Client } from '@aws-sdk/client-s3';
import { STSClient } from '@aws-sdk/client-sts';
import { assumeInstanceRole } from './agent.ts';

/** How clients reach the embedded cloud, with the credentials of its account, which stand for the hypervisor. */
export type HypervisorConfig = Pick<EC2ClientConfig, 'credentials' | 'endpoint' | 'region' | 'requestHandler'>;

/** The tags of an instance, as its own agent reads them from the metadata service. */
export async function readInstanceTags(
  hypervisor: HypervisorConfig,
  instanceId: string,
): Promise<Readonly<Record<string, string>>> {
  const ec2 = new EC2Client(hypervisor);
  try {
    const { Reservations = [] } = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [instanceId] }));
    const { Tags = [] } = Reservations[0]?.Instances?.[0] ?? {};
    return Object.fromEntries(Tags.map(({ Key = '', Value = '' }) => [Key, Value]));
  } finally {
    ec2.destroy();
  }
}

/**
 * Runs `run` with the project's bucket as a desktop has it: with the rights of its instance, and nothing more. Throws if
 * the instance does not exist.
 */
export async function withInstanceBucket<Result>(
  hypervisor: HypervisorConfig,
  instanceId: string,
  run: (desktop: { s3: S3Client; bucket: string }) => Promise<Result>,
): Promise<Result> {
  const [ec2, iam, sts] = [new EC2Client(hypervisor), new IAMClient(hypervisor), new STSClient(hypervisor)];
  const clients: { destroy(): void }[] = [ec2, iam, sts];
  try {
    const { Reservations = [] } = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [instanceId] }));
    const instance = Reservations[0]?.Instances?.[0];
    const bucket = instance?.Tags?.find(({ Key }) => Key === 'broch:bucket')?.Value;
    if (!instance || !bucket) throw new Error(`the desktop ${instanceId} is not there any more`);
    const credentials = await assumeInstanceRole({ iam, sts }, instance);
    const s3 = new S3Client({ ...hypervisor, credentials, forcePathStyle: true });
    clients.push(s3);
    return await run({ s3, bucket });
  } finally {
    for (const client of clients) client.destroy();
  }
}
