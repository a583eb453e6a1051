import { join } from 'node:path';
import { App, DefaultStackSynthesizer, Stack, Validations } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Asset } from 'aws-cdk-lib/aws-s3-assets';
import flags from 'aws-cdk-lib/recommended-feature-flags.json' with { type: 'json' };
import { Construct } from 'constructs';
import { environmentName } from '../functions/names.ts';
import type { GpuProtocol } from '../functions/workspaces/kinds.ts';
import { type Access, accessTo } from './access.ts';
import type { Config } from './config.ts';
import { explainWildcards } from './nag-wildcards.ts';
import { AwakeTemplate } from './project/awake.ts';
import { createTempDir } from './temp-dir.ts';

/** The template of what a project has only while something runs, in a CDK app of its own. */
export function buildAwakeTemplate(gpuProtocol: GpuProtocol = 'rdp'): { app: App; template: AwakeTemplate } {
  const app = new App({ context: flags, outdir: createTempDir('awake'), autoSynth: false, analyticsReporting: false });
  const template = new AwakeTemplate(app, 'awake', {
    description: 'Broch: what a project has while something runs in it',
    synthesizer: new DefaultStackSynthesizer({ generateBootstrapVersionRule: false }),
    gpuProtocol,
  });
  return { app, template };
}

/** Whoever wakes a project looks at its network, and at the gateway's network and image. Descriptions name no resource. */
export const describesNetworks = () =>
  new PolicyStatement({
    actions: ['Instances', 'Images', 'Vpcs', 'RouteTables'].map(name => `ec2:Describe${name}`),
    resources: ['*'],
  });

/** The permissions to wake projects and to let them sleep. Any capability that runs things in projects can have them. */
export class AwakeProjects extends Construct {
  private readonly role: Role;
  private readonly asset: Asset;
  private readonly prefix: string;

  constructor(scope: Construct, id: string, { environment, gateway }: Pick<Config, 'environment' | 'gateway'>) {
    super(scope, id);
    const stack = Stack.of(this);
    this.prefix = environmentName(environment, 'awake-');
    const { app, template } = buildAwakeTemplate(gateway?.gpuProtocol);
    this.asset = new Asset(this, 'Template', { path: join(app.synth().directory, template.templateFile) });
    this.role = new Role(this, 'Builder', {
      description: 'Builds and deletes what projects have while something runs in them',
      assumedBy: new ServicePrincipal('cloudformation.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': stack.account } },
      }),
    });
    const statements = this.rights(environment);
    for (const statement of statements) this.role.addToPolicy(statement);
    explainWildcards(this, statements, 'Projects are made at run time: a tag fences what has no name yet.');
    Validations.of(this.role).acknowledge({
      id: 'NIST.800.53.R5-IAMNoInlinePolicy',
      reason: 'A role of one use: its policy belongs to nothing else.',
    });
  }

  /** What the schemas of the template's resource types name, limited to this environment by its tag. */
  private rights(environment: string): PolicyStatement[] {
    const { partition, region, account } = Stack.of(this);
    const arns = (...types: string[]) => types.map(type => `arn:${partition}:ec2:${region}:${account}:${type}/*`);
    const regionOnly = { StringEquals: { 'aws:RequestedRegion': region } };
    const ownTag = { StringEquals: { 'aws:ResourceTag/broch:environment': environment } };
    const requestTag = { StringEquals: { 'aws:RequestTag/broch:environment': environment } };
    const ec2 = (names: string[]) => names.map(name => `ec2:${name}`);
    return [
      new PolicyStatement({
        actions: ec2([
          ...['DescribeVpcEndpoints', 'DescribeVpcPeeringConnections', 'DescribeRouteTables', 'DescribeVpcs'],
          ...['DescribeSubnets', 'DescribeSecurityGroups', 'DescribeSecurityGroupRules', 'DescribeTags'],
        ]),
        resources: ['*'],
        conditions: regionOnly,
      }),
      new PolicyStatement({
        actions: ec2(['CreateVpcEndpoint', 'CreateVpcPeeringConnection', 'AcceptVpcPeeringConnection']),
        resources: arns('vpc', 'subnet', 'security-group', 'vpc-endpoint', 'vpc-peering-connection'),
        conditions: regionOnly,
      }),
      new PolicyStatement({
        actions: ec2([
          ...['CreateRoute', 'DeleteRoute', 'ReplaceRoute', 'AuthorizeSecurityGroupIngress'],
          ...['RevokeSecurityGroupIngress', 'ModifyVpcEndpoint', 'DeleteVpcEndpoints', 'DeleteVpcPeeringConnection'],
        ]),
        resources: arns('route-table', 'security-group', 'vpc-endpoint', 'vpc-peering-connection'),
        conditions: ownTag,
      }),
      new PolicyStatement({
        actions: ec2(['CreateTags']),
        resources: arns('vpc-endpoint', 'vpc-peering-connection', 'security-group-rule'),
        conditions: requestTag,
      }),
      new PolicyStatement({
        actions: ec2(['DeleteTags']),
        resources: arns('vpc-endpoint', 'vpc-peering-connection', 'security-group-rule'),
        conditions: ownTag,
      }),
    ];
  }

  private onStacks(actions: string[], conditions?: Record<string, Record<string, string>>): PolicyStatement {
    const { partition, region, account } = Stack.of(this);
    return new PolicyStatement({
      actions: actions.map(action => `cloudformation:${action}`),
      resources: [`arn:${partition}:cloudformation:${region}:${account}:stack/${this.prefix}*/*`],
      ...(conditions && { conditions }),
    });
  }

  private passRole(): Access {
    return accessTo(
      this.role.roleArn,
      new PolicyStatement({
        actions: ['iam:PassRole'],
        resources: [this.role.roleArn],
        conditions: { StringEquals: { 'iam:PassedToService': 'cloudformation.amazonaws.com' } },
      }),
    );
  }

  /** For functions that give leases back. */
  sleeps(): { AWAKE_STACKS: Access; AWAKE_ROLE: Access } {
    return { AWAKE_STACKS: accessTo(this.prefix, this.onStacks(['DeleteStack'])), AWAKE_ROLE: this.passRole() };
  }

  /** For functions that wake projects: they may deploy only this template, and only with that role. */
  wakes(): { AWAKE_STACKS: Access; AWAKE_ROLE: Access; AWAKE_TEMPLATE: Access } {
    const { asset, role } = this;
    return {
      AWAKE_STACKS: accessTo(this.prefix, this.onStacks(['DescribeStacks', 'DeleteStack'])),
      AWAKE_ROLE: this.passRole(),
      AWAKE_TEMPLATE: accessTo(
        asset.httpUrl,
        this.onStacks(['CreateStack', 'UpdateStack'], {
          StringEquals: { 'cloudformation:TemplateUrl': asset.httpUrl, 'cloudformation:RoleArn': role.roleArn },
        }),
        this.onStacks(['TagResource'], { StringEquals: { 'cloudformation:CreateAction': 'CreateStack' } }),
        new PolicyStatement({
          actions: ['s3:GetObject'],
          resources: [asset.bucket.arnForObjects(asset.s3ObjectKey)],
        }),
      ),
    };
  }
}
