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
  /** What a session may do at most. */
  readonly statements: readonly PolicyStatement[];
  /** The function that assumes the role. It is created later because the two refer to each other. */
  readonly caller: () => Handler<HandlerModule> | undefined;
}

/** The role for uploads. A session policy limits it further, to ten minutes as well (functions/storage/upload-access.ts). */
export function createUploadRole(
  scope: Construct,
  id: string,
  { description, statements, caller }: UploadRoleProps,
): Role {
  const role = new Role(scope, id, {
    description,
    // Only the function may assume this role.
    assumedBy: new ArnPrincipal(Lazy.string({ produce: () => caller()?.fn.role?.roleArn })),
    maxSessionDuration: Duration.hours(1),
  });
  for (const statement of statements) role.addToPolicy(statement);
  explainWildcards(role, statements, 'Each session is limited to one prefix by its own policy.');
  Validations.of(role).acknowledge({
    id: 'NIST.800.53.R5-IAMNoInlinePolicy',
    reason: 'The role of one purpose: its policy belongs to nothing else.',
  });
  return role;
}

/** May upload below a prefix of a bucket. */
export function uploadStatements(scope: Construct, bucket: IBucket, prefix: string): PolicyStatement[] {
  const key = bucket.encryptionKey;
  if (!key) throw new Error(`${bucket.node.path} has no key`);
  return [
    new PolicyStatement({ actions: [...uploadActions], resources: [bucket.arnForObjects(`${prefix}*`)] }),
    new PolicyStatement({
      actions: ['s3:ListBucket'],
      resources: [bucket.bucketArn],
      conditions: { StringLike: { 's3:prefix': [`${prefix}*`] } },
    }),
    keyUseStatement(scope, 's3', ['kms:GenerateDataKey', 'kms:Decrypt'], [key.keyArn]),
  ];
}
