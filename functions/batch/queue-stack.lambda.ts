import { DeleteStackCommand, DescribeStackEventsCommand, type Stack } from '@aws-sdk/client-cloudformation';
import { DescribeInstanceTypeOfferingsCommand, DescribeSubnetsCommand, EC2Client } from '@aws-sdk/client-ec2';
import { GetServiceQuotaCommand, NoSuchResourceException, ServiceQuotasClient } from '@aws-sdk/client-service-quotas';
import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { cloudFormation, createProjectStack, describeStack } from '../cloudformation.ts';
import { familiesOf, readDataTier, TierFamilies } from '../data-tier.ts';
import { stepHandler } from '../handler.ts';
import { findPublished, Image, imageKey } from '../images/schemas.ts';
import { queueStackName } from '../names.ts';
import { ProjectId, type ReadyProject } from '../projects/schemas.ts';
import { classifyStackStatus, explainCause, findFirstFailure } from '../stack-state.ts';
import { readRow } from '../table.ts';
import { headMachines, smallestVcpus } from './estimate.ts';
import { explainMissingMachines, explainUnpublished, permitMachines } from './machines.ts';
import { isNodesKind, machineKindOf, QueueKind } from './queue-kinds.ts';
import { decideQueue, type QueueCommand } from './queues.ts';
import { explainMissingQuota, quotasOf, type VcpuQuota } from './quotas.ts';
import { QueuePlace } from './schemas.ts';
import { changeQueue, readQueue, requireReadyProject } from './store.ts';

export const env = z.object({
  TABLE_NAME: z.string(),
  ENVIRONMENT: z.string(),
  TEMPLATE_URL: z.string(),
  SERVICE_ROLE: z.string(),
  /** The most vCPUs of a queue at once: it bounds what a queue can cost in an hour. */
  MAX_VCPUS: z.string(),
  /** The instance families of tiers, as JSON, and the tier of projects that set none. */
  FAMILIES: z.string(),
  TIER: z.coerce.number(),
  /** The bucket that holds datasets, and the ARN of its key. */
  LAKE: z.string(),
  LAKE_KEY: z.string(),
});
const { TABLE_NAME, ENVIRONMENT, TEMPLATE_URL, SERVICE_ROLE, MAX_VCPUS, FAMILIES, TIER, LAKE, LAKE_KEY } = env.parse(
  process.env,
);
const families = TierFamilies.parse(JSON.parse(FAMILIES));
const ec2 = new EC2Client({});
const quotas = new ServiceQuotasClient({});

const Input = z.object({
  project: ProjectId,
  kind: QueueKind,
  attempt: z.number().int(),
  /** Set when the workflow gives up: the error of a step, or that it took too long. */
  cause: z.string().optional(),
});
type Attempt = z.infer<typeof Input>;
type Outcome = { status: 'waiting' | 'done' };

async function record({ project, kind }: Attempt, command: QueueCommand): Promise<Outcome> {
  const now = currentTime();
  await changeQueue(TABLE_NAME, { project, kind }, read => decideQueue(read, command, now), now);
  return { status: 'done' };
}

/** Those of the machine types that the region offers, or one zone of it. */
async function listOfferings(names: readonly string[], zone?: string): Promise<string[]> {
  const { InstanceTypeOfferings = [] } = await ec2.send(
    new DescribeInstanceTypeOfferingsCommand({
      LocationType: zone === undefined ? 'region' : 'availability-zone',
      Filters: [
        { Name: 'instance-type', Values: [...names] },
        ...(zone === undefined ? [] : [{ Name: 'location', Values: [zone] }]),
      ],
    }),
  );
  return names.filter(name => InstanceTypeOfferings.some(({ InstanceType }) => InstanceType === name));
}

interface QueueMachines {
  readonly machines: string[];
  readonly subnetIds: readonly string[];
}

/** The nodes of a job are in one zone: the one of the project's two that offers more of the machine types. */
async function selectZone(names: readonly string[], subnetIds: readonly string[]): Promise<QueueMachines> {
  const { Subnets = [] } = await ec2.send(new DescribeSubnetsCommand({ SubnetIds: [...subnetIds] }));
  const zones = await Promise.all(
    Subnets.map(async ({ SubnetId = '', AvailabilityZone }) => ({
      machines: await listOfferings(names, AvailabilityZone),
      subnetIds: [SubnetId],
    })),
  );
  const [best] = zones.sort((a, b) => b.machines.length - a.machines.length);
  return best ?? { machines: [], subnetIds: [] };
}

/** The vCPUs that a quota allows. AWS lists a quota only once it has applied a value to the account. */
async function readQuota({ code }: VcpuQuota): Promise<number | undefined> {
  try {
    const { Quota } = await quotas.send(new GetServiceQuotaCommand({ ServiceCode: 'ec2', QuotaCode: code }));
    return Quota?.Value;
  } catch (error) {
    if (error instanceof NoSuchResourceException) return undefined;
    throw error;
  }
}

