import type { Stack } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { IMPORTS_PREFIX, REPORTS_PREFIX } from '../functions/airlock/request/places.ts';
import { keyUseStatement } from './key-use.ts';

/** Where what shall leave lies in projects' buckets: functions/airlock/request/request.ts says what may be named there. */
const sources = ['data/outbox/*', 'batch/*/outputs/*', 'enclaves/*/outputs/*'];

/** Projects' buckets, or objects in all of them. */
export const projectObjects = (prefix: string, { partition }: Stack, path = '') =>
  `arn:${partition}:s3:::${prefix}*${path}`;

/** The names of what lies there, and of nothing else of theirs. */
export const listSourcesStatement = (prefix: string, stack: Stack) =>
  new PolicyStatement({
    actions: ['s3:ListBucketVersions'],
    resources: [projectObjects(prefix, stack)],
    conditions: { StringLike: { 's3:prefix': sources } },
  });

/** The same for what is in them. */
export const readSourcesStatements = (prefix: string, stack: Stack): PolicyStatement[] => [
  new PolicyStatement({
    actions: ['s3:GetObject', 's3:GetObjectVersion'],
    resources: sources.map(source => projectObjects(prefix, stack, `/${source}`)),
  }),
  projectKeysStatement(prefix, stack, ['kms:Decrypt']),
];

/** What was let in is written where only the airlock may write, and read back to see what arrived. */
export const deliveryStatements = (prefix: string, stack: Stack): PolicyStatement[] => [
  new PolicyStatement({
    actions: ['s3:GetObject', 's3:GetObjectVersion', 's3:PutObject', 's3:AbortMultipartUpload'],
    resources: [projectObjects(prefix, stack, `/${IMPORTS_PREFIX}*`)],
  }),
  projectKeysStatement(prefix, stack, ['kms:Decrypt', 'kms:GenerateDataKey']),
];

/** Full reports are written where only the airlock may write. */
export const reportStatements = (prefix: string, stack: Stack): PolicyStatement[] => [
  new PolicyStatement({ actions: ['s3:PutObject'], resources: [projectObjects(prefix, stack, `/${REPORTS_PREFIX}*`)] }),
  projectKeysStatement(prefix, stack, ['kms:Decrypt', 'kms:GenerateDataKey']),
];

/** What must not stay is looked for and deleted there, in every version. */
export const retractionStatements = (prefix: string, stack: Stack): PolicyStatement[] => [
  new PolicyStatement({
    actions: ['s3:ListBucketVersions'],
    resources: [projectObjects(prefix, stack)],
    conditions: { StringLike: { 's3:prefix': `${IMPORTS_PREFIX}*` } },
  }),
  new PolicyStatement({
    actions: ['s3:GetObject', 's3:GetObjectVersion', 's3:DeleteObject', 's3:DeleteObjectVersion'],
    resources: [projectObjects(prefix, stack, `/${IMPORTS_PREFIX}*`)],
  }),
  projectKeysStatement(prefix, stack, ['kms:Decrypt']),
];

/** Projects' keys, for what their buckets hold and for nothing else. */
export const projectKeysStatement = (prefix: string, stack: Stack, actions: string[]) =>
  keyUseStatement(stack, 's3', actions, [`arn:${stack.partition}:kms:${stack.region}:${stack.account}:key/*`], {
    StringLike: { 'kms:EncryptionContext:aws:s3:arn': projectObjects(prefix, stack) },
  });
