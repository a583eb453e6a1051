import {
  AuthorizeSecurityGroupEgressCommand,
  CreateVpcEndpointCommand,
  DeleteVpcEndpointsCommand,
  DescribeInstancesCommand,
  EC2Client,
  paginateDescribeInstances,
  paginateDescribeSecurityGroupRules,
  paginateDescribeVpcEndpoints,
  RevokeSecurityGroupEgressCommand,
  StartInstancesCommand,
  StopInstancesCommand,
} from '@aws-sdk/client-ec2';
import * as z from 'zod';
import { requireApproved } from '../awake/doorway.ts';
import { logger, stepHandler } from '../handler.ts';
import { type DesktopRule, type GatewayPlan, planGateway } from './gateway-plan.ts';
import { GpuProtocol, portsOf } from './kinds.ts';

export const env = z.object({
  ENVIRONMENT: z.string(),
  /** The gateway's machine, and its security group. */
  MACHINE: z.string(),
  GROUP: z.string(),
  /** Where the endpoint of Secrets Manager is made, and its security group. */
  VPC: z.string(),
  SUBNET: z.string(),
  SECRETS_GROUP: z.string(),
  GPU_PROTOCOL: GpuProtocol,
});
// Larger than 450 KB: the client of EC2.
const { ENVIRONMENT, MACHINE, GROUP, VPC, SUBNET, SECRETS_GROUP, GPU_PROTOCOL } = env.parse(process.env);
const client = new EC2Client({ retryMode: 'adaptive', maxAttempts: 5 });
const service = `com.amazonaws.${process.env.AWS_REGION}.secretsmanager`;

const ports = portsOf(GPU_PROTOCOL);

const RULE_WORDS = 'a running desktop';

async function listDesktops(): Promise<string[]> {
  const Filters = [
    { Name: 'tag:broch:environment', Values: [ENVIRONMENT] },
    { Name: 'tag-key', Values: ['broch:workspace'] },
    { Name: 'instance-state-name', Values: ['pending', 'running'] },
  ];
  const addresses: string[] = [];
  for await (const { Reservations = [] } of paginateDescribeInstances({ client }, { Filters }))
    for (const { Instances = [] } of Reservations)
      addresses.push(...Instances.flatMap(({ PrivateIpAddress }) => PrivateIpAddress ?? []));
  return addresses;
}

async function readMachine(): Promise<{ state: string; image: string }> {
  const { Reservations = [] } = await client.send(new DescribeInstancesCommand({ InstanceIds: [MACHINE] }));
  const { State, ImageId: image = '' } = Reservations[0]?.Instances?.[0] ?? {};
  return { state: State?.Name ?? 'unknown', image };
}

async function listRules(): Promise<DesktopRule[]> {
  const Filters = [{ Name: 'group-id', Values: [GROUP] }];
  const rules: DesktopRule[] = [];
  for await (const page of paginateDescribeSecurityGroupRules({ client }, { Filters }))
    for (const { SecurityGroupRuleId: id, IsEgress, Description, CidrIpv4 = '', ToPort } of page.SecurityGroupRules ??
      [])
      if (id && IsEgress && Description === RULE_WORDS)
        // A rule from before the setting changed is replaced: it belongs to no address.
        rules.push({ id, address: ToPort === ports.lastPort ? CidrIpv4.replace(/\/32$/, '') : '' });
  return rules;
}

async function listEndpoints(): Promise<string[]> {
  const Filters = [
    { Name: 'vpc-id', Values: [VPC] },
    { Name: 'service-name', Values: [service] },
  ];
  const ids: string[] = [];
  for await (const { VpcEndpoints = [] } of paginateDescribeVpcEndpoints({ client }, { Filters }))
    for (const { VpcEndpointId, State } of VpcEndpoints)
      if (VpcEndpointId && !/^delet/i.test(String(State))) ids.push(VpcEndpointId);
  return ids;
}

const openTo = (address: string) =>
  client.send(
    new AuthorizeSecurityGroupEgressCommand({
      GroupId: GROUP,
      IpPermissions: [
        {
          IpProtocol: 'tcp',
          FromPort: ports.firstPort,
          ToPort: ports.lastPort,
          IpRanges: [{ CidrIp: `${address}/32`, Description: RULE_WORDS }],
        },
      ],
    }),
  );

/** The gateway reads the key of links through this endpoint alone. It costs by the hour, so it exists while a desktop runs. */
const createEndpoint = () =>
  client.send(
    new CreateVpcEndpointCommand({
      VpcEndpointType: 'Interface',
      VpcId: VPC,
      ServiceName: service,
      SubnetIds: [SUBNET],
      SecurityGroupIds: [SECRETS_GROUP],
      PrivateDnsEnabled: true,
      TagSpecifications: [{ ResourceType: 'vpc-endpoint', Tags: [{ Key: 'broch:environment', Value: ENVIRONMENT }] }],
    }),
  );

/** Desktops start at the same moment, and so do calls of this function: another one has made the rule, or has removed it. */
const harmlessErrors = ['InvalidPermission.Duplicate', 'InvalidSecurityGroupRuleId.NotFound'];
const ignoreDone = (error: unknown): void => {
  if (!(error instanceof Error && harmlessErrors.includes(error.name))) throw error;
};

const close = (rule: string) =>
  client.send(new RevokeSecurityGroupEgressCommand({ GroupId: GROUP, SecurityGroupRuleIds: [rule] })).catch(ignoreDone);

/**
 * The steps of a plan. The machine and its endpoint come first: everybody needs them, and AWS limits the rules of a group
 * (60 by default), so that a rule for one more desktop may be refused.
 */
const stepsOf = (plan: GatewayPlan): (() => Promise<unknown>)[] => [
  ...plan.close.map(rule => () => close(rule)),
  ...(plan.createEndpoint ? [createEndpoint] : []),
  ...(plan.power === 'start' ? [() => client.send(new StartInstancesCommand({ InstanceIds: [MACHINE] }))] : []),
  ...(plan.power === 'stop' ? [() => client.send(new StopInstancesCommand({ InstanceIds: [MACHINE] }))] : []),
  ...(plan.deleteEndpoints.length > 0
    ? [() => client.send(new DeleteVpcEndpointsCommand({ VpcEndpointIds: [...plan.deleteEndpoints] }))]
    : []),
  ...plan.open.map(address => () => openTo(address).catch(ignoreDone)),
];

/** Compares what exists with what is needed, and changes only the difference. A repeated or late call does no harm. */
export const handler = stepHandler(z.unknown(), async () => {
  const [machine, rules, endpoints] = await Promise.all([readMachine(), listRules(), listEndpoints()]);
  // After the rules: one that another call has just made is not closed for a desktop that an older list does not have.
  const desktops = await listDesktops();
  const plan = planGateway({ machine: machine.state, desktops, rules, endpoints });
  logger.info('the gateway', { machine: machine.state, desktops: desktops.length, ...plan });
  // Whoever deploys the gateway selects its image, so the approval is checked here.
  if (plan.power === 'start') await requireApproved(machine.image, ENVIRONMENT);
  const failures: unknown[] = [];
  // One that fails keeps none of the others from its turn.
  for (const step of stepsOf(plan)) await step().catch(error => failures.push(error));
  if (failures.length > 0) throw failures[0];
  return { desktops: desktops.length, power: plan.power ?? null };
});
