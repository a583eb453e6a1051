import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  PutObjectCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { retryConflicts } from './conflict.ts';
import { hashObject, type ObjectVersion } from './object-read.ts';
import { mapInParallel } from './parallel.ts';
import { s3 } from './s3.ts';

/** CopyObject takes up to 5 GiB. Larger objects are copied and hashed in parts of 1 GiB. */
export const copyLimits = { whole: 5 * 1024 ** 3, part: 1024 ** 3 } as const;

export interface ObjectContent {
  readonly sha256: string;
  readonly size: number;
  readonly etag: string;
}

const place = ({ bucket, key, version = '' }: ObjectVersion) =>
  `${bucket}/${key.split('/').map(encodeURIComponent).join('/')}?versionId=${encodeURIComponent(version)}`;

const isNamed = (name: string) => (error: unknown) => error instanceof Error && error.name === name;
const isTaken = isNamed('PreconditionFailed');
const isOver = isNamed('NoSuchUpload');

/** The byte range of a part, counted from 0, including both ends. */
export const partRange = (index: number, { size, part }: { size: number; part: number }): [number, number] => [
  index * part,
  Math.min((index + 1) * part, size) - 1,
];

/** Throws unless the object has the verified content; returns its version. */
export async function reread(destination: ObjectVersion, content: Omit<ObjectContent, 'etag'>): Promise<string> {
  const { sha256, size, version } = await hashObject(destination);
  if (sha256 !== content.sha256 || size !== content.size)
    throw new Error(`the copy ${destination.key} differs from the verified file: ${sha256}`);
  return version;
}

/**
 * Copies a verified version into the lake inside S3 and never replaces an object. S3 returns the SHA-256 of the copy;
 * without one, the copy is compared by its ETag (MD5) or by reading it back. Returns the version that it made or found.
 */
export async function copyObject(
  source: ObjectVersion,
  destination: ObjectVersion,
  content: ObjectContent,
): Promise<string> {
  try {
    const { CopyObjectResult: result = {}, VersionId } = await retryConflicts(() =>
      s3.send(
        new CopyObjectCommand({
          Bucket: destination.bucket,
          Key: destination.key,
          CopySource: place(source),
          ChecksumAlgorithm: 'SHA256',
          // The partner's metadata and tags are not copied.
          MetadataDirective: 'REPLACE',
          TaggingDirective: 'REPLACE',
          ContentType: 'application/octet-stream',
          IfNoneMatch: '*',
        }),
      ),
    );
    const hash = result.ChecksumSHA256 && Buffer.from(result.ChecksumSHA256, 'base64').toString('hex');
    if (VersionId !== undefined && (hash === content.sha256 || (!hash && result.ETag === content.etag)))
      return VersionId;
  } catch (error) {
    if (!isTaken(error)) throw error;
  }
  return reread(destination, content);
}

/** Parts of a large file that S3 copies at the same time: fewer than the client's 50 connections. */
const LARGE_COPY_PARALLELISM = 40;

/**
 * Copies an object in parts that nobody has hashed, and never replaces an object. It compares nothing: the caller has S3 compute
 * the SHA-256 of the copy.
 */
export const copyLargeObject = (source: ObjectVersion, destination: ObjectVersion, size: number): Promise<string> =>
  retryConflicts(() =>
    uploadInParts(
      destination,
      async upload => {
        const indexes = [...Array(Math.ceil(size / copyLimits.part)).keys()];
        const parts = await mapInParallel(indexes, LARGE_COPY_PARALLELISM, index =>
          copyPart(source, upload, index, { size, part: copyLimits.part }),
        );
        return { parts, isVerified: true };
      },
      async () => {
        const { VersionId = '' } = await s3.send(
          new HeadObjectCommand({ Bucket: destination.bucket, Key: destination.key }),
        );
        return VersionId;
      },
    ),
  );

interface CopyParts {
  readonly part: number;
  /** Those of the verified parts. */
  readonly hashes: readonly string[];
}

/** Copies in parts when the object is too large for CopyObject. After a conflict S3 takes nothing but a new upload. */
export const copyObjectInParts = (
  source: ObjectVersion,
  destination: ObjectVersion,
  content: ObjectContent,
  parts: CopyParts,
): Promise<string> => retryConflicts(() => copyParts(source, destination, content, parts));

