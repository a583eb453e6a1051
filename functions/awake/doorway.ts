import {
  DescribeImagesCommand,
  DescribeInstancesCommand,
  DescribeRouteTablesCommand,
  DescribeVpcsCommand,
  EC2Client,
} from '@aws-sdk/client-ec2';
import { APPROVED_TAG } from '../names.ts';
import { Refused } from '../refused.ts';
import type { AwakePlace } from './room.ts';

const client = new EC2Client({});

/** The network of the gateway, as a project's network is joined with it. */
interface GatewayDoor {
  readonly vpc: string;
  readonly cidr: string;
  readonly routes: string;
}

/** Nothing is joined: the organisation has a gateway of its own, and connects it to projects itself. */
const noDoor: GatewayDoor = { vpc: '', cidr: '0.0.0.0/32', routes: '' };

async function findRouteTable(subnet: string): Promise<string | undefined> {
  const { RouteTables = [] } = await client.send(
    new DescribeRouteTablesCommand({ Filters: [{ Name: 'association.subnet-id', Values: [subnet] }] }),
  );
  return RouteTables[0]?.RouteTableId;
}

/**
 * A deployment starts the gateway from what a parameter names, so nobody has looked at the approval of that image before.
 * The deployment cannot: the type of the parameter proves no more than that the image exists.
 */
export async function requireApproved(image: string, environment: string): Promise<void> {
  const { Images = [] } = await client.send(
    new DescribeImagesCommand({
      Owners: ['self'],
      Filters: [
        { Name: 'image-id', Values: [image] },
        { Name: `tag:${APPROVED_TAG}`, Values: [environment] },
      ],
    }),
  );
  if (Images.some(({ ImageId: id }) => id === image)) return;
  throw new Refused(
    'conflict',
    `The gateway's machine was made from ${image}, which is not approved, so it is not started and no project is joined with it. An operator publishes a version of the image gateway and deploys again.`,
  );
}

/**
 * Finds the gateway that Broch deployed by the tag of its machine (lib/gateway.ts), because its stack is another one.
 * Refuses one whose image is not approved.
 */
export async function findGatewayDoor(environment: string): Promise<GatewayDoor> {
  const { Reservations = [] } = await client.send(
    new DescribeInstancesCommand({
      Filters: [
        { Name: 'tag:broch:gateway', Values: [environment] },
        { Name: 'instance-state-name', Values: ['pending', 'running', 'stopping', 'stopped'] },
      ],
    }),
  );
  const [machine] = Reservations.flatMap(({ Instances = [] }) => Instances);
  if (!machine?.VpcId || !machine.SubnetId) return noDoor;
  await requireApproved(machine.ImageId ?? '', environment);
  const { Vpcs = [] } = await client.send(new DescribeVpcsCommand({ VpcIds: [machine.VpcId] }));
  const [cidr, routes] = [Vpcs[0]?.CidrBlock, await findRouteTable(machine.SubnetId)];
  if (cidr === undefined || routes === undefined) throw new Error('the network of the gateway is incomplete');
  return { vpc: machine.VpcId, cidr, routes };
}

/** What a project's network is, as far as waking needs it. */
interface SleepingNetwork {
  readonly vpcId: string;
  readonly subnetIds: readonly string[];
  readonly endpointSecurityGroupId: string;
  readonly securityGroupId: string;
  readonly routeTableId?: string | undefined;
}

/** The place of a project for whatever wakes it. Everybody names the same, so that the second finds the stack complete. */
export async function findPlace(
  { project, cidr, network }: { project: string; cidr: string; network: SleepingNetwork },
  gateway: GatewayDoor,
): Promise<AwakePlace> {
  const [subnet = ''] = network.subnetIds;
  // Stacks of projects from before version 0.3 do not say where their routes are.
  const routes = network.routeTableId ?? (gateway.vpc && (await findRouteTable(subnet)));
  return {
    project,
    parameters: {
      VpcId: network.vpcId,
      SubnetId: subnet,
      EndpointGroup: network.endpointSecurityGroupId,
      WorkspaceGroup: network.securityGroupId,
      Routes: routes ?? '',
      Cidr: cidr,
      GatewayVpc: gateway.vpc,
      GatewayRoutes: gateway.routes,
      GatewayCidr: gateway.cidr,
    },
  };
}
