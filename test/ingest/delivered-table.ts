import { parquetWriteBuffer } from 'hyparquet-writer';
import { memorySource } from '../../disclosure/byte-source.ts';
import { DataContract } from '../../functions/ingest/contract-schemas.ts';
import { createFileCheck } from '../../functions/ingest/file-check.ts';

type Options = Parameters<typeof parquetWriteBuffer>[0];
export const writeParquet = (options: Options) => new Uint8Array(parquetWriteBuffer(options));

export const contractOf = (path: string, schema: object, limits: object = {}) =>
  DataContract.parse({ resources: [{ path, schema, ...limits }] });

/** Checks a delivered file, and leaves the remedy out of its findings. */
export async function checkDeliveredFile(
  path: string,
  bytes: Uint8Array,
  contract?: DataContract,
  isLate?: () => boolean,
) {
  const file = createFileCheck(path, path, contract);
  file.take(bytes);
  // A Buffer, as S3 gives it.
  const sourceBytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const { findings, identifiers, unread } = await file.end(
    bytes.subarray(0, 64),
    memorySource(sourceBytes),
    true,
    isLate,
  );
  return { problems: findings.map(({ reason }) => reason.replace(/ Correct it and .*/, '')), identifiers, unread };
}
