import {
  DescribeInstancesCommand,
  DescribeRouteTablesCommand,
  DescribeVpcsCommand,
  EC2Client,
} from '@aws-sdk/client-ec2';
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

/** Finds the gateway that Broch deployed by the tag of its machine (lib/gateway.ts), because its stack is another one. */
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
