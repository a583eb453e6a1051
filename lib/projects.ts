import { join } from 'node:path';
import { App, DefaultStackSynthesizer, Duration, Stack } from 'aws-cdk-lib';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import { Asset } from 'aws-cdk-lib/aws-s3-assets';
import flags from 'aws-cdk-lib/recommended-feature-flags.json' with { type: 'json' };
import { Construct } from 'constructs';
import { projectStackName } from '../functions/names.ts';
import type * as ApiLambda from '../functions/projects/api.lambda.ts';
import type * as CheckStack from '../functions/projects/check-stack.lambda.ts';
import { parsePool } from '../functions/projects/cidr.ts';
import type * as Create from '../functions/projects/create.lambda.ts';
import type * as Fail from '../functions/projects/fail.lambda.ts';
import type * as Lease from '../functions/projects/lease.lambda.ts';
import { PROJECT_DEADLINE_SECONDS } from '../functions/projects/projects.ts';
import type * as Protect from '../functions/projects/protect-stack.lambda.ts';
import type * as Recorded from '../functions/projects/record.lambda.ts';
import type * as RollBack from '../functions/projects/roll-back.lambda.ts';
import { accessTo, groupsAccess, startAccess, tableAccess } from './access.ts';
import type { Api, People } from './api.ts';
import type { Config } from './config.ts';
import { type Core, logRetention } from './core.ts';
import { Handler } from './handler.ts';
import { explainWildcards } from './nag-wildcards.ts';
import { ProjectBuilder } from './project/builder.ts';
import { bucketPrefix } from './project/names.ts';
import { NetworkTemplate } from './project/network.ts';
import { createTempDir } from './temp-dir.ts';
import { Workflow } from './workflow.ts';

const hasDcv = ({ gateway }: Config): boolean => gateway?.gpuProtocol === 'dcv';

/** The template of project networks, in its own CDK app because the workflow deploys it, not the CDK. */
export function buildNetworkTemplate(config: Config): { app: App; template: NetworkTemplate } {
  const app = new App({
    context: flags,
    outdir: createTempDir('template'),
    autoSynth: false,
    analyticsReporting: false,
  });
  const template = new NetworkTemplate(app, 'network', {
    environment: config.environment,
    hasDcv: hasDcv(config),
    retention: logRetention(config.retainDays),
    description: 'Broch: the network, key and bucket of one project',
    synthesizer: new DefaultStackSynthesizer({ generateBootstrapVersionRule: false }),
  });
  return { app, template };
}

function checkPool({ pool, prefix }: Config['projects']): void {
  try {
    parsePool(pool, prefix);
  } catch (error) {
    throw new Error(`The configuration's projects.pool and projects.prefix: ${(error as Error).message}.`);
  }
}

export interface ProjectsProps {
  readonly core: Core;
  /** Where datasets lie. Each project has an access point on it. */
  readonly lake: IBucket;
  readonly people: People;
  readonly api: Api;
}

