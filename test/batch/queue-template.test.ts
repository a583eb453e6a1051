import { Template } from 'aws-cdk-lib/assertions';
import { AwsSolutionsChecks, NIST80053R5Checks } from 'cdk-nag';
import { describe, expect, it } from 'vitest';
import { buildQueueTemplate } from '../../lib/batch.ts';
import { readConfig } from '../../lib/config.ts';
import { findTemplateResources } from '../template.ts';

const { app, template: stack } = buildQueueTemplate(readConfig('config/production.json'));
const template = Template.fromStack(stack);
const idsWith = (condition: string) =>
  Object.entries(template.toJSON().Resources as Record<string, { Condition?: string }>)
    .flatMap(([id, { Condition }]) => (Condition === condition ? [id.replace(/[0-9A-F]{8}$/, '')] : []))
    .sort();
const propertiesOf = (type: string) => findTemplateResources(template, type).map(([, { Properties }]) => Properties);
const allEnvironments = propertiesOf('AWS::Batch::ComputeEnvironment') as {
  ReplaceComputeEnvironment: boolean;
  ComputeEnvironmentName: unknown;
  ComputeResources: Record<string, unknown>;
}[];
const isHead = ({ ComputeEnvironmentName }: { ComputeEnvironmentName: unknown }) =>
  JSON.stringify(ComputeEnvironmentName).includes('-head');
const isTogether = ({ ComputeEnvironmentName }: { ComputeEnvironmentName: unknown }) =>
  JSON.stringify(ComputeEnvironmentName).includes('-together');
const environments = allEnvironments.filter(environment => !isHead(environment) && !isTogether(environment));
const resources = environments.map(({ ComputeResources }) => ComputeResources);
const [queue] = propertiesOf('AWS::Batch::JobQueue');
type Order = { Order: number; ComputeEnvironment: { 'Fn::GetAtt': string[] } }[];
/** The machines of a queue for multi-node jobs (1), or of another queue (2). */
const orderOf = (choice: 1 | 2) =>
  (queue as { ComputeEnvironmentOrder: { 'Fn::If': [string, Order, Order] } }).ComputeEnvironmentOrder['Fn::If'][
    choice
  ];

