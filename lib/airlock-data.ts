import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import { Key, KeySpec, KeyUsage } from 'aws-cdk-lib/aws-kms';
import { type Bucket, ObjectLockRetention } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import type { Core } from './core.ts';
import { MalwareScan } from './malware.ts';

/** The buckets of sealed and of released files, and the key that signs releases. */
export class AirlockData extends Construct {
  readonly airlock: Bucket;
  readonly release: Bucket;
  readonly work: Bucket;
  /** The bucket for uploads of imports until they are sealed. */
  readonly uploads: Bucket;
  readonly signing: Key;
  readonly scan: MalwareScan;

  constructor(scope: Construct, id: string, { core }: { core: Core }) {
    super(scope, id);
    const { lockDays } = core.config.airlock;
    // The sweeper deletes closed requests with a receipt. This rule is the fallback: it deletes long after that, without one.
    const lateDays = 730;
    // The status of a request is in the table. Its files never move between buckets, so they cannot be confused.
    const locked = (prefix?: string) => ({
      objectLockEnabled: true,
      objectLockDefaultRetention: ObjectLockRetention.governance(Duration.days(lockDays)),
      lifecycleRules: [
        ...(prefix === undefined
          ? []
          : [
              {
                prefix,
                expiration: Duration.days(lockDays + lateDays),
                noncurrentVersionExpiration: Duration.days(lockDays + lateDays),
              },
            ]),
        { abortIncompleteMultipartUploadAfter: Duration.days(7) },
      ],
    });
    this.airlock = core.bucket(this, 'Sealed', locked('requests/'));
    this.scan = new MalwareScan(this, 'Malware', {
      subject: 'what the airlock seals',
      bucket: this.airlock,
      prefix: 'requests/',
    });
    // Records, receipts and the tables for differencing are kept for ever; everything else is deleted only with a receipt.
    this.release = core.bucket(this, 'Released', locked());
    this.work = core.bucket(this, 'Work', {
      lifecycleRules: [{ expiration: Duration.days(14), noncurrentVersionExpiration: Duration.days(1) }],
    });
    this.uploads = core.bucket(this, 'Uploads', {
      lifecycleRules: [
        {
          expiration: Duration.days(lockDays + lateDays),
          noncurrentVersionExpiration: Duration.days(lockDays + lateDays),
          abortIncompleteMultipartUploadAfter: Duration.days(7),
        },
      ],
    });
    this.signing = new Key(this, 'Signing', {
      description: 'Broch: signs the records of releases',
      keySpec: KeySpec.ECC_NIST_P256,
      keyUsage: KeyUsage.SIGN_VERIFY,
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    });
    const rotation = {
      id: 'AwsSolutions-KMS5',
      reason: 'KMS rotates no asymmetric keys; a record names the key that signed it.',
    };
    Validations.of(this.signing).acknowledge(rotation, {
      ...rotation,
      id: 'NIST.800.53.R5-KMSBackingKeyRotationEnabled',
    });
  }
}
