import * as z from 'zod';
import { throughService } from '../key-condition.ts';

/** The permissions for an upload: write objects, also in parts, and list them. */
export const uploadActions = ['s3:PutObject', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts'] as const;

/** As long as an access token: who loses their rights cannot write for longer. A client gets new credentials in time. */
export const UPLOAD_SECONDS = 10 * 60;

/**
 * The session policy of a delivery's credentials: write below its own prefix until `end`, and use the landing key through
 * S3 only. The role allows this for all deliveries; the session policy denies everything else, such as reading and
 * deleting. The end is in the policy because STS issues no credentials for less than 15 minutes.
 */
export function uploadPolicy(target: {
  bucket: string;
  /** What may be written: everything below it if it ends with a slash, otherwise the one object of this name. */
  prefix: string;
  key: string;
  region: string;
  end: string;
  /** The networks that may write; all if none is given. */
  networks?: readonly string[];
}): string {
  const [, partition] = target.key.split(':');
  const DateLessThan = { 'aws:CurrentTime': target.end };
  const { networks = [] } = target;
  const limits = { DateLessThan, ...(networks.length > 0 && { IpAddress: { 'aws:SourceIp': networks } }) };
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Action: uploadActions,
        Resource: `arn:${partition}:s3:::${target.bucket}/${target.prefix}${target.prefix.endsWith('/') ? '*' : ''}`,
        Condition: limits,
      },
      {
        Effect: 'Allow',
        Action: 's3:ListBucket',
        Resource: `arn:${partition}:s3:::${target.bucket}`,
        Condition: { ...limits, StringLike: { 's3:prefix': `${target.prefix}*` } },
      },
      {
        Effect: 'Allow',
        Action: ['kms:GenerateDataKey', 'kms:Decrypt'],
        Resource: target.key,
        Condition: { DateLessThan, StringEquals: throughService('s3', target.region) },
      },
    ],
  });
}

/** Credentials that can only write below the prefix, or the one object that it names, until they expire. */
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
