import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import type { IStateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import type * as Alias from '../functions/images/alias.lambda.ts';
import type * as ApiLambda from '../functions/images/api.lambda.ts';
import type * as Build from '../functions/images/build.lambda.ts';
import { BuildEnded } from '../functions/images/builder.ts';
import type * as Built from '../functions/images/built.lambda.ts';
import * as events from '../functions/images/events.ts';
import type * as Fail from '../functions/images/fail.lambda.ts';
import type * as Findings from '../functions/images/findings.lambda.ts';
import type * as Label from '../functions/images/label.lambda.ts';
import type * as Launch from '../functions/images/launch.lambda.ts';
import type * as Remove from '../functions/images/remove.lambda.ts';
import { APPROVED_TAG } from '../functions/images/schemas.ts';
import type * as Smoke from '../functions/images/smoke.lambda.ts';
import type * as Tested from '../functions/images/tested.lambda.ts';
import { accessTo, bucketAccess, groupsAccess, startAccess, tableAccess } from './access.ts';
import type { Api, People } from './api.ts';
import type { Core } from './core.ts';
import { Handler } from './handler.ts';
import { ImageBuilder } from './image-builder.ts';
import { ImageNetwork } from './image-network.ts';
import { launchesCandidates, opensEndpoints, removesCandidates } from './image-rights.ts';
import { recipeDigests } from './recipes.ts';
import { Workflow } from './workflow.ts';

/** The key that encrypts images, and the bucket for what builds need and make. */
export class ImagesData extends Construct {
  readonly key: Key;
  readonly builds: Bucket;

  constructor(scope: Construct, id: string, { core }: { core: Core }) {
    super(scope, id);
    this.key = new Key(this, 'Key', {
      description: 'Broch: images and their snapshots',
      enableKeyRotation: true,
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    });
    this.builds = core.bucket(this, 'Builds', {
      lifecycleRules: [{ noncurrentVersionExpiration: Duration.days(90) }],
    });
  }
}

export interface ImagesProps {
  readonly core: Core;
  readonly data: ImagesData;
  readonly people: People;
  readonly api: Api;
}

/** Builds images, tests and scans them, and keeps what people decided about them in force. */
export class Images extends Construct {
  constructor(scope: Construct, id: string, { core, data, people, api }: ImagesProps) {
    super(scope, id);
    const network = new ImageNetwork(this, 'Network', { core });
    const builder = new ImageBuilder(this, 'Builder', { core, network, ...data });
    const rules = JSON.stringify(core.config.images);
    const row = tableAccess(core.table, { image: ['GetItem', 'PutItem'] });
    // Two hours for tests and a scan on top of the build.
    const deadline = Duration.hours(9);
    const machine = this.createWorkflow(core, data, { network, builder, rules, deadline });

    const built = new Handler<typeof Built>(this, 'Built', {
      core,
      entry: 'images/built.lambda.ts',
      environment: {
        TABLE_NAME: row,
        RULES: rules,
        BUILDS_BUCKET: bucketAccess(data.builds, ['read'], 'builds/'),
        MACHINE_ARN: accessTo(machine.stateMachineArn, wakes(machine)),
        ENVIRONMENT: accessTo(core.config.environment, allowEverywhere('ec2:DescribeImages')),
      },
    });
    core.onEvent(this, 'BuildEnded', BuildEnded, built, 'warning', {
      detail: {
        'project-name': [builder.project.ref],
        'build-status': ['SUCCEEDED', 'FAILED', 'FAULT', 'STOPPED', 'TIMED_OUT'],
      },
    });
    this.followDecisions(core);

    const handler = new Handler<typeof ApiLambda>(this, 'Api', {
      core,
      entry: 'images/api.lambda.ts',
      environment: {
        TABLE_NAME: tableAccess(core.table, {
          image: ['GetItem', 'PutItem'],
          project: ['GetItem'],
          once: ['GetItem', 'PutItem', 'UpdateItem', 'DeleteItem'],
        }),
        MACHINE_ARN: startAccess(machine),
        POOL_ID: groupsAccess(people.pool),
        RULES: rules,
        RECIPES: JSON.stringify(recipeDigests()),
        DEADLINE_SECONDS: String(deadline.toSeconds()),
        ENVIRONMENT: accessTo(core.config.environment, allowEverywhere('ec2:DescribeInstances')),
      },
    });
    api.addRoutes(this, 'images', handler);
  }

  private createWorkflow(
    core: Core,
    data: ImagesData,
    {
      network,
      builder,
      rules,
      deadline,
    }: { network: ImageNetwork; builder: ImageBuilder; rules: string; deadline: Duration },
  ): IStateMachine {
    const { environment } = core.config;
    const row = tableAccess(core.table, { image: ['GetItem', 'PutItem'] });
    const place = JSON.stringify({
      vpc: network.vpc.attrVpcId,
      subnet: network.test.subnet.attrSubnetId,
      group: network.test.group.attrGroupId,
      endpointGroup: network.endpointGroup.attrGroupId,
      profile: network.test.profile.ref,
      region: Stack.of(this).region,
    });
    const build = new Handler<typeof Build>(this, 'Build', {
      core,
      entry: 'images/build.lambda.ts',
      environment: {
        TABLE_NAME: row,
        RULES: rules,
        BUILDER: accessTo(
          builder.project.ref,
          new PolicyStatement({ actions: ['codebuild:StartBuild'], resources: [builder.project.attrArn] }),
        ),
      },
    });
    const launch = new Handler<typeof Launch>(this, 'Launch', {
      core,
      entry: 'images/launch.lambda.ts',
      seconds: 60,
      environment: {
        TABLE_NAME: tableAccess(core.table, { image: ['GetItem'] }),
        NETWORK: accessTo(place, ...launchesCandidates(this, network, data.key, environment)),
        ENVIRONMENT: accessTo(environment, ...opensEndpoints(this, network, environment)),
      },
    });
    const smoke = new Handler<typeof Smoke>(this, 'Smoke', {
      core,
      entry: 'images/smoke.lambda.ts',
      environment: {
        NETWORK: accessTo(place, ...sendsSmokeTests(this)),
        ENVIRONMENT: accessTo(environment, ...opensEndpoints(this, network, environment)),
      },
    });
    const tested = new Handler<typeof Tested>(this, 'Tested', {
      core,
      entry: 'images/tested.lambda.ts',
      environment: {
        TABLE_NAME: row,
        RULES: rules,
        ENVIRONMENT: accessTo(environment, allowEverywhere('ssm:GetCommandInvocation')),
      },
    });
    const findings = new Handler<typeof Findings>(this, 'Findings', {
      core,
      entry: 'images/findings.lambda.ts',
      seconds: 60,
      environment: {
        TABLE_NAME: row,
        RULES: rules,
        ENVIRONMENT: accessTo(environment, allowEverywhere('inspector2:ListCoverage', 'inspector2:ListFindings')),
      },
    });
    const remove = new Handler<typeof Remove>(this, 'Remove', {
      core,
      entry: 'images/remove.lambda.ts',
      seconds: 60,
      environment: {
        NETWORK: place,
        ENVIRONMENT: accessTo(environment, ...removesCandidates(this, environment)),
      },
    });
    const fail = new Handler<typeof Fail>(this, 'Fail', {
      core,
      entry: 'images/fail.lambda.ts',
      environment: { TABLE_NAME: row, RULES: rules },
    });
    const { machine } = new Workflow(this, 'Workflow', {
      core,
      file: 'images.asl.json',
      calls: {
        Build: build,
        Launch: launch,
        Smoke: smoke,
        Tested: tested,
        Findings: findings,
        Remove: remove,
        Fail: fail,
      },
      values: { BuildSeconds: 5 * 3600 },
      deadline,
      severity: 'warning',
    });
    return machine;
  }

  /** What follows from decisions: the parameter of the current version, and the tags and the end of machine images. */
  private followDecisions(core: Core): void {
    const { partition, region } = Stack.of(this);
    const { environment } = core.config;
    const reads = tableAccess(core.table, { image: ['GetItem'] });
    const alias = new Handler<typeof Alias>(this, 'Alias', {
      core,
      entry: 'images/alias.lambda.ts',
      environment: {
        TABLE_NAME: reads,
        ENVIRONMENT: accessTo(
          environment,
          new PolicyStatement({
            // Parameter Store reads the parameter and the image on behalf of the caller, to check the id.
            actions: ['ssm:GetParameter', 'ssm:GetParameters', 'ssm:PutParameter'],
            resources: [
              Stack.of(this).formatArn({
                service: 'ssm',
                resource: 'parameter',
                resourceName: 'broch/images/*/current',
              }),
            ],
          }),
          allowEverywhere('ec2:DescribeImages'),
        ),
      },
    });
    for (const contract of [events.ImagePublished, events.ImageRolledBack])
      core.onEvent(this, contract.type, contract, alias, 'warning');

    const images = [`arn:${partition}:ec2:${region}::image/*`];
    const ofImages = { 'ec2:Owner': Stack.of(this).account };
    const label = new Handler<typeof Label>(this, 'Label', {
      core,
      entry: 'images/label.lambda.ts',
      environment: {
        TABLE_NAME: reads,
        ENVIRONMENT: accessTo(
          environment,
          new PolicyStatement({
            actions: ['ec2:CreateTags', 'ec2:DeleteTags'],
            resources: images,
            conditions: {
              'ForAllValues:StringEquals': { 'aws:TagKeys': [APPROVED_TAG] },
              Null: { 'aws:ResourceTag/broch:image': 'false' },
            },
          }),
          new PolicyStatement({
            actions: ['ec2:DeregisterImage', 'ec2:EnableImageDeprecation'],
            resources: images,
            conditions: { StringEquals: ofImages, Null: { 'aws:ResourceTag/broch:image': 'false' } },
          }),
          new PolicyStatement({
            actions: ['ec2:DeleteSnapshot'],
            resources: [`arn:${partition}:ec2:${region}::snapshot/*`],
            conditions: { Null: { 'aws:ResourceTag/broch:image': 'false' } },
          }),
        ),
      },
    });
    const { ImageApproved, ImageApprovalVoided, ImageRejected, ImageDeprecated, ImageRetired } = events;
    for (const contract of [ImageApproved, ImageApprovalVoided, ImageRejected, ImageDeprecated, ImageRetired])
      core.onEvent(this, contract.type, contract, label, 'warning');
  }
}

/** Actions that have no resource-level permissions. */
const allowEverywhere = (...actions: string[]) => new PolicyStatement({ actions, resources: ['*'] });

const sendsSmokeTests = (scope: Construct): PolicyStatement[] => {
  const { partition, region, account } = Stack.of(scope);
  return [
    new PolicyStatement({
      actions: ['ssm:SendCommand'],
      resources: ['AWS-RunShellScript', 'AWS-RunPowerShellScript'].map(
        name => `arn:${partition}:ssm:${region}::document/${name}`,
      ),
    }),
    new PolicyStatement({
      actions: ['ssm:SendCommand'],
      resources: [`arn:${partition}:ec2:${region}:${account}:instance/*`],
      conditions: { Null: { 'aws:ResourceTag/broch:candidate': 'false' } },
    }),
  ];
};

/** May complete waiting tasks of the state machine, but not fail them. */
const wakes = (machine: IStateMachine) =>
  new PolicyStatement({ actions: ['states:SendTaskSuccess'], resources: [machine.stateMachineArn] });
