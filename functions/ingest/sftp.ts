import { timeAfter } from '../clock.ts';
import { throughService } from '../key-condition.ts';
import { landingPrefix } from './ingest.ts';
import type { PartnerRecord } from './partner-schemas.ts';
import type { Delivery } from './schemas.ts';

/** How long a session keeps its rights. After the loss of a key nobody signs in with it, and open sessions end in this time. */
const SFTP_SECONDS = 4 * 3600;

/** The actions that clients need. S3 renames by copying an object, which reads and writes its tags, and then deleting it. */
export const sftpActions = [
  's3:PutObject',
  's3:GetObject',
  's3:DeleteObject',
  's3:AbortMultipartUpload',
  's3:GetObjectTagging',
  's3:PutObjectTagging',
] as const;

/** Where the receipts of a partner are in the landing bucket. */
export const receiptPrefix = (partner: string): string => `receipts/${partner}/`;

/** When the rights of a session that begins now end: in four hours, or earlier with the agreement. */
export const sessionEnd = (now: string, { endsAt }: Pick<PartnerRecord, 'endsAt'>): string => {
  const latest = timeAfter(now, SFTP_SECONDS);
  return Date.parse(endsAt) < Date.parse(latest) ? new Date(endsAt).toISOString() : latest;
};

/**
 * The session policy of a partner: their own files and receipts until `end`. AWS Transfer Family takes 2048 characters at
 * most. No action covers versions of objects, so the landing bucket keeps what was overwritten or removed.
 */
export function sftpPolicy(target: {
  bucket: string;
  partner: string;
  key: string;
  region: string;
  end: string;
}): string {
  const { bucket, partner, key, region, end } = target;
  const [, partition] = key.split(':');
  const arn = `arn:${partition}:s3:::${bucket}`;
  const limits = { DateLessThan: { 'aws:CurrentTime': end } };
  const prefixes = [`in/${partner}/`, receiptPrefix(partner)];
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Action: sftpActions, Resource: `${arn}/${prefixes[0]}*`, Condition: limits },
      { Effect: 'Allow', Action: 's3:GetObject', Resource: `${arn}/${prefixes[1]}*`, Condition: limits },
      {
        Effect: 'Allow',
        Action: 's3:ListBucket',
        Resource: arn,
        Condition: { ...limits, StringLike: { 's3:prefix': prefixes.map(prefix => `${prefix}*`) } },
      },
      { Effect: 'Allow', Action: 's3:GetBucketLocation', Resource: arn, Condition: limits },
      {
        Effect: 'Allow',
        Action: ['kms:GenerateDataKey', 'kms:Decrypt'],
        Resource: key,
        Condition: { ...limits, StringEquals: throughService('s3', region) },
      },
    ],
  });
}

/** The folders that a partner sees: one for each dataset, with the files of its delivery, and the receipts. */
export const sftpFolders = (bucket: string, partner: string, deliveries: readonly Pick<Delivery, 'id' | 'dataset'>[]) =>
  [
    ...deliveries.map(({ id, dataset }) => ({
      Entry: `/${dataset}`,
      Target: `/${bucket}/${landingPrefix(partner, id)}`,
    })),
    { Entry: '/receipts', Target: `/${bucket}/${receiptPrefix(partner)}` },
  ].map(({ Entry, Target }) => ({ Entry, Target: Target.replace(/\/$/, '') }));

/** Whether the delivery takes more files in its folder. */
export const isFolderOpen = ({ status }: Pick<Delivery, 'status'>): boolean =>
  status === 'open' || status === 'held' || status === 'checking';
