import { Fn, Stack, Tags, Validations } from 'aws-cdk-lib';
import {
  CfnInternetGateway,
  CfnRouteTable,
  CfnSecurityGroup,
  CfnSubnet,
  CfnSubnetRouteTableAssociation,
  CfnVPC,
  CfnVPCEndpoint,
  CfnVPCGatewayAttachment,
} from 'aws-cdk-lib/aws-ec2';
import { CfnInstanceProfile, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import type { Core } from './core.ts';
import { FlowLog } from './flow-log.ts';

const BLOCK = '10.255.255.0/26';
const https = { ipProtocol: 'tcp', fromPort: 443, toPort: 443 };

/**
 * The network of images, which is connected with no project. Packer builds in one subnet; each build adds a route to the
 * internet, for packages, and removes it. Candidates are tested in the other subnet, which never has such a route. While
 * nothing is built or tested, the network is empty and costs nothing.
 */
export class ImageNetwork extends Construct {
  readonly vpc: CfnVPC;
  readonly build: {
    readonly subnet: CfnSubnet;
    readonly routes: CfnRouteTable;
    readonly gateway: CfnInternetGateway;
    readonly group: CfnSecurityGroup;
    readonly profile: CfnInstanceProfile;
  };
  readonly test: { readonly subnet: CfnSubnet; readonly group: CfnSecurityGroup; readonly profile: CfnInstanceProfile };
  readonly endpointGroup: CfnSecurityGroup;
  readonly roles: { readonly build: Role; readonly test: Role };

  constructor(scope: Construct, id: string, { core }: { core: Core }) {
    super(scope, id);
    this.vpc = new CfnVPC(this, 'Vpc', { cidrBlock: BLOCK, enableDnsSupport: true, enableDnsHostnames: true });
    Tags.of(this.vpc).add('Name', `broch ${core.config.environment} images`);
    this.roles = {
      build: this.machineRole('BuildRole', ['ssm:UpdateInstanceInformation', ...channels('ssmmessages')]),
      test: this.machineRole('TestRole', ['ssm:UpdateInstanceInformation', ...channels('ssmmessages'), ...messages]),
    };
    const routes = new CfnRouteTable(this, 'BuildRoutes', { vpcId: this.vpc.attrVpcId });
    this.build = {
      subnet: this.subnet('Build', '10.255.255.0/28', routes),
      routes,
      gateway: this.internetGateway(),
      group: this.group('BuildGroup', 'Image builds: nothing comes in, packages and Session Manager go out', [
        { ...https, cidrIp: '0.0.0.0/0', description: 'downloads, Session Manager' },
        { ipProtocol: 'tcp', fromPort: 80, toPort: 80, cidrIp: '0.0.0.0/0', description: 'mirrors of signed packages' },
      ]),
      profile: new CfnInstanceProfile(this, 'BuildProfile', { roles: [this.roles.build.roleName] }),
    };
    const isolated = new CfnRouteTable(this, 'TestRoutes', { vpcId: this.vpc.attrVpcId });
    new CfnVPCEndpoint(this, 'S3', {
      vpcId: this.vpc.attrVpcId,
      vpcEndpointType: 'Gateway',
      serviceName: `com.amazonaws.${Stack.of(this).region}.s3`,
      routeTableIds: [isolated.attrRouteTableId],
    });
    this.test = {
      subnet: this.subnet('Test', '10.255.255.16/28', isolated),
      group: this.group('TestGroup', 'Candidates: nothing comes in, HTTPS goes to endpoints of this network', [
        { ...https, cidrIp: BLOCK, description: 'interface endpoints' },
      ]),
      profile: new CfnInstanceProfile(this, 'TestProfile', { roles: [this.roles.test.roleName] }),
    };
    this.endpointGroup = this.group(
      'EndpointGroup',
      'Interface endpoints, while a candidate is tested',
      [{ ipProtocol: 'icmp', fromPort: 252, toPort: 86, cidrIp: '255.255.255.255/32', description: 'nowhere' }],
      [{ ...https, cidrIp: BLOCK, description: 'from candidates' }],
    );
    new FlowLog(this, 'Flows', { core, vpc: this.vpc });
    const reason = 'CloudFormation cannot change it. Nothing is launched into it.';
    Validations.of(this.vpc).acknowledge({ id: 'NIST.800.53.R5-VPCDefaultSecurityGroupClosed', reason });
  }

  private subnet(id: string, cidrBlock: string, routes: CfnRouteTable): CfnSubnet {
    const subnet = new CfnSubnet(this, `${id}Subnet`, {
      vpcId: this.vpc.attrVpcId,
      cidrBlock,
      availabilityZone: Fn.select(0, Fn.getAzs()),
      mapPublicIpOnLaunch: id === 'Build',
    });
    new CfnSubnetRouteTableAssociation(this, `${id}Association`, {
      subnetId: subnet.attrSubnetId,
      routeTableId: routes.attrRouteTableId,
    });
    if (id === 'Build')
      Validations.of(subnet).acknowledge({
        id: 'NIST.800.53.R5-VPCSubnetAutoAssignPublicIpDisabled',
        reason:
          'A build machine downloads packages. No rule lets anything in, and the machine is gone after the build.',
      });
    return subnet;
  }

  private internetGateway(): CfnInternetGateway {
    const gateway = new CfnInternetGateway(this, 'Gateway');
    new CfnVPCGatewayAttachment(this, 'Attachment', {
      vpcId: this.vpc.attrVpcId,
      internetGatewayId: gateway.attrInternetGatewayId,
    });
    return gateway;
  }

  private group(
    id: string,
    groupDescription: string,
    securityGroupEgress: CfnSecurityGroup.EgressProperty[],
    securityGroupIngress: CfnSecurityGroup.IngressProperty[] = [],
  ): CfnSecurityGroup {
    return new CfnSecurityGroup(this, id, {
      vpcId: this.vpc.attrVpcId,
      groupDescription,
      securityGroupIngress,
      securityGroupEgress,
    });
  }

  /** The role of a machine that Systems Manager reaches and that may do nothing else. */
  private machineRole(id: string, actions: string[]): Role {
    const role = new Role(this, id, { assumedBy: new ServicePrincipal('ec2.amazonaws.com') });
    role.addToPolicy(new PolicyStatement({ actions, resources: ['*'] }));
    Validations.of(role).acknowledge(
      { id: 'AwsSolutions-IAM5[Resource::*]', reason: "The agent's own channels have no resource to name." },
      { id: 'NIST.800.53.R5-IAMNoInlinePolicy', reason: 'A role of one machine: its policy belongs to nothing else.' },
    );
    return role;
  }
}

const channels = (service: string): string[] =>
  ['CreateControlChannel', 'CreateDataChannel', 'OpenControlChannel', 'OpenDataChannel'].map(
    name => `${service}:${name}`,
  );

/** What Run Command and Inspector's inventory need besides. */
const messages = [
  'ec2messages:AcknowledgeMessage',
  'ec2messages:DeleteMessage',
  'ec2messages:FailMessage',
  'ec2messages:GetEndpoint',
  'ec2messages:GetMessages',
  'ec2messages:SendReply',
  'ssm:DescribeAssociation',
  'ssm:GetDocument',
  'ssm:ListAssociations',
  'ssm:ListInstanceAssociations',
  'ssm:PutInventory',
  'ssm:UpdateAssociationStatus',
  'ssm:UpdateInstanceAssociationStatus',
];
