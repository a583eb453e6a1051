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
  const { RouteTables = [] } = await client.send(
    new DescribeRouteTablesCommand({ Filters: [{ Name: 'association.subnet-id', Values: [machine.SubnetId] }] }),
  );
  const [cidr, routes] = [Vpcs[0]?.CidrBlock, RouteTables[0]?.RouteTableId];
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
export const placeOf = (
  { project, cidr, network }: { project: string; cidr: string; network: SleepingNetwork },
  gateway: GatewayDoor,
): AwakePlace => ({
  project,
  parameters: {
    VpcId: network.vpcId,
    SubnetId: network.subnetIds[0] ?? '',
    EndpointGroup: network.endpointSecurityGroupId,
    WorkspaceGroup: network.securityGroupId,
    Routes: network.routeTableId ?? '',
    Cidr: cidr,
    GatewayVpc: gateway.vpc,
    GatewayRoutes: gateway.routes,
    GatewayCidr: gateway.cidr,
  },
});
