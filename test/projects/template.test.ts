import { Template } from 'aws-cdk-lib/assertions';
import { AwsSolutionsChecks, NIST80053R5Checks } from 'cdk-nag';
import { describe, expect, it } from 'vitest';
import { projectStackName } from '../../functions/names.ts';
import { readConfig, withEveryOption } from '../../lib/config.ts';
import { buildNetworkTemplate } from '../../lib/projects.ts';
import { findTemplateResources } from '../template.ts';
import { patternsMeet } from '../templates/iam-reference.ts';

const { app, template: stack } = buildNetworkTemplate(readConfig('config/production.json'));
const template = Template.fromStack(stack);
const types = new Set(
  Object.values(template.toJSON().Resources as Record<string, { Type: string }>).map(({ Type }) => Type),
);
interface Statement {
  Sid?: string;
  Effect: string;
  Action: string | string[];
  Resource: unknown;
  Principal?: unknown;
  Condition?: Record<string, Record<string, unknown>>;
}
const statements = (document: unknown) => (document as { Statement: Statement[] }).Statement;
const onlyResource = (type: string) => {
  const resources = findTemplateResources(template, type);
  expect(resources.length, type).toBe(1);
  return resources[0]?.[1] ?? { Type: type, Properties: {} };
};
const account = { Ref: 'AWS::AccountId' };

describe("a project's template", () => {
  it('needs no bootstrap, no asset and no custom resource', () => {
    expect(Object.keys(template.toJSON().Parameters).sort()).toEqual([
      'AccessLogs',
      'Attempt',
      'BlockA',
      'BlockB',
      'Cidr',
      'Lake',
      'LakeKey',
      'Project',
      'S3PrefixList',
      'ZoneA',
      'ZoneB',
    ]);
    expect([...types].filter(type => /Lambda|Custom/.test(type))).toEqual([]);
    expect(template.toJSON()).not.toHaveProperty('Rules');
  });

  it('is the same for every account and region', () => {
    // AWS's own accounts and buckets of packages are the same for everybody.
    const text = JSON.stringify(template.toJSON(), (_, value) => (value?.Sid === 'PackagesReadOnly' ? {} : value));
    expect(text).not.toMatch(/\b\d{12}\b/);
    expect(text).not.toMatch(/[a-z]{2}-[a-z]+-\d\b/);
  });

  it.each([new AwsSolutionsChecks(app), new NIST80053R5Checks(app)])('explains every finding of a rule pack', pack => {
    expect(pack.validateScope(stack).violations.map(({ ruleName }) => ruleName)).toEqual([]);
  });

  it('has the outputs that the workflow reads', () =>
    expect(Object.keys(template.findOutputs('*')).sort()).toEqual([
      'AccessPoint',
      'AccessPointAlias',
      'Bucket',
      'EndpointSecurityGroupId',
      'InstanceProfile',
      'InstanceRole',
      'InstanceRoleArn',
      'KeyArn',
      'RouteTableId',
      'SecurityGroupId',
      'SubnetIds',
      'VpcId',
    ]));
});

