import { Stack } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import type * as Alias from '../functions/images/alias.lambda.ts';
import {
  ImageApprovalVoided,
  ImageApproved,
  ImageDeprecated,
  ImagePublished,
  ImageRejected,
  ImageRetired,
  ImageRolledBack,
} from '../functions/images/events.ts';
import type * as Label from '../functions/images/label.lambda.ts';
import { APPROVED_TAG } from '../functions/names.ts';
import { accessTo, tableAccess } from './access.ts';
import type { Core } from './core.ts';
import { Handler } from './handler.ts';
import { allowEverywhere } from './image-rights.ts';

/** Writes the id of the current version into the parameter of its image. */
export function createImageAlias(scope: Construct, core: Core): void {
  const parameters = Stack.of(scope).formatArn({
    service: 'ssm',
    resource: 'parameter',
    resourceName: 'broch/images/*/current',
  });
  const alias = new Handler<typeof Alias>(scope, 'Alias', {
    core,
    entry: 'images/alias.lambda.ts',
    environment: {
      TABLE_NAME: tableAccess(core.table, { image: ['GetItem'] }),
      ENVIRONMENT: accessTo(
        core.config.environment,
        // Parameter Store reads the parameter and the image on behalf of the caller, to check the id.
        new PolicyStatement({
          actions: ['ssm:GetParameter', 'ssm:GetParameters', 'ssm:PutParameter'],
          resources: [parameters],
        }),
        allowEverywhere('ec2:DescribeImages'),
      ),
    },
  });
  for (const contract of [ImagePublished, ImageRolledBack])
    core.onEvent(scope, contract.type, contract, alias, 'warning');
}

/** Sets and removes the tag of approved images, deprecates and deletes: what follows from decisions about a version. */
export function createImageLabel(scope: Construct, core: Core): void {
  const { partition, region, account } = Stack.of(scope);
  const images = [`arn:${partition}:ec2:${region}::image/*`];
  const isOurs = { Null: { 'aws:ResourceTag/broch:image': 'false' } };
  const label = new Handler<typeof Label>(scope, 'Label', {
    core,
    entry: 'images/label.lambda.ts',
    environment: {
      TABLE_NAME: tableAccess(core.table, { image: ['GetItem'] }),
      ENVIRONMENT: accessTo(
        core.config.environment,
        new PolicyStatement({
          actions: ['ec2:CreateTags', 'ec2:DeleteTags'],
          resources: images,
          conditions: { 'ForAllValues:StringEquals': { 'aws:TagKeys': [APPROVED_TAG] }, ...isOurs },
        }),
        new PolicyStatement({
          actions: ['ec2:DeregisterImage', 'ec2:EnableImageDeprecation'],
          resources: images,
          conditions: { StringEquals: { 'ec2:Owner': account }, ...isOurs },
        }),
        new PolicyStatement({
          actions: ['ec2:DeleteSnapshot'],
          resources: [`arn:${partition}:ec2:${region}::snapshot/*`],
          conditions: isOurs,
        }),
      ),
    },
  });
  for (const contract of [ImageApproved, ImageApprovalVoided, ImageRejected, ImageDeprecated, ImageRetired])
    core.onEvent(scope, contract.type, contract, label, 'warning');
}
