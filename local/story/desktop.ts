import { DescribeInstancesCommand, EC2Client } from '@aws-sdk/client-ec2';
import { IAMClient } from '@aws-sdk/client-iam';
import { S3Client } from '@aws-sdk/client-s3';
import { STSClient } from '@aws-sdk/client-sts';
import { assumeInstanceRole } from '../agent.ts';
import type { DemoSetup } from '../demo-setup.ts';
import { clientConfigFor, rootCredentialsFor } from '../roles.ts';
import { assertHolds } from '../story.ts';

/** The project's folder as Rana's desktop has it: with what its instance may do, and nothing more. */
export async function withDesktopFolder<T>(
  stage: DemoSetup,
  project: string,
  run: (folder: { s3: S3Client; bucket: string }) => Promise<T>,
): Promise<T> {
  const { items } = await stage.as('rana').ask('listWorkspaces', { params: { project } });
  const desktop = items.find(({ status }) => status === 'ready');
  assertHolds(desktop && 'instanceId' in desktop, 'Rana has no desktop');
  const hypervisor = clientConfigFor(stage.facts, rootCredentialsFor(stage.facts.account));
  const [ec2, iam, sts] = [new EC2Client(hypervisor), new IAMClient(hypervisor), new STSClient(hypervisor)];
  const { Reservations = [] } = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [desktop.instanceId] }));
  const instance = Reservations[0]?.Instances?.[0];
  assertHolds(instance, 'her desktop has no instance');
  const bucket = instance.Tags?.find(({ Key }) => Key === 'broch:bucket')?.Value;
  assertHolds(bucket, 'her desktop knows no bucket');
  const s3 = new S3Client(clientConfigFor(stage.facts, await assumeInstanceRole({ iam, sts }, instance)));
  try {
    return await run({ s3, bucket });
  } finally {
    for (const client of [ec2, iam, sts, s3]) client.destroy();
  }
}