describe('nothing leads out of the network', () => {
  it.each([
    'AWS::EC2::InternetGateway',
    'AWS::EC2::NatGateway',
    'AWS::EC2::EgressOnlyInternetGateway',
    'AWS::EC2::VPCPeeringConnection',
    'AWS::EC2::TransitGatewayAttachment',
    'AWS::EC2::VPNGateway',
    'AWS::EC2::EIP',
    'AWS::EC2::Route',
  ])('no %s', type => expect(types.has(type)).toBe(false));

  it('subnets assign no public addresses and lie in two zones', () => {
    const subnets = findTemplateResources(template, 'AWS::EC2::Subnet').map(([, { Properties }]) => Properties);
    expect(subnets.map(({ MapPublicIpOnLaunch }) => MapPublicIpOnLaunch)).toEqual([false, false]);
    expect(subnets.map(({ AvailabilityZone }) => AvailabilityZone)).toEqual([{ Ref: 'ZoneA' }, { Ref: 'ZoneB' }]);
    expect(JSON.stringify(template.toJSON())).not.toContain('Fn::GetAZs');
  });

  it('security groups let nothing in but HTTPS from the own block, and nothing out but HTTPS to endpoints', () => {
    const groups = findTemplateResources(template, 'AWS::EC2::SecurityGroup');
    type Rule = Record<string, unknown>;
    for (const [id, { Properties }] of groups) {
      const { SecurityGroupIngress: ins = [], SecurityGroupEgress: outs = [] } = Properties as Record<string, Rule[]>;
      expect(outs.length, `${id}: no rule would mean all`).toBeGreaterThan(0);
      for (const rule of ins) expect(rule).toMatchObject({ CidrIp: { Ref: 'Cidr' }, FromPort: 443, ToPort: 443 });
      for (const { CidrIp, CidrIpv6, FromPort, ToPort, IpProtocol } of outs) {
        expect(CidrIpv6).toBeUndefined();
        expect([undefined, '255.255.255.255/32']).toContain(CidrIp);
        if (CidrIp === undefined) expect([IpProtocol, FromPort, ToPort]).toEqual(['tcp', 443, 443]);
      }
    }
    expect(groups.flatMap(([, { Properties }]) => Properties.SecurityGroupIngress ?? []).length).toBe(1);
  });

  it('has one endpoint, a gateway whose policy is pinned to the account and the project and refuses foreign keys', () => {
    const endpoints = findTemplateResources(template, 'AWS::EC2::VPCEndpoint');
    expect(endpoints.length).toBe(1);
    for (const [id, { Properties }] of endpoints) {
      expect(Properties.VpcEndpointType).toBe('Gateway');
      for (const { Sid, Effect, Action, Resource, Condition } of statements(Properties.PolicyDocument)) {
        expect(Effect).toBe('Allow');
        expect([Resource].flat()).not.toContain('*');
        if (Sid === 'SystemsReadOnly') {
          expect(Action).toBe('s3:GetObject');
          // Without a signature, or signed in this account: never with a stranger's key.
          expect(Condition, id).toEqual({ StringEqualsIfExists: { 'aws:PrincipalAccount': account } });
        } else if (Sid === 'PackagesReadOnly') {
          // CodeArtifact signs links to packages with its own account, which the name of its bucket holds.
          expect(Action).toBe('s3:GetObject');
          expect(JSON.stringify(Resource)).toContain(':s3:::assets-247805302724-eu-west-2/*');
          expect(Condition, id).toEqual({
            StringEqualsIfExists: { 'aws:PrincipalAccount': expect.arrayContaining([account, '247805302724']) },
          });
        } else {
          expect(Condition, id).toEqual({
            StringEquals: { 'aws:ResourceAccount': account, 'aws:PrincipalAccount': account },
          });
          expect(JSON.stringify(Resource)).toMatch(/"Ref":"(Project|StorageBucket\w+|Lake)"/);
          if (Sid === 'DatasetsReadOnly') expect(Action).toEqual(['s3:GetObject', 's3:ListBucket']);
        }
      }
      expect(JSON.stringify(Properties.PolicyDocument).length).toBeLessThan(20_480);
    }
  });

  it('only names of AWS in this region resolve, and what instances of us-east-1 are called', () => {
    const lists = findTemplateResources(template, 'AWS::Route53Resolver::FirewallDomainList');
    expect(lists.map(([, { Properties }]) => JSON.stringify(Properties.Domains)).sort()).toEqual(
      [
        '["*"]',
        '[{"Fn::Join":["",["*.",{"Ref":"AWS::Region"},".amazonaws.com"]]},{"Fn::Join":["",["*.",{"Ref":"AWS::Region"},".compute.internal"]]},"*.ec2.internal"]',
      ].sort(),
    );
    const rules = onlyResource('AWS::Route53Resolver::FirewallRuleGroup').Properties.FirewallRules as {
      Action: string;
      Priority: number;
    }[];
    expect(rules.sort((a, b) => a.Priority - b.Priority).map(({ Action }) => Action)).toEqual(['ALLOW', 'BLOCK']);
    onlyResource('AWS::Route53Resolver::FirewallRuleGroupAssociation');
  });

  it('all traffic is logged, under the key of the project', () => {
    expect(onlyResource('AWS::EC2::FlowLog').Properties).toMatchObject({ TrafficType: 'ALL', ResourceType: 'VPC' });
    expect(onlyResource('AWS::Logs::LogGroup').Properties).toHaveProperty('KmsKeyId');
  });
});

