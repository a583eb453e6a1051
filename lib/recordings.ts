import { Duration } from 'aws-cdk-lib';
import { AnyPrincipal, Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { type Bucket, ObjectLockRetention } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import type { RecordingConfig } from './config.ts';
import type { Core } from './core.ts';

/** The recordings of sessions: nobody can change or delete one before its time, and only the named roles can read them. */
export class Recordings extends Construct {
  readonly bucket: Bucket;

  constructor(scope: Construct, id: string, { core, settings }: { core: Core; settings: RecordingConfig }) {
    super(scope, id);
    const days = Duration.days(settings.days);
    this.bucket = core.bucket(this, 'Sessions', {
      objectLockEnabled: true,
      objectLockDefaultRetention: ObjectLockRetention.compliance(days),
      lifecycleRules: [
        {
          expiration: Duration.days(settings.days + 1),
          noncurrentVersionExpiration: Duration.days(1),
          abortIncompleteMultipartUploadAfter: Duration.days(7),
        },
      ],
    });
    this.bucket.addToResourcePolicy(
      new PolicyStatement({
        sid: 'OnlyTheNamedRolesRead',
        effect: Effect.DENY,
        principals: [new AnyPrincipal()],
        actions: ['s3:GetObject', 's3:GetObjectVersion'],
        resources: [this.bucket.arnForObjects('*')],
        conditions: { ArnNotLike: { 'aws:PrincipalArn': settings.readers } },
      }),
    );
  }
}
