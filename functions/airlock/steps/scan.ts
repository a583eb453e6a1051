import { setTimeout as sleep } from 'node:timers/promises';
import { readScanStatus, scanPauses } from '../../storage/malware-scan.ts';
import type { ObjectVersion } from '../../storage/object-read.ts';
import { mapInParallel, OBJECT_PARALLELISM } from '../../storage/parallel.ts';

/**
 * Reads the statuses of items in order and waits where one is missing, for as long as there are pauses left. It reads no
 * further before that one is there: otherwise a slow scan of many files would cost a read of each file at every try.
 */
export async function collectStatuses(
  count: number,
  read: (index: number) => Promise<string | undefined>,
  pauseSeconds: readonly number[],
): Promise<(string | undefined)[]> {
  const statuses: (string | undefined)[] = Array.from({ length: count });
  let tries = 0;
  for (let start = 0; start < count; ) {
    const end = Math.min(count, start + OBJECT_PARALLELISM);
    const missing = Array.from({ length: end - start }, (_, offset) => start + offset).filter(
      index => statuses[index] === undefined,
    );
    await mapInParallel(missing, OBJECT_PARALLELISM, async index => {
      statuses[index] = await read(index);
    });
    if (missing.every(index => statuses[index] !== undefined)) {
      start = end;
      continue;
    }
    const pause = pauseSeconds[tries++];
    if (pause === undefined) break;
    await sleep(pause * 1000);
  }
  return statuses;
}

/**
 * The scan status of each version, in the same order. Waits a few seconds for missing ones, and then leaves out those that
 * follow a missing one; once the scan is overdue, it waits for none and reads all.
 */
export async function readScanTags(
  versions: readonly ObjectVersion[],
  isOverdue: boolean,
): Promise<(string | undefined)[]> {
  if (isOverdue) return mapInParallel(versions, OBJECT_PARALLELISM, readScanStatus);
  return collectStatuses(versions.length, async index => readScanStatus(versions[index] as ObjectVersion), scanPauses);
}
