import type { IUserPool } from 'aws-cdk-lib/aws-cognito';
import type { ITableV2 } from 'aws-cdk-lib/aws-dynamodb';
import type { IEventBus } from 'aws-cdk-lib/aws-events';
import { Effect, type IRole, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { IStateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { type Partition, partitions } from '../functions/keys.ts';
import { keyUseStatement } from './key-use.ts';

/**
 * A value of a function's environment together with the permissions on it. A function is granted exactly the accesses of
 * its environment; there is no other way to grant anything.
 */
export interface Access {
  readonly value: string;
  readonly statements: readonly PolicyStatement[];
}

const allow = (actions: string[], resources: string[], conditions?: Record<string, Record<string, unknown>>) =>
  new PolicyStatement({ effect: Effect.ALLOW, actions, resources, ...(conditions && { conditions }) });

const keyStatements = (key: IKey | undefined, service: string, actions: string[]) =>
  key ? [keyUseStatement(key, service, actions, [key.keyArn])] : [];

export type TableRight = 'GetItem' | 'PutItem' | 'UpdateItem' | 'DeleteItem' | 'Query' | 'ConditionCheckItem';

/**
 * The table, limited to partitions: `{ delivery: ['GetItem', 'PutItem'] }`. Each action has one statement with all its
 * partitions: a transaction may touch several, and a statement holds only where it names them all. See `ForAllValues` in
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
 */
export function tableAccess(table: ITableV2, rights: Partial<Record<Partition, readonly TableRight[]>>): Access {
  const partitionsOf = new Map<TableRight, Partition[]>();
  for (const [partition, actions] of Object.entries(rights) as [Partition, readonly TableRight[]][])
    for (const action of actions) partitionsOf.set(action, [...(partitionsOf.get(action) ?? []), partition]);
  // Actions on the same partitions share a statement.
  const actionsOn = new Map<string, string[]>();
  for (const [action, usedPartitions] of partitionsOf)
    actionsOn.set(usedPartitions.join(), [...(actionsOn.get(usedPartitions.join()) ?? []), `dynamodb:${action}`]);
  const statements = [...actionsOn].map(([names, actions]) => {
    const leading = names.split(',').map(name => partitions[name as Partition]);
    return allow(actions, [table.tableArn], {
      'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': leading.map(key => (key.endsWith('#') ? `${key}*` : key)) },
    });
  });
  return {
    value: table.tableName,
    statements: [...statements, ...keyStatements(table.encryptionKey, 'dynamodb', ['kms:Decrypt'])],
  };
}

/**
 * S3 permissions: `read` a version or its `tags`, `write` an object, abort an upload in `parts`, `list` a prefix.
 */
const objectActions = {
  read: ['s3:GetObject', 's3:GetObjectVersion'],
  write: ['s3:PutObject'],
  parts: ['s3:AbortMultipartUpload'],
  tags: ['s3:GetObjectVersionTagging'],
  delete: ['s3:DeleteObject'],
  // S3 checks both, even if every request names a version.
  purge: ['s3:DeleteObject', 's3:DeleteObjectVersion'],
} as const;
const bucketActions = { list: ['s3:ListBucket'], versions: ['s3:ListBucketVersions'] } as const;
type BucketRight = keyof typeof objectActions | keyof typeof bucketActions;

/** A bucket, limited to keys under `prefix` (by default all), and to objects that fulfil `conditions`. */
export function bucketAccess(
  bucket: IBucket,
  rights: readonly BucketRight[],
  prefix = '',
  conditions?: Record<string, Record<string, unknown>>,
): Access {
  const includesRight = (right: BucketRight) => rights.includes(right);
  const pick = <K extends BucketRight>(actions: Record<K, readonly string[]>) =>
    (Object.keys(actions) as K[]).filter(includesRight).flatMap(right => [...actions[right]]);
  const [objects, whole] = [pick(objectActions), pick(bucketActions)];
  const kms = [
    ...(includesRight('read') || includesRight('write') ? ['kms:Decrypt'] : []),
    ...(includesRight('write') ? ['kms:GenerateDataKey'] : []),
  ];
  return {
    value: bucket.bucketName,
    statements: [
      ...(objects.length > 0 ? [allow(objects, [bucket.arnForObjects(`${prefix}*`)], conditions)] : []),
      ...(whole.length > 0
        ? [allow(whole, [bucket.bucketArn], prefix ? { StringLike: { 's3:prefix': [`${prefix}*`] } } : undefined)]
        : []),
      ...(kms.length > 0 ? keyStatements(bucket.encryptionKey, 's3', kms) : []),
    ],
  };
}

export const busAccess = (bus: IEventBus): Access => ({
  value: bus.eventBusName,
  statements: [allow(['events:PutEvents'], [bus.eventBusArn])],
});

/** May start the state machine, but not stop it or read its executions. */
export const startAccess = (machine: IStateMachine): Access => ({
  value: machine.stateMachineArn,
  statements: [allow(['states:StartExecution'], [machine.stateMachineArn])],
});

export const secretAccess = (secret: ISecret): Access => ({
  value: secret.secretArn,
  statements: [
    allow(['secretsmanager:GetSecretValue'], [secret.secretArn]),
    ...keyStatements(secret.encryptionKey, 'secretsmanager', ['kms:Decrypt']),
  ],
});

/** May replace the value of a secret, but not read it. */
export const secretReplacement = (secret: ISecret): Access => ({
  value: secret.secretArn,
  statements: [
    allow(['secretsmanager:PutSecretValue'], [secret.secretArn]),
    ...keyStatements(secret.encryptionKey, 'secretsmanager', ['kms:GenerateDataKey', 'kms:Decrypt']),
  ],
});

/** May assume the role. */
export const assumeRoleAccess = (role: IRole): Access => ({
  value: role.roleArn,
  statements: [allow(['sts:AssumeRole'], [role.roleArn])],
});

/** May use a key directly, but only with an encryption context that names this kind of data. */
export const keyAccess = (
  key: IKey,
  actions: ('Encrypt' | 'Decrypt' | 'GenerateDataKeyWithoutPlaintext')[],
  context: string,
): Access => ({
  value: key.keyArn,
  statements: [
    allow(
      actions.map(action => `kms:${action}`),
      [key.keyArn],
      { 'ForAnyValue:StringEquals': { 'kms:EncryptionContextKeys': [context] } },
    ),
  ],
});

/** May send these requests to the user pool. */
export const userPoolAccess = (pool: IUserPool, actions: readonly string[]): Access => ({
  value: pool.userPoolId,
  statements: [
    allow(
      actions.map(action => `cognito-idp:${action}`),
      [pool.userPoolArn],
    ),
  ],
});

/** May read a person's account and groups in the user pool, as every function of the API does. */
export const groupsAccess = (pool: IUserPool): Access =>
  userPoolAccess(pool, ['AdminGetUser', 'AdminListGroupsForUser']);

/** A value with permissions that no function above describes, for resources that workflows create at run time. */
export const accessTo = (value: string, ...statements: PolicyStatement[]): Access => ({ value, statements });

/** One value with the permissions of two, for example for two prefixes of a bucket. */
export const combinedAccess = (first: Access, second: Access): Access =>
  accessTo(first.value, ...first.statements, ...second.statements);
