import {
  type _InstanceType,
  DescribeInstancesCommand,
  EC2Client,
  type Instance,
  ModifyInstanceAttributeCommand,
  RunInstancesCommand,
  type RunInstancesCommandInput,
  StartInstancesCommand,
  StopInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import type { ProjectNetwork } from '../projects/schemas.ts';
import { Refused } from '../refused.ts';
import { describeHibernation, refusesHibernation } from './hibernation.ts';
import { workspaceProviders } from './kinds.ts';
import type { Workspace } from './schemas.ts';
import type { LaunchedInstance } from './workspaces.ts';

// The EC2 client alone is a megabyte. Only functions that launch or remove instances import this file.
const client = new EC2Client({ retryMode: 'adaptive', maxAttempts: 5 });

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
async function findInstances(workspace: string): Promise<Instance[]> {
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

const findMachine = async (workspace: string, id: string | undefined): Promise<Instance | undefined> =>
  (await findInstances(workspace)).find(({ InstanceId }) => InstanceId === id);

function toLaunchedInstance(instance: Instance, workspace: Workspace): LaunchedInstance {
  const { InstanceId, PrivateIpAddress, ImageId } = instance;
  if (!InstanceId || !PrivateIpAddress || !ImageId) throw new Error(`${InstanceId} has no address yet`);
  const hibernation = describeHibernation(instance, workspace);
  return {
    ...{ instanceId: InstanceId, address: PrivateIpAddress, imageId: ImageId },
    ...(hibernation !== undefined && { hibernation }),
  };
}

export interface LaunchOrder {
  readonly workspace: Workspace;
  readonly network: ProjectNetwork;
  readonly environment: string;
  readonly image: string;
  /** The instance types in the order in which they are tried. */
  readonly types: readonly string[];
  /** Whether the tier limits the types. A stopped machine of another type then gets one of these. */
  readonly restricted: boolean;
  /** Whether the operator wants machines of this kind that can hibernate. */
  readonly hibernates: boolean;
}

const lacksCapacity = (error: unknown): boolean =>
  error instanceof Error && error.name === 'InsufficientInstanceCapacity';

/**
 * Launches one instance for an attempt, or starts the one that the workspace has. A repeated call finds it by its tags or
 * launches with the same client token. If a zone has no capacity for a type, the next zone and then the next type is tried.
 */
export async function launchInstance(order: LaunchOrder): Promise<LaunchedInstance> {
  const { workspace, network, types } = order;
  if (workspace.earlierInstance) {
    if (order.restricted) await replaceForeignType(workspace, types);
    return startInstance(workspace, workspace.earlierInstance, types);
  }
  const launchedInstance = (await findInstances(workspace.id)).find(
    instance => attemptOf(instance) === workspace.attempt,
  );
  if (launchedInstance) return toLaunchedInstance(launchedInstance, workspace);
  // The workspace id chooses the first zone, so that workspaces are spread over the zones.
  const first = Number.parseInt(workspace.id.slice(-2), 16) % network.subnetIds.length;
  const subnets = [...network.subnetIds.slice(first), ...network.subnetIds.slice(0, first)];
  const places = types.flatMap(type => subnets.map(subnet => ({ type, subnet })));
  for (const [tried, { type, subnet }] of places.entries()) {
    try {
      const instance = await runInstance(order, type, subnet);
      if (instance) return toLaunchedInstance(instance, workspace);
    } catch (error) {
      if (!lacksCapacity(error) || tried === places.length - 1) throw error;
    }
  }
  throw new Error('EC2 returned no instance');
}

/** Launches an instance. If AWS cannot hibernate the image on this type, it gets one that cannot hibernate. */
async function runInstance(order: LaunchOrder, type: string, subnet: string): Promise<Instance | undefined> {
  const hibernates = order.hibernates && workspaceProviders[order.workspace.kind].hibernates?.test(type) === true;
  const run = async (input: RunInstancesCommandInput) =>
    (await client.send(new RunInstancesCommand(input))).Instances?.[0];
  const plainRequest = request(order, type, subnet);
  if (!hibernates) return run(plainRequest);
  try {
    // Another token: EC2 refuses one that comes again with another request.
    const ClientToken = `h-${plainRequest.ClientToken}`.slice(0, 64);
    return await run({ ...plainRequest, ClientToken, HibernationOptions: { Configured: true } });
  } catch (error) {
    if (!refusesHibernation(error)) throw error;
    return run(plainRequest);
  }
}

/** Changes the type of a stopped machine if the tier of its project no longer permits it. */
async function replaceForeignType({ id, earlierInstance }: Workspace, types: readonly string[]): Promise<void> {
  const machine = await findMachine(id, earlierInstance?.instanceId);
  if (machine?.State?.Name !== 'stopped' || types.includes(machine.InstanceType ?? '')) return;
  if (earlierInstance?.hibernatedAt !== undefined)
    throw new Refused(
      'conflict',
      `${id} is hibernated on a machine of the type ${machine.InstanceType}, which its project may no longer use. End its programs, then start it: broch workspace stop --cold.`,
    );
  const { InstanceId } = machine;
  await client.send(new ModifyInstanceAttributeCommand({ InstanceId, InstanceType: { Value: types[0] } }));
}

/**
 * A stopped machine stays in its zone, where its disks are. If it has no capacity for its type, the next type is tried, but
 * not for a hibernated machine: its memory fits its type only.
 */
async function startInstance(
  workspace: Workspace,
  { hibernatedAt, ...instance }: NonNullable<Workspace['earlierInstance']>,
  types: readonly string[],
): Promise<LaunchedInstance> {
  const { instanceId: id } = instance;
  const possibleTypes = hibernatedAt === undefined ? types : types.slice(0, 1);
  // Before the start: the machine may report at once, and its start is on record only after this.
  let machine = instance.hibernation === undefined ? undefined : await findMachine(workspace.id, id);
  for (const [tried, type] of possibleTypes.entries()) {
    try {
      if (tried > 0) {
        await client.send(new ModifyInstanceAttributeCommand({ InstanceId: id, InstanceType: { Value: type } }));
        machine &&= { ...machine, InstanceType: type as _InstanceType };
      }
      await client.send(new StartInstancesCommand({ InstanceIds: [id] }));
      break;
    } catch (error) {
      if (!lacksCapacity(error) || tried === possibleTypes.length - 1) throw error;
    }
  }
  return machine ? toLaunchedInstance(machine, workspace) : instance;
}

function request(
  { workspace, network, environment, image }: LaunchOrder,
  type: string,
  subnet: string,
): RunInstancesCommandInput {
  const { rootDevice, homeDevice, homeGigabytes } = workspaceProviders[workspace.kind];
  const encryption = {
    VolumeType: 'gp3',
    Encrypted: true,
    KmsKeyId: network.keyArn,
    DeleteOnTermination: true,
  } as const;
  const tagList = Object.entries(tags(environment, workspace, network)).map(([Key, Value]) => ({ Key, Value }));
  return {
    ClientToken: `${workspace.id}-${workspace.attempt}-${subnet.slice(-12)}-${type}`.slice(0, 64),
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
      { DeviceName: rootDevice, Ebs: encryption },
      {
        DeviceName: homeDevice,
        Ebs: {
          ...encryption,
          VolumeSize: homeGigabytes,
          ...(workspace.home !== undefined && { SnapshotId: workspace.home }),
        },
      },
    ],
    TagSpecifications: [
      { ResourceType: 'instance', Tags: tagList },
      { ResourceType: 'volume', Tags: tagList },
    ],
  };
}

/**
 * Terminates the instances of this and earlier attempts, not those of later ones and not `exception`. Returns their number.
 */
export async function terminateInstances(workspace: string, attempt: number, exception?: string): Promise<number> {
  const old = (await findInstances(workspace)).filter(
    instance => !(attemptOf(instance) > attempt) && instance.InstanceId !== exception,
  );
  const ids = old.flatMap(({ InstanceId }) => (InstanceId ? [InstanceId] : []));
  if (ids.length > 0) await client.send(new TerminateInstancesCommand({ InstanceIds: ids }));
  return ids.length;
}

export const stopInstance = (id: string) => client.send(new StopInstancesCommand({ InstanceIds: [id] }));

export const terminateInstance = (id: string) => client.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
