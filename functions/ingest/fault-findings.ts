import type { Finding } from '../identifiers.ts';
import { pathFinding } from '../storage/paths.ts';
import type { DeliveryFinding } from './schemas.ts';

/** The finding for a file whose content is not that of the manifest. */
export const differentFile = (path: string, actual: string, manifestHash: string): Finding =>
  pathFinding(
    path,
    `The SHA-256 is ${actual}, but the manifest says ${manifestHash}. Upload the right file, or correct the manifest. Then upload the manifest again.`,
  );

/** The finding for a file that disappeared. */
export const deletedFile = (path: string): Finding =>
  pathFinding(path, 'This file was deleted during the check. Upload it, then upload the manifest again.');

const remedy =
  'Your files are safe. Upload the manifest again to start a new check. If this happens again, tell your operator the id of the delivery.';

/** The finding for a delivery whose check failed because of an internal error. */
export const internalFaultFinding: DeliveryFinding = {
  path: '',
  reason: `The check failed because of an internal error. ${remedy}`,
};

/** What the partner reads of errors that have a name. An alarm tells the operators. */
const namedFaults: Readonly<Record<string, string>> = {
  ChecksumJobFailed: 'S3 could not compute the SHA-256 of the large files.',
  ChecksumJobLate: 'S3 did not compute the SHA-256 of the large files within a day.',
  CopyDiffers: 'A copy of a large file differs from the uploaded file, so it was not registered.',
};

export function findFaultFinding(fault: unknown): DeliveryFinding {
  const sentence = typeof fault === 'string' && Object.hasOwn(namedFaults, fault) ? namedFaults[fault] : undefined;
  return sentence === undefined ? internalFaultFinding : { path: '', reason: `${sentence} ${remedy}` };
}
