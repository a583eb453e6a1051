import type { Stack } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { AUDITOR_ROLE } from '../functions/enclaves/schemas.ts';
import { projectKeysStatement, projectObjects } from './project-bucket-grants.ts';

const allKeys = ({ partition, region, account }: Stack) => [`arn:${partition}:kms:${region}:${account}:key/*`];

/** Reads the policies and the grants of keys: of this account's, and as the auditor of a partner's account. */
export const auditsKeys = (stack: Stack): PolicyStatement[] => [
  new PolicyStatement({ actions: ['kms:GetKeyPolicy', 'kms:ListGrants'], resources: allKeys(stack) }),
  new PolicyStatement({
    actions: ['sts:AssumeRole'],
    resources: [`arn:${stack.partition}:iam::*:role/${AUDITOR_ROLE}`],
  }),
];

/** Retires grants that name this role as the one that may. */
export const retiresGrants = ({ partition, region }: Stack) =>
  new PolicyStatement({ actions: ['kms:RetireGrant'], resources: [`arn:${partition}:kms:${region}:*:key/*`] });

/** Opens what an enclave encrypted for a run, and nothing else: the encryption context names the run. */
export const opensOutputs = (stack: Stack) =>
  new PolicyStatement({
    actions: ['kms:Decrypt'],
    resources: allKeys(stack),
    conditions: { StringLike: { 'kms:EncryptionContext:broch:run': 'er-*' } },
  });

/** What instances report about enclaves, in the buckets of projects. */
export const listsEnclaveReports = (prefix: string, stack: Stack) =>
  new PolicyStatement({
    actions: ['s3:ListBucket'],
    resources: [projectObjects(prefix, stack)],
    conditions: { StringLike: { 's3:prefix': 'agents/*/enclave/' } },
  });

export const readsEnclaveReports = (prefix: string, stack: Stack): PolicyStatement[] => [
  new PolicyStatement({
    actions: ['s3:GetObject'],
    resources: [projectObjects(prefix, stack, '/agents/*/enclave/*')],
  }),
  projectKeysStatement(prefix, stack, ['kms:Decrypt']),
];

const writes = (prefix: string, stack: Stack, path: string): PolicyStatement[] => [
  new PolicyStatement({ actions: ['s3:PutObject'], resources: [projectObjects(prefix, stack, path)] }),
  projectKeysStatement(prefix, stack, ['kms:Decrypt', 'kms:GenerateDataKey']),
];

/** What an instance shall run. */
export const writesOrders = (prefix: string, stack: Stack) => writes(prefix, stack, '/data/enclaves/er-*.json');

/** Outputs, where machines of the project cannot read and the airlock takes exports from. */
export const writesOutputs = (prefix: string, stack: Stack) => writes(prefix, stack, '/enclaves/er-*/outputs/*');