/** The machines of the queue, and why it could never start one in this account and region, if so. */
async function findMachines(
  { project, kind }: Attempt,
  { network: { subnetIds } }: ReadyProject,
): Promise<QueueMachines & { obstacle?: string | undefined }> {
  const tier = await readDataTier(TABLE_NAME, project, TIER);
  const rule = { tier, families: familiesOf(tier, families) };
  const candidates = permitMachines(kind, rule);
  if (candidates.length === 0) return { machines: [], subnetIds, obstacle: explainMissingMachines(kind, rule) };
  const place = isNodesKind(kind)
    ? await selectZone(candidates, subnetIds)
    : { machines: await listOfferings(candidates), subnetIds };
  if (place.machines.length === 0) return { ...place, obstacle: explainMissingMachines(kind, rule) };
  const values = await Promise.all(quotasOf(kind).map(readQuota));
  return { ...place, obstacle: explainMissingQuota(kind, values, smallestVcpus(place.machines)) };
}

/** The image that machines start from: with GPUs the published one; otherwise none of ours, but Amazon's. */
async function findImage({ project, kind }: Attempt): Promise<{ image: string; obstacle?: string | undefined }> {
  if (machineKindOf(kind) !== 'gpu') return { image: 'none' };
  const version = findPublished(await readRow(TABLE_NAME, Image, imageKey('batch-gpu')), project, currentTime());
  return version ? { image: version.build.ami } : { image: 'none', obstacle: explainUnpublished(project) };
}

async function createStack(attempt: Attempt, ready: ReadyProject): Promise<Outcome> {
  const { project, kind } = attempt;
  const { network } = ready;
  const [{ machines, subnetIds, ...place }, { image, ...start }] = await Promise.all([
    findMachines(attempt, ready),
    findImage(attempt),
  ]);
  const obstacle = place.obstacle ?? start.obstacle;
  if (obstacle !== undefined)
    return record(attempt, { do: 'recordFailure', attempt: attempt.attempt, reason: obstacle });
  const parameters = {
    Project: project,
    Kind: kind,
    ImageType: machineKindOf(kind) === 'gpu' ? 'ECS_AL2023_NVIDIA' : 'ECS_AL2023',
    ImageId: image,
    MachineTypes: machines.join(','),
    HeadTypes: headMachines(machines).join(','),
    MaxVcpus: MAX_VCPUS,
    SubnetIds: subnetIds.join(','),
    SecurityGroupId: network.securityGroupId,
    VpcId: network.vpcId,
    Bucket: network.bucket,
    KeyArn: network.keyArn,
    Lake: LAKE,
    LakeKey: LAKE_KEY,
  };
  const name = queueStackName(ENVIRONMENT, project, kind);
  const stackPlace = { environment: ENVIRONMENT, project, templateUrl: TEMPLATE_URL, serviceRole: SERVICE_ROLE };
  await createProjectStack({ name, ...stackPlace, parameters }, `${project}-${kind}-${attempt.attempt}`);
  return { status: 'waiting' };
}

const placeOf = ({ Outputs = [], Parameters = [] }: Stack): QueuePlace => {
  const output = (key: string) => Outputs.find(({ OutputKey }) => OutputKey === key)?.OutputValue;
  const parameter = (key: string) => Parameters.find(({ ParameterKey }) => ParameterKey === key)?.ParameterValue;
  const image = parameter('ImageId');
  return QueuePlace.parse({
    queueArn: output('QueueArn'),
    logGroup: output('LogGroup'),
    headQueueArn: output('HeadQueueArn'),
    headRole: output('HeadRole'),
    machines: parameter('MachineTypes')?.split(','),
    maxVcpus: Number(parameter('MaxVcpus')),
    ...(image?.startsWith('ami-') && { image }),
  });
};

async function explainWreck(name: string): Promise<string> {
  const { StackEvents = [] } = await cloudFormation.send(new DescribeStackEventsCommand({ StackName: name }));
  const events = StackEvents.map(event => ({
    resource: event.LogicalResourceId ?? '',
    type: event.ResourceType ?? '',
    status: event.ResourceStatus ?? '',
    reason: event.ResourceStatusReason,
  }));
  return findFirstFailure(events) ?? `The stack ${name} could not be created.`;
}

async function deleteStack(name: string): Promise<Outcome> {
  await cloudFormation.send(new DeleteStackCommand({ StackName: name }));
  return { status: 'waiting' };
}

/** Brings the stack of a queue a step closer to what the table says of the queue. Repeated calls do no harm. */
export const handler = stepHandler(Input, async (input): Promise<Outcome> => {
  const { project, kind, attempt, cause } = input;
  const queue = await readQueue(TABLE_NAME, project, kind);
  if (queue?.attempt !== attempt || (queue.status !== 'opening' && queue.status !== 'closing'))
    return { status: 'done' };
  if (cause !== undefined) return record(input, { do: 'recordFailure', attempt, reason: explainCause(cause) });
  const name = queueStackName(ENVIRONMENT, project, kind);
  const stack = await describeStack(name);
  const stage = classifyStackStatus(stack?.StackStatus);
  if (stage === 'building' || stage === 'leaving') return { status: 'waiting' };
  if (queue.status === 'closing') {
    if (stage === 'none') return record(input, { do: 'recordClosed', attempt });
    return deleteStack(name);
  }
  if (stage === 'none') return createStack(input, await requireReadyProject(TABLE_NAME, project));
  if (stage === 'built' && stack) return record(input, { do: 'recordOpen', attempt, place: placeOf(stack) });
  // What this attempt left is deleted, so that the next one starts afresh. The reason is recorded first.
  const reason = await explainWreck(name);
  await deleteStack(name);
  return record(input, { do: 'recordFailure', attempt, reason });
});
