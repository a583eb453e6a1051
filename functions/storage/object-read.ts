import { createHash, type Hash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { GetObjectCommand, ListObjectVersionsCommand } from '@aws-sdk/client-s3';
import { s3 } from './s3.ts';

/** The version of an object that was newest when its prefix was listed. */
export interface ListedObject {
  /** The path below the prefix. */
  readonly path: string;
  readonly version: string;
  readonly size: number;
  readonly etag: string;
}

/** Listing stops above this number of versions; the uploader is probably in a loop. */
const mostVersions = 300_000;

/**
 * The newest version of every object below `prefix`; undefined above the limit. Empty objects whose names end in a slash
 * are skipped: some tools create them for folders.
 */
export async function listObjects(bucket: string, prefix: string): Promise<ListedObject[] | undefined> {
  const present: ListedObject[] = [];
  let position: { KeyMarker?: string | undefined; VersionIdMarker?: string | undefined } = {};
  for (let versionCount = 0; versionCount < mostVersions; ) {
    // URL encoding, because XML cannot represent every character of a key.
    const page = await s3.send(
      new ListObjectVersionsCommand({ Bucket: bucket, Prefix: prefix, EncodingType: 'url', ...position }),
    );
    const decode = (key: string) => (page.EncodingType === 'url' ? decodeURIComponent(key.replaceAll('+', ' ')) : key);
    const { Versions = [], DeleteMarkers = [] } = page;
    versionCount += Versions.length + DeleteMarkers.length;
    for (const { Key, VersionId, Size, ETag, IsLatest } of Versions) {
      if (!IsLatest || Key === undefined || VersionId === undefined) continue;
      const path = decode(Key).slice(prefix.length);
      const size = Size ?? 0;
      if (size === 0 && (path === '' || path.endsWith('/'))) continue;
      present.push({ path, version: VersionId, size, etag: ETag ?? '' });
    }
    if (!page.IsTruncated) return present;
    position = {
      KeyMarker: page.NextKeyMarker === undefined ? undefined : decode(page.NextKeyMarker),
      VersionIdMarker: page.NextVersionIdMarker,
    };
  }
  return undefined;
}

export interface ObjectVersion {
  readonly bucket: string;
  readonly key: string;
  /** The newest version if omitted. */
  readonly version?: string;
}

const open = async (
  { bucket, key, version }: ObjectVersion,
  range?: string,
): Promise<{ body: Readable; version: string }> => {
  const { Body, VersionId = '' } = await s3.send(
    new GetObjectCommand({
      Bucket: bucket,
      Key: key,
      ...(version !== undefined && { VersionId: version }),
      ...(range !== undefined && { Range: range }),
    }),
  );
  return { body: Body as Readable, version: VersionId };
};

/** Streams an object, or its bytes from `from` up to but not including `to`. */
export async function* streamObject(
  object: ObjectVersion,
  range?: readonly [from: number, to: number],
): AsyncGenerator<Uint8Array> {
  yield* (await open(object, range && `bytes=${range[0]}-${range[1] - 1}`)).body as AsyncIterable<Uint8Array>;
}

/** Reads a small object completely. The caller knows its size from listing the same version. */
export async function readObject(object: ObjectVersion): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of streamObject(object)) parts.push(part);
  return Buffer.concat(parts);
}

/** Reads up to `maxBytes` bytes from byte `offset`: fewer at the end of the object, none after it. */
export async function readObjectRange(object: ObjectVersion, offset: number, maxBytes: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  try {
    const { body } = await open(object, `bytes=${offset}-${offset + maxBytes - 1}`);
    for await (const part of body as AsyncIterable<Uint8Array>) parts.push(part);
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'InvalidRange') throw error;
  }
  const bytes = Buffer.concat(parts);
  if (bytes.length > maxBytes) throw new Error(`S3 returned more of ${object.key} than the requested range`);
  return bytes;
}

export interface ObjectHash {
  readonly sha256: string;
  readonly size: number;
  readonly parts: string[];
  /** The version that was read. */
  readonly version: string;
  /** The first bytes, which identify the file type. */
  readonly head: Uint8Array;
}

/** As many first bytes are kept. They identify the file type. */
export const HEAD_BYTES = 64 * 1024;

/**
 * Hashes a stream in constant memory. With `part`, also hashes each part of that many bytes. `observe` sees the bytes as
 * they pass.
 */
export async function hashStream(
  body: AsyncIterable<Uint8Array>,
  part?: number,
  observe?: (bytes: Uint8Array) => void,
): Promise<Omit<ObjectHash, 'version'>> {
  const whole = createHash('sha256');
  const parts: string[] = [];
  let [size, current, remaining]: [number, Hash | undefined, number] = [0, undefined, 0];
  let head: Uint8Array = new Uint8Array();
  for await (const bytes of body) {
    whole.update(bytes);
    observe?.(bytes);
    size += bytes.length;
    if (head.length < HEAD_BYTES) head = Buffer.concat([head, bytes.subarray(0, HEAD_BYTES - head.length)]);
    if (part === undefined) continue;
    for (let offset = 0; offset < bytes.length; ) {
      if (current === undefined) [current, remaining] = [createHash('sha256'), part];
      const take = Math.min(remaining, bytes.length - offset);
      current.update(bytes.subarray(offset, offset + take));
      [offset, remaining] = [offset + take, remaining - take];
      if (remaining === 0) {
        parts.push(current.digest('base64'));
        current = undefined;
      }
    }
  }
  if (current) parts.push(current.digest('base64'));
  return { sha256: whole.digest('hex'), size, parts, head };
}

/** Hashes an object as a stream, as `hashStream` does. */
export async function hashObject(
  object: ObjectVersion,
  part?: number,
  observe?: (bytes: Uint8Array) => void,
): Promise<ObjectHash> {
  const { body, version } = await open(object);
  return { ...(await hashStream(body as AsyncIterable<Uint8Array>, part, observe)), version };
}

/**
 * Whether S3 hides that the version no longer exists: to a role that may not list the bucket it answers 403 instead of 404
 * (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html). A message that names another right than that to list
 * the bucket means that this right is missing.
 */
const isHiddenAbsence = (error: unknown): boolean =>
  error instanceof Error && error.name === 'AccessDenied' && !/\b(?!s3:ListBucket\b)(s3|kms):\w+/.test(error.message);

/** Whether the error means that a version that was there is gone, for a role that may read the bucket but not list it. */
export const isGoneObject = (error: unknown): boolean => isMissingObject(error) || isHiddenAbsence(error);

/** Whether the error says that the version of the object does not exist. */
export const isMissingObject = (error: unknown): boolean =>
  error instanceof Error && ['NoSuchKey', 'NoSuchVersion', 'NotFound', 'MethodNotAllowed'].includes(error.name);
