import { Stack, Validations } from 'aws-cdk-lib';
import { CfnProject } from 'aws-cdk-lib/aws-codebuild';
import { Effect, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { Key } from 'aws-cdk-lib/aws-kms';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import { Asset } from 'aws-cdk-lib/aws-s3-assets';
import { IgnoreMode, SymlinkFollowMode } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { APPROVED_TAG } from '../functions/names.ts';
import { bucketAccess } from './access.ts';
import type { Core } from './core.ts';
import type { ImageNetwork } from './image-network.ts';
import { keyUseStatement } from './key-use.ts';
import { explainWildcards } from './nag-wildcards.ts';
import { privateRecipeFiles, recipesFolder, recipeValues } from './recipes.ts';

/** The digest of a recipe, as `digestRecipe` computes it, in the folder of all recipes. */
export const digestCommand =
  'find -L "$BROCH_IMAGE" shared -name __pycache__ -prune -o -type f -print | LC_ALL=C sort | xargs sha256sum | sha256sum | cut --delimiter=" " --fields=1';

/**
 * Fetches the values that a recipe has no default for. An image without such values needs no file. The command lists the
 * bucket first, to tell a missing file from one that it may not read, which ends the build.
 */
export const valuesCommand = [
  'found=$(aws s3api list-objects-v2 --bucket "$BUILDS" --prefix "variables/$BROCH_IMAGE.pkrvars.hcl" --no-paginate --query KeyCount --output text) || exit 1',
  'if [ "$found" = 0 ]; then : >values.pkrvars.hcl; else aws s3 cp "s3://$BUILDS/variables/$BROCH_IMAGE.pkrvars.hcl" values.pkrvars.hcl || exit 1; fi',
].join('; ');

/**
 * What CodeBuild runs. Packer and the plugin of Session Manager come from the bucket, where an operator puts releases that
 * they have verified, and so do the values that a recipe has no default for.
 */
const commands = [
  `test "$(${digestCommand})" = "$BROCH_RECIPE"`,
  'aws s3 cp "s3://$BUILDS/tools/packer.zip" packer.zip && unzip -q packer.zip packer -d /usr/bin && rm packer.zip',
  'aws s3 cp "s3://$BUILDS/tools/session-manager-plugin.rpm" plugin.rpm && dnf install --assumeyes ./plugin.rpm && rm plugin.rpm',
  valuesCommand,
  // Of no other image: the enclave's image, from sources that are a part of the recipe. It needs Docker, so build.lambda.ts
  // starts this build in privileged mode.
  'if [ "$BROCH_IMAGE" = enclave-parent ]; then dnf install --assumeyes aws-nitro-enclaves-cli aws-nitro-enclaves-cli-devel && python3 -m pip install --quiet --no-deps --require-hashes --requirement enclave-parent/enclave/image/requirements.txt && sh enclave-parent/enclave/image/build.sh enclave-parent/loader || exit 1; fi',
  'packer init "$BROCH_IMAGE"',
  // If a stopped build left its route, AWS would refuse to create the route again.
  `${routeCommand('delete')} || true`,
  `${routeCommand('create')} --gateway-id "$GATEWAY"`,
  'packer build -color=false -var-file=values.pkrvars.hcl -var "region=$AWS_REGION" -var "subnet_id=$SUBNET" -var "security_group_id=$GROUP" -var "instance_profile=$PROFILE" -var "kms_key_id=$KEY" -var "recipe=$BROCH_RECIPE" "$BROCH_IMAGE"',
  'aws s3 cp "bill-of-materials-$BROCH_IMAGE.json" "s3://$BUILDS/builds/$BROCH_IMAGE/$BROCH_VERSION/$BROCH_ATTEMPT/bill-of-materials.json"',
  'if [ "$BROCH_IMAGE" = enclave-parent ]; then aws s3 cp enclave-parent/loader/measurements.json "s3://$BUILDS/builds/$BROCH_IMAGE/$BROCH_VERSION/$BROCH_ATTEMPT/measurements.json" || exit 1; fi',
  'aws s3 cp "manifest-$BROCH_IMAGE.json" "s3://$BUILDS/builds/$BROCH_IMAGE/$BROCH_VERSION/$BROCH_ATTEMPT/manifest.json"',
];

/** Adds or removes the route of the build subnet to the internet. Builds run one at a time, so none removes another's. */
function routeCommand(verb: 'create' | 'delete'): string {
  return `aws ec2 ${verb}-route --route-table-id "$ROUTES" --destination-cidr-block 0.0.0.0/0`;
}

export interface ImageBuilderProps {
  readonly core: Core;
  readonly builds: Bucket;
  readonly key: Key;
  readonly network: ImageNetwork;
}

/** The CodeBuild project that runs Packer. It costs nothing while it does not run, and nothing connects to it. */
export class ImageBuilder extends Construct {
  readonly project: CfnProject;

  constructor(scope: Construct, id: string, { core, builds, key, network }: ImageBuilderProps) {
    super(scope, id);
    const recipes = new Asset(this, 'Recipes', {
      path: recipesFolder,
      exclude: privateRecipeFiles,
      ignoreMode: IgnoreMode.GLOB,
      followSymlinks: SymlinkFollowMode.ALWAYS,
    });
    const logGroup = core.logGroup(this);
    const role = new Role(this, 'Role', {
      assumedBy: new ServicePrincipal('codebuild.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
    });
    const { partition, region, account } = Stack.of(this);
    const statements = [
      new PolicyStatement({
        actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
        resources: [logGroup.logGroupArn],
      }),
      new PolicyStatement({
        actions: ['s3:GetObject', 's3:GetObjectVersion'],
        resources: [`arn:${partition}:s3:::${recipes.s3BucketName}/${recipes.s3ObjectKey}`],
      }),
      ...bucketAccess(builds, ['read'], 'tools/').statements,
      ...bucketAccess(builds, ['read', 'list'], 'variables/').statements,
      ...bucketAccess(builds, ['write'], 'builds/').statements,
      ...packerStatements(this, network, key),
    ];
    for (const statement of statements) role.addToPolicy(statement);
    explainWildcards(this, statements, 'Machines, disks and images exist only while Packer runs, so tags limit them.');
    const environment = {
      BUILDS: builds.bucketName,
      SUBNET: network.build.subnet.attrSubnetId,
      ROUTES: network.build.routes.attrRouteTableId,
      GATEWAY: network.build.gateway.attrInternetGatewayId,
      GROUP: network.build.group.attrGroupId,
      PROFILE: network.build.profile.ref,
      KEY: key.keyArn,
      // Packer sets the variables of these names, and skips those that a recipe does not have.
      ...Object.fromEntries(
        Object.entries(recipeValues(core.config.images)).map(([name, value]) => [`PKR_VAR_${name}`, value]),
      ),
    };
    this.project = new CfnProject(this, 'Project', {
      description: 'Broch: builds images with Packer',
      serviceRole: role.roleArn,
      encryptionKey: core.key.keyArn,
      timeoutInMinutes: 240,
      queuedTimeoutInMinutes: 240,
      concurrentBuildLimit: 1,
      artifacts: { type: 'NO_ARTIFACTS' },
      environment: {
        type: 'LINUX_CONTAINER',
        computeType: 'BUILD_GENERAL1_SMALL',
        image: 'aws/codebuild/amazonlinux-x86_64-standard:5.0',
        environmentVariables: Object.entries(environment).map(([name, value]) => ({ name, value })),
      },
      source: {
        type: 'S3',
        location: `${recipes.s3BucketName}/${recipes.s3ObjectKey}`,
        buildSpec: JSON.stringify({
          version: '0.2',
          phases: { build: { 'on-failure': 'ABORT', commands, finally: [routeCommand('delete')] } },
        }),
      },
      logsConfig: { cloudWatchLogs: { status: 'ENABLED', groupName: logGroup.logGroupName } },
    });
    Validations.of(this).acknowledge({
      id: 'NIST.800.53.R5-IAMNoInlinePolicy',
      reason: `A role of one project in ${region}: its policy belongs to nothing else (${account}).`,
    });
  }
}

/**
 * The calls that release 1.8.2 of Packer's plugin makes for these recipes (test/images/packer-calls.ts), and no other.
 * It may start machines only in the build subnet, touch only what its run made, and approve nothing.
 */
function packerStatements(scope: Construct, network: ImageNetwork, key: Key): PolicyStatement[] {
  const { partition, region, account } = Stack.of(scope);
  const arns = (...types: string[]) => types.map(type => `arn:${partition}:ec2:${region}:${account}:${type}/*`);
  const shared = (...types: string[]) => types.map(type => `arn:${partition}:ec2:${region}::${type}/*`);
  const place = [
    `arn:${partition}:ec2:${region}:${account}:subnet/${network.build.subnet.attrSubnetId}`,
    `arn:${partition}:ec2:${region}:${account}:security-group/${network.build.group.attrGroupId}`,
  ];
  const document = `arn:${partition}:ssm:${region}::document/AWS-StartPortForwardingSession`;
  const recipeTag = { Null: { 'aws:ResourceTag/broch:recipe': 'false' } };
  // Only what no environment owns, such as what a build has just made, and always with the recipe.
  const unowned = {
    Null: { 'aws:RequestTag/broch:recipe': 'false', 'aws:ResourceTag/broch:environment': 'true' },
  };
  const unapproved = { Null: { [`aws:ResourceTag/${APPROVED_TAG}`]: 'true' } };
  const allow = (actions: string[], resources: string[], conditions = {}) =>
    new PolicyStatement({ actions, resources, conditions });
  const keyActions = [
    'Decrypt',
    'DescribeKey',
    'Encrypt',
    'GenerateDataKeyWithoutPlaintext',
    'ReEncryptFrom',
    'ReEncryptTo',
  ];
  return [
    allow(
      ['Images', 'Instances', 'InstanceStatus', 'Regions', 'SecurityGroups', 'Subnets', 'Volumes'].map(
        name => `ec2:Describe${name}`,
      ),
      ['*'],
    ),
    allow(
      ['ec2:RunInstances'],
      [...place, ...arns('instance', 'volume', 'network-interface', 'key-pair'), ...shared('image')],
    ),
    allow(
      ['ec2:CreateRoute', 'ec2:DeleteRoute'],
      [`arn:${partition}:ec2:${region}:${account}:route-table/${network.build.routes.attrRouteTableId}`],
    ),
    allow(['ec2:CreateKeyPair', 'ec2:DeleteKeyPair'], arns('key-pair')),
    allow(['ec2:StopInstances', 'ec2:TerminateInstances'], arns('instance'), recipeTag),
    allow(['ec2:CreateImage'], [...arns('instance'), ...shared('image', 'snapshot')]),
    allow(['ec2:CopyImage'], shared('image', 'snapshot')),
    allow(['ec2:DeregisterImage'], shared('image'), unapproved),
    // The encrypted copy of the image has the tags of the machine (Packer sets CopyImageTags). Packer sets IMDSv2 in it.
    allow(['ec2:ModifyImageAttribute'], shared('image'), { Null: { ...unapproved.Null, ...recipeTag.Null } }),
    allow(['ec2:DeleteSnapshot'], shared('snapshot'), recipeTag),
    allow(
      ['ec2:CreateTags'],
      [...arns('instance', 'volume', 'network-interface', 'key-pair'), ...shared('image', 'snapshot')],
      unowned,
    ),
    new PolicyStatement({
      sid: 'ApprovesNothing',
      effect: Effect.DENY,
      actions: ['ec2:CreateTags', 'ec2:DeleteTags'],
      resources: ['*'],
      conditions: { 'ForAnyValue:StringEquals': { 'aws:TagKeys': [APPROVED_TAG] } },
    }),
    allow(['ssm:StartSession'], arns('instance'), { Null: { 'ssm:resourceTag/broch:recipe': 'false' } }),
    allow(['ssm:StartSession'], [document]),
    allow(['ssm:TerminateSession'], [`arn:${partition}:ssm:${region}:${account}:session/*`]),
    new PolicyStatement({
      actions: ['iam:PassRole'],
      resources: [network.roles.build.roleArn],
      conditions: { StringEquals: { 'iam:PassedToService': 'ec2.amazonaws.com' } },
    }),
    keyUseStatement(
      scope,
      'ec2',
      keyActions.map(name => `kms:${name}`),
      [key.keyArn],
    ),
    keyUseStatement(scope, 'ec2', ['kms:CreateGrant'], [key.keyArn], { Bool: { 'kms:GrantIsForAWSResource': 'true' } }),
  ];
}
