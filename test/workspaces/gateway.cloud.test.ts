import {
  AuthorizeSecurityGroupEgressCommand,
  CreateSecurityGroupCommand,
  CreateSubnetCommand,
  CreateTagsCommand,
  CreateVpcCommand,
  DescribeInstancesCommand,
  DescribeSecurityGroupRulesCommand,
  DescribeVpcEndpointsCommand,
  EC2Client,
  RegisterImageCommand,
  RunInstancesCommand,
  StopInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { APPROVED_TAG } from '../../functions/names.ts';
import { connectTestCloud } from '../cloud.ts';
import { stubFunctionEnvironment } from '../images/in-process.ts';

const cloud = connectTestCloud();
const ec2 = new EC2Client(cloud.configuration);
/** Of its own, so that no desktop of another test counts. */
const environment = 'gatewaytest';
const ids = { vpc: '', subnet: '', group: '', image: '', machine: '' };
let keep: () => Promise<unknown>;

const run = async (tags: Record<string, string>, ImageId = 'ami-0c0c0c0c0c0c0c0c0') => {
  const { Instances = [] } = await ec2.send(
    new RunInstancesCommand({
      ImageId,
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
    // RDP and Amazon DCV, by one rule.
    rules: SecurityGroupRules.filter(({ FromPort, ToPort }) => FromPort === 3389 && ToPort === 3390).map(
      ({ CidrIpv4 }) => CidrIpv4,
    ),
    earlier: SecurityGroupRules.filter(({ ToPort }) => ToPort === 3389),
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
  const { ImageId = '' } = await ec2.send(new RegisterImageCommand({ Name: environment }));
  ids.image = ImageId;
  ids.machine = (await run({ 'broch:gateway': environment }, ImageId)).id;
  await ec2.send(new StopInstancesCommand({ InstanceIds: [ids.machine] }));
  stubFunctionEnvironment(cloud, {
    ENVIRONMENT: environment,
    MACHINE: ids.machine,
    GROUP: ids.group,
    VPC: ids.vpc,
    SUBNET: ids.subnet,
    SECRETS_GROUP: ids.group,
    GPU_PROTOCOL: 'dcv',
  });
  const { handler } = await import('../../functions/workspaces/keep-gateway.lambda.ts');
  keep = () => handler({}, { awsRequestId: 'test' } as never) as Promise<unknown>;
});
afterAll(() => vi.unstubAllEnvs());

it('runs while desktops run, with one rule for each, and stops after the last', async () => {
  const tags = { 'broch:environment': environment, 'broch:workspace': 'ws-001122334455' };
  const [first, second] = [await run(tags), await run(tags)];
  await expect(keep()).rejects.toThrow(/not approved, so it is not started/);
  expect(await describeGateway()).toMatchObject({ state: 'stopped', rules: [], endpoints: 0 });
  const approval = [{ Key: APPROVED_TAG, Value: environment }];
  await ec2.send(new CreateTagsCommand({ Resources: [ids.image], Tags: approval }));
  await keep();
  await keep();
  const addresses = [`${first.address}/32`, `${second.address}/32`].sort();
  expect(await describeGateway()).toMatchObject({
    state: 'running',
    rules: expect.arrayContaining(addresses),
    endpoints: 1,
  });
  expect((await describeGateway()).rules).toHaveLength(2);
  // A rule that an earlier setting made is replaced.
  const Permission = { IpProtocol: 'tcp', FromPort: 3389, ToPort: 3389 };
  const IpRanges = [{ CidrIp: '10.9.9.9/32', Description: 'a running desktop' }];
  await ec2.send(
    new AuthorizeSecurityGroupEgressCommand({ GroupId: ids.group, IpPermissions: [{ ...Permission, IpRanges }] }),
  );
  await keep();
  expect((await describeGateway()).earlier).toEqual([]);

  await ec2.send(new TerminateInstancesCommand({ InstanceIds: [first.id] }));
  await keep();
  expect(await describeGateway()).toMatchObject({ state: 'running', rules: [`${second.address}/32`], endpoints: 1 });

  // A machine without the tags of a workspace is nobody's desktop.
  const { id: stranger } = await run({ 'broch:environment': environment });
  await ec2.send(new TerminateInstancesCommand({ InstanceIds: [second.id] }));
  await keep();
  expect(await describeGateway()).toMatchObject({ state: 'stopped', rules: [], endpoints: 0 });
  await ec2.send(new TerminateInstancesCommand({ InstanceIds: [stranger] }));
});
