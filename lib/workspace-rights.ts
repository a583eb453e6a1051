import { Stack } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { APPROVED_TAG, environmentName } from '../functions/names.ts';
import { BACKUP_TAG, BACKUP_VALUE } from '../functions/workspaces/backups.ts';
import { keyUseStatement } from './key-use.ts';
import { PROJECT_IAM_PATH } from './project/names.ts';

/** The permissions to launch desktops: only with the tags of this Broch and the instance role of a project. */
export function launchesInstances(scope: Construct, environment: string): PolicyStatement[] {
  const { partition, account, region } = Stack.of(scope);
  const ec2 = (...types: string[]) => types.map(type => `arn:${partition}:ec2:${region}:${account}:${type}/*`);
  return [
    new PolicyStatement({
      actions: ['ec2:RunInstances'],
      resources: ec2('instance', 'volume'),
      conditions: { StringEquals: { 'aws:RequestTag/broch:environment': environment } },
    }),
    new PolicyStatement({
      actions: ['ec2:RunInstances'],
      // Project networks are created at run time.
      resources: ec2('subnet', 'security-group', 'network-interface'),
    }),
    // Only images of this account that somebody approved: nobody but the function that follows approvals sets the tag.
    new PolicyStatement({
      actions: ['ec2:RunInstances'],
      resources: [`arn:${partition}:ec2:${region}::image/*`],
      conditions: { StringEquals: { 'ec2:Owner': account, [`aws:ResourceTag/${APPROVED_TAG}`]: environment } },
    }),
    new PolicyStatement({
      actions: ['ec2:CreateTags'],
      resources: ec2('instance', 'volume'),
      conditions: { StringEquals: { 'ec2:CreateAction': 'RunInstances' } },
    }),
    describesInstances(),
    // A home that comes back from its snapshot.
    new PolicyStatement({
      actions: ['ec2:RunInstances'],
      resources: [`arn:${partition}:ec2:${region}::snapshot/*`],
      conditions: { StringEquals: { 'aws:ResourceTag/broch:environment': environment } },
    }),
    new PolicyStatement({
      actions: ['iam:PassRole'],
      resources: [`arn:${partition}:iam::${account}:role${PROJECT_IAM_PATH}${environmentName(environment, '*')}`],
      conditions: { StringEquals: { 'iam:PassedToService': 'ec2.amazonaws.com' } },
    }),
    ...usesEncryptedDisks(scope),
  ];
}

/** EC2 uses these on behalf of the caller for disks that the project's key encrypts. */
function usesEncryptedDisks(scope: Construct): PolicyStatement[] {
  const { partition, account, region } = Stack.of(scope);
  const keys = [`arn:${partition}:kms:${region}:${account}:key/*`];
  return [
    keyUseStatement(
      scope,
      'ec2',
      ['kms:Decrypt', 'kms:DescribeKey', 'kms:GenerateDataKeyWithoutPlaintext', 'kms:ReEncryptFrom', 'kms:ReEncryptTo'],
      keys,
    ),
    keyUseStatement(scope, 'ec2', ['kms:CreateGrant'], keys, { Bool: { 'kms:GrantIsForAWSResource': 'true' } }),
  ];
}

/** A stopped machine is started again, with another type if its own has no capacity. */
export const restartsInstances = (scope: Construct, environment: string): PolicyStatement =>
  onInstances(scope, environment, ['ec2:StartInstances', 'ec2:ModifyInstanceAttribute']);

/** Only machines of this Broch. */
const onInstances = (scope: Construct, environment: string, actions: string[]) =>
  new PolicyStatement({
    actions,
    resources: [Stack.of(scope).formatArn({ service: 'ec2', resource: 'instance', resourceName: '*' })],
    conditions: { StringEquals: { 'aws:ResourceTag/broch:environment': environment } },
  });

export const removesInstances = (scope: Construct, environment: string): PolicyStatement[] => [
  describesInstances(),
  onInstances(scope, environment, ['ec2:TerminateInstances']),
];

/** A machine with a person's disks is stopped, not terminated. */
export const haltsInstances = (scope: Construct, environment: string): PolicyStatement =>
  onInstances(scope, environment, ['ec2:StopInstances']);

