import { CodeBuildClient, CreateProjectCommand, StartBuildCommand, StopBuildCommand } from '@aws-sdk/client-codebuild';
import {
  AssociateRouteTableCommand,
  AttachInternetGatewayCommand,
  CreateInternetGatewayCommand,
  CreateRouteCommand,
  CreateRouteTableCommand,
  CreateSubnetCommand,
  CreateVpcCommand,
  DescribeInstancesCommand,
  DescribeRouteTablesCommand,
  EC2Client,
  RunInstancesCommand,
} from '@aws-sdk/client-ec2';
import type { BuildNetwork } from '../../functions/images/build-network.ts';
import type { connectTestCloud } from '../cloud.ts';

/** A network of builds like that of lib/image-network.ts, and what a stopped build leaves in it. */
export async function makeBuildNetwork({ configuration }: ReturnType<typeof connectTestCloud>, project: string) {
  const ec2 = new EC2Client(configuration);
  const builds = new CodeBuildClient(configuration);
  const { Vpc } = await ec2.send(new CreateVpcCommand({ CidrBlock: '10.98.0.0/24' }));
  const VpcId = Vpc?.VpcId;
  const { Subnet } = await ec2.send(new CreateSubnetCommand({ VpcId, CidrBlock: '10.98.0.0/28' }));
  const { RouteTable } = await ec2.send(new CreateRouteTableCommand({ VpcId }));
  await ec2.send(
    new AssociateRouteTableCommand({ RouteTableId: RouteTable?.RouteTableId, SubnetId: Subnet?.SubnetId }),
  );
  const { InternetGateway } = await ec2.send(new CreateInternetGatewayCommand({}));
  const GatewayId = InternetGateway?.InternetGatewayId;
  await ec2.send(new AttachInternetGatewayCommand({ VpcId, InternetGatewayId: GatewayId }));
  await builds.send(
    new CreateProjectCommand({
      name: project,
      source: { type: 'NO_SOURCE', buildspec: '{}' },
      artifacts: { type: 'NO_ARTIFACTS' },
      environment: { type: 'LINUX_CONTAINER', image: 'none', computeType: 'BUILD_GENERAL1_SMALL' },
      serviceRole: 'arn:aws:iam::000000000000:role/none',
    }),
  );
  const network: BuildNetwork = {
    project,
    routes: RouteTable?.RouteTableId ?? '',
    subnet: Subnet?.SubnetId ?? '',
  };
  const recipe = [{ Key: 'broch:recipe', Value: 'of a test' }];
  return {
    network,
    /** A build starts, and gets its way out and its machine. */
    async start(): Promise<string> {
      const { build } = await builds.send(new StartBuildCommand({ projectName: project }));
      const RouteTableId = network.routes;
      await ec2.send(new CreateRouteCommand({ RouteTableId, GatewayId, DestinationCidrBlock: '0.0.0.0/0' }));
      await ec2.send(
        new RunInstancesCommand({
          ImageId: 'ami-0d0d0d0d0d0d0d0d0',
          MinCount: 1,
          MaxCount: 1,
          SubnetId: network.subnet,
          TagSpecifications: [{ ResourceType: 'instance', Tags: recipe }],
        }),
      );
      return build?.id ?? '';
    },
    stop: (id: string) => builds.send(new StopBuildCommand({ id })),
    /** The ways out and the machines that are there. */
    async see() {
      const { RouteTables = [] } = await ec2.send(new DescribeRouteTablesCommand({ RouteTableIds: [network.routes] }));
      const { Reservations = [] } = await ec2.send(new DescribeInstancesCommand({}));
      const routes = RouteTables.flatMap(({ Routes = [] }) => Routes);
      const machines = Reservations.flatMap(({ Instances = [] }) => Instances);
      return {
        waysOut: routes.filter(({ DestinationCidrBlock: block }) => block === '0.0.0.0/0').length,
        machines: machines.filter(
          ({ SubnetId: subnet, State: state }) => subnet === network.subnet && state?.Name !== 'terminated',
        ).length,
      };
    },
  };
}
