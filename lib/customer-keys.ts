import { AnyPrincipal, Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Bucket } from 'aws-cdk-lib/aws-s3';

/**
 * Refuses objects under a key of their writer (SSE-C), whoever writes them: nobody else could read, check or scan them, and
 * the bucket's own key would not protect them.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerSideEncryptionCustomerKeys.html
 */
export const refuseCustomerKeys = (bucket: Bucket) =>
  bucket.addToResourcePolicy(
    new PolicyStatement({
      sid: 'NoCustomerKeys',
      effect: Effect.DENY,
      principals: [new AnyPrincipal()],
      actions: ['s3:PutObject'],
      resources: [bucket.arnForObjects('*')],
      conditions: { Null: { 's3:x-amz-server-side-encryption-customer-algorithm': 'false' } },
    }),
  );
