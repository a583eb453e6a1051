import { cleanStatus, type ScanLimits, scanDeadline, threatStatus } from '../storage/malware-scan.ts';
import { pathFinding } from '../storage/paths.ts';
import type { DeliveryFinding } from './schemas.ts';

/** What the scan says of one delivered file. Only a `clean` file is read, unless a data steward accepts it unscanned. */
export type ScanVerdict = 'clean' | 'waiting' | DeliveryFinding;

const acceptance = 'A data steward may accept the delivery with a reason: broch delivery accept-unscanned.';

const unreadable = new Map([
  [
    'UNSUPPORTED',
    'The malware scan cannot read this file: it is encrypted, larger than 100 GB, or an archive that is too large, too deeply nested or compressed too strongly. Deliver its contents unpacked and without a password.',
  ],
  [
    'ACCESS_DENIED',
    'The malware scan was not allowed to read this file. Ask the operators to correct its permissions.',
  ],
  ['FAILED', 'The malware scan of this file failed. Upload the file again, then the manifest.'],
]);

const acceptableFinding = (path: string, reason: string): DeliveryFinding => ({
  ...pathFinding(path, `${reason} ${acceptance}`),
  unscanned: true,
});

/** The finding for a table or an archive that is too large to be read in the time of a function. */
export const unreadFinding = (path: string, mostBytes: number): DeliveryFinding =>
  acceptableFinding(
    path,
    `This file is too large to be read: ${mostBytes} bytes are the limit. So its rows, direct identifiers and archive entries were not checked. Split it into smaller files, or ask your data steward.`,
  );

/** The finding for a Parquet file whose rows cannot be read. */
export const unreadRowsFinding = (path: string, reason: string): DeliveryFinding =>
  acceptableFinding(
    path,
    `The rows of this Parquet file cannot be read: ${reason}. So its values and direct identifiers were not checked. Write it again as a flat table with smaller row groups, packed with Snappy, gzip, Brotli or Zstandard, or ask your data steward.`,
  );

/**
 * Interprets the tag, or its absence. It fails closed: an unknown value counts as a failure, and so does a missing value at
 * the deadline.
 */
export function judgeDeliveryScan(path: string, status: string | undefined, limits: ScanLimits): ScanVerdict {
  if (status === cleanStatus) return 'clean';
  if (status === threatStatus)
    return pathFinding(
      path,
      'GuardDuty found malware in this file. Find out where it came from, and open a new delivery without it.',
    );
  const unscanned = (reason: string) => acceptableFinding(path, reason);
  if (status !== undefined)
    return unscanned(unreadable.get(status) ?? `The malware scan reported an unknown status: ${status.slice(0, 50)}.`);
  if (limits.now < scanDeadline(limits)) return 'waiting';
  return unscanned(`This file was not scanned for malware within ${limits.scanMinutes} minutes.`);
}
