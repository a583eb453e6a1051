import {
  CreateSecurityGroupCommand,
  CreateSubnetCommand,
  CreateVpcCommand,
  DescribeInstancesCommand,
  DescribeSecurityGroupRulesCommand,
  DescribeVpcEndpointsCommand,
  EC2Client,
  RunInstancesCommand,
  StopInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connectTestCloud } from '../cloud.ts';

const cloud = connectTestCloud();
const ec2 = new EC2Client(cloud.configuration);
/** Of its own, so that no desktop of another test counts. */
const environment = 'gatewaytest';
const ids = { vpc: '', subnet: '', group: '', machine: '' };
let keep: () => Promise<unknown>;

const run = async (tags: Record<string, string>) => {
  const { Instances = [] } = await ec2.send(
    new RunInstancesCommand({
      ImageId: 'ami-0c0c0c0c0c0c0c0c0',
      MinCount: 1,
      MaxCount: 1,
      SubnetId: ids.subnet,
      TagSpecifications: [
        { ResourceType: 'instance', Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) },
      ],
    }),
  );
  return { id: Instances[0]?.InstanceId ?? '', address: Instances[0]?.PrivateIpAddress ?? '' };
};
const describeGateway = async () => {
  const { Reservations = [] } = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [ids.machine] }));
  const { SecurityGroupRules = [] } = await ec2.send(
    new DescribeSecurityGroupRulesCommand({ Filters: [{ Name: 'group-id', Values: [ids.group] }] }),
  );
  const { VpcEndpoints = [] } = await ec2.send(
    new DescribeVpcEndpointsCommand({ Filters: [{ Name: 'vpc-id', Values: [ids.vpc] }] }),
  );
  return {
    state: Reservations[0]?.Instances?.[0]?.State?.Name,
    rules: SecurityGroupRules.filter(({ FromPort }) => FromPort === 3389).map(({ CidrIpv4 }) => CidrIpv4),
    endpoints: VpcEndpoints.filter(({ State }) => !/^delet/i.test(String(State))).length,
  };
};

beforeAll(async () => {
  const { Vpc } = await ec2.send(new CreateVpcCommand({ CidrBlock: '10.255.254.0/26' }));
  ids.vpc = Vpc?.VpcId ?? '';
  const { Subnet } = await ec2.send(new CreateSubnetCommand({ VpcId: ids.vpc, CidrBlock: '10.255.254.0/26' }));
  ids.subnet = Subnet?.SubnetId ?? '';
  const { GroupId = '' } = await ec2.send(
    new CreateSecurityGroupCommand({ GroupName: 'gateway-test', Description: 'The gateway', VpcId: ids.vpc }),
  );
  ids.group = GroupId;
  ids.machine = (await run({ 'broch:gateway': environment })).id;
  await ec2.send(new StopInstancesCommand({ InstanceIds: [ids.machine] }));
  const { accessKeyId: AWS_ACCESS_KEY_ID, secretAccessKey: AWS_SECRET_ACCESS_KEY } = cloud.configuration.credentials;
  Object.assign(process.env, cloud.environment, {
    AWS_ACCESS_KEY_ID,
    AWS_SECRET_ACCESS_KEY,
    ENVIRONMENT: environment,
    MACHINE: ids.machine,
    GROUP: ids.group,
    VPC: ids.vpc,
    SUBNET: ids.subnet,
    ENDPOINT_GROUP: ids.group,
  });
  const { handler } = await import('../../functions/workspaces/keep-gateway.lambda.ts');
  keep = () => handler({}, { awsRequestId: 'test' } as never) as Promise<unknown>;
});
afterAll(() => ec2.destroy());

it('runs while desktops run, with one rule for each, and stops after the last', async () => {
  const tags = { 'broch:environment': environment, 'broch:workspace': 'ws-001122334455' };
  const [first, second] = [await run(tags), await run(tags)];
  await keep();
  await keep();
  const addresses = [`${first.address}/32`, `${second.address}/32`].sort();
  expect(await describeGateway()).toMatchObject({
    state: 'running',
    rules: expect.arrayContaining(addresses),
    endpoints: 1,
  });
  expect((await describeGateway()).rules).toHaveLength(2);

  await ec2.send(new TerminateInstancesCommand({ InstanceIds: [first.id] }));
  await keep();
  expect(await describeGateway()).toEqual({ state: 'running', rules: [`${second.address}/32`], endpoints: 1 });

  // A machine without the tags of a workspace is nobody's desktop.
  const { id: stranger } = await run({ 'broch:environment': environment });
  await ec2.send(new TerminateInstancesCommand({ InstanceIds: [second.id] }));
  await keep();
  expect(await describeGateway()).toEqual({ state: 'stopped', rules: [], endpoints: 0 });
  await ec2.send(new TerminateInstancesCommand({ InstanceIds: [stranger] }));
});