/** Projects, each with its own network, key and bucket, which a workflow builds and rolls back. */
export class Projects extends Construct {
  constructor(scope: Construct, id: string, { core, lake, people, api }: ProjectsProps) {
    super(scope, id);
    checkPool(core.config.projects);
    const { environment, projects } = core.config;
    const { partition, region, account } = Stack.of(this);
    const { role } = new ProjectBuilder(this, 'Builder', { environment, lake, hasDcv: hasDcv(core.config) });
    const { app, template } = buildNetworkTemplate(core.config);
    const asset = new Asset(this, 'Network', { path: join(app.synth().directory, template.templateFile) });
    const buckets = bucketPrefix(environment, account);
    const stacks = `arn:${partition}:cloudformation:${region}:${account}:stack/${projectStackName(environment, '*')}/*`;
    const onStacks = (...actions: string[]) =>
      new PolicyStatement({ actions: actions.map(action => `cloudformation:${action}`), resources: [stacks] });

    const lease = new Handler<typeof Lease>(this, 'Lease', {
      core,
      entry: 'projects/lease.lambda.ts',
      // It may have to read every block of a nearly full pool.
      seconds: 90,
      environment: {
        TABLE_NAME: tableAccess(core.table, {
          project: ['GetItem', 'PutItem'],
          projects: ['PutItem'],
          block: ['GetItem', 'PutItem'],
        }),
        POOL: projects.pool,
        PREFIX: String(projects.prefix),
      },
    });
    const create = new Handler<typeof Create>(this, 'Create', {
      core,
      entry: 'projects/create.lambda.ts',
      environment: {
        ENVIRONMENT: accessTo(environment, onStacks('DescribeStacks', 'DeleteStack')),
        TEMPLATE_URL: accessTo(
          asset.httpUrl,
          // The function may deploy only this template, and only with that role, so it cannot create anything else.
          new PolicyStatement({
            actions: ['cloudformation:CreateStack'],
            resources: [stacks],
            conditions: {
              StringEquals: { 'cloudformation:TemplateUrl': asset.httpUrl, 'cloudformation:RoleArn': role.roleArn },
            },
          }),
          new PolicyStatement({
            actions: ['cloudformation:TagResource'],
            resources: [stacks],
            conditions: { StringEquals: { 'cloudformation:CreateAction': 'CreateStack' } },
          }),
          // CloudFormation reads the template with the permissions of the caller.
          new PolicyStatement({
            actions: ['s3:GetObject'],
            resources: [asset.bucket.arnForObjects(asset.s3ObjectKey)],
          }),
        ),
        SERVICE_ROLE: accessTo(
          role.roleArn,
          new PolicyStatement({
            actions: ['iam:PassRole'],
            resources: [role.roleArn],
            conditions: { StringEquals: { 'iam:PassedToService': 'cloudformation.amazonaws.com' } },
          }),
        ),
        ACCESS_LOGS: core.accessLogs.bucketName,
        LAKE: lake.bucketName,
        LAKE_KEY: core.key.keyArn,
      },
    });
    const checkStack = new Handler<typeof CheckStack>(this, 'CheckStack', {
      core,
      entry: 'projects/check-stack.lambda.ts',
      environment: {
        ENVIRONMENT: accessTo(environment, onStacks('DescribeStacks', 'DescribeStackEvents', 'DescribeEvents')),
      },
    });
    const record = new Handler<typeof Recorded>(this, 'Record', {
      core,
      entry: 'projects/record.lambda.ts',
      environment: { TABLE_NAME: tableAccess(core.table, { project: ['GetItem', 'PutItem'], projects: ['PutItem'] }) },
    });
    const protect = new Handler<typeof Protect>(this, 'Protect', {
      core,
      entry: 'projects/protect-stack.lambda.ts',
      environment: { ENVIRONMENT: accessTo(environment, onStacks('UpdateTerminationProtection')) },
    });
    const rollBack = new Handler<typeof RollBack>(this, 'RollBack', {
      core,
      entry: 'projects/roll-back.lambda.ts',
      environment: {
        TABLE_NAME: tableAccess(core.table, { project: ['GetItem'] }),
        ENVIRONMENT: accessTo(environment, onStacks('DescribeStacks', 'DeleteStack')),
      },
    });
    const fail = new Handler<typeof Fail>(this, 'Fail', {
      core,
      entry: 'projects/fail.lambda.ts',
      environment: {
        TABLE_NAME: tableAccess(core.table, {
          project: ['GetItem', 'PutItem'],
          projects: ['PutItem'],
          block: ['GetItem', 'PutItem'],
        }),
        QUARANTINE_DAYS: String(projects.quarantineDays),
      },
    });

    const workflow = new Workflow(this, 'Workflow', {
      core,
      file: 'projects.asl.json',
      calls: {
        Lease: lease,
        Create: create,
        CheckStack: checkStack,
        Record: record,
        Protect: protect,
        RollBack: rollBack,
        Fail: fail,
      },
      values: { Region: region, Buckets: buckets },
      deadline: Duration.seconds(PROJECT_DEADLINE_SECONDS),
      severity: 'warning',
    });
    const direct = [
      new PolicyStatement({
        actions: ['ec2:DescribeManagedPrefixLists', 'ec2:DescribeAvailabilityZones'],
        resources: ['*'],
      }),
      new PolicyStatement({ actions: ['s3:DeleteBucket'], resources: [`arn:${partition}:s3:::${buckets}*`] }),
    ];
    for (const statement of direct) workflow.machine.addToRolePolicy(statement);
    explainWildcards(
      workflow,
      direct,
      'Prefix lists and zones have no resource to name; buckets of projects are made at run time.',
    );

    const handler = new Handler<typeof ApiLambda>(this, 'Api', {
      core,
      entry: 'projects/api.lambda.ts',
      environment: {
        TABLE_NAME: tableAccess(core.table, {
          project: ['GetItem', 'PutItem', 'Query'],
          projects: ['PutItem', 'Query'],
          person: ['PutItem', 'Query'],
          once: ['GetItem', 'PutItem', 'UpdateItem', 'DeleteItem'],
        }),
        MACHINE: startAccess(workflow.machine),
        POOL_ID: groupsAccess(people.pool),
      },
    });
    api.addRoutes(this, 'projects', handler);
    logAccesses(core, buckets);
  }
}

/** Project buckets, which are created at run time, send their access logs to the platform's bucket. */
function logAccesses({ accessLogs }: Core, buckets: string): void {
  const { partition, account } = Stack.of(accessLogs);
  accessLogs.addToResourcePolicy(
    new PolicyStatement({
      sid: 'ProjectBuckets',
      principals: [new ServicePrincipal('logging.s3.amazonaws.com')],
      actions: ['s3:PutObject'],
      resources: [accessLogs.arnForObjects('projects/*')],
      conditions: {
        ArnLike: { 'aws:SourceArn': `arn:${partition}:s3:::${buckets}*` },
        StringEquals: { 'aws:SourceAccount': account },
      },
    }),
  );
}
