import { createHash } from 'node:crypto';
import { UploadPartCommand } from '@aws-sdk/client-s3';
import { retryConflicts } from './conflict.ts';
import { type ObjectContent, putObjectContent, reread, uploadInParts } from './object-copy.ts';
import type { ObjectVersion } from './object-read.ts';
import { s3 } from './s3.ts';

/** The size of a part. A smaller object is written in one call. */
const PART_BYTES = 8 * 1024 ** 2;

/** Cuts a stream into parts; the last one may be smaller. Throws at the end if the content is not the measured one. */
async function* cutParts(
  stream: AsyncIterable<Uint8Array>,
  { size, sha256 }: Omit<ObjectContent, 'etag'>,
): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  let [pieces, length, total]: [Uint8Array[], number, number] = [[], 0, 0];
  for await (const bytes of stream) {
    hash.update(bytes);
    total += bytes.length;
    for (let offset = 0; offset < bytes.length; ) {
      const piece = bytes.subarray(offset, offset + PART_BYTES - length);
      pieces.push(piece);
      [offset, length] = [offset + piece.length, length + piece.length];
      if (length < PART_BYTES) continue;
      yield Buffer.concat(pieces);
      [pieces, length] = [[], 0];
    }
  }
  if (total !== size || hash.digest('hex') !== sha256) throw new Error('the second pass made different content');
  if (length > 0 || size === 0) yield Buffer.concat(pieces);
}

/**
 * Writes a stream whose content was measured before, in flat memory, and never replaces an object. Calls `open` again after a
 * conflict. Returns the version that it made or found.
 */
export function putObjectStream(
  destination: ObjectVersion,
  content: Omit<ObjectContent, 'etag'>,
  open: () => AsyncIterable<Uint8Array>,
): Promise<string> {
  return retryConflicts(async () => {
    if (content.size <= PART_BYTES) {
      const parts: Buffer[] = [];
      for await (const part of cutParts(open(), content)) parts.push(part);
      return putObjectContent(destination, Buffer.concat(parts), content);
    }
    return uploadInParts(
      destination,
      async upload => {
        const parts: { PartNumber: number; ETag: string | undefined; ChecksumSHA256: string }[] = [];
        for await (const part of cutParts(open(), content)) {
          const ChecksumSHA256 = createHash('sha256').update(part).digest('base64');
          const PartNumber = parts.length + 1;
          // S3 refuses a part whose bytes do not have this checksum.
          const { ETag } = await s3.send(new UploadPartCommand({ ...upload, PartNumber, Body: part, ChecksumSHA256 }));
          parts.push({ PartNumber, ETag, ChecksumSHA256 });
        }
        return { parts, isVerified: true };
      },
      () => reread(destination, content),
    );
  });
}
