import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  NoSuchUpload,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { Refused } from '../refused.ts';
import { UPLOAD_SECONDS, type UploadAccess } from './upload-access.ts';

/** S3 has at most 10,000 parts of 5 MiB to 5 GiB. */
const MAX_PARTS = 10_000;
const MIN_PART_BYTES = 8 * 1024 ** 2;

/** The size of the parts of a file. Smaller parts make less to repeat when one fails. */
export const partBytesFor = (size: number): number => Math.max(MIN_PART_BYTES, Math.ceil(size / MAX_PARTS));

export interface MultipartFile {
  readonly path: string;
  readonly upload: string;
}

/**
 * An upload in parts by addresses that anybody can use who has them, such as a browser. It has the rights of the lent
 * credentials and no more, so the addresses end with them. New ones continue the same upload.
 */
export function openMultipart(access: UploadAccess) {
  const { bucket, prefix, region, accessKeyId, secretAccessKey, sessionToken } = access;
  const s3 = new S3Client({
    region,
    credentials: { accessKeyId, secretAccessKey, sessionToken },
    // Otherwise the address would contain the checksum of an empty part.
    requestChecksumCalculation: 'WHEN_REQUIRED',
  });
  const placeOf = ({ path, upload }: MultipartFile) => ({ Bucket: bucket, Key: prefix + path, UploadId: upload });

  /** The parts that arrived; undefined if there is no such upload that is not complete. */
  async function findParts(file: MultipartFile) {
    const parts: { part: number; etag: string; size: number }[] = [];
    try {
      for (let marker: string | undefined; ; ) {
        const page = await s3.send(new ListPartsCommand({ ...placeOf(file), PartNumberMarker: marker }));
        for (const { PartNumber = 0, ETag = '', Size = 0 } of page.Parts ?? [])
          parts.push({ part: PartNumber, etag: ETag, size: Size });
        if (!page.IsTruncated) return parts;
        marker = page.NextPartNumberMarker;
      }
    } catch (error) {
      if (error instanceof NoSuchUpload) return undefined;
      throw error;
    }
  }

  const missing = ({ path }: MultipartFile) =>
    new Refused('missing', `There is no open upload in parts of ${path}. Start a new one.`);

  /** The number of parts of a file that an earlier call put together, whose answer was lost. */
  async function countCompleteParts(file: MultipartFile, size: number): Promise<number | undefined> {
    const { Bucket, Key } = placeOf(file);
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: Key, MaxKeys: 1 }));
    const [, count] = /-(\d+)"?$/.exec(Contents[0]?.ETag ?? '') ?? [];
    return Contents[0]?.Key === Key && Contents[0]?.Size === size && count !== undefined ? Number(count) : undefined;
  }

  return {
    async listParts(file: MultipartFile) {
      const parts = await findParts(file);
      if (!parts) throw missing(file);
      return parts;
    },
    async start(path: string): Promise<string> {
      const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key: prefix + path }));
      if (!UploadId) throw new Error('S3 started no upload in parts');
      return UploadId;
    },
    /** An address for each part, to which its bytes are sent with PUT. */
    signParts: (file: MultipartFile, parts: readonly number[]) =>
      Promise.all(
        parts.map(async part => ({
          part,
          url: await getSignedUrl(s3, new UploadPartCommand({ ...placeOf(file), PartNumber: part }), {
            expiresIn: UPLOAD_SECONDS,
          }),
        })),
      ),
    /** Puts the parts that arrived together, once. Refuses if their sizes do not add up. */
    async complete(file: MultipartFile, size: number): Promise<number> {
      const parts = await findParts(file);
      if (!parts) {
        const count = await countCompleteParts(file, size);
        if (count === undefined) throw missing(file);
        return count;
      }
      const total = parts.reduce((sum, part) => sum + part.size, 0);
      const isWhole = parts.every(({ part }, index) => part === index + 1);
      if (!isWhole || total !== size)
        throw new Refused(
          'conflict',
          `${parts.length} parts with ${total} of ${size} bytes of ${file.path} arrived. Send the missing parts, then complete it.`,
        );
      const Parts = parts.map(({ part, etag }) => ({ PartNumber: part, ETag: etag }));
      await s3.send(new CompleteMultipartUploadCommand({ ...placeOf(file), MultipartUpload: { Parts } }));
      return parts.length;
    },
  };
}
