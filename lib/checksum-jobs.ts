import { Duration, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { BlockPublicAccess, Bucket, BucketEncryption, ObjectOwnership } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import type * as Checksum from '../functions/ingest/checksum.lambda.ts';
import { scanTag, threatStatus } from '../functions/storage/malware-scan.ts';
import { accessTo, bucketAccess, combinedAccess } from './access.ts';
import type { Core } from './core.ts';
import { refuseCustomerKeys } from './customer-keys.ts';
import { Handler } from './handler.ts';
import { keyUseStatement } from './key-use.ts';
import { explainWildcards } from './nag-wildcards.ts';

const LISTS = 'lists/';
const REPORTS = 'reports/';

/** Malware remains unread, also after a data steward accepted files that the scan could not judge. */
export const noThreat = { StringNotEquals: { [`s3:ExistingObjectTag/${scanTag}`]: threatStatus } };

/**
 * The bucket for the lists and the reports of checksum jobs. They name files and their SHA-256. S3 reads no list that is
 * encrypted with a key of ours, and writes its reports under its own keys only, so this bucket has those:
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-examples-reports.html
 */
export function createJobsBucket(scope: Construct, core: Core): Bucket {
  const bucket = new Bucket(scope, 'Jobs', {
    encryption: BucketEncryption.S3_MANAGED,
    blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
    objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
    enforceSSL: true,
    minimumTLSVersion: 1.2,
    versioned: true,
    serverAccessLogsBucket: core.accessLogs,
    serverAccessLogsPrefix: 'jobs/',
    lifecycleRules: [{ expiration: Duration.days(14), noncurrentVersionExpiration: Duration.days(1) }],
    removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
  });
  refuseCustomerKeys(bucket);
  Validations.of(bucket).acknowledge({
    id: 'NIST.800.53.R5-S3DefaultEncryptionKMS',
    reason: 'S3 Batch Operations reads and writes these objects under S3-managed keys only. They hold no data.',
  });
  return bucket;
}

export interface ChecksumJobsProps {
  readonly core: Core;
  readonly landing: Bucket;
  readonly lake: Bucket;
  readonly work: Bucket;
  readonly jobs: Bucket;
}

/** Has S3 compute the SHA-256 of files that are too large to be read in the time of a function. */
export class ChecksumJobs extends Construct {
  readonly step: Handler<typeof Checksum>;

  constructor(scope: Construct, id: string, { core, landing, lake, work, jobs }: ChecksumJobsProps) {
    super(scope, id);
    const { account, region, partition } = Stack.of(this);
    const role = new Role(this, 'Role', {
      description: 'S3 Batch Operations reads files with it to compute their checksums',
      assumedBy: new ServicePrincipal('batchoperations.s3.amazonaws.com'),
    });
    // https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-iam-role-policies.html
    const statements = [
      new PolicyStatement({
        actions: ['s3:GetObject', 's3:GetObjectVersion'],
        resources: [lake.arnForObjects('datasets/*'), jobs.arnForObjects(`${LISTS}*`)],
      }),
      new PolicyStatement({
        actions: ['s3:GetObject', 's3:GetObjectVersion'],
        resources: [landing.arnForObjects('in/*')],
        conditions: noThreat,
      }),
      new PolicyStatement({ actions: ['s3:PutObject'], resources: [jobs.arnForObjects(`${REPORTS}*`)] }),
      keyUseStatement(this, 's3', ['kms:Decrypt'], [core.key.keyArn]),
    ];
    for (const statement of statements) role.addToPolicy(statement);
    explainWildcards(role, statements, 'A job reads the objects of its list, which a function of Broch writes.');
    Validations.of(role).acknowledge({
      id: 'NIST.800.53.R5-IAMNoInlinePolicy',
      reason: 'The role of one purpose: its policy belongs to nothing else.',
    });
    this.step = new Handler<typeof Checksum>(this, 'Step', {
      core,
      entry: 'ingest/checksum.lambda.ts',
      seconds: 120,
      environment: {
        LANDING_BUCKET: landing.bucketName,
        LAKE_BUCKET: bucketAccess(lake, ['read'], 'datasets/'),
        WORK_BUCKET: bucketAccess(work, ['read', 'write']),
        JOBS_BUCKET: combinedAccess(bucketAccess(jobs, ['write'], LISTS), bucketAccess(jobs, ['read'], REPORTS)),
        ACCOUNT: account,
        JOB_ROLE_ARN: accessTo(
          role.roleArn,
          // IAM knows no resource for this action.
          new PolicyStatement({
            actions: ['s3:CreateJob'],
            resources: ['*'],
            conditions: { StringEquals: { 's3:RequestJobOperation': 'S3ComputeObjectChecksum' } },
          }),
          new PolicyStatement({
            actions: ['s3:DescribeJob'],
            resources: [`arn:${partition}:s3:${region}:${account}:job/*`],
          }),
          new PolicyStatement({
            actions: ['iam:PassRole'],
            resources: [role.roleArn],
            conditions: { StringEquals: { 'iam:PassedToService': 'batchoperations.s3.amazonaws.com' } },
          }),
        ),
      },
    });
  }
}
