import {
  type _InstanceType,
  CreateVpcEndpointCommand,
  DeleteVpcEndpointsCommand,
  DescribeInstancesCommand,
  DescribeVpcEndpointsCommand,
  EC2Client,
  type Instance,
  RunInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import type { TestNetwork } from './candidate-step.ts';
import type { ImageName, ImageRun } from './schemas.ts';

const client = new EC2Client({ retryMode: 'adaptive', maxAttempts: 5 });

export const CANDIDATE_TAG = 'broch:candidate';
/** Run Command needs no more: https://docs.aws.amazon.com/systems-manager/latest/userguide/setup-create-vpc.html */
const services = ['ssm', 'ssmmessages', 'ec2messages'];

/** Images for machines with a GPU or an enclave need a machine that has one; all others fit a small one. */
const machineTypes: Partial<Record<ImageName, _InstanceType>> = {
  'batch-gpu': 'g4dn.xlarge',
  'linux-gpu': 'g4dn.xlarge',
  'enclave-parent': 'm7i.xlarge',
};

const tagsOf = (tags: Record<string, string>) => Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
const titleOf = ({ image, version, attempt }: ImageRun) => `${image}-${version}-${attempt}`;

async function listEndpoints({ vpc }: Pick<TestNetwork, 'vpc'>) {
  const { VpcEndpoints = [] } = await client.send(
    new DescribeVpcEndpointsCommand({
      Filters: [
        { Name: 'vpc-id', Values: [vpc] },
        { Name: 'vpc-endpoint-type', Values: ['Interface'] },
      ],
    }),
  );
  return VpcEndpoints.filter(
    ({ State, VpcId, VpcEndpointType }) =>
      VpcId === vpc &&
      VpcEndpointType === 'Interface' &&
      !['deleting', 'deleted', 'failed'].includes(String(State).toLowerCase()),
  );
}

/**
 * Opens the endpoints through which Run Command reaches candidates. They cost by the hour, so they exist only while a
 * candidate is tested. Each step calls this again, in case another run has just closed them.
 */
export async function openEndpoints(network: TestNetwork, environment: string): Promise<void> {
  const open = (await listEndpoints(network)).map(({ ServiceName }) => ServiceName);
  for (const service of services) {
    const ServiceName = `com.amazonaws.${network.region}.${service}`;
    if (open.includes(ServiceName)) continue;
    await client.send(
      new CreateVpcEndpointCommand({
        VpcEndpointType: 'Interface',
        VpcId: network.vpc,
        ServiceName,
        SubnetIds: [network.subnet],
        SecurityGroupIds: [network.endpointGroup],
        PrivateDnsEnabled: true,
        TagSpecifications: [{ ResourceType: 'vpc-endpoint', Tags: tagsOf({ 'broch:environment': environment }) }],
      }),
    );
  }
}

async function listCandidates(environment: string): Promise<Instance[]> {
  const { Reservations = [] } = await client.send(
    new DescribeInstancesCommand({
      Filters: [
        { Name: 'tag-key', Values: [CANDIDATE_TAG] },
        { Name: 'tag:broch:environment', Values: [environment] },
        { Name: 'instance-state-name', Values: ['pending', 'running', 'stopping', 'stopped'] },
      ],
    }),
  );
  return Reservations.flatMap(({ Instances = [] }) => Instances);
}

const isOf = (run: ImageRun) => (instance: Instance) =>
  instance.Tags?.some(({ Key, Value }) => Key === CANDIDATE_TAG && Value === titleOf(run));

/** Launches one machine for a run. A repeated call finds it by its tags or launches with the same client token. */
export async function launchCandidate(
  run: ImageRun,
  ami: string,
  network: TestNetwork,
  environment: string,
): Promise<string> {
  const running = (await listCandidates(environment)).find(isOf(run));
  if (running?.InstanceId) return running.InstanceId;
  const tags = tagsOf({
    Name: `broch candidate ${titleOf(run)}`,
    'broch:environment': environment,
    'broch:image': run.image,
    [CANDIDATE_TAG]: titleOf(run),
  });
  const { Instances: [instance] = [] } = await client.send(
    new RunInstancesCommand({
      ClientToken: `candidate-${titleOf(run)}`,
      MinCount: 1,
      MaxCount: 1,
      ImageId: ami,
      InstanceType: machineTypes[run.image] ?? 't3.large',
      SubnetId: network.subnet,
      SecurityGroupIds: [network.group],
      IamInstanceProfile: { Name: network.profile },
      MetadataOptions: { HttpEndpoint: 'enabled', HttpTokens: 'required', HttpPutResponseHopLimit: 1 },
      InstanceInitiatedShutdownBehavior: 'terminate',
      TagSpecifications: [
        { ResourceType: 'instance', Tags: tags },
        { ResourceType: 'volume', Tags: tags },
      ],
    }),
  );
  if (!instance?.InstanceId) throw new Error('EC2 returned no instance');
  return instance.InstanceId;
}

/** Terminates the machines of a version, of all its runs up to this one, and closes the endpoints if nobody else uses them. */
export async function removeCandidates(run: ImageRun, network: TestNetwork, environment: string): Promise<void> {
  const candidates = await listCandidates(environment);
  const runs = Array.from({ length: run.attempt }, (_, index) => ({ ...run, attempt: index + 1 }));
  const targets = candidates.filter(instance => runs.some(earlierRun => isOf(earlierRun)(instance)));
  const ids = targets.flatMap(({ InstanceId }) => InstanceId ?? []);
  if (ids.length > 0) await client.send(new TerminateInstancesCommand({ InstanceIds: ids }));
  if (targets.length < candidates.length) return;
  const endpoints = (await listEndpoints(network)).flatMap(({ VpcEndpointId }) => VpcEndpointId ?? []);
  if (endpoints.length === 0) return;
  const { Unsuccessful = [] } = await client.send(new DeleteVpcEndpointsCommand({ VpcEndpointIds: endpoints }));
  if (Unsuccessful.length > 0) throw new Error(`${Unsuccessful[0]?.ResourceId}: ${Unsuccessful[0]?.Error?.Code}`);
}