describe('the machines of a queue', () => {
  it('are on Spot first, and On-Demand second', () => {
    expect(resources.map(({ Type, AllocationStrategy }) => [Type, AllocationStrategy])).toEqual([
      ['SPOT', 'SPOT_PRICE_CAPACITY_OPTIMIZED'],
      ['EC2', 'BEST_FIT_PROGRESSIVE'],
    ]);
    const order = orderOf(2);
    expect(order.map(({ Order, ComputeEnvironment }) => [Order, ComputeEnvironment['Fn::GetAtt'][0]])).toEqual([
      [1, 'Spot'],
      [2, 'OnDemand'],
    ]);
  });

  it('are none while no job waits, and never more than the cap', () =>
    expect(resources.map(({ MinvCpus, MaxvCpus }) => [MinvCpus, MaxvCpus])).toEqual(
      resources.map(() => [0, { Ref: 'MaxVcpus' }]),
    ));

  it('run Amazon Linux 2023, by name', () => {
    expect(resources).toHaveLength(2);
    for (const { Ec2Configuration } of resources)
      expect(Ec2Configuration).toMatchObject([{ ImageType: { Ref: 'ImageType' } }]);
    expect(template.toJSON().Parameters.ImageType.AllowedPattern).toBe('ECS_AL2023|ECS_AL2023_NVIDIA');
  });

  it('start from the published image if there is one, and otherwise from Amazon’s of the same type', () => {
    for (const { Ec2Configuration } of resources)
      expect(Ec2Configuration).toMatchObject([
        { ImageIdOverride: { 'Fn::If': ['HasImage', { Ref: 'ImageId' }, { Ref: 'AWS::NoValue' }] } },
      ]);
    const { Conditions, Parameters } = template.toJSON();
    expect(Conditions.HasImage).toEqual({ 'Fn::Not': [{ 'Fn::Equals': [{ Ref: 'ImageId' }, 'none'] }] });
    const pattern = new RegExp(`^(?:${Parameters.ImageId.AllowedPattern})$`);
    expect(['ami-0123456789abcdef0', 'none', '', 'resolve:ssm:x'].map(value => pattern.test(value))).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  it('are of the given types only: no C, M or R machine joins a GPU queue', () =>
    expect(JSON.stringify(resources.map(({ InstanceTypes }) => InstanceTypes))).not.toMatch(/optimal|default_/));

  it('are updated in place, with the newest image', () => {
    expect(environments.map(({ ReplaceComputeEnvironment }) => ReplaceComputeEnvironment)).toEqual([false, false]);
    expect(resources.map(({ UpdateToLatestImageVersion }) => UpdateToLatestImageVersion)).toEqual([true, true]);
  });

  it('are in the project’s subnets and security group, and pay for the project', () => {
    for (const { SecurityGroupIds, Subnets, Tags, SpotIamFleetRole } of resources) {
      expect(SecurityGroupIds).toEqual([{ Ref: 'SecurityGroupId' }]);
      expect(JSON.stringify(Subnets)).toContain('SubnetIds');
      expect(Tags).toMatchObject({ 'broch:project': { Ref: 'Project' } });
      // Only BEST_FIT needs one.
      expect(SpotIamFleetRole).toBeUndefined();
    }
  });

  it('have IMDSv2 with one hop, an encrypted gp3 disk of 100 GB, and let only root ask for their credentials', () => {
    const [launch] = propertiesOf('AWS::EC2::LaunchTemplate') as { LaunchTemplateData: Record<string, unknown> }[];
    expect(launch?.LaunchTemplateData).toMatchObject({
      MetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: 1 },
      BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { VolumeType: 'gp3', VolumeSize: 100, Encrypted: true } }],
    });
    const script = JSON.stringify(launch?.LaunchTemplateData.UserData);
    expect(script).toContain('MIME-Version: 1.0\\nContent-Type: multipart/mixed');
    expect(script).toContain('iptables --insert OUTPUT --destination 169.254.169.254 --match owner ! --uid-owner 0');
    expect(Buffer.byteLength(script)).toBeLessThan(16 * 1024);
  });

  it('have a role for the ECS agent alone, under the boundary of the project', () => {
    const [role] = propertiesOf('AWS::IAM::Role');
    expect(JSON.stringify(role?.PermissionsBoundary)).toContain('broch-prod-project');
    const actions = propertiesOf('AWS::IAM::Policy').flatMap(policy =>
      (policy.PolicyDocument as { Statement: { Action: string | string[] }[] }).Statement.flatMap(
        ({ Action }) => Action,
      ),
    );
    expect(actions.filter(action => !/^(ecs|ecr|logs):/.test(action))).toEqual([]);
  });
});

describe('the machines of multi-node jobs', () => {
  const [nodeMachines] = allEnvironments.filter(isTogether);
  const { Conditions, Resources } = template.toJSON();

  it('are On-Demand only, beside each other, and none while no job waits', () => {
    expect(nodeMachines?.ComputeResources).toMatchObject({
      Type: 'EC2',
      MinvCpus: 0,
      MaxvCpus: { Ref: 'MaxVcpus' },
      PlacementGroup: { Ref: 'Cluster' },
    });
    expect(Resources.Cluster.Properties).toMatchObject({ Strategy: 'cluster' });
    expect(orderOf(1)).toEqual([
      { Order: 1, ComputeEnvironment: { 'Fn::GetAtt': ['NodeMachines', expect.any(String)] } },
    ]);
  });

  it('reach each other, and nothing that other machines of the project do not reach', () => {
    const nodes = { 'Fn::GetAtt': ['Nodes', 'GroupId'] };
    expect(nodeMachines?.ComputeResources.SecurityGroupIds).toEqual([{ Ref: 'SecurityGroupId' }, nodes]);
    expect(propertiesOf('AWS::EC2::SecurityGroup')).toMatchObject([
      { SecurityGroupEgress: [{ CidrIp: '255.255.255.255/32' }] },
    ]);
    expect(propertiesOf('AWS::EC2::SecurityGroupIngress')).toMatchObject([
      { GroupId: nodes, SourceSecurityGroupId: nodes },
    ]);
    expect(propertiesOf('AWS::EC2::SecurityGroupEgress')).toMatchObject([
      { GroupId: nodes, DestinationSecurityGroupId: nodes },
    ]);
  });

  it('keep the credentials of the machine from nodes, which have a network of their own', () =>
    expect(JSON.stringify(propertiesOf('AWS::EC2::LaunchTemplate'))).toContain(
      'echo ECS_AWSVPC_BLOCK_IMDS=true >> /etc/ecs/ecs.config',
    ));

  it('exist in queues of their kinds only, and those have no other machines', () => {
    expect(Conditions.IsNodes).toEqual({
      'Fn::Or': ['cpu-nodes', 'gpu-nodes'].map(kind => ({ 'Fn::Equals': [{ Ref: 'Kind' }, kind] })),
    });
    expect(Conditions.IsSingle).toEqual({ 'Fn::Not': [{ Condition: 'IsNodes' }] });
    expect(idsWith('IsNodes')).toEqual(['Nodes', 'Cluster', 'NodesIn', 'NodesOut', 'NodeMachines'].sort());
    expect(idsWith('IsSingle')).toEqual(['OnDemand', 'Spot']);
  });
});