describe('key and bucket', () => {
  const bucket = onlyResource('AWS::S3::Bucket');
  const denials = statements(onlyResource('AWS::S3::BucketPolicy').Properties.PolicyDocument).filter(
    ({ Effect }) => Effect === 'Deny',
  );

  it('the key rotates', () => expect(onlyResource('AWS::KMS::Key').Properties.EnableKeyRotation).toBe(true));

  it.each(['AWS::S3::Bucket', 'AWS::KMS::Key', 'AWS::Logs::LogGroup'])(
    '%s outlives its stack, once that was built',
    type =>
      expect(onlyResource(type)).toMatchObject({
        DeletionPolicy: 'RetainExceptOnCreate',
        UpdateReplacePolicy: 'Retain',
      }),
  );

  it('the bucket is private, versioned, encrypted with that key, logged and sends events', () =>
    expect(bucket.Properties).toMatchObject({
      VersioningConfiguration: { Status: 'Enabled' },
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms' } }],
      },
      NotificationConfiguration: { EventBridgeConfiguration: { EventBridgeEnabled: true } },
      LoggingConfiguration: { DestinationBucketName: { Ref: 'AccessLogs' } },
    }));

  it('the bucket denies plain HTTP, other keys, and instances from elsewhere', () => {
    const conditions = denials.map(({ Condition }) => Condition);
    expect(conditions).toContainEqual({ Bool: { 'aws:SecureTransport': 'false' } });
    const header = 's3:x-amz-server-side-encryption-aws-kms-key-id';
    expect(conditions).toContainEqual({
      Null: { [header]: 'false' },
      StringNotEquals: { [header]: expect.anything() },
    });
    expect(conditions).toContainEqual({
      ArnEquals: { 'aws:PrincipalArn': { 'Fn::GetAtt': [expect.stringMatching(/^StorageInstance/), 'Arn'] } },
      StringNotEquals: { 'aws:SourceVpc': { 'Fn::GetAtt': ['Vpc', 'VpcId'] } },
    });
  });
});

describe('a project whose id another begins with', () => {
  const { BucketName: bucketName } = onlyResource('AWS::S3::Bucket').Properties;
  const resolveFor =
    (id: string) =>
    (value: unknown): string => {
      if (typeof value !== 'object' || value === null) return String(value);
      const [[name, inner] = ['', undefined]] = Object.entries(value) as [string, unknown][];
      const resolve = resolveFor(id);
      if (name === 'Fn::Join') return (inner as [string, unknown[]])[1].map(resolve).join((inner as [string])[0]);
      if (String(inner).startsWith('StorageBucket')) return resolve(bucketName);
      const values: Record<string, string> = {
        Project: id,
        Attempt: '1',
        'AWS::StackName': projectStackName('prod', id),
      };
      return values[String(inner)] ?? `<${String(inner)}>`;
    };
  const policies = Object.values(template.toJSON().Resources as Record<string, { Properties?: object }>)
    .flatMap(({ Properties = {} }) => Object.values(Properties))
    .flatMap(value => (Array.isArray(value?.Statement) ? (value.Statement as Statement[]) : []));
  const patterns = policies.flatMap(({ Resource, Condition = {} }) => [
    ...[Resource].flat(),
    ...Object.values(Condition).flatMap(test => Object.values(test).flat()),
  ]);
  const ofProject = patterns.filter(pattern => resolveFor('asthma')(pattern).includes('asthma'));

  it('has policies that name it', () => expect(ofProject.length).toBeGreaterThan(10));

  it.each(['asthma-kids', 'asthma-network-2', 'asthma-1'])('gets nothing of %s', neighbour => {
    const covered = ofProject
      .map(pattern => [resolveFor('asthma')(pattern), resolveFor(neighbour)(pattern).replaceAll('*', 'x')] as const)
      .filter(([pattern, name]) => patternsMeet(pattern, name));
    expect(covered).toEqual([]);
  });
});

