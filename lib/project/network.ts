import {
  CfnOutput,
  CfnParameter,
  Duration,
  Fn,
  RemovalPolicy,
  Stack,
  type StackProps,
  Tags,
  Validations,
} from 'aws-cdk-lib';
import {
  CfnFlowLog,
  CfnRouteTable,
  CfnSecurityGroup,
  CfnSubnet,
  CfnSubnetRouteTableAssociation,
  CfnVPC,
  CfnVPCEndpoint,
} from 'aws-cdk-lib/aws-ec2';
import { ManagedPolicy, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { environmentName } from '../../functions/names.ts';
import { DnsFirewall } from './dns.ts';
import { boundaryName, PROJECT_IAM_PATH } from './names.ts';
import { s3EndpointPolicy } from './perimeter.ts';
import { ProjectStorage } from './storage.ts';

export interface NetworkTemplateProps extends StackProps {
  readonly environment: string;
  /** Whether desktops may be shown by Amazon DCV. */
  readonly hasDcv: boolean;
  readonly retention: RetentionDays;
}

/**
 * The CloudFormation stack of a project: an isolated network, its own key and bucket, and the role of its instances. A
 * workflow deploys it, so everything that differs between projects is a parameter. It costs about a dollar a month (the
 * key) while nothing runs in it.
 */
export class NetworkTemplate extends Stack {
  constructor(scope: Construct, id: string, { environment, hasDcv, retention, ...props }: NetworkTemplateProps) {
    super(scope, id, props);
    const parameter = (name: string, description: string, allowedPattern: string) =>
      new CfnParameter(this, name, { description, allowedPattern }).valueAsString;
    const cidr = String.raw`(\d{1,3}\.){3}\d{1,3}/\d{1,2}`;
    const project = parameter('Project', "The project's id", '[a-z][a-z0-9-]{2,19}');
    const attempt = parameter(
      'Attempt',
      'The attempt to build the project, which ends the name of its bucket',
      '[1-9][0-9]{0,5}',
    );
    const block = parameter('Cidr', "The project's block of the pool", cidr);
    const subnetBlocks = [
      parameter('BlockA', 'The first half of the block', cidr),
      parameter('BlockB', 'The other half', cidr),
    ];
    const zones = ['A', 'B'].map(half =>
      parameter(`Zone${half}`, `The zone of block ${half}`, String.raw`[a-z]{2}(-[a-z]+)+-\d[a-z]`),
    );
    const s3PrefixList = parameter('S3PrefixList', "The addresses of the region's S3", 'pl-[0-9a-f]+');
    const accessLogs = parameter('AccessLogs', 'The bucket that takes access logs', '[a-z0-9.-]{3,63}');
    const lake = parameter('Lake', 'The bucket that holds datasets', '[a-z0-9.-]{3,63}');
    const lakeKey = parameter('LakeKey', 'The ARN of its key', 'arn:[a-z-]+:kms:.+');
    const name = environmentName(environment, project);

    const vpc = new CfnVPC(this, 'Vpc', { cidrBlock: block, enableDnsSupport: true, enableDnsHostnames: true });
    Tags.of(vpc).add('Name', name);
    const routes = new CfnRouteTable(this, 'Routes', { vpcId: vpc.attrVpcId });
    const subnets = subnetBlocks.map((cidrBlock, index) => {
      const subnet = new CfnSubnet(this, `Subnet${'AB'[index]}`, {
        vpcId: vpc.attrVpcId,
        cidrBlock,
        // Not Fn::GetAZs: if the account has a default VPC, it returns only the zones of that VPC's subnets:
        // https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-getavailabilityzones.html
        availabilityZone: zones[index] as string,
        mapPublicIpOnLaunch: false,
      });
      new CfnSubnetRouteTableAssociation(this, `SubnetRoutes${'AB'[index]}`, {
        subnetId: subnet.attrSubnetId,
        routeTableId: routes.attrRouteTableId,
      });
      return subnet;
    });

    const endpoints = new CfnSecurityGroup(this, 'EndpointGroup', {
      vpcId: vpc.attrVpcId,
      groupDescription: 'Interface endpoints, while something runs in the project',
      securityGroupIngress: [
        { ipProtocol: 'tcp', fromPort: 443, toPort: 443, cidrIp: block, description: 'from the project' },
      ],
      // Without any rule EC2 would add one that allows everything. This rule allows traffic to no real address.
      securityGroupEgress: [
        { ipProtocol: 'icmp', fromPort: 252, toPort: 86, cidrIp: '255.255.255.255/32', description: 'nowhere' },
      ],
    });
    const explanation = { reason: "Only HTTPS, and only from the project's own block, which is a parameter." };
    Validations.of(endpoints).acknowledge(
      { id: 'AwsSolutions-EC23', ...explanation },
      { id: 'NIST.800.53.R5-EC2RestrictedCommonPorts', ...explanation },
      { id: 'NIST.800.53.R5-EC2RestrictedSSH', ...explanation },
    );
    const https = { ipProtocol: 'tcp', fromPort: 443, toPort: 443 };
    const workspaces = new CfnSecurityGroup(this, 'Group', {
      vpcId: vpc.attrVpcId,
      groupDescription: 'Workspaces and jobs: nothing comes in, only HTTPS to endpoints of this network goes out',
      securityGroupIngress: [],
      securityGroupEgress: [
        { ...https, destinationPrefixListId: s3PrefixList, description: 'S3, by the gateway endpoint' },
        { ...https, destinationSecurityGroupId: endpoints.attrGroupId, description: 'interface endpoints' },
      ],
    });

    const boundary = ManagedPolicy.fromManagedPolicyArn(
      this,
      'Boundary',
      `arn:${this.partition}:iam::${this.account}:policy${PROJECT_IAM_PATH}${boundaryName(environment)}`,
    );
    const storage = new ProjectStorage(this, 'Storage', {
      name,
      environment,
      hasDcv,
      project,
      attempt,
      vpcId: vpc.attrVpcId,
      accessLogs,
      lake,
      lakeKey,
      boundary,
    });
    new CfnVPCEndpoint(this, 'S3', {
      vpcId: vpc.attrVpcId,
      vpcEndpointType: 'Gateway',
      serviceName: `com.amazonaws.${this.region}.s3`,
      routeTableIds: [routes.attrRouteTableId],
      policyDocument: s3EndpointPolicy(this, storage.bucket.bucketName, {
        lake,
        accessPoint: storage.accessPoint.attrArn,
      }),
    });

    Validations.of(vpc).acknowledge({
      id: 'NIST.800.53.R5-VPCDefaultSecurityGroupClosed',
      reason: 'CloudFormation cannot change it. Nothing is launched into it, and it would lead to nothing but itself.',
    });
    Validations.of(this).acknowledge({
      id: 'NIST.800.53.R5-IAMNoInlinePolicy',
      reason: 'Each role of a project has one use: its policy belongs to nothing else.',
    });

    this.logFlows(vpc, name, { boundary, storage, retention });
    new DnsFirewall(this, 'Dns', { name, vpcId: vpc.attrVpcId });

    const outputs = {
      VpcId: vpc.attrVpcId,
      SubnetIds: Fn.join(
        ',',
        subnets.map(({ attrSubnetId }) => attrSubnetId),
      ),
      RouteTableId: routes.attrRouteTableId,
      SecurityGroupId: workspaces.attrGroupId,
      EndpointSecurityGroupId: endpoints.attrGroupId,
      Bucket: storage.bucket.bucketName,
      KeyArn: storage.key.keyArn,
      InstanceProfile: storage.profile.instanceProfileName,
      InstanceRole: storage.role.roleId,
      InstanceRoleArn: storage.role.roleArn,
      AccessPoint: storage.accessPoint.attrArn,
      AccessPointAlias: storage.accessPoint.attrAlias,
    };
    for (const [key, value] of Object.entries(outputs))
      new CfnOutput(this, `${key}Output`, { value }).overrideLogicalId(key);
  }

  private logFlows(
    vpc: CfnVPC,
    name: string,
    {
      boundary,
      storage,
      retention,
    }: {
      boundary: ReturnType<typeof ManagedPolicy.fromManagedPolicyArn>;
      storage: ProjectStorage;
      retention: RetentionDays;
    },
  ) {
    // No fixed name: a group that outlives a project must not block another project with the same id.
    const flows = new LogGroup(this, 'Flows', {
      retention,
      encryptionKey: storage.key,
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    });
    const writer = new Role(this, 'FlowWriter', {
      roleName: `${name}-flows`,
      path: PROJECT_IAM_PATH,
      permissionsBoundary: boundary,
      assumedBy: new ServicePrincipal('vpc-flow-logs.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': this.account } },
      }),
    });
    const { policyDependable } = writer.addToPrincipalPolicy(
      new PolicyStatement({
        actions: ['logs:CreateLogStream', 'logs:PutLogEvents', 'logs:DescribeLogStreams'],
        resources: [flows.logGroupArn],
      }),
    );
    const flow = new CfnFlowLog(this, 'FlowLog', {
      resourceId: vpc.attrVpcId,
      resourceType: 'VPC',
      trafficType: 'ALL',
      logDestinationType: 'cloud-watch-logs',
      logDestination: flows.logGroupArn,
      deliverLogsPermissionArn: writer.roleArn,
      maxAggregationInterval: Duration.minutes(10).toSeconds(),
    });
    if (policyDependable) flow.node.addDependency(policyDependable);
  }
}
