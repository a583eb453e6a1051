import { PutObjectCommand } from '@aws-sdk/client-s3';
import { sha256 } from '../hash.ts';
import type { ObjectRef } from '../identifiers.ts';
import { readObject } from './object-read.ts';
import { s3 } from './s3.ts';

/** Writes a text that cannot change: the bucket locks every version. A repeated write makes a version that nothing refers to. */
export async function putImmutable(
  bucket: string,
  key: string,
  text: string | Uint8Array,
  type = 'application/json',
): Promise<ObjectRef> {
  const { VersionId } = await s3.send(
    new PutObjectCommand({
      Bucket: bucket,
      Key: key,
      Body: text,
      ContentType: type,
      ChecksumAlgorithm: 'SHA256',
    }),
  );
  if (!VersionId) throw new Error(`${bucket} keeps no versions`);
  return { key, versionId: VersionId, sha256: sha256(text) };
}

/** Stored content has changed or is missing. This is never a refusal; it always raises an alarm. */
export class Tampered extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'Tampered';
  }
}

/** Reads the stored version and checks its hash. */
export async function readVerifiedBytes(
  bucket: string,
  { key, versionId, sha256: expected }: ObjectRef,
): Promise<Uint8Array> {
  const bytes = await readObject({ bucket, key, version: versionId });
  if (sha256(bytes) !== expected) throw new Tampered(`${key} differs from what was written there`);
  return bytes;
}

export const readVerified = async (bucket: string, reference: ObjectRef): Promise<unknown> =>
  JSON.parse(Buffer.from(await readVerifiedBytes(bucket, reference)).toString('utf8'));
