import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { DescribeInstancesCommand, EC2Client, type Instance } from '@aws-sdk/client-ec2';
import { GetInstanceProfileCommand, IAMClient } from '@aws-sdk/client-iam';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';

export interface AgentOptions {
  readonly endpoint: string;
  readonly region: string;
  /** The account's root, in place of the hypervisor, which alone gives instances their role. */
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** Ends the simulation. */
  readonly signal: AbortSignal;
  readonly everyMs?: number;
  /** Plays only the desktops of this project. */
  readonly project?: string;
  /** Takes a line about each desktop that reported and about each failure; failures are retried. */
  readonly log?: (line: string) => void;
}

const tag = ({ Tags = [] }: Instance, name: string) => Tags.find(({ Key }) => Key === name)?.Value;

/** The ARN of the role that an instance has by its profile. */
export async function readInstanceRole(iam: IAMClient, { IamInstanceProfile }: Instance): Promise<string> {
  const profile = IamInstanceProfile?.Arn?.split('/').at(-1);
  const { InstanceProfile } = await iam.send(new GetInstanceProfileCommand({ InstanceProfileName: profile }));
  return InstanceProfile?.Roles?.[0]?.Arn ?? '';
}

/** An instance's session, as the metadata service hands it out: named after the instance. */
export async function assumeInstanceRole({ iam, sts }: { iam: IAMClient; sts: STSClient }, instance: Instance) {
  const RoleArn = await readInstanceRole(iam, instance);
  const { Credentials } = await sts.send(new AssumeRoleCommand({ RoleArn, RoleSessionName: instance.InstanceId }));
  const { AccessKeyId, SecretAccessKey, SessionToken } = Credentials ?? {};
  if (!AccessKeyId || !SecretAccessKey || !SessionToken) throw new Error('STS gave no session');
  return { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken };
}

/**
 * Stands in for the agents on desktops: the embedded cloud starts instances without a machine. For each new instance of
 * a workspace it assumes the instance's role and reports with a new password. Resolves when aborted.
 */
export async function simulateAgents({
  endpoint,
  region,
  credentials,
  signal,
  everyMs = 300,
  project,
  log = () => {},
}: AgentOptions): Promise<void> {
  const base = { endpoint, region, maxAttempts: 3 };
  const hypervisor = { ...base, credentials };
  const [ec2, iam, sts] = [new EC2Client(hypervisor), new IAMClient(hypervisor), new STSClient(hypervisor)];
  const reportedIds = new Set<string>();

  async function desktops(): Promise<Instance[]> {
    const { Reservations = [] } = await ec2.send(
      new DescribeInstancesCommand({
        Filters: [
          { Name: 'tag-key', Values: ['broch:workspace'] },
          ...(project === undefined ? [] : [{ Name: 'tag:broch:project', Values: [project] }]),
          { Name: 'instance-state-name', Values: ['pending', 'running'] },
        ],
      }),
    );
    return Reservations.flatMap(({ Instances = [] }) => Instances).filter(instance => tag(instance, 'broch:workspace'));
  }

  async function report(instance: Instance): Promise<void> {
    const s3 = new S3Client({
      ...base,
      credentials: await assumeInstanceRole({ iam, sts }, instance),
      forcePathStyle: true,
    });
    try {
      await s3.send(
        new PutObjectCommand({
          Bucket: tag(instance, 'broch:bucket'),
          Key: `agents/${tag(instance, 'broch:role')}:${instance.InstanceId}/ready.json`,
          Body: JSON.stringify({ password: randomBytes(18).toString('base64url'), protocol: 'rdp' }),
          ContentType: 'application/json',
        }),
      );
    } finally {
      s3.destroy();
    }
  }

  async function round(): Promise<void> {
    const running = await desktops();
    for (const instance of running) {
      // A machine reports again after each start, with a new password.
      const id = `${instance.InstanceId} ${instance.LaunchTime?.toISOString()}`;
      if (reportedIds.has(id) || signal.aborted) continue;
      try {
        await report(instance);
        reportedIds.add(id);
        log(`${instance.InstanceId} reported for ${tag(instance, 'broch:workspace')}`);
      } catch (error) {
        log(`${instance.InstanceId} could not report: ${(error as Error).message}`);
      }
    }
  }

  while (!signal.aborted) {
    await round().catch((error: Error) => signal.aborted || log(`no desktops to be seen: ${error.message}`));
    await sleep(everyMs, undefined, { signal }).catch(() => {});
  }
  for (const client of [ec2, iam, sts]) client.destroy();
}