describe('roles', () => {
  const roles = findTemplateResources(template, 'AWS::IAM::Role');
  const policies = findTemplateResources(template, 'AWS::IAM::Policy');

  it('all have the boundary and the path that the builder may use', () => {
    for (const [, { Properties }] of roles) {
      expect(JSON.stringify(Properties.PermissionsBoundary)).toContain(':policy/broch/broch-prod-project');
      expect(Properties.Path).toBe('/broch/');
      expect(JSON.stringify(Properties.RoleName)).toContain('broch-prod');
    }
  });

  it('an instance reads and writes data, reports as itself, and nothing else', () => {
    const [, policy] = policies.find(([id]) => id.startsWith('StorageInstance')) ?? [];
    const grants = statements(policy?.Properties.PolicyDocument).map(({ Action, Resource }) => [
      [Action].flat().sort().join(' '),
      JSON.stringify(Resource).replace(/StorageBucket\w+/g, 'BUCKET'),
    ]);
    expect(grants).toEqual([
      [
        's3:AbortMultipartUpload s3:DeleteObject s3:GetObject s3:GetObjectVersion s3:PutObject',
        '[{"Fn::Join":["",[{"Fn::GetAtt":["BUCKET","Arn"]},"/batch/*"]]},{"Fn::Join":["",[{"Fn::GetAtt":["BUCKET","Arn"]},"/data/*"]]}]',
      ],
      ['s3:ListBucket', '{"Fn::GetAtt":["BUCKET","Arn"]}'],
      ['s3:PutObject', '{"Fn::Join":["",[{"Fn::GetAtt":["BUCKET","Arn"]},"/agents/${aws:userid}/*"]]}'],
      ['kms:Decrypt kms:GenerateDataKey', expect.stringContaining('StorageKey')],
      // Datasets themselves are given by the policy of the access point.
      ['kms:Decrypt', '{"Ref":"LakeKey"}'],
      // Packages: a token, and the mirror of the tier that the tag of the role names.
      ['codeartifact:GetAuthorizationToken', expect.stringContaining(':domain/broch-prod-packages')],
      [
        'codeartifact:GetRepositoryEndpoint codeartifact:ReadFromRepository',
        expect.stringContaining(':repository/broch-prod-packages/tier-${aws:PrincipalTag/broch:packages}'),
      ],
      ['sts:GetServiceBearerToken', '"*"'],
      // Keys of parties in other accounts, for enclaves only: test/enclaves/deployment.test.ts.
      ['kms:Decrypt kms:GenerateDataKey', expect.stringContaining(':*:key/*')],
    ]);
  });
});

it('lets instances read the licences of Amazon DCV only if the operator wants DCV', () => {
  const licence = /dcv-license\.",\{"Ref":"AWS::Region"\},"\/\*"|dcv-license\.eu-west-2\/\*/;
  const rolesOf = (json: Template) => JSON.stringify(json.findResources('AWS::IAM::Policy'));
  expect(rolesOf(template)).not.toMatch(licence);
  const withDcv = buildNetworkTemplate(withEveryOption(readConfig('config/production.json'))).template;
  expect(rolesOf(Template.fromStack(withDcv))).toMatch(licence);
});
