import { zipSync } from 'fflate';

/** Files with this in their names are skipped by the double that plays GuardDuty for the tests, as if it never got to them. */
export const skippedScanMarker = 'never-scanned';

/** A zip whose files say that they have a password. */
export function makeEncryptedZip(files: Record<string, Uint8Array>): Uint8Array {
  const zip = Buffer.from(zipSync(files));
  for (const [magic, flags] of [
    ['PK\u0003\u0004', 6],
    ['PK\u0001\u0002', 8],
  ] as const)
    for (let index = zip.indexOf(magic); index >= 0; index = zip.indexOf(magic, index + 4))
      zip.writeUInt16LE(zip.readUInt16LE(index + flags) | 1, index + flags);
  return zip;
}
