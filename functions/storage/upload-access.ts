import * as z from 'zod';

/** What an upload needs: write objects, by parts too, and see what has arrived. */
export const uploadActions = ['s3:PutObject', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts'] as const;

/**
 * The session policy of a delivery's credentials: its own prefix, and the landing key through S3 only. Reading and
 * deleting are not in it. The role allows the same for all deliveries, so what is missing here is denied.
 */
export const uploadPolicy = (of: { bucket: string; prefix: string; key: string; region: string }): string =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Action: uploadActions, Resource: `arn:aws:s3:::${of.bucket}/${of.prefix}*` },
      {
        Effect: 'Allow',
        Action: 's3:ListBucket',
        Resource: `arn:aws:s3:::${of.bucket}`,
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

/** What somebody uploads with: credentials that write below the prefix, and nothing else, until they expire. */
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
