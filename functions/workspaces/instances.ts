import {
  type _InstanceType,
  DescribeInstancesCommand,
  EC2Client,
  type Instance,
  RunInstancesCommand,
  type RunInstancesCommandInput,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import type { ProjectNetwork } from '../projects/schemas.ts';
import type { Workspace } from './schemas.ts';
import type { LaunchedInstance } from './workspaces.ts';

// The EC2 client alone is a megabyte. Only functions that launch or remove instances import this file.
const client = new EC2Client({ retryMode: 'adaptive', maxAttempts: 5 });

/** The root device of the images of each kind, as Debian and Microsoft name it. Another name would add a second disk. */
export const rootDevices: Readonly<Record<Workspace['kind'], string>> = { linux: '/dev/xvda', windows: '/dev/sda1' };

/** Tags identify an instance in bills, to its own agent, and in later searches. */
const tags = (
  environment: string,
  { id, project, owner, attempt }: Workspace,
  { bucket, instanceRole }: ProjectNetwork,
): Record<string, string> => ({
  Name: `broch ${project} ${id}`,
  'broch:environment': environment,
  'broch:project': project,
  'broch:workspace': id,
  'broch:owner': owner,
  'broch:attempt': String(attempt),
  // The agent reads its tags from the instance metadata, which needs neither an endpoint nor a permission.
  'broch:bucket': bucket,
  // The beginning of its aws:userid, which it cannot find out otherwise.
  'broch:role': instanceRole,
});

const attemptOf = ({ Tags = [] }: Instance) => Number(Tags.find(({ Key }) => Key === 'broch:attempt')?.Value);

/** The instances of a workspace that are not terminated or terminating, from all attempts. */
async function find(workspace: string): Promise<Instance[]> {
  const { Reservations = [] } = await client.send(
    new DescribeInstancesCommand({
      Filters: [
        { Name: 'tag:broch:workspace', Values: [workspace] },
        { Name: 'instance-state-name', Values: ['pending', 'running', 'stopping', 'stopped'] },
      ],
    }),
  );
  return Reservations.flatMap(({ Instances = [] }) => Instances);
}

const toLaunchedInstance = ({ InstanceId, PrivateIpAddress, ImageId }: Instance): LaunchedInstance => {
  if (!InstanceId || !PrivateIpAddress || !ImageId) throw new Error(`${InstanceId} has no address yet`);
  return { instanceId: InstanceId, address: PrivateIpAddress, imageId: ImageId };
};

export interface LaunchOrder {
  readonly workspace: Workspace;
  readonly network: ProjectNetwork;
  readonly environment: string;
  readonly image: string;
  readonly type: string;
}

/**
 * Launches one instance for an attempt. A repeated call finds it by its tags or launches with the same client token. If
 * a zone has no capacity, the next zone is tried.
 */
export async function launchInstance(order: LaunchOrder): Promise<LaunchedInstance> {
  const { workspace, network } = order;
  const launchedInstance = (await find(workspace.id)).find(instance => attemptOf(instance) === workspace.attempt);
  if (launchedInstance) return toLaunchedInstance(launchedInstance);
  // The workspace id chooses the first zone, so that workspaces are spread over the zones.
  const first = Number.parseInt(workspace.id.slice(-2), 16) % network.subnetIds.length;
  const subnets = [...network.subnetIds.slice(first), ...network.subnetIds.slice(0, first)];
  for (const [tried, subnet] of subnets.entries()) {
    try {
      const { Instances = [] } = await client.send(new RunInstancesCommand(request(order, subnet)));
      const [instance] = Instances;
      if (instance) return toLaunchedInstance(instance);
    } catch (error) {
      const full = error instanceof Error && error.name === 'InsufficientInstanceCapacity';
      if (!full || tried === subnets.length - 1) throw error;
    }
  }
  throw new Error('EC2 returned no instance');
}

function request(
  { workspace, network, environment, image, type }: LaunchOrder,
  subnet: string,
): RunInstancesCommandInput {
  const tagList = Object.entries(tags(environment, workspace, network)).map(([Key, Value]) => ({ Key, Value }));
  return {
    ClientToken: `${workspace.id}-${workspace.attempt}-${subnet.slice(-17)}`,
    MinCount: 1,
    MaxCount: 1,
    ImageId: image,
    InstanceType: type as _InstanceType,
    // Isolated subnets assign no public addresses, and their VPC has no internet gateway.
    SubnetId: subnet,
    SecurityGroupIds: [network.securityGroupId],
    IamInstanceProfile: { Name: network.instanceProfile },
    MetadataOptions: {
      HttpEndpoint: 'enabled',
      HttpTokens: 'required',
      HttpPutResponseHopLimit: 1,
      InstanceMetadataTags: 'enabled',
    },
    BlockDeviceMappings: [
      {
        DeviceName: rootDevices[workspace.kind],
        Ebs: { VolumeType: 'gp3', Encrypted: true, KmsKeyId: network.keyArn, DeleteOnTermination: true },
      },
    ],
    TagSpecifications: [
      { ResourceType: 'instance', Tags: tagList },
      { ResourceType: 'volume', Tags: tagList },
    ],
  };
}

/** Terminates the instances of this and earlier attempts, not those of later ones. Returns their number. */
export async function terminateInstances(workspace: string, attempt: number): Promise<number> {
  const old = (await find(workspace)).filter(instance => !(attemptOf(instance) > attempt));
  const ids = old.flatMap(({ InstanceId }) => (InstanceId ? [InstanceId] : []));
  if (ids.length > 0) await client.send(new TerminateInstancesCommand({ InstanceIds: ids }));
  return ids.length;
}