describe('the place of the heads of pipelines', () => {
  const [head] = allEnvironments.filter(isHead);
  const [role] = propertiesOf('AWS::IAM::Role').filter(({ Policies }) => Policies !== undefined) as {
    Policies: { PolicyDocument: { Statement: Record<string, unknown>[] } }[];
    PermissionsBoundary: unknown;
  }[];
  const { Policies = [], PermissionsBoundary } = role ?? {};
  const statements = Policies.flatMap(({ PolicyDocument }) => PolicyDocument.Statement);

  it('is small and On-Demand, because its loss would lose a run', () =>
    expect(head?.ComputeResources).toMatchObject({ Type: 'EC2', MinvCpus: 0, MaxvCpus: 4 }));

  it('exists beside cpu queues only', () => expect(idsWith('IsCpu')).toEqual(['Head', 'HeadMachines', 'HeadQueue']));

  it('has a role that submits to one queue by definitions of tasks, registers none, and passes no role', () => {
    expect(JSON.stringify(PermissionsBoundary)).toContain('broch-prod-project');
    const actions = statements.flatMap(({ Action }) => Action);
    expect(actions.filter(action => /PassRole|Register|List(?!Bucket)|iam:|ecr:|sts:/.test(String(action)))).toEqual(
      [],
    );
    const submission = JSON.stringify(statements.find(({ Action }) => Action === 'batch:SubmitJob')?.Resource);
    expect(submission).toContain(':job-queue/broch-prod-');
    expect(submission).toContain('-task-*');
  });

  it('gives that role no right outside of the network of the project', () => {
    for (const { Action, Condition } of statements)
      if (!JSON.stringify(Action).includes('kms:'))
        expect(Condition, String(Action)).toMatchObject({ StringEquals: { 'aws:SourceVpc': { Ref: 'VpcId' } } });
  });
});

describe('a queue', () => {
  it('shares fairly between people', () =>
    expect(propertiesOf('AWS::Batch::SchedulingPolicy')).toMatchObject([
      { FairsharePolicy: { ComputeReservation: 0, ShareDistribution: [] } },
    ]));

  it('cancels what could never start, within the limits of AWS', () => {
    const actions = queue?.JobStateTimeLimitActions as Record<string, unknown>[];
    expect(actions.map(({ Reason }) => Reason)).toEqual([
      'CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY',
      'MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE',
      'MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT',
    ]);
    for (const { MaxTimeSeconds, State, Action } of actions) {
      expect(MaxTimeSeconds).toBeGreaterThanOrEqual(600);
      expect(MaxTimeSeconds).toBeLessThanOrEqual(86_400);
      expect([State, Action]).toEqual(['RUNNABLE', 'CANCEL']);
    }
  });

  it('leaves nothing when it is closed', () =>
    expect(
      Object.values(template.toJSON().Resources as Record<string, { DeletionPolicy?: string }>).filter(
        ({ DeletionPolicy }) => DeletionPolicy?.startsWith('Retain'),
      ),
    ).toEqual([]));

  it.each([new AwsSolutionsChecks(app), new NIST80053R5Checks(app)])('explains every finding of a rule pack', pack =>
    expect(pack.validateScope(stack).violations.map(({ ruleName }) => ruleName)).toEqual([]),
  );
});
