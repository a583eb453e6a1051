import type { Stack } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { IMPORTS_PREFIX, REPORTS_PREFIX } from '../functions/airlock/request/places.ts';
import { RUN_FOLDERS } from '../functions/batch/definition.ts';
import { DATASET_LIST_KEY } from '../functions/datasets/access-policy.ts';
import { keyUseStatement } from './key-use.ts';

/** The prefixes of project buckets that an export may come from, as in functions/airlock/request/request.ts. */
const sources = ['data/outbox/*', 'batch/*/outputs/*', 'enclaves/*/outputs/*'];

/** The buckets of projects, or objects in all of these buckets. */
export const projectObjects = (prefix: string, { partition }: Stack, path = '') =>
  `arn:${partition}:s3:::${prefix}*${path}`;

/** May list the objects under these prefixes, and no other objects of the buckets. */
export const listSourcesStatement = (prefix: string, stack: Stack) =>
  new PolicyStatement({
    actions: ['s3:ListBucketVersions'],
    resources: [projectObjects(prefix, stack)],
    conditions: { StringLike: { 's3:prefix': sources } },
  });

/** May read the objects under these prefixes, and no other objects of the buckets. */
export const readSourcesStatements = (prefix: string, stack: Stack): PolicyStatement[] => [
  new PolicyStatement({
    actions: ['s3:GetObject', 's3:GetObjectVersion'],
    resources: sources.map(source => projectObjects(prefix, stack, `/${source}`)),
  }),
  projectKeysStatement(prefix, stack, ['kms:Decrypt']),
];

/** Imported files are written to a prefix that only the airlock can write, and read back to verify them. */
export const deliveryStatements = (prefix: string, stack: Stack): PolicyStatement[] => [
  new PolicyStatement({
    actions: ['s3:GetObject', 's3:GetObjectVersion', 's3:PutObject', 's3:AbortMultipartUpload'],
    resources: [projectObjects(prefix, stack, `/${IMPORTS_PREFIX}*`)],
  }),
  projectKeysStatement(prefix, stack, ['kms:Decrypt', 'kms:GenerateDataKey']),
];

/** Full reports are written to a prefix that only the airlock can write. */
export const reportStatements = (prefix: string, stack: Stack): PolicyStatement[] => [
  new PolicyStatement({ actions: ['s3:PutObject'], resources: [projectObjects(prefix, stack, `/${REPORTS_PREFIX}*`)] }),
  projectKeysStatement(prefix, stack, ['kms:Decrypt', 'kms:GenerateDataKey']),
];

/** The list of a project's datasets, which only Broch can write. */
export const datasetListStatements = (prefix: string, stack: Stack): PolicyStatement[] => [
  new PolicyStatement({
    actions: ['s3:PutObject'],
    resources: [projectObjects(prefix, stack, `/${DATASET_LIST_KEY}`)],
  }),
  projectKeysStatement(prefix, stack, ['kms:Decrypt', 'kms:GenerateDataKey']),
];

/** Imports that must be removed are listed and deleted, in every version. */
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

/** The keys of projects, only for the objects in their buckets. */
export const projectKeysStatement = (prefix: string, stack: Stack, actions: string[]) =>
  keyUseStatement(stack, 's3', actions, [`arn:${stack.partition}:kms:${stack.region}:${stack.account}:key/*`], {
    StringLike: { 'kms:EncryptionContext:aws:s3:arn': projectObjects(prefix, stack) },
  });

/** What batch jobs left is listed and read; what Broch says of a run is written where nobody in the project can change it. */
export const runStatements = (prefix: string, stack: Stack): PolicyStatement[] => [
  new PolicyStatement({
    actions: ['s3:ListBucketVersions'],
    resources: [projectObjects(prefix, stack)],
    conditions: { StringLike: { 's3:prefix': 'batch/*/outputs/*' } },
  }),
  new PolicyStatement({
    actions: ['s3:GetObject', 's3:GetObjectVersion'],
    resources: [projectObjects(prefix, stack, '/batch/*/outputs/*')],
  }),
  // It reads what it wrote of a run, to compare a repetition with it.
  new PolicyStatement({
    actions: ['s3:GetObject', 's3:PutObject'],
    resources: [projectObjects(prefix, stack, `/${RUN_FOLDERS}`)],
  }),
  projectKeysStatement(prefix, stack, ['kms:Decrypt', 'kms:GenerateDataKey']),
];

/** What Nextflow reads at the start of a pipeline is written where nobody in the project can change it. */
export const pipelineFileStatements = (prefix: string, stack: Stack): PolicyStatement[] => [
  new PolicyStatement({ actions: ['s3:PutObject'], resources: [projectObjects(prefix, stack, `/${RUN_FOLDERS}`)] }),
  projectKeysStatement(prefix, stack, ['kms:GenerateDataKey']),
];
