import * as z from 'zod';

/** The permissions for an upload: write objects, also in parts, and list them. */
export const uploadActions = ['s3:PutObject', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts'] as const;

/**
 * The session policy of a delivery's credentials: write below its own prefix, and use the landing key through S3 only.
 * The role allows this for all deliveries; the session policy denies everything else, such as reading and deleting.
 */
export const uploadPolicy = (of: { bucket: string; prefix: string; key: string; region: string }): string => {
  const [, partition] = of.key.split(':');
  const bucket = `arn:${partition}:s3:::${of.bucket}`;
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Action: uploadActions, Resource: `${bucket}/${of.prefix}*` },
      {
        Effect: 'Allow',
        Action: 's3:ListBucket',
        Resource: bucket,
        Condition: { StringLike: { 's3:prefix': `${of.prefix}*` } },
      },
      {
        Effect: 'Allow',
        Action: ['kms:GenerateDataKey', 'kms:Decrypt'],
        Resource: of.key,
        Condition: { StringEquals: { 'kms:ViaService': `s3.${of.region}.amazonaws.com` } },
      },
    ],
  });
};

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
