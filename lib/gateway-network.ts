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
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import type { GatewayConfig } from './config.ts';
import type { Core } from './core.ts';
import { FlowLog } from './flow-log.ts';

/** The tag of everything that belongs to the gateway of an environment. */
export const GATEWAY_TAG = 'broch:gateway';

const https = { ipProtocol: 'tcp', fromPort: 443, toPort: 443 };

/**
 * The port of the gateway's machine that CloudFront reaches: Guacamole's web application, or the server in front of it that
 * also leads to desktops shown by Amazon DCV (amis/shared/linux/files/dcv-door.conf).
 */
export const gatewayPort = ({ gpuProtocol }: GatewayConfig): number => (gpuProtocol === 'dcv' ? 8081 : 8080);

/**
 * The gateway's network: one private subnet. CloudFront comes in; nothing goes out until a desktop runs, when its project's
 * network is joined and a rule for that one desktop is added.
 */
export class GatewayNetwork extends Construct {
  readonly vpc: CfnVPC;
  readonly subnet: CfnSubnet;
  readonly routes: CfnRouteTable;
  readonly group: CfnSecurityGroup;
  /** For the endpoint of Secrets Manager, which is there while a desktop runs. */
  readonly endpointGroup: CfnSecurityGroup;

  constructor(
    scope: Construct,
    id: string,
    { core, settings, recordings }: { core: Core; settings: GatewayConfig; recordings?: IBucket | undefined },
  ) {
    super(scope, id);
    const { environment } = core.config;
    this.vpc = new CfnVPC(this, 'Vpc', {
      cidrBlock: settings.cidr,
      enableDnsSupport: true,
      enableDnsHostnames: true,
    });
    Tags.of(this.vpc).add('Name', `broch ${environment} gateway`);
    Validations.of(this.vpc).acknowledge({
      id: 'NIST.800.53.R5-VPCDefaultSecurityGroupClosed',
      reason: 'CloudFormation cannot change it. Nothing is launched into it.',
    });
    // CloudFront requires that a VPC with an origin has one. No route leads to it.
    // https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-vpc-origins.html
    new CfnVPCGatewayAttachment(this, 'Attachment', {
      vpcId: this.vpc.attrVpcId,
      internetGatewayId: new CfnInternetGateway(this, 'Internet').attrInternetGatewayId,
    });
    this.routes = new CfnRouteTable(this, 'Routes', { vpcId: this.vpc.attrVpcId });
    this.subnet = new CfnSubnet(this, 'Subnet', {
      vpcId: this.vpc.attrVpcId,
      cidrBlock: settings.cidr,
      availabilityZone: Fn.select(0, Fn.getAzs()),
      mapPublicIpOnLaunch: false,
    });
    new CfnSubnetRouteTableAssociation(this, 'Association', {
      subnetId: this.subnet.attrSubnetId,
      routeTableId: this.routes.attrRouteTableId,
    });
    this.group = new CfnSecurityGroup(this, 'Group', {
      vpcId: this.vpc.attrVpcId,
      groupDescription: 'The gateway: CloudFront comes in, and each running desktop has one rule of its own',
      securityGroupIngress: [
        {
          ipProtocol: 'tcp',
          fromPort: gatewayPort(settings),
          toPort: gatewayPort(settings),
          sourcePrefixListId: settings.cloudFrontPrefixList,
          description: 'CloudFront',
        },
      ],
      // Each running desktop adds a rule (functions/workspaces/keep-gateway.lambda.ts).
      securityGroupEgress: [
        {
          ...https,
          cidrIp: recordings ? '0.0.0.0/0' : settings.cidr,
          description: recordings ? 'Secrets Manager, and S3: the only route' : 'Secrets Manager',
        },
      ],
    });
    this.endpointGroup = new CfnSecurityGroup(this, 'EndpointGroup', {
      vpcId: this.vpc.attrVpcId,
      groupDescription: 'The endpoint of Secrets Manager, while a desktop runs',
      securityGroupIngress: [{ ...https, sourceSecurityGroupId: this.group.attrGroupId, description: 'the gateway' }],
      // Without any rule EC2 would add one that allows everything. This rule allows traffic to no real address.
      securityGroupEgress: [
        { ipProtocol: 'icmp', fromPort: 252, toPort: 86, cidrIp: '255.255.255.255/32', description: 'nowhere' },
      ],
    });
    Tags.of(this.group).add(GATEWAY_TAG, environment);
    Validations.of(this.group).acknowledge({
      id: 'NIST.800.53.R5-EC2RestrictedCommonPorts',
      reason: 'Only addresses of CloudFront.',
    });
    if (recordings) this.leadToRecordings(recordings);
    new FlowLog(this, 'Flows', { core, vpc: this.vpc });
  }
  /** A gateway endpoint costs nothing. It leads to one bucket, and only new objects go there. */
  private leadToRecordings(recordings: IBucket): void {
    new CfnVPCEndpoint(this, 'Storage', {
      vpcId: this.vpc.attrVpcId,
      serviceName: `com.amazonaws.${Stack.of(this).region}.s3`,
      routeTableIds: [this.routes.attrRouteTableId],
      policyDocument: {
        Version: '2012-10-17',
        Statement: [
          { Effect: 'Allow', Principal: '*', Action: 's3:PutObject', Resource: recordings.arnForObjects('*') },
        ],
      },
    });
  }
}
