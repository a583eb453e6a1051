import { Duration, Lazy, Validations } from 'aws-cdk-lib';
import { ArnPrincipal, PolicyStatement, Role } from 'aws-cdk-lib/aws-iam';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { uploadActions } from '../functions/storage/upload-access.ts';
import type { Handler, HandlerModule } from './handler.ts';
import { keyUseStatement } from './key-use.ts';
import { explainWildcards } from './nag-wildcards.ts';

export interface UploadRoleProps {
  readonly description: string;
  readonly bucket: IBucket;
  /** No session may write anywhere else. */
  readonly prefix: string;
  /** The function that lends it. The two name each other, so it is made later. */
  readonly by: () => Handler<HandlerModule> | undefined;
}

/** A role to upload with, lent for an hour, each session fenced further by a policy of its own (functions/storage/upload-credentials.ts). */
export function createUploadRole(
  scope: Construct,
  id: string,
  { description, bucket, prefix, by }: UploadRoleProps,
): Role {
  const key = bucket.encryptionKey;
  if (!key) throw new Error(`${bucket.node.path} has no key`);
  const role = new Role(scope, id, {
    description,
    // The function may become this role, and only the function may.
    assumedBy: new ArnPrincipal(Lazy.string({ produce: () => by()?.fn.role?.roleArn })),
    maxSessionDuration: Duration.hours(1),
  });
  const statements = [
    new PolicyStatement({ actions: [...uploadActions], resources: [bucket.arnForObjects(`${prefix}*`)] }),
    new PolicyStatement({
      actions: ['s3:ListBucket'],
      resources: [bucket.bucketArn],
      conditions: { StringLike: { 's3:prefix': [`${prefix}*`] } },
    }),
    keyUseStatement(scope, 's3', ['kms:GenerateDataKey', 'kms:Decrypt'], [key.keyArn]),
  ];
  for (const statement of statements) role.addToPolicy(statement);
  explainWildcards(role, statements, 'Each session is fenced to one prefix by its own policy.');
  Validations.of(role).acknowledge({
    id: 'NIST.800.53.R5-IAMNoInlinePolicy',
    reason: 'The role of one purpose: its policy belongs to nothing else.',
  });
  return role;
}
