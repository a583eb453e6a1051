import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { hashObject, type ObjectVersion } from './object-read.ts';
import { mapInParallel } from './parallel.ts';
import { s3 } from './s3.ts';

/** CopyObject takes up to 5 GiB. Larger objects are copied in parts of 1 GiB; those that hash them hash the same parts. */
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

/** The bytes of a part, from 0, as S3 takes them: both ends belong to it. */
export const partRange = (index: number, { size, part }: { size: number; part: number }): [number, number] => [
  index * part,
  Math.min((index + 1) * part, size) - 1,
];

/** Throws unless the object there is the content that was verified; gives its version. */
async function reread(to: ObjectVersion, content: ObjectContent): Promise<string> {
  const { sha256, size, version } = await hashObject(to);
  if (sha256 !== content.sha256 || size !== content.size)
    throw new Error(`${to.key} as copied is not what was verified: ${sha256}`);
  return version;
}

/**
 * Copies a verified version into the lake without its bytes passing through here, and never over what is there. S3 says
 * the SHA-256 of what it wrote. Where it does not, equal ETags (MD5) or else reading it back must show that it is the same.
 * Gives the version it made, or found.
 */
export async function copyObject(from: ObjectVersion, to: ObjectVersion, content: ObjectContent): Promise<string> {
  try {
    const { CopyObjectResult: made = {}, VersionId } = await s3.send(
      new CopyObjectCommand({
        Bucket: to.bucket,
        Key: to.key,
        CopySource: place(from),
        ChecksumAlgorithm: 'SHA256',
        // A partner's own metadata and tags stay behind.
        MetadataDirective: 'REPLACE',
        TaggingDirective: 'REPLACE',
        ContentType: 'application/octet-stream',
        IfNoneMatch: '*',
      }),
    );
    const hash = made.ChecksumSHA256 && Buffer.from(made.ChecksumSHA256, 'base64').toString('hex');
    if (VersionId !== undefined && (hash === content.sha256 || (!hash && made.ETag === content.etag))) return VersionId;
  } catch (error) {
    if (!isTaken(error)) throw error;
  }
  return reread(to, content);
}

/** The same in parts, for what CopyObject can't take. `hashes` are those of the parts as they were verified. */
export async function copyObjectInParts(
  from: ObjectVersion,
  to: ObjectVersion,
  content: ObjectContent,
  { part, hashes }: { part: number; hashes: readonly string[] },
): Promise<string> {
  const target = { Bucket: to.bucket, Key: to.key };
  const { UploadId } = await s3.send(
    new CreateMultipartUploadCommand({
      ...target,
      ContentType: 'application/octet-stream',
      ChecksumAlgorithm: 'SHA256',
      ChecksumType: 'COMPOSITE',
    }),
  );
  try {
    const copied = await mapInParallel([...hashes.keys()], 8, async index => {
      const [first, last] = partRange(index, { size: content.size, part });
      const { CopyPartResult: made = {} } = await s3.send(
        new UploadPartCopyCommand({
          ...target,
          UploadId,
          PartNumber: index + 1,
          CopySource: place(from),
          CopySourceRange: `bytes=${first}-${last}`,
        }),
      );
      return { PartNumber: index + 1, ETag: made.ETag, ChecksumSHA256: made.ChecksumSHA256 };
    });
    const { VersionId } = await s3.send(
      new CompleteMultipartUploadCommand({
        ...target,
        UploadId,
        MultipartUpload: { Parts: copied },
        IfNoneMatch: '*',
      }),
    );
    if (VersionId !== undefined && copied.every(({ ChecksumSHA256 }, index) => ChecksumSHA256 === hashes[index]))
      return VersionId;
  } catch (error) {
    await s3.send(new AbortMultipartUploadCommand({ ...target, UploadId })).catch(late => {
      if (!isOver(late)) throw late;
    });
    // Completed before, and the answer was lost: then it is there.
    if (isOver(error))
      return reread(to, content).catch(() => {
        throw error;
      });
    if (!isTaken(error)) throw error;
  }
  return reread(to, content);
}

/** Writes a small text into the lake, once. */
export async function putObjectOnce(to: ObjectVersion, text: string): Promise<void> {
  try {
    await s3.send(
      new PutObjectCommand({
        Bucket: to.bucket,
        Key: to.key,
        Body: text,
        ContentType: 'text/plain; charset=utf-8',
        ChecksumAlgorithm: 'SHA256',
        IfNoneMatch: '*',
      }),
    );
  } catch (error) {
    if (!isTaken(error)) throw error;
  }
}
