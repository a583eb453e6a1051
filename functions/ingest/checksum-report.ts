import * as z from 'zod';
import { CsvScanner, decodeRow } from '../../disclosure/csv.ts';
import { Sha256 } from '../identifiers.ts';
import type { ObjectVersion } from '../storage/object-read.ts';

/** S3 could not compute a checksum. The name of the error is the reason that the delivery gets. */
export class ChecksumJobFailed extends Error {
  override readonly name = 'ChecksumJobFailed';
}

/** S3 did not compute the checksums in time. */
export class ChecksumJobLate extends Error {
  override readonly name = 'ChecksumJobLate';
}

/** A copy in the lake has another SHA-256 than the file that was verified. */
export class CopyDiffers extends Error {
  override readonly name = 'CopyDiffers';
}

/**
 * The list of objects of a job: bucket, URL-encoded key and version. S3 takes no list that is encrypted with a key of ours:
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-create-job.html#specify-batchjob-manifest
 */
export const formatJobList = (objects: readonly Required<ObjectVersion>[]): string =>
  objects
    .map(({ bucket, key, version }) => `${bucket},${key.split('/').map(encodeURIComponent).join('/')},${version}\n`)
    .join('');

/** The files of the report. https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-examples-reports.html */
export const ChecksumReport = z.object({
  Format: z.literal('Report_CSV_20180820'),
  Results: z.array(
    z.object({ TaskExecutionStatus: z.enum(['succeeded', 'failed']), Bucket: z.string(), Key: z.string() }),
  ),
});

/** What a row says of an object whose checksum was computed. The hexadecimal digits are in capitals. */
const Computed = z.object({
  checksumAlgorithm: z.literal('SHA256'),
  checksumType: z.literal('FULL_OBJECT'),
  checksum_hex: z.string().toLowerCase().pipe(Sha256),
});

export interface ComputedChecksum {
  readonly key: string;
  readonly version: string;
  /** Undefined if it was not computed. */
  readonly sha256: string | undefined;
  /** What S3 says of a failure. */
  readonly failure: string;
}

/**
 * Reads the rows of a report: bucket, URL-encoded key, version, status, two codes, message. AWS writes the two codes in either
 * order, so neither is relied on.
 */
export function parseChecksumRows(bytes: Uint8Array): ComputedChecksum[] {
  const rows: ComputedChecksum[] = [];
  const scanner = new CsvScanner(batch => {
    for (let row = 0; row < batch.rows; row++) {
      const [, key = '', version = '', status = '', first = '', second = '', message = ''] = decodeRow(batch, row);
      const hash = status === 'succeeded' ? Computed.parse(JSON.parse(message)).checksum_hex : undefined;
      const failure = [first, second, message].filter(text => text !== '').join(' ');
      rows.push({ key: decodeURIComponent(key.replaceAll('+', ' ')), version, sha256: hash, failure });
    }
  }, ','.charCodeAt(0));
  scanner.push(bytes);
  scanner.end();
  if (scanner.wrong !== undefined) throw new Error(`the report of checksums cannot be read: ${scanner.wrong}`);
  return rows;
}

const isGone = (failure: string): boolean => /\b(404|NoSuchKey|NoSuchVersion)\b/.test(failure);

/** Finds the SHA-256 of each object in the rows; `gone` if it no longer exists. Throws if S3 did not compute it. */
export function findChecksums(
  objects: readonly Required<ObjectVersion>[],
  rows: readonly ComputedChecksum[],
): (string | 'gone')[] {
  const byObject = new Map(rows.map(row => [`${row.key}\n${row.version}`, row]));
  return objects.map(({ key, version }) => {
    const row = byObject.get(`${key}\n${version}`);
    if (!row) throw new ChecksumJobFailed(`the report does not have ${key}`);
    if (row.sha256 !== undefined) return row.sha256;
    if (isGone(row.failure)) return 'gone';
    throw new ChecksumJobFailed(`${key}: ${row.failure}`);
  });
}
