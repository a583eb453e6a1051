import {
  type _InstanceType,
  DescribeInstancesCommand,
  EC2Client,
  type Instance,
  paginateDescribeInstances,
  RunInstancesCommand,
  type RunInstancesCommandInput,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import type { ProjectNetwork } from '../projects/schemas.ts';
import type { EnclaveMachine } from './machine.ts';
import type { EnclaveRun } from './schemas.ts';

const client = new EC2Client({ retryMode: 'adaptive', maxAttempts: 5 });

export interface ParentOrder {
  readonly run: EnclaveRun;
  readonly network: ProjectNetwork;
  readonly environment: string;
  readonly image: string;
  readonly machine: EnclaveMachine;
  /** After which the machine ends itself, whatever became of its workflow. */
  readonly minutes: number;
}

const liveStates = { Name: 'instance-state-name', Values: ['pending', 'running', 'stopping', 'stopped'] };

/** The runs of an environment for which instances are there. */
export async function listParentRuns(environment: string): Promise<{ project: string; run: string }[]> {
  const runs: { project: string; run: string }[] = [];
  const Filters = [
    { Name: 'tag-key', Values: ['broch:enclave'] },
    { Name: 'tag:broch:environment', Values: [environment] },
    liveStates,
  ];
  for await (const { Reservations = [] } of paginateDescribeInstances({ client }, { Filters }))
    for (const { Tags = [] } of Reservations.flatMap(({ Instances = [] }) => Instances)) {
      const tag = (name: string) => Tags.find(({ Key }) => Key === name)?.Value ?? '';
      // The emulator ignores some filters.
      if (tag('broch:enclave')) runs.push({ project: tag('broch:project'), run: tag('broch:enclave') });
    }
  return runs;
}

/** The instances of a run that are not terminated or terminating. */
async function findParents(run: string): Promise<Instance[]> {
  const { Reservations = [] } = await client.send(
    new DescribeInstancesCommand({
      Filters: [{ Name: 'tag:broch:enclave', Values: [run] }, liveStates],
    }),
  );
  return Reservations.flatMap(({ Instances = [] }) => Instances);
}

/** How the instance of a run is launched: it may run enclaves, and nobody signs in to it. */
export function parentRequest(order: ParentOrder, subnet: string): RunInstancesCommandInput {
  const { run, network, environment, image, machine, minutes } = order;
  const tags = {
    Name: `broch ${run.project} ${run.id}`,
    'broch:environment': environment,
    'broch:project': run.project,
    'broch:enclave': run.id,
    'broch:bucket': network.bucket,
    'broch:role': network.instanceRole,
  };
  const tagList = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
  return {
    ClientToken: `${run.id}-${subnet.slice(-12)}`,
    MinCount: 1,
    MaxCount: 1,
    ImageId: image,
    InstanceType: machine.type as _InstanceType,
    EnclaveOptions: { Enabled: true },
    // Isolated subnets assign no public addresses, and their VPC has no internet gateway.
    SubnetId: subnet,
    SecurityGroupIds: [network.securityGroupId],
    IamInstanceProfile: { Name: network.instanceProfile },
    InstanceInitiatedShutdownBehavior: 'terminate',
    UserData: Buffer.from(`#!/bin/sh\nshutdown -P +${minutes}\n`).toString('base64'),
    MetadataOptions: {
      HttpEndpoint: 'enabled',
      HttpTokens: 'required',
      HttpPutResponseHopLimit: 1,
      InstanceMetadataTags: 'enabled',
    },
    BlockDeviceMappings: [
      {
        DeviceName: '/dev/xvda',
        Ebs: { VolumeType: 'gp3', Encrypted: true, KmsKeyId: network.keyArn, DeleteOnTermination: true },
      },
    ],
    TagSpecifications: [
      { ResourceType: 'instance', Tags: tagList },
      { ResourceType: 'volume', Tags: tagList },
    ],
  };
}

const lacksCapacity = (error: unknown): boolean =>
  error instanceof Error && error.name === 'InsufficientInstanceCapacity';

/** Launches the one instance of a run, in the first zone with capacity. A repeated call finds it by its tag. */
export async function launchParent(order: ParentOrder): Promise<string> {
  const [instance] = await findParents(order.run.id);
  if (instance?.InstanceId) return instance.InstanceId;
  for (const [tried, subnet] of order.network.subnetIds.entries()) {
    try {
      const { Instances = [] } = await client.send(new RunInstancesCommand(parentRequest(order, subnet)));
      const id = Instances[0]?.InstanceId;
      if (id) return id;
    } catch (error) {
      if (!lacksCapacity(error) || tried === order.network.subnetIds.length - 1) throw error;
    }
  }
  throw new Error('EC2 returned no instance');
}

/** Terminates whatever runs for a run. */
export async function terminateParents(run: string): Promise<void> {
  const ids = (await findParents(run)).flatMap(({ InstanceId }) => (InstanceId ? [InstanceId] : []));
  if (ids.length > 0) await client.send(new TerminateInstancesCommand({ InstanceIds: ids }));
}
