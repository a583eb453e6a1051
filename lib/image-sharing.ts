import { Duration, Stack } from 'aws-cdk-lib';
import { AccountPrincipal, AnyPrincipal, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Key } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import type * as Share from '../functions/images/share.lambda.ts';
import type { ShareTarget } from '../functions/images/sharing.ts';
import { throughService } from '../functions/key-condition.ts';
import { accessTo, tableAccess } from './access.ts';
import { alarm } from './alarm.ts';
import type { Core } from './core.ts';
import { Handler } from './handler.ts';
import { allowEverywhere } from './image-rights.ts';
import { callRegularly } from './schedule.ts';

/** What EC2 does with a key for an account that starts a machine from a shared image, and for a copy. */
const keyActions = ['Decrypt', 'DescribeKey', 'GenerateDataKeyWithoutPlaintext', 'ReEncryptFrom', 'ReEncryptTo'].map(
  name => `kms:${name}`,
);
const forServices = { Bool: { 'kms:GrantIsForAWSResource': 'true' } };

/**
 * Lets AWS Batch start machines from images: EC2 Auto Scaling does so for it, on Spot with a role of its own. A condition
 * names the roles, because a policy that names one as its principal is refused until the role exists:
 * https://docs.aws.amazon.com/autoscaling/ec2/userguide/key-policy-requirements-EBS-encryption.html
 */
export function allowScaling(key: Key): void {
  const { partition, account, region } = Stack.of(key);
  const roles = [
    'autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling',
    'spot.amazonaws.com/AWSServiceRoleForEC2Spot',
  ];
  const isScaling = {
    StringEquals: { ...throughService('ec2', region), 'kms:CallerAccount': account },
    ArnEquals: {
      'aws:PrincipalArn': roles.map(role => `arn:${partition}:iam::${account}:role/aws-service-role/${role}`),
    },
  };
  const allow = (sid: string, actions: string[], conditions: object) =>
    key.addToResourcePolicy(
      new PolicyStatement({ sid, principals: [new AnyPrincipal()], actions, resources: ['*'], conditions }),
    );
  allow('ScaledMachines', keyActions, isScaling);
  allow('ScaledMachinesGrants', ['kms:CreateGrant'], { ...isScaling, ...forServices });
}

/**
 * Lets other accounts read the disks of images. The accounts need the same right in their own policies:
 * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/share-amis-with-organizations-and-OUs.html#allow-org-ou-to-use-key
 */
export function shareImageKey(key: Key, targets: readonly ShareTarget[]): void {
  const accounts = targets.flatMap(({ account, region }) => (region === undefined ? [account] : []));
  if (accounts.length === 0) return;
  const principals = [...new Set(accounts)].map(account => new AccountPrincipal(account));
  const throughEc2 = throughService('ec2', Stack.of(key).region);
  key.addToResourcePolicy(
    new PolicyStatement({
      sid: 'SharedImages',
      principals,
      actions: keyActions,
      resources: ['*'],
      conditions: { StringEquals: throughEc2 },
    }),
  );
  key.addToResourcePolicy(
    new PolicyStatement({
      sid: 'SharedImagesGrants',
      principals,
      actions: ['kms:CreateGrant'],
      resources: ['*'],
      conditions: { StringEquals: throughEc2, ...forServices },
    }),
  );
}

/** Gives other accounts and regions the published images. Nothing of this exists unless the configuration names some. */
export class ImageSharing extends Construct {
  constructor(scope: Construct, id: string, { core, key }: { core: Core; key: Key }) {
    super(scope, id);
    const { partition, region, account } = Stack.of(this);
    const { sharing } = core.config.images;
    const regions = [...new Set([region, ...sharing.flatMap(target => target.region ?? [])])];
    const images = regions.map(name => `arn:${partition}:ec2:${name}::image/*`);
    const snapshots = regions.map(name => `arn:${partition}:ec2:${name}::snapshot/*`);
    const isOurs = { Null: { 'aws:ResourceTag/broch:image': 'false' } };
    const keys = [...new Set(sharing.flatMap(target => target.key ?? []))];
    const services = regions.map(name => `ec2.${name}.amazonaws.com`);
    const throughEc2 = { StringEquals: { 'kms:ViaService': services } };
    const share = new Handler<typeof Share>(this, 'Share', {
      core,
      entry: 'images/share.lambda.ts',
      seconds: 300,
      environment: {
        TABLE_NAME: tableAccess(core.table, { image: ['GetItem'] }),
        TARGETS: accessTo(
          JSON.stringify(sharing),
          new PolicyStatement({ actions: keyActions, resources: [key.keyArn, ...keys], conditions: throughEc2 }),
          new PolicyStatement({
            actions: ['kms:CreateGrant'],
            resources: [key.keyArn, ...keys],
            conditions: { ...throughEc2, ...forServices },
          }),
        ),
        REGION: region,
        ENVIRONMENT: accessTo(
          core.config.environment,
          allowEverywhere('ec2:DescribeImages', 'ec2:DescribeImageAttribute'),
          new PolicyStatement({
            actions: ['ec2:ModifyImageAttribute', 'ec2:DeregisterImage'],
            resources: images,
            conditions: { StringEquals: { 'ec2:Owner': account }, ...isOurs },
          }),
          new PolicyStatement({ actions: ['ec2:DeleteSnapshot'], resources: snapshots, conditions: isOurs }),
          new PolicyStatement({ actions: ['ec2:CopyImage'], resources: [...images, ...snapshots] }),
          new PolicyStatement({
            actions: ['ec2:CreateTags'],
            resources: [...images, ...snapshots],
            conditions: { StringEquals: { 'ec2:CreateAction': 'CopyImage' } },
          }),
        ),
      },
    });
    alarm(share, 'Errors', {
      topic: core.alarms,
      severity: 'warning',
      metric: share.fn.metricErrors({ period: Duration.minutes(5) }),
      means: 'Other accounts or regions did not get the published images, or still have images that are withdrawn.',
      check:
        'The log group of functions/images/share.lambda.ts: it names the image, the region and the refusal of EC2 or KMS.',
      do: 'Let both accounts use the key that `images.sharing` names for that region. The next run, an hour later, does what this one did not.',
    });
    callRegularly(this, 'Hourly', {
      target: share,
      description: 'Gives other accounts and regions the published images',
      every: Duration.hours(1),
    });
  }
}