async function copyPart(
  source: ObjectVersion,
  upload: UploadPlace,
  index: number,
  sizes: { size: number; part: number },
): Promise<UploadedParts['parts'][number]> {
  const [first, last] = partRange(index, sizes);
  const { CopyPartResult: result = {} } = await s3.send(
    new UploadPartCopyCommand({
      ...upload,
      PartNumber: index + 1,
      CopySource: place(source),
      CopySourceRange: `bytes=${first}-${last}`,
    }),
  );
  return { PartNumber: index + 1, ETag: result.ETag, ChecksumSHA256: result.ChecksumSHA256 };
}

const copyParts = (
  source: ObjectVersion,
  destination: ObjectVersion,
  content: ObjectContent,
  { part, hashes }: CopyParts,
): Promise<string> =>
  uploadInParts(
    destination,
    async upload => {
      const parts = await mapInParallel([...hashes.keys()], 8, index =>
        copyPart(source, upload, index, { size: content.size, part }),
      );
      return { parts, isVerified: parts.every(({ ChecksumSHA256 }, index) => ChecksumSHA256 === hashes[index]) };
    },
    () => reread(destination, content),
  );

interface UploadPlace {
  readonly Bucket: string;
  readonly Key: string;
  readonly UploadId: string | undefined;
}

interface UploadedParts {
  readonly parts: { PartNumber: number; ETag: string | undefined; ChecksumSHA256: string | undefined }[];
  /** Whether S3 confirmed the content of every part. If not, the object is confirmed. */
  readonly isVerified: boolean;
}

/**
 * Writes an object in parts, which `send` sends, and never replaces an object. Returns the version that it made or found.
 * `confirm` throws unless an object that it found, or that S3 did not confirm, is the right one. After a conflict S3 accepts
 * only a new upload, so callers repeat the whole call.
 */
export async function uploadInParts(
  destination: ObjectVersion,
  send: (upload: UploadPlace) => Promise<UploadedParts>,
  confirm: () => Promise<string>,
): Promise<string> {
  const target = { Bucket: destination.bucket, Key: destination.key };
  const { UploadId } = await s3.send(
    new CreateMultipartUploadCommand({
      ...target,
      ContentType: 'application/octet-stream',
      ChecksumAlgorithm: 'SHA256',
      ChecksumType: 'COMPOSITE',
    }),
  );
  try {
    const { parts, isVerified } = await send({ ...target, UploadId });
    const { VersionId } = await s3.send(
      new CompleteMultipartUploadCommand({
        ...target,
        UploadId,
        MultipartUpload: { Parts: parts },
        IfNoneMatch: '*',
      }),
    );
    if (VersionId !== undefined && isVerified) return VersionId;
  } catch (error) {
    await s3.send(new AbortMultipartUploadCommand({ ...target, UploadId })).catch(late => {
      if (!isOver(late)) throw late;
    });
    // An earlier call completed the upload but its answer was lost: the object exists.
    if (isOver(error))
      return confirm().catch(() => {
        throw error;
      });
    if (!isTaken(error)) throw error;
  }
  return confirm();
}

/** Writes bytes unless the object exists with just them, and never replaces an object. Returns the version that it made or found. */
export async function putObjectContent(
  destination: ObjectVersion,
  bytes: Uint8Array,
  content: Omit<ObjectContent, 'etag'>,
): Promise<string> {
  try {
    const { VersionId } = await retryConflicts(() =>
      s3.send(
        new PutObjectCommand({
          Bucket: destination.bucket,
          Key: destination.key,
          Body: bytes,
          ContentType: 'application/octet-stream',
          ChecksumSHA256: Buffer.from(content.sha256, 'hex').toString('base64'),
          IfNoneMatch: '*',
        }),
      ),
    );
    if (VersionId !== undefined) return VersionId;
  } catch (error) {
    if (!isTaken(error)) throw error;
  }
  return reread(destination, content);
}

/** Writes a small text into the lake unless it exists. */
export async function putObjectOnce(destination: ObjectVersion, text: string): Promise<void> {
  try {
    await retryConflicts(() =>
      s3.send(
        new PutObjectCommand({
          Bucket: destination.bucket,
          Key: destination.key,
          Body: text,
          ContentType: 'text/plain; charset=utf-8',
          ChecksumAlgorithm: 'SHA256',
          IfNoneMatch: '*',
        }),
      ),
    );
  } catch (error) {
    if (!isTaken(error)) throw error;
  }
}
