import { Stack } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Key } from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import { CANDIDATE_TAG } from '../functions/images/candidate.ts';
import type { ImageBuilder } from './image-builder.ts';
import type { ImageNetwork } from './image-network.ts';
import { keyUseStatement } from './key-use.ts';

const ec2 = (scope: Construct) => {
  const { partition, region, account } = Stack.of(scope);
  return (...resources: string[]) => resources.map(name => `arn:${partition}:ec2:${region}:${account}:${name}`);
};

/** May start machines from images that nobody has approved, but only in the isolated subnet and only Broch's own images. */
export function launchesCandidates(
  scope: Construct,
  network: ImageNetwork,
  key: Key,
  environment: string,
): PolicyStatement[] {
  const { partition, region, account } = Stack.of(scope);
  const arns = ec2(scope);
  const keyActions = ['Decrypt', 'DescribeKey', 'GenerateDataKeyWithoutPlaintext', 'ReEncryptFrom', 'ReEncryptTo'];
  return [
    new PolicyStatement({
      actions: ['ec2:RunInstances'],
      resources: arns('instance/*', 'volume/*'),
      conditions: {
        StringEquals: { 'aws:RequestTag/broch:environment': environment },
        Null: { [`aws:RequestTag/${CANDIDATE_TAG}`]: 'false' },
      },
    }),
    new PolicyStatement({
      actions: ['ec2:RunInstances'],
      resources: arns(
        `subnet/${network.test.subnet.attrSubnetId}`,
        `security-group/${network.test.group.attrGroupId}`,
        'network-interface/*',
      ),
    }),
    new PolicyStatement({
      actions: ['ec2:RunInstances'],
      resources: [`arn:${partition}:ec2:${region}::image/*`],
      conditions: { StringEquals: { 'ec2:Owner': account }, Null: { 'aws:ResourceTag/broch:image': 'false' } },
    }),
    new PolicyStatement({
      actions: ['ec2:CreateTags'],
      resources: arns('instance/*', 'volume/*'),
      conditions: { StringEquals: { 'ec2:CreateAction': 'RunInstances' } },
    }),
    new PolicyStatement({ actions: ['ec2:DescribeInstances'], resources: ['*'] }),
    new PolicyStatement({
      actions: ['iam:PassRole'],
      resources: [network.roles.test.roleArn],
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

/** May create interface endpoints in the test network. */
export function opensEndpoints(scope: Construct, network: ImageNetwork, environment: string): PolicyStatement[] {
  const arns = ec2(scope);
  return [
    new PolicyStatement({ actions: ['ec2:DescribeVpcEndpoints'], resources: ['*'] }),
    new PolicyStatement({
      actions: ['ec2:CreateVpcEndpoint'],
      resources: arns(
        `vpc/${network.vpc.attrVpcId}`,
        `subnet/${network.test.subnet.attrSubnetId}`,
        `security-group/${network.endpointGroup.attrGroupId}`,
      ),
    }),
    new PolicyStatement({
      actions: ['ec2:CreateVpcEndpoint'],
      resources: arns('vpc-endpoint/*'),
      conditions: { StringEquals: { 'aws:RequestTag/broch:environment': environment } },
    }),
    new PolicyStatement({
      actions: ['ec2:CreateTags'],
      resources: arns('vpc-endpoint/*'),
      conditions: { StringEquals: { 'ec2:CreateAction': 'CreateVpcEndpoint' } },
    }),
  ];
}

/** May remove candidates' machines and the endpoints of their network. */
export function removesCandidates(scope: Construct, environment: string): PolicyStatement[] {
  const arns = ec2(scope);
  const ofEnvironment = { StringEquals: { 'aws:ResourceTag/broch:environment': environment } };
  return [
    new PolicyStatement({ actions: ['ec2:DescribeInstances', 'ec2:DescribeVpcEndpoints'], resources: ['*'] }),
    new PolicyStatement({
      actions: ['ec2:TerminateInstances'],
      resources: arns('instance/*'),
      conditions: { ...ofEnvironment, Null: { [`aws:ResourceTag/${CANDIDATE_TAG}`]: 'false' } },
    }),
    new PolicyStatement({
      actions: ['ec2:DeleteVpcEndpoints'],
      resources: arns('vpc-endpoint/*'),
      conditions: ofEnvironment,
    }),
  ];
}

/** May see whether a build runs, close the way out of its subnet, and end machines that have a recipe. */
export function clearsBuilds(scope: Construct, network: ImageNetwork, { project }: ImageBuilder): PolicyStatement[] {
  const arns = ec2(scope);
  return [
    new PolicyStatement({
      actions: ['codebuild:ListBuildsForProject', 'codebuild:BatchGetBuilds'],
      resources: [project.attrArn],
    }),
    allowEverywhere('ec2:DescribeRouteTables', 'ec2:DescribeInstances'),
    new PolicyStatement({
      actions: ['ec2:DeleteRoute'],
      resources: arns(`route-table/${network.build.routes.attrRouteTableId}`),
    }),
    new PolicyStatement({
      actions: ['ec2:TerminateInstances'],
      resources: arns('instance/*'),
      conditions: { Null: { 'aws:ResourceTag/broch:recipe': 'false' } },
    }),
  ];
}

/** Actions that have no resource-level permissions. */
export const allowEverywhere = (...actions: string[]) => new PolicyStatement({ actions, resources: ['*'] });

/** The first scan in an account makes GuardDuty's own role, which the caller of StartMalwareScan must be allowed to do. */
export const createsScanRole = (scope: Construct): PolicyStatement => {
  const service = 'malware-protection.guardduty.amazonaws.com';
  const { partition, account } = Stack.of(scope);
  return new PolicyStatement({
    actions: ['iam:CreateServiceLinkedRole'],
    resources: [
      `arn:${partition}:iam::${account}:role/aws-service-role/${service}/AWSServiceRoleForAmazonGuardDutyMalwareProtection`,
    ],
    conditions: { StringEquals: { 'iam:AWSServiceName': service } },
  });
};

/** May run the smoke tests that images bring, on candidates only. */
export const sendsSmokeTests = (scope: Construct): PolicyStatement[] => {
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
