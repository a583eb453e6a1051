import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import type { IStateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import type * as ApiLambda from '../functions/images/api.lambda.ts';
import { BuildEnded } from '../functions/images/builder.ts';
import type * as Built from '../functions/images/built.lambda.ts';
import type * as Upkeep from '../functions/images/upkeep.lambda.ts';
import { accessTo, bucketAccess, groupsAccess, startAccess, tableAccess } from './access.ts';
import { alarm } from './alarm.ts';
import type { Api, People } from './api.ts';
import type { Core } from './core.ts';
import { Handler } from './handler.ts';
import { ImageBuilder } from './image-builder.ts';
import { createImageAlias, createImageLabel } from './image-decisions.ts';
import { ImageNetwork } from './image-network.ts';
import { allowEverywhere, clearsBuilds } from './image-rights.ts';
import { allowScaling, ImageSharing, shareImageKey } from './image-sharing.ts';
import { createImageWorkflow } from './image-workflow.ts';
import { recipeBases, recipeDigests, recipeValues } from './recipes.ts';
import { callRegularly } from './schedule.ts';

/** The key that encrypts images, and the bucket for what builds need and make. */
export class ImagesData extends Construct {
  readonly key: Key;
  readonly builds: Bucket;

  constructor(scope: Construct, id: string, { core }: { core: Core }) {
    super(scope, id);
    this.key = new Key(this, 'Key', {
      description: 'Broch: images and their snapshots',
      enableKeyRotation: true,
      // An image is replaced within months, and every snapshot has a data key of its own, so the key rotates rarely.
      rotationPeriod: Duration.days(2560),
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    });
    allowScaling(this.key);
    shareImageKey(this.key, core.config.images.sharing);
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
    const deadline = Duration.hours(12);
    const machine = createImageWorkflow(this, { core, key: data.key, network, builder, rules, deadline });

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
    const recipes = JSON.stringify(recipeDigests());
    const upkeep = new Handler<typeof Upkeep>(this, 'Upkeep', {
      core,
      entry: 'images/upkeep.lambda.ts',
      seconds: 120,
      environment: {
        TABLE_NAME: row,
        MACHINE_ARN: startAccess(machine),
        RULES: rules,
        RECIPES: recipes,
        BASES: accessTo(
          JSON.stringify(recipeBases(recipeValues(core.config.images))),
          allowEverywhere('ec2:DescribeImages'),
        ),
        NETWORK: accessTo(
          JSON.stringify({
            project: builder.project.ref,
            routes: network.build.routes.attrRouteTableId,
            subnet: network.build.subnet.attrSubnetId,
          }),
          ...clearsBuilds(this, network, builder),
        ),
      },
    });
    alarm(upkeep, 'Errors', {
      topic: core.alarms,
      severity: 'warning',
      metric: upkeep.fn.metricErrors({ period: Duration.minutes(5) }),
      means:
        'The daily look at the images failed for some of them, so nobody knows whether they should be built again, or for the network of builds, which may still have the way out and the machine of a build that was stopped.',
      check:
        'The log group of functions/images/upkeep.lambda.ts for level ERROR: it names the images, or the network of builds.',
      do: 'Correct the cause. The next run, a day later, does what this one did not. Until then start builds by hand: `broch image build`.',
    });
    callRegularly(this, 'Daily', {
      target: upkeep,
      description:
        'Builds images again that are old or made of what has changed, and removes what a stopped build left',
      every: Duration.days(1),
    });
    createImageAlias(this, core);
    createImageLabel(this, core);
    if (core.config.images.sharing.length > 0) new ImageSharing(this, 'Sharing', { core, key: data.key });

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
        RECIPES: recipes,
        DEADLINE_SECONDS: String(deadline.toSeconds()),
        ENVIRONMENT: accessTo(
          core.config.environment,
          allowEverywhere('ec2:DescribeInstances', 'batch:DescribeComputeEnvironments'),
        ),
      },
    });
    api.addRoutes(this, 'images', handler);
  }
}

/** May complete waiting tasks of the state machine, but not fail them. */
const wakes = (machine: IStateMachine) =>
  new PolicyStatement({ actions: ['states:SendTaskSuccess'], resources: [machine.stateMachineArn] });
