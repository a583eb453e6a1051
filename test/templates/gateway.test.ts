import { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { readConfig } from '../../lib/config.ts';
import { synthesiseApp } from '../template.ts';

const { stacks } = synthesiseApp();
const reader = 'arn:aws:iam::111122223333:role/auditor';
const { gateway: gatewayConfig, ...production } = readConfig('config/production.json');
const recording = { tiers: [3], days: 365, readers: [reader] };
const recordingConfig = { ...production, gateway: gatewayConfig && { ...gatewayConfig, recording } };
const gateway = Template.fromStack(stacks.gateway as NonNullable<typeof stacks.gateway>);
const find = (type: string) => Object.values(gateway.findResources(type)).map(({ Properties }) => Properties);

describe('the gateway', () => {
  it('has no public address and no route to the internet', () => {
    gateway.resourceCountIs('AWS::EC2::EIP', 0);
    gateway.resourceCountIs('AWS::EC2::Route', 0);
    gateway.resourceCountIs('AWS::EC2::NatGateway', 0);
    expect(find('AWS::EC2::Subnet').map(({ MapPublicIpOnLaunch }) => MapPublicIpOnLaunch)).toEqual([false]);
  });

  it('lets CloudFront in to one port, and nobody else', () => {
    const group = find('AWS::EC2::SecurityGroup').find(({ GroupDescription }) => /^The gateway/.test(GroupDescription));
    expect(group?.SecurityGroupIngress).toEqual([
      { IpProtocol: 'tcp', FromPort: 8081, ToPort: 8081, SourcePrefixListId: 'pl-93a247fa', Description: 'CloudFront' },
    ]);
    // A rule for each running desktop is added and taken away while the gateway runs.
    expect(group?.SecurityGroupEgress).toEqual([
      expect.objectContaining({ FromPort: 443, ToPort: 443, CidrIp: '10.255.254.0/26' }),
    ]);
    gateway.resourceCountIs('AWS::EC2::SecurityGroupEgress', 0);
  });

  it('may read the key of links, and nothing else', () => {
    const [machine] = Object.values(gateway.findResources('AWS::EC2::Instance'));
    const profile = gateway.toJSON().Resources[machine?.Properties.IamInstanceProfile.Ref];
    const [{ Ref: role }] = profile.Properties.Roles;
    const statements = find('AWS::IAM::Policy')
      .filter(({ Roles }) => Roles.some(({ Ref }: { Ref: string }) => Ref === role))
      .flatMap(({ PolicyDocument }) => PolicyDocument.Statement);
    const actions = statements.flatMap(({ Action }) => Action).filter(action => !/^logs:/.test(action));
    expect(actions.toSorted()).toEqual(['kms:Decrypt', 'secretsmanager:GetSecretValue']);
  });

  it('starts from the published image only, with an encrypted disk and version 2 of the metadata service', () => {
    const [machine] = find('AWS::EC2::Instance');
    const { Ref: parameter } = machine?.ImageId ?? {};
    expect(gateway.toJSON().Parameters[parameter]).toMatchObject({ Default: '/broch/images/gateway/current' });
    expect(machine?.BlockDeviceMappings[0].Ebs).toMatchObject({ Encrypted: true });
    const [template] = find('AWS::EC2::LaunchTemplate');
    expect(template?.LaunchTemplateData.MetadataOptions).toMatchObject({ HttpTokens: 'required' });
  });

  it('and the API have one address, over HTTPS only, and nothing of either is cached', () => {
    const [distribution] = find('AWS::CloudFront::Distribution');
    const { Aliases, DefaultCacheBehavior, CacheBehaviors, ViewerCertificate } = distribution?.DistributionConfig ?? {};
    expect(Aliases).toEqual(['desktops.tre.example.org']);
    expect(ViewerCertificate).toMatchObject({ MinimumProtocolVersion: 'TLSv1.2_2021' });
    // AWS's own policy CachingDisabled.
    const rules = { ViewerProtocolPolicy: 'https-only', CachePolicyId: '4135ea2d-6df8-44a3-9df3-4b5a84be39ad' };
    for (const behaviour of [DefaultCacheBehavior, ...CacheBehaviors]) expect(behaviour).toMatchObject(rules);
    expect(CacheBehaviors.map(({ PathPattern }: { PathPattern: string }) => PathPattern)).toEqual([
      '/desktop/*',
      '/dcv/*',
    ]);
  });

  it('leads to Amazon DCV only if the operator wants it, and CloudFront then reaches the port in front of both', () => {
    const { stacks, templates } = synthesiseApp(recordingConfig);
    const plain = Template.fromStack(stacks.gateway as NonNullable<typeof stacks.gateway>);
    const propertiesOf = (template: Template, type: string) =>
      Object.values(template.findResources(type)).map(({ Properties }) => Properties);
    for (const [template, port, paths, setting] of [
      [plain, 8080, ['/desktop/*'], 'rdp'],
      [gateway, 8081, ['/desktop/*', '/dcv/*'], 'dcv'],
    ] as const) {
      const [origin, ...otherOrigins] = propertiesOf(template, 'AWS::CloudFront::VpcOrigin');
      expect(origin?.VpcOriginEndpointConfig).toMatchObject({ HTTPPort: port });
      expect(otherOrigins).toEqual([]);
      const [distribution] = propertiesOf(template, 'AWS::CloudFront::Distribution');
      expect(
        distribution?.DistributionConfig.CacheBehaviors.map(({ PathPattern }: { PathPattern: string }) => PathPattern),
      ).toEqual(paths);
      const [machine] = propertiesOf(template, 'AWS::EC2::Instance');
      expect(JSON.stringify(machine?.UserData)).toContain(`BROCH_DCV=${setting === 'dcv' ? 'yes' : ''}\\n`);
      const settings = propertiesOf(template, 'AWS::Lambda::Function')
        .map(({ Environment }) => Environment?.Variables.GPU_PROTOCOL)
        .filter(Boolean);
      expect(settings).toEqual([setting]);
    }
    const apis = propertiesOf(templates.platform, 'AWS::Lambda::Function').filter(
      ({ Environment }) => Environment?.Variables.RECORDED_TIERS,
    );
    expect(apis.map(({ Environment }) => Environment.Variables)).toMatchObject([
      { GPU_PROTOCOL: 'rdp', RECORDED_TIERS: '[3]' },
    ]);
  });

  it('answers only paths of the API below /api/', () => {
    const [edge] = find('AWS::CloudFront::Function');
    const handler = new Function(`${edge?.FunctionCode}; return handler;`)();
    const answer = (uri: string) => handler({ request: { uri } });
    expect(answer('/api/me')).toEqual({ uri: '/me' });
    expect(answer('/api//me')).toEqual({ uri: '//me' });
    for (const uri of ['/', '/me', '/apis', '/api', '/.git/config'])
      expect(answer(uri)).toMatchObject({ statusCode: 404 });
  });
});

describe('the recording of sessions', () => {
  const app = synthesiseApp(recordingConfig);
  const resourcesOf = (template: Template, type: string) =>
    Object.entries(template.findResources(type)).map(([id, { Properties }]) => ({ id, ...Properties }));
  const buckets = resourcesOf(app.templates.data, 'AWS::S3::Bucket');
  const sessions = buckets.find(({ id }) => id.startsWith('RecordingsSessions'));

  it('goes to a bucket where nobody can change or delete it for a year', () => {
    expect(sessions?.ObjectLockConfiguration.Rule.DefaultRetention).toEqual({ Mode: 'COMPLIANCE', Days: 365 });
    expect(sessions?.LifecycleConfiguration.Rules[0].ExpirationInDays).toBe(366);
  });

  it('can be read by the named roles alone', () => {
    const statements = resourcesOf(app.templates.data, 'AWS::S3::BucketPolicy')
      .filter(({ Bucket }) => Bucket.Ref === sessions?.id)
      .flatMap(({ PolicyDocument }) => PolicyDocument.Statement);
    expect(statements.find(({ Sid }) => Sid === 'OnlyTheNamedRolesRead')).toMatchObject({
      Effect: 'Deny',
      Principal: { AWS: '*' },
      Action: ['s3:GetObject', 's3:GetObjectVersion'],
      Condition: { ArnNotLike: { 'aws:PrincipalArn': [reader] } },
    });
  });

  it('is written by the gateway, which reads none, over an endpoint that leads to this bucket alone', () => {
    const template = Template.fromStack(app.stacks.gateway as NonNullable<typeof app.stacks.gateway>);
    const actions = resourcesOf(template, 'AWS::IAM::Policy')
      .flatMap(({ PolicyDocument }) => PolicyDocument.Statement)
      .flatMap(({ Action }) => Action);
    expect(actions).toContain('s3:PutObject');
    expect(actions.filter(action => /^s3:(Get|Delete|List)/.test(action))).toEqual([]);
    const [endpoint, ...otherEndpoints] = resourcesOf(template, 'AWS::EC2::VPCEndpoint');
    expect(otherEndpoints).toEqual([]);
    expect(endpoint?.PolicyDocument.Statement).toMatchObject([{ Action: 's3:PutObject' }]);
  });

  it('is off unless it is configured', () => {
    expect(gateway.findResources('AWS::EC2::VPCEndpoint')).toEqual({});
    const { data } = synthesiseApp().templates;
    expect(Object.keys(data.findResources('AWS::S3::Bucket')).filter(id => /Recordings/.test(id))).toEqual([]);
  });
});
