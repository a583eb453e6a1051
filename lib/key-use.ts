import { Stack } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IConstruct } from 'constructs';
import { throughService } from '../functions/key-condition.ts';

/** Use of keys, only through the service that holds the data. */
export const keyUseStatement = (
  scope: IConstruct,
  service: string,
  actions: string[],
  keys: string[],
  conditions: Record<string, Record<string, unknown>> = {},
): PolicyStatement =>
  new PolicyStatement({
    actions,
    resources: keys,
    conditions: { StringEquals: throughService(service, Stack.of(scope).region), ...conditions },
  });

/** May decrypt objects of the lake through S3. With a bucket key, the context names the bucket and not the object. */
export function lakeKeyStatement(scope: IConstruct, lake: string, key: string): PolicyStatement {
  const lakeArn = `arn:${Stack.of(scope).partition}:s3:::${lake}`;
  return keyUseStatement(scope, 's3', ['kms:Decrypt'], [key], {
    StringLike: { 'kms:EncryptionContext:aws:s3:arn': [lakeArn, `${lakeArn}/*`] },
  });
}
