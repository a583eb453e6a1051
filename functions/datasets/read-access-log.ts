import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { readObject } from '../storage/object-read.ts';
import { s3 } from '../storage/s3.ts';
import type { Page } from '../table.ts';
import { type DatasetRead, parseAccessLine } from './access-log.ts';

/** The prefix of the lake's log in the bucket of access logs (lib/core.ts). S3 continues it with the time. */
export const LAKE_LOG_PREFIX = 'lake/';
/** As many reads are enough for an answer, and as many log files fit into the time of one. */
const limits = { reads: 1000, files: 100 } as const;

export interface AccessLogPlace {
  readonly bucket: string;
  /** What the ARNs of the projects' access points begin with. */
  readonly accessPoints: string;
}

/** The reads of a dataset that S3 logged on one day, some log files at a time. */
export async function pageAccessLog(
  { bucket, accessPoints }: AccessLogPlace,
  { dataset, day, next }: { dataset: string; day: string; next?: string | undefined },
): Promise<Page<DatasetRead>> {
  const Prefix = `${LAKE_LOG_PREFIX}${day}`;
  const { Contents = [], IsTruncated } = await s3.send(
    new ListObjectsV2Command({
      Bucket: bucket,
      Prefix,
      MaxKeys: limits.files,
      ...(next !== undefined && { StartAfter: `${Prefix}${next}` }),
    }),
  );
  const items: DatasetRead[] = [];
  for (const [index, { Key = '' }] of Contents.entries()) {
    const text = Buffer.from(await readObject({ bucket, key: Key })).toString('utf8');
    for (const line of text.split('\n')) {
      const read = parseAccessLine(line, dataset, accessPoints);
      if (read) items.push(read);
    }
    const isLast = index === Contents.length - 1;
    if (isLast ? IsTruncated : items.length >= limits.reads) return { items, next: Key.slice(Prefix.length) };
  }
  return { items };
}
