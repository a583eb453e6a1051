import { execFileSync, spawnSync } from 'node:child_process';
import type { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { ImageName } from '../../functions/images/schemas.ts';
import { APPROVED_TAG } from '../../functions/names.ts';
import { digestCommand, valuesCommand } from '../../lib/image-builder.ts';
import { digestRecipe, recipesFolder } from '../../lib/recipes.ts';
import { findTemplateResources, synthesiseApp } from '../template.ts';
import { packerCalls } from './packer-calls.ts';

const { images = expect.fail() } = synthesiseApp().stacks as Record<string, Stack>;
const template = Template.fromStack(images);

interface Statement {
  readonly Effect: string;
  readonly Action: string | string[];
  readonly Resource: unknown;
  readonly Condition?: Record<string, Record<string, unknown>>;
}
/** The statements of the roles whose policies have this text in their logical id. */
const statementsOf = (text: string): Statement[] =>
  findTemplateResources(template, 'AWS::IAM::Policy').flatMap(([id, { Properties }]) =>
    id.includes(text) ? (Properties.PolicyDocument as { Statement: Statement[] }).Statement : [],
  );
const allows = (text: string, action: string) =>
  statementsOf(text).filter(({ Effect, Action }) => Effect === 'Allow' && [Action].flat().includes(action));

describe('the digest of a recipe', () => {
  it.each(ImageName.options)('of %s is what the build computes from the same files', image => {
    const env = { ...process.env, BROCH_IMAGE: image };
    const output = execFileSync('bash', ['-c', digestCommand], { cwd: recipesFolder, env, encoding: 'utf8' });
    expect(output.trim()).toBe(digestRecipe(image));
  });

  it('differs between images', () =>
    expect(new Set(ImageName.options.map(digestRecipe)).size).toBe(ImageName.options.length));
});

describe('the values of a recipe', () => {
  it.each([
    ['are fetched', 'echo 1', { status: 0, stdout: 'copy s3://builds/variables/gateway.pkrvars.hcl\n' }],
    ['may be missing', 'echo 0', { status: 0, stdout: 'an empty file\n' }],
    ['end the build if they may not be read', 'return 254', { status: 1, stdout: '' }],
  ])('%s', (_, answer, expected) => {
    const played = `aws() { if [ "$1" = s3 ]; then echo "copy $3"; else ${answer}; fi; }; cd "$(mktemp -d)"`;
    const outcome = 'if [ -f values.pkrvars.hcl ]; then echo "an empty file"; fi';
    const env = { ...process.env, BUILDS: 'builds', BROCH_IMAGE: 'gateway' };
    expect(
      spawnSync('sh', ['-c', [played, valuesCommand, outcome].join('\n')], { env, encoding: 'utf8' }),
    ).toMatchObject(expected);
  });

  it('are fetched with the right to list the bucket, without which S3 refuses a missing file', () =>
    expect(JSON.stringify(allows('Builder', 's3:ListBucket').map(({ Condition }) => Condition))).toContain(
      'variables/',
    ));
});

it('the builder and the daily look name the same version of Windows Server', () => {
  const [[, builder] = expect.fail()] = findTemplateResources(template, 'AWS::CodeBuild::Project');
  const { EnvironmentVariables } = builder.Properties.Environment as { EnvironmentVariables: object[] };
  // Packer takes its variables from these: https://developer.hashicorp.com/packer/docs/templates/hcl_templates/variables
  expect(EnvironmentVariables).toContainEqual({ Name: 'PKR_VAR_windows_version', Value: '2025' });
  const bases = findTemplateResources(template, 'AWS::Lambda::Function').flatMap(([, { Properties }]) =>
    Object.entries((Properties.Environment as { Variables: Record<string, string> }).Variables).flatMap(
      ([name, value]) => (name === 'BASES' ? [JSON.parse(value)['windows-desktop'].name] : []),
    ),
  );
  expect(bases).toEqual(['Windows_Server-2025-English-Full-Base-*']);
});

describe('the role of the builder', () => {
  it('can approve nothing: it may not set or remove the tag of approved images', () => {
    const denials = statementsOf('Builder').filter(({ Effect }) => Effect === 'Deny');
    expect(denials).toMatchObject([
      {
        Action: ['ec2:CreateTags', 'ec2:DeleteTags'],
        Resource: '*',
        Condition: { 'ForAnyValue:StringEquals': { 'aws:TagKeys': [APPROVED_TAG] } },
      },
    ]);
  });

  it('cannot delete an approved image', () =>
    expect(allows('Builder', 'ec2:DeregisterImage').map(({ Condition }) => Condition)).toEqual([
      { Null: { [`aws:ResourceTag/${APPROVED_TAG}`]: 'true' } },
    ]));

  it.each(Object.entries(packerCalls))('may make the call %s of Packer', (action, kinds) => {
    const resources = allows('Builder', action).map(({ Resource }) => JSON.stringify(Resource));
    for (const kind of kinds)
      expect(
        resources.some(text => text.includes(kind === '*' ? '"*"' : kind === 'role' ? 'BuildRole' : `:${kind}/`)),
        `${action} on ${kind}: ${resources}`,
      ).toBe(true);
  });

  it('may make only the calls of Packer and those for the route', () => {
    const actions = statementsOf('Builder').flatMap(({ Effect, Action }) => (Effect === 'Allow' ? Action : []));
    const calls = new Set(actions.filter(action => /^(ec2|iam|ssm):/.test(action)));
    expect([...calls].sort()).toEqual([...Object.keys(packerCalls), 'ec2:CreateRoute', 'ec2:DeleteRoute'].sort());
  });

  it('changes only images of a recipe, and only until they are approved', () =>
    expect(allows('Builder', 'ec2:ModifyImageAttribute').map(({ Condition }) => Condition)).toEqual([
      { Null: { [`aws:ResourceTag/${APPROVED_TAG}`]: 'true', 'aws:ResourceTag/broch:recipe': 'false' } },
    ]));

  it('makes no role and no security group, and starts machines in one subnet only', () => {
    const actions = statementsOf('Builder').flatMap(({ Action }) => Action);
    expect(actions.filter(action => /^iam:(?!PassRole)|SecurityGroupIngress|CreateSecurityGroup/.test(action))).toEqual(
      [],
    );
    const [launch] = allows('Builder', 'ec2:RunInstances');
    expect(JSON.stringify(launch?.Resource)).toMatch(/:subnet\/"/);
    expect(JSON.stringify(launch?.Resource)).not.toMatch(/subnet\/\*/);
  });
});

describe('the network of images', () => {
  const groups = findTemplateResources(template, 'AWS::EC2::SecurityGroup').map(
    ([id, { Properties }]) => [id, Properties] as const,
  );

  it.each(groups)('%s lets nothing in but HTTPS of the network itself', (_, { SecurityGroupIngress = [] }) => {
    for (const rule of SecurityGroupIngress as Record<string, unknown>[])
      expect(rule).toMatchObject({ FromPort: 443, ToPort: 443, CidrIp: '10.255.255.0/26' });
  });

  it('has a route to the internet only while a build runs, which adds it to the build subnet and removes it', () => {
    expect(findTemplateResources(template, 'AWS::EC2::Route')).toEqual([]);
    const [[, project] = expect.fail()] = findTemplateResources(template, 'AWS::CodeBuild::Project');
    const { Source, ConcurrentBuildLimit } = project.Properties as {
      Source: { BuildSpec: string };
      ConcurrentBuildLimit: number;
    };
    expect(ConcurrentBuildLimit).toBe(1);
    const { commands, finally: last } = JSON.parse(Source.BuildSpec).phases.build as Record<string, string[]>;
    const start = commands?.findIndex(command => command.startsWith('aws ec2 create-route')) ?? -1;
    expect(start).toBeGreaterThan(0);
    expect(start).toBeLessThan(commands?.findIndex(command => command.startsWith('packer build')) ?? -1);
    expect(last).toEqual([expect.stringMatching(/^aws ec2 delete-route --route-table-id "\$ROUTES"/)]);
    for (const action of ['ec2:CreateRoute', 'ec2:DeleteRoute'])
      expect(JSON.stringify(allows('Builder', action).map(({ Resource }) => Resource))).toContain('BuildRoutes');
    const associations = findTemplateResources(template, 'AWS::EC2::SubnetRouteTableAssociation');
    const [test] = associations.filter(([id]) => id.includes('TestAssociation'));
    expect(JSON.stringify(test?.[1].Properties.RouteTableId)).toContain('TestRoutes');
  });

  it('has no interface endpoint while nothing is tested, as these cost by the hour', () => {
    const endpoints = findTemplateResources(template, 'AWS::EC2::VPCEndpoint');
    expect(endpoints.map(([, { Properties }]) => Properties.VpcEndpointType)).toEqual(['Gateway']);
  });
});

it('only the candidates’ role may start a machine from an image that is not approved, in the isolated subnet', () => {
  const ofImages = allows('Launch', 'ec2:RunInstances').filter(({ Resource }) =>
    JSON.stringify(Resource).includes('image/'),
  );
  expect(ofImages.map(({ Condition }) => Condition?.Null)).toEqual([{ 'aws:ResourceTag/broch:image': 'false' }]);
  const places = JSON.stringify(allows('Launch', 'ec2:RunInstances').map(({ Resource }) => Resource));
  expect(places).toContain('TestSubnet');
  expect(places).not.toMatch(/subnet\/\*|BuildSubnet/);
});

it('only one function may approve images, by a tag and on Broch’s own images', () => {
  const taggers = findTemplateResources(template, 'AWS::IAM::Policy').filter(([, { Properties }]) =>
    JSON.stringify(Properties).includes(`"aws:TagKeys":["${APPROVED_TAG}"]`),
  );
  expect(taggers.map(([id]) => /Builder|Label/.exec(id)?.[0]).sort()).toEqual(['Builder', 'Label']);
  expect(allows('Label', 'ec2:CreateTags').map(({ Condition }) => Condition)).toEqual([
    {
      'ForAllValues:StringEquals': { 'aws:TagKeys': [APPROVED_TAG] },
      Null: { 'aws:ResourceTag/broch:image': 'false' },
    },
  ]);
});
