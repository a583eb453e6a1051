import { CfnCondition, CfnParameter, CfnWaitConditionHandle, Fn, Stack, type StackProps } from 'aws-cdk-lib';
import { CfnRoute, CfnSecurityGroupIngress, CfnVPCEndpoint, CfnVPCPeeringConnection } from 'aws-cdk-lib/aws-ec2';
import type { Construct } from 'constructs';
import { allEndpointServices } from '../../functions/awake/lease.ts';
import { serviceParameter } from '../../functions/awake/room.ts';
import { type GpuProtocol, portsOf } from '../../functions/workspaces/kinds.ts';
import { interfaceEndpointPolicy } from './perimeter.ts';

interface AwakeTemplateProps extends StackProps {
  readonly gpuProtocol: GpuProtocol;
}

/**
 * What a project has only while something runs in it: interface endpoints, which cost by the hour, and the way from the
 * gateway to its desktops. It is created by the first that starts and deleted after the last that stops.
 */
export class AwakeTemplate extends Stack {
  constructor(scope: Construct, id: string, { gpuProtocol, ...props }: AwakeTemplateProps) {
    super(scope, id, props);
    const parameter = (name: string, description: string, allowedPattern: string) =>
      new CfnParameter(this, name, { description, allowedPattern }).valueAsString;
    const cidr = String.raw`(\d{1,3}\.){3}\d{1,3}/\d{1,2}`;
    const vpc = parameter('VpcId', "The project's network", 'vpc-[0-9a-f]+');
    const subnet = parameter('SubnetId', 'The subnet of the endpoints', 'subnet-[0-9a-f]+');
    const endpointGroup = parameter('EndpointGroup', 'The security group of endpoints', 'sg-[0-9a-f]+');
    const group = parameter('WorkspaceGroup', 'The security group of workspaces', 'sg-[0-9a-f]+');
    const routes = parameter('Routes', "The project's route table, or none", '(rtb-[0-9a-f]+)?');
    const block = parameter('Cidr', "The project's block", cidr);
    const gatewayVpc = parameter('GatewayVpc', 'The network of the gateway, or none', '(vpc-[0-9a-f]+)?');
    const gatewayRoutes = parameter('GatewayRoutes', "The gateway's route table, or none", '(rtb-[0-9a-f]+)?');
    const gatewayBlock = parameter('GatewayCidr', "The gateway's block", cidr);

    // It costs nothing. A stack needs one resource, and a project without jobs needs no endpoint.
    new CfnWaitConditionHandle(this, 'Awake');
    for (const service of allEndpointServices) {
      const name = serviceParameter(service);
      const choice = new CfnParameter(this, name, { allowedValues: ['yes', 'no'], default: 'no' });
      const condition = new CfnCondition(this, `Has${name}`, {
        expression: Fn.conditionEquals(choice.valueAsString, 'yes'),
      });
      const endpoint = new CfnVPCEndpoint(this, `Endpoint${name}`, {
        vpcId: vpc,
        vpcEndpointType: 'Interface',
        serviceName: `com.amazonaws.${this.region}.${service}`,
        // One zone: a second would double the price of every hour.
        subnetIds: [subnet],
        securityGroupIds: [endpointGroup],
        privateDnsEnabled: true,
        policyDocument: interfaceEndpointPolicy(this, service),
      });
      endpoint.cfnOptions.condition = condition;
    }

    const ports = portsOf(gpuProtocol);
    const hasGateway = new CfnCondition(this, 'HasGateway', {
      expression: Fn.conditionAnd(
        Fn.conditionNot(Fn.conditionEquals(gatewayVpc, '')),
        Fn.conditionNot(Fn.conditionEquals(routes, '')),
      ),
    });
    const peering = new CfnVPCPeeringConnection(this, 'Peering', { vpcId: gatewayVpc, peerVpcId: vpc });
    const ways = [
      peering,
      new CfnRoute(this, 'Back', {
        routeTableId: routes,
        destinationCidrBlock: gatewayBlock,
        vpcPeeringConnectionId: peering.attrId,
      }),
      new CfnRoute(this, 'There', {
        routeTableId: gatewayRoutes,
        destinationCidrBlock: block,
        vpcPeeringConnectionId: peering.attrId,
      }),
      new CfnSecurityGroupIngress(this, `Desktops${ports.lastPort}`, {
        groupId: group,
        ipProtocol: 'tcp',
        fromPort: ports.firstPort,
        toPort: ports.lastPort,
        cidrIp: gatewayBlock,
        description: 'desktops, from the gateway',
      }),
    ];
    for (const resource of ways) resource.cfnOptions.condition = hasGateway;
  }
}
