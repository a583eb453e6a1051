import { Fn, type Stack } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { IStateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import { AUDITOR_ROLE, releaseKey } from '../functions/enclaves/schemas.ts';
import { uploadActions } from '../functions/storage/upload-access.ts';
import { keyUseStatement } from './key-use.ts';
import { projectKeysStatement, projectObjects } from './project-bucket-grants.ts';

const allKeys = ({ partition, region, account }: Stack) => [`arn:${partition}:kms:${region}:${account}:key/*`];

/** What the auditor may do: read the policies of keys, and list and revoke grants. Each key's own policy must permit it too. */
export const auditsKeys = (stack: Stack) =>
  new PolicyStatement({
    actions: ['kms:GetKeyPolicy', 'kms:ListGrants', 'kms:RevokeGrant'],
    resources: allKeys(stack),
  });

/** May become the auditor of this account's keys, and that of a partner's account. */
export const becomesAuditor = ({ partition }: Stack, auditor: string) =>
  new PolicyStatement({
    actions: ['sts:AssumeRole'],
    resources: [auditor, `arn:${partition}:iam::*:role/${AUDITOR_ROLE}`],
  });

/**
 * Opens what an enclave encrypted for a run, and nothing else: the encryption context names the run. The data owner's key may
 * lie in another account, where AWS asks for this besides the key's policy.
 */
export const opensOutputs = ({ partition, region }: Stack) =>
  new PolicyStatement({
    actions: ['kms:Decrypt'],
    resources: [`arn:${partition}:kms:${region}:*:key/*`],
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

/** Packed files of the parties. */
export const uploadsPackedFiles = (prefix: string, stack: Stack): PolicyStatement[] => [
  new PolicyStatement({ actions: [...uploadActions], resources: [projectObjects(prefix, stack, '/data/enclaves/*')] }),
  projectKeysStatement(prefix, stack, ['kms:Decrypt', 'kms:GenerateDataKey']),
];

export const describesExecutions = ({ partition, region, account }: Stack, machine: IStateMachine) =>
  new PolicyStatement({
    actions: ['states:DescribeExecution'],
    resources: [`arn:${partition}:states:${region}:${account}:execution:${nameOf(machine)}:*`],
  });

const nameOf = ({ stateMachineArn }: IStateMachine) => Fn.select(6, Fn.split(':', stateMachineArn));

/** The signed records of releases, and no released file. It looks first, because S3 answers 403 for what is not there. */
export const readsReleaseRecords = (scope: Construct, release: IBucket, key: IKey): PolicyStatement[] => [
  new PolicyStatement({ actions: ['s3:GetObject'], resources: [release.arnForObjects(releaseKey('*'))] }),
  new PolicyStatement({
    actions: ['s3:ListBucket'],
    resources: [release.bucketArn],
    conditions: { StringLike: { 's3:prefix': releaseKey('*') } },
  }),
  keyUseStatement(scope, 's3', ['kms:Decrypt'], [key.keyArn]),
];
