import { setTimeout as sleep } from 'node:timers/promises';
import { GetObjectTaggingCommand } from '@aws-sdk/client-s3';
import type { ObjectVersion } from '../../storage/object-read.ts';
import { mapInParallel, OBJECT_PARALLELISM } from '../../storage/parallel.ts';
import { s3 } from '../../storage/s3.ts';
import { scanTag } from './malware.ts';

/** Seconds between attempts. Most files are scanned before all are sealed, so one attempt usually suffices. */
const pauses = [0.1, 0.2, 0.4, 0.8, 1.5, 3];

/** The scan status of one version, if it has one yet. */
async function statusOf({ bucket, key, version }: ObjectVersion): Promise<string | undefined> {
  const { TagSet = [] } = await s3.send(new GetObjectTaggingCommand({ Bucket: bucket, Key: key, VersionId: version }));
  return TagSet.find(({ Key }) => Key === scanTag)?.Value;
}

/** The scan status of each version, in the same order. Waits a few seconds for missing ones. */
export async function readScanTags(versions: readonly ObjectVersion[]): Promise<(string | undefined)[]> {
  const statuses: (string | undefined)[] = versions.map(() => undefined);
  for (const pause of [...pauses, undefined]) {
    const open = [...versions.entries()].filter(([index]) => statuses[index] === undefined);
    await mapInParallel(open, OBJECT_PARALLELISM, async ([index, version]) => {
      statuses[index] = await statusOf(version);
    });
    if (pause === undefined || !statuses.includes(undefined)) break;
    await sleep(pause * 1000);
  }
  return statuses;
}
