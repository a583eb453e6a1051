import { describe, expect, it } from 'vitest';
import {
  ChecksumJobFailed,
  findChecksums,
  formatJobList,
  parseChecksumRows,
} from '../../functions/ingest/checksum-report.ts';
import { findFaultFinding, internalFaultFinding } from '../../functions/ingest/fault-findings.ts';
import { storedSha256 } from '../../functions/storage/object-proof.ts';
import { toSha256Hex } from './delivery.ts';

const hash = toSha256Hex('content');
const scan = { bucket: 'landing', key: 'in/p/dl/größe +%41, "a".bin', version: 'v1' };
const otherFile = { bucket: 'landing', key: 'in/p/dl/b.bin', version: 'v2' };
const keyInReport = encodeURIComponent(scan.key).replaceAll('%2F', '/');
const message = (change: object = {}) =>
  JSON.stringify({
    checksum_base64: Buffer.from(hash, 'hex').toString('base64'),
    etag: 'x',
    checksumAlgorithm: 'SHA256',
    checksumType: 'FULL_OBJECT',
    checksum_hex: hash.toUpperCase(),
    ...change,
  }).replaceAll('"', '""');
const success = (text = message()) => `landing,${keyInReport},v1,succeeded,200,,"${text}"\n`;
const rows = (text: string) => parseChecksumRows(Buffer.from(text));

describe('the report of a checksum job', () => {
  it('gives the SHA-256 of each version of the list', () => {
    expect(formatJobList([scan])).toBe(`landing,${keyInReport},v1\n`);
    expect(findChecksums([scan], rows(success()))).toEqual([hash]);
    // A blank in a key may be written as a plus sign.
    expect(findChecksums([scan], rows(success().replaceAll('%20', '+')))).toEqual([hash]);
  });

  it('says which objects are gone, in whichever order AWS writes the two codes', () => {
    for (const codes of ['404,NoSuchVersion', 'NoSuchKey,404'])
      expect(findChecksums([otherFile], rows(`landing,in/p/dl/b.bin,v2,failed,${codes},Gone.\n`))).toEqual(['gone']);
  });

  it.each([
    ['without the object', success(), otherFile],
    ['of another version', success().replace('v1', 'v9'), scan],
    ['with a failure', 'landing,in/p/dl/b.bin,v2,failed,403,AccessDenied,Access Denied\n', otherFile],
  ])('%s proves nothing', (_, text, object) =>
    expect(() => findChecksums([object], rows(text))).toThrow(ChecksumJobFailed),
  );

  it.each([
    ['a checksum of parts', { checksumType: 'COMPOSITE' }],
    ['another algorithm', { checksumAlgorithm: 'CRC64NVME' }],
    ['something that is no SHA-256', { checksum_hex: 'AB' }],
  ])('with %s is refused', (_, change) => expect(() => rows(success(message(change)))).toThrow());

  it('names its failure to the partner, as does a copy that differs; any other error is internal', () => {
    expect(findFaultFinding('ChecksumJobFailed').reason).toMatch(
      /^S3 could not compute the SHA-256 of the large files/,
    );
    expect(findFaultFinding('ChecksumJobLate').reason).toMatch(/within a day.*Upload the manifest again/);
    expect(findFaultFinding('CopyDiffers').reason).toMatch(/^A copy of a large file differs/);
    for (const fault of ['TypeError', 'toString', undefined])
      expect(findFaultFinding(fault)).toBe(internalFaultFinding);
  });
});

it('only a SHA-256 of the whole object is taken from S3, never one of its parts', () => {
  const ChecksumSHA256 = Buffer.from(hash, 'hex').toString('base64');
  expect(storedSha256({ ChecksumSHA256, ChecksumType: 'FULL_OBJECT' })).toBe(hash);
  expect(storedSha256({ ChecksumSHA256: `${ChecksumSHA256}-3`, ChecksumType: 'COMPOSITE' })).toBeUndefined();
  // A checksum of parts is never taken for another, whatever its type is called.
  expect(storedSha256({ ChecksumSHA256: `${ChecksumSHA256}-3`, ChecksumType: 'FULL_OBJECT' })).toBeUndefined();
  expect(storedSha256({ ChecksumSHA256, ChecksumType: 'COMPOSITE' })).toBeUndefined();
  expect(storedSha256({ ChecksumSHA256 })).toBeUndefined();
  expect(storedSha256({})).toBeUndefined();
});
