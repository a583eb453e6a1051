import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { readObject } from '../storage/object-read.ts';
import { s3 } from '../storage/s3.ts';
import { releaseKey } from './schemas.ts';

/** The signed record of what the airlock released of a run's outputs; undefined until it released something. */
export async function readReleaseRecord(bucket: string, request: string): Promise<string | undefined> {
  const key = releaseKey(request);
  const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: key, MaxKeys: 1 }));
  if (Contents.length === 0) return undefined;
  return Buffer.from(await readObject({ bucket, key })).toString();
}
