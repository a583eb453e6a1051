import type { Stack } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { IMPORTS_PREFIX, REPORTS_PREFIX } from '../functions/airlock/request/places.ts';

/** Where what shall leave lies in projects' buckets: functions/airlock/request/request.ts says what may be named there. */
const sources = ['data/outbox/*', 'batch/*/outputs/*', 'enclaves/*/outputs/*'];

/** The names of what lies there, and of nothing else of theirs. */
export const listSourcesStatement = (prefix: string, of: Stack) =>
  new PolicyStatement({
    actions: ['s3:ListBucketVersions'],
    resources: [`arn:${of.partition}:s3:::${prefix}*`],
    conditions: { StringLike: { 's3:prefix': sources } },
  });

/** The same for what is in them. */
export const readSourcesStatements = (prefix: string, of: Stack): PolicyStatement[] => [
  new PolicyStatement({
    actions: ['s3:GetObject', 's3:GetObjectVersion'],
    resources: sources.map(source => `arn:${of.partition}:s3:::${prefix}*/${source}`),
  }),
  opens(prefix, of, ['kms:Decrypt']),
];

/** What was let in is written where only the airlock may write, and read back to see what arrived. */
export const deliveryStatements = (prefix: string, of: Stack): PolicyStatement[] => [
  new PolicyStatement({
    actions: ['s3:GetObject', 's3:GetObjectVersion', 's3:PutObject', 's3:AbortMultipartUpload'],
    resources: [`arn:${of.partition}:s3:::${prefix}*/${IMPORTS_PREFIX}*`],
  }),
  opens(prefix, of, ['kms:Decrypt', 'kms:GenerateDataKey']),
];

/** Full reports are written where only the airlock may write. */
export const reportStatements = (prefix: string, of: Stack): PolicyStatement[] => [
  new PolicyStatement({
    actions: ['s3:PutObject'],
    resources: [`arn:${of.partition}:s3:::${prefix}*/${REPORTS_PREFIX}*`],
  }),
  opens(prefix, of, ['kms:Decrypt', 'kms:GenerateDataKey']),
];

/** What must not stay is looked for and deleted there, in every version. */
export const retractionStatements = (prefix: string, of: Stack): PolicyStatement[] => [
  new PolicyStatement({
    actions: ['s3:ListBucketVersions'],
    resources: [`arn:${of.partition}:s3:::${prefix}*`],
    conditions: { StringLike: { 's3:prefix': `${IMPORTS_PREFIX}*` } },
  }),
  new PolicyStatement({
    actions: ['s3:GetObject', 's3:GetObjectVersion', 's3:DeleteObject', 's3:DeleteObjectVersion'],
    resources: [`arn:${of.partition}:s3:::${prefix}*/${IMPORTS_PREFIX}*`],
  }),
  opens(prefix, of, ['kms:Decrypt']),
];

/** Projects' keys, for what their buckets hold and for nothing else. */
const opens = (prefix: string, { account, partition, region }: Stack, actions: string[]) =>
  new PolicyStatement({
    actions,
    resources: [`arn:${partition}:kms:${region}:${account}:key/*`],
    conditions: {
      StringEquals: { 'kms:ViaService': `s3.${region}.amazonaws.com` },
      StringLike: { 'kms:EncryptionContext:aws:s3:arn': `arn:${partition}:s3:::${prefix}*` },
    },
  });