/**
 * The permissions to stop, resize, restore, archive and delete machines, and to keep snapshots of their homes. A hibernated
 * machine is started before it is stopped.
 */
export const changesInstances = (scope: Construct, environment: string): PolicyStatement[] => [
  new PolicyStatement({ actions: ['ec2:DescribeInstances'], resources: ['*'] }),
  onInstances(scope, environment, [
    'ec2:TerminateInstances',
    'ec2:StartInstances',
    'ec2:StopInstances',
    'ec2:ModifyInstanceAttribute',
    'ec2:AttachVolume',
    'ec2:DetachVolume',
  ]),
  ...keepsSnapshots(scope, environment),
  ...replacesDisks(scope, environment),
];

/** The permission to give disks of this environment the tag by which AWS Backup finds homes. */
export function namesHomes(scope: Construct, environment: string): PolicyStatement[] {
  const { partition, account, region } = Stack.of(scope);
  return [
    new PolicyStatement({ actions: ['ec2:DescribeVolumes'], resources: ['*'] }),
    new PolicyStatement({
      actions: ['ec2:CreateTags'],
      resources: [`arn:${partition}:ec2:${region}:${account}:volume/*`],
      conditions: {
        StringEquals: {
          'aws:ResourceTag/broch:environment': environment,
          [`aws:RequestTag/${BACKUP_TAG}`]: BACKUP_VALUE,
        },
        'ForAllValues:StringEquals': { 'aws:TagKeys': [BACKUP_TAG] },
      },
    }),
  ];
}

/** The permissions to replace the disk of a machine by one from a snapshot. */
function replacesDisks(scope: Construct, environment: string): PolicyStatement[] {
  const { partition, account, region } = Stack.of(scope);
  const volumes = [`arn:${partition}:ec2:${region}:${account}:volume/*`];
  const ownTag = { StringEquals: { 'aws:ResourceTag/broch:environment': environment } };
  return [
    new PolicyStatement({
      actions: ['ec2:CreateVolume'],
      resources: volumes,
      conditions: { StringEquals: { 'aws:RequestTag/broch:environment': environment } },
    }),
    new PolicyStatement({
      actions: ['ec2:CreateVolume'],
      resources: [`arn:${partition}:ec2:${region}::snapshot/*`],
      conditions: ownTag,
    }),
    new PolicyStatement({
      actions: ['ec2:CreateTags'],
      resources: volumes,
      conditions: { StringEquals: { 'ec2:CreateAction': 'CreateVolume' } },
    }),
    new PolicyStatement({
      actions: ['ec2:AttachVolume', 'ec2:DetachVolume', 'ec2:DeleteVolume', 'ec2:ModifyInstanceAttribute'],
      resources: volumes,
      conditions: ownTag,
    }),
    ...usesEncryptedDisks(scope),
  ];
}

/** The permissions to take snapshots of homes and to delete them. */
export function keepsSnapshots(scope: Construct, environment: string): PolicyStatement[] {
  const { partition, account, region } = Stack.of(scope);
  const snapshots = [`arn:${partition}:ec2:${region}::snapshot/*`];
  const ownTag = { StringEquals: { 'aws:ResourceTag/broch:environment': environment } };
  const requestTag = { StringEquals: { 'aws:RequestTag/broch:environment': environment } };
  return [
    new PolicyStatement({ actions: ['ec2:DescribeSnapshots', 'ec2:DescribeVolumes'], resources: ['*'] }),
    new PolicyStatement({
      actions: ['ec2:CreateSnapshot'],
      resources: [`arn:${partition}:ec2:${region}:${account}:volume/*`],
      conditions: ownTag,
    }),
    new PolicyStatement({ actions: ['ec2:CreateSnapshot'], resources: snapshots, conditions: requestTag }),
    new PolicyStatement({
      actions: ['ec2:CreateTags'],
      resources: snapshots,
      conditions: { StringEquals: { 'ec2:CreateAction': 'CreateSnapshot' } },
    }),
    new PolicyStatement({ actions: ['ec2:DeleteSnapshot'], resources: snapshots, conditions: ownTag }),
  ];
}

/** DescribeInstances has no resource-level permissions. */
const describesInstances = () => new PolicyStatement({ actions: ['ec2:DescribeInstances'], resources: ['*'] });
