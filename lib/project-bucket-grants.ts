import type { Stack } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { IMPORTS_PREFIX, REPORTS_PREFIX } from '../functions/airlock/request/places.ts';

/** The prefixes of project buckets that an export may come from, as in functions/airlock/request/request.ts. */
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

/** Imported files are written to a prefix that only the airlock can write, and read back to verify them. */
export const deliveryStatements = (prefix: string, of: Stack): PolicyStatement[] => [
  new PolicyStatement({
    actions: ['s3:GetObject', 's3:GetObjectVersion', 's3:PutObject', 's3:AbortMultipartUpload'],
    resources: [`arn:${of.partition}:s3:::${prefix}*/${IMPORTS_PREFIX}*`],
  }),
  opens(prefix, of, ['kms:Decrypt', 'kms:GenerateDataKey']),
];

/** Full reports are written to a prefix that only the airlock can write. */
export const reportStatements = (prefix: string, of: Stack): PolicyStatement[] => [
  new PolicyStatement({
    actions: ['s3:PutObject'],
    resources: [`arn:${of.partition}:s3:::${prefix}*/${REPORTS_PREFIX}*`],
  }),
  opens(prefix, of, ['kms:Decrypt', 'kms:GenerateDataKey']),
];

/** Imports that must be removed are listed and deleted, in every version. */
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

/** The keys of projects, only for the objects in their buckets. */
const opens = (prefix: string, { account, partition, region }: Stack, actions: string[]) =>
  new PolicyStatement({
    actions,
    resources: [`arn:${partition}:kms:${region}:${account}:key/*`],
    conditions: {
      StringEquals: { 'kms:ViaService': `s3.${region}.amazonaws.com` },
      StringLike: { 'kms:EncryptionContext:aws:s3:arn': `arn:${partition}:s3:::${prefix}*` },
    },
  });
