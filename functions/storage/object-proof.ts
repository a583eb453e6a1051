import { GetObjectCommand } from '@aws-sdk/client-s3';
import { HEAD_BYTES, hashStream, type ObjectHash, type ObjectVersion, readObjectRange } from './object-read.ts';
import type { ProofKind } from './proof-kinds.ts';
import { s3 } from './s3.ts';

export interface ProvenObject extends ObjectHash {
  readonly proof: ProofKind;
}

/** A checksum of the whole object. That of parts ends in their number: `…=-3`. */
const wholeChecksum = /^[A-Za-z0-9+/]{43}=$/;

/**
 * The SHA-256 that S3 holds of the whole object. S3 computed it at the upload and refused any other content. After an upload
 * in parts S3 holds a SHA-256 of the SHA-256s of the parts (COMPOSITE), which says nothing about a manifest:
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
 */
export const storedSha256 = ({
  ChecksumSHA256: checksum = '',
  ChecksumType: type,
}: {
  ChecksumSHA256?: string | undefined;
  ChecksumType?: string | undefined;
}): string | undefined =>
  type === 'FULL_OBJECT' && wholeChecksum.test(checksum) ? Buffer.from(checksum, 'base64').toString('hex') : undefined;

/**
 * Opens an object and asks for its checksum in the same request. The parameter `ChecksumMode` would do so too, but then the
 * client also computes the checksum of everything that it reads.
 */
function openWithChecksum({ bucket, key, version }: ObjectVersion) {
  const command = new GetObjectCommand({ Bucket: bucket, Key: key, VersionId: version });
  command.middlewareStack.add(
    next => args => {
      (args.request as { headers: Record<string, string> }).headers['x-amz-checksum-mode'] = 'ENABLED';
      return next(args);
    },
    { step: 'build', name: 'askForChecksum' },
  );
  return s3.send(command);
}

/** To stop reading ends the connection. Opening another one takes about as long as these bytes. */
const WORTH_STOPPING_BYTES = 4 * 1024 ** 2;

export interface ProofOptions {
  /** Sees the bytes that are read, from the first one on. */
  readonly observe: (bytes: Uint8Array) => void;
  /** Whether `observe` must see every byte of an object that begins so, although its hash needs none. */
  readonly readsAll: (head: Uint8Array) => boolean;
  /** Also hashes each part of so many bytes; then every byte is read. */
  readonly part?: number | undefined;
}

/** The SHA-256 of an object: the one that S3 holds, if it holds one, and otherwise that of its bytes. One request. */
export async function proveObject(object: ObjectVersion, options: ProofOptions): Promise<ProvenObject> {
  const { observe, readsAll, part } = options;
  const answer = await openWithChecksum(object);
  const body = answer.Body as AsyncIterable<Uint8Array>;
  const version = answer.VersionId ?? '';
  const sha256 = storedSha256(answer);
  const size = answer.ContentLength;
  if (sha256 === undefined || size === undefined || part !== undefined)
    return { ...(await hashStream(body, part, observe)), version, proof: 'streamed' };
  let head: Uint8Array = new Uint8Array();
  let readBytes = 0;
  for await (const bytes of body) {
    observe(bytes);
    readBytes += bytes.length;
    if (head.length < HEAD_BYTES) head = Buffer.concat([head, bytes.subarray(0, HEAD_BYTES - head.length)]);
    if (head.length === HEAD_BYTES && size - readBytes > WORTH_STOPPING_BYTES && !readsAll(head)) break;
  }
  return { sha256, size, parts: [], version, head, proof: 'stored' };
}

/** An object whose SHA-256 a job computes: only its first bytes are read here. */
export const openLargeObject = async (
  object: ObjectVersion & { readonly version: string },
  { size, sha256 }: { readonly size: number; readonly sha256: string },
): Promise<ProvenObject> => ({
  sha256,
  size,
  parts: [],
  version: object.version,
  head: await readObjectRange(object, 0, HEAD_BYTES),
  proof: 'computed',
});
