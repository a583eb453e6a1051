import * as z from 'zod';
import { throughService } from '../key-condition.ts';

/** The permissions for an upload: write objects, also in parts, and list them. */
export const uploadActions = ['s3:PutObject', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts'] as const;

/**
 * The session policy of a delivery's credentials: write below its own prefix, and use the landing key through S3 only.
 * The role allows this for all deliveries; the session policy denies everything else, such as reading and deleting.
 */
export function uploadPolicy(target: { bucket: string; prefix: string; key: string; region: string }): string {
  const [, partition] = target.key.split(':');
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Action: uploadActions, Resource: `arn:${partition}:s3:::${target.bucket}/${target.prefix}*` },
      {
        Effect: 'Allow',
        Action: 's3:ListBucket',
        Resource: `arn:${partition}:s3:::${target.bucket}`,
        Condition: { StringLike: { 's3:prefix': `${target.prefix}*` } },
      },
      {
        Effect: 'Allow',
        Action: ['kms:GenerateDataKey', 'kms:Decrypt'],
        Resource: target.key,
        Condition: { StringEquals: throughService('s3', target.region) },
      },
    ],
  });
}

/** Credentials that can only write below the prefix, until they expire. */
export const UploadAccess = z.object({
  bucket: z.string(),
  prefix: z.string(),
  region: z.string(),
  accessKeyId: z.string(),
  secretAccessKey: z.string(),
  sessionToken: z.string(),
  expires: z.iso.datetime(),
});
export type UploadAccess = z.infer<typeof UploadAccess>;
