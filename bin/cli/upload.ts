import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline, Transform } from 'node:stream';
import { ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { sha256 } from '../../functions/hash.ts';
import type { Finding } from '../../functions/identifiers.ts';
import { mapInParallel } from '../../functions/storage/parallel.ts';
import { pathFinding } from '../../functions/storage/paths.ts';
import type { UploadAccess } from '../../functions/storage/upload-access.ts';
import { type ApiClient, agentFor } from './call.ts';
import { ExitError } from './exit.ts';
import { type LocalFile, openLocalFile } from './folder.ts';
import type { SentFile, UploadLedger } from './ledger.ts';
import { formatTransferProgress, type ProgressLine } from './progress.ts';

const MiB = 1024 ** 2;
/** A file up to this size is sent in one request, which can be retried; a larger one in parts. */
const MAX_SINGLE_REQUEST_BYTES = 16 * MiB;
/** At the same time: eight whole files, or two files with four parts each. Both need 128 MiB of memory. */
export const uploadConcurrency = { whole: 8, parts: 2, perFile: 4 } as const;

/** The destination of an upload. */
export interface UploadLanding {
  readonly s3: S3Client;
  readonly bucket: string;
  readonly prefix: string;
}

/** Opens the destination. The SDK renews the credentials five minutes before they expire. */
export async function openUploadLanding(api: ApiClient, access: () => Promise<UploadAccess>): Promise<UploadLanding> {
  let first: UploadAccess | undefined = await access();
  const { bucket, prefix, region } = first;
  const s3 = new S3Client({
    region,
    maxAttempts: 6,
    retryMode: 'adaptive',
    requestHandler: { httpsAgent: agentFor(api.place), requestTimeout: 120_000, connectionTimeout: 10_000 },
    ...(api.place.embedded && { endpoint: api.place.embedded.endpoint, forcePathStyle: true }),
    credentials: async () => {
      const { accessKeyId, secretAccessKey, sessionToken, expires } = first ?? (await access());
      first = undefined;
      return { accessKeyId, secretAccessKey, sessionToken, expiration: new Date(expires) };
    },
  });
  return { s3, bucket, prefix };
}

/** The uploaded files: ETag and size by path. */
async function listLandedFiles({
  s3,
  bucket,
  prefix,
}: UploadLanding): Promise<Map<string, { etag: string; size: number }>> {
  const landedFiles = new Map<string, { etag: string; size: number }>();
  for (let token: string | undefined; ; ) {
    const page = await s3.send(
      new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ...(token && { ContinuationToken: token }) }),
    );
    for (const { Key = '', ETag = '', Size = 0 } of page.Contents ?? [])
      landedFiles.set(Key.slice(prefix.length), { etag: ETag, size: Size });
    token = page.IsTruncated ? page.NextContinuationToken : undefined;
    if (!token) return landedFiles;
  }
}

/** Sends bytes in one request. S3 refuses them if their SHA-256 differs. */
export async function putLandingObject(
  { s3, bucket, prefix }: UploadLanding,
  path: string,
  body: Uint8Array,
): Promise<Omit<SentFile, 'mtime'>> {
  const digest = sha256(body);
  const { ETag = '' } = await s3.send(
    new PutObjectCommand({
      Bucket: bucket,
      Key: prefix + path,
      Body: body,
      ContentLength: body.length,
      ChecksumSHA256: Buffer.from(digest, 'hex').toString('base64'),
    }),
  );
  return { path, size: body.length, sha256: digest, etag: ETag };
}

/** Sends a large file in parts, each with its SHA-256, and computes the SHA-256 of the whole file. */
async function putParts(
  landing: UploadLanding,
  file: LocalFile,
  size: number,
  body: NodeJS.ReadableStream,
  progress: (bytes: number) => void,
) {
  const hash = createHash('sha256');
  let read = 0;
  const hashing = new Transform({
    transform(chunk: Buffer, _encoding, callback) {
      hash.update(chunk);
      read += chunk.length;
      callback(null, chunk);
    },
  });
  // The upload reports a read error of the file as an error of its body.
  pipeline(body, hashing, () => {});
  let previousBytes = 0;
  const upload = new Upload({
    client: landing.s3,
    queueSize: uploadConcurrency.perFile,
    partSize: Math.max(MAX_SINGLE_REQUEST_BYTES, Math.ceil(size / 10_000)),
    params: { Bucket: landing.bucket, Key: landing.prefix + file.path, Body: hashing, ChecksumAlgorithm: 'SHA256' },
  });
  upload.on('httpUploadProgress', ({ loaded: loadedBytes = 0 }) => {
    progress(loadedBytes - previousBytes);
    previousBytes = loadedBytes;
  });
  const { ETag = '' } = await upload.done();
  return { path: file.path, size: read, sha256: hash.digest('hex'), etag: ETag };
}

/** Sends one file. `checksum` is its checksum in the manifest: a small file that differs is not sent. */
export async function sendFile(
  landing: UploadLanding,
  file: LocalFile,
  checksum: string | undefined,
  progress: (bytes: number) => void,
): Promise<SentFile | { differs: string }> {
  await using handle = await openLocalFile(file);
  const { size, mtimeMs: mtime } = await handle.stat();
  let upload: Omit<SentFile, 'mtime'>;
  if (size <= MAX_SINGLE_REQUEST_BYTES) {
    const body = await handle.readFile();
    const digest = sha256(body);
    if (checksum !== undefined && checksum !== digest) return { differs: digest };
    upload = await putLandingObject(landing, file.path, body);
    progress(body.length);
  } else {
    const body = createReadStream('', { fd: handle.fd, autoClose: false, start: 0 });
    upload = await putParts(landing, file, size, body, progress);
    if (checksum !== undefined && checksum !== upload.sha256) return { differs: upload.sha256 };
  }
  const finalStat = await handle.stat();
  if (finalStat.mtimeMs !== mtime || upload.size !== size)
    throw new ExitError(
      'fault',
      `${file.path} changed while it was being read. Wait until it no longer changes, then run this again.`,
    );
  return { ...upload, mtime };
}

/** Uploads new and changed files. Returns the totals, and the files that differ from the manifest. */
export async function sendFiles(
  landing: UploadLanding,
  ledger: UploadLedger,
  files: readonly LocalFile[],
  sums: ReadonlyMap<string, string>,
  live: ProgressLine,
) {
  const landedFiles =
    ledger.paths.length > 0 ? await listLandedFiles(landing) : new Map<string, { etag: string; size: number }>();
  const isThere = ({ path, size, mtime }: LocalFile) => {
    const [entry, object] = [ledger.get(path), landedFiles.get(path)];
    return (
      entry?.size === size &&
      entry.mtime === mtime &&
      object?.etag === entry.etag &&
      object.size === size &&
      entry.sha256 === (sums.get(path) ?? entry.sha256)
    );
  };
  const todo = files.filter(file => !isThere(file));
  const weigh = (selection: readonly LocalFile[]) => ({
    files: selection.length,
    bytes: selection.reduce((sum, { size }) => sum + size, 0),
  });
  const [total, remaining] = [weigh(files), weigh(todo)];
  const progress = { files: total.files - remaining.files, bytes: total.bytes - remaining.bytes };
  const started = Date.now();
  let movedBytes = 0;
  const differing: Finding[] = [];
  const draw = () =>
    live.figures(
      formatTransferProgress(
        { ...progress, bytes: progress.bytes + movedBytes },
        total,
        movedBytes,
        (Date.now() - started) / 1000,
      ),
    );
  const sendOne = async (file: LocalFile) => {
    const outcome = await sendFile(landing, file, sums.get(file.path), count => {
      movedBytes += count;
      draw();
    });
    if ('differs' in outcome)
      differing.push(
        pathFinding(
          file.path,
          `The SHA-256 is ${outcome.differs}, but the manifest says ${sums.get(file.path)}. Correct one of them.`,
        ),
      );
    else ledger.add(outcome);
    progress.files += 1;
    draw();
  };
  draw();
  await mapInParallel(
    todo.filter(({ size }) => size <= MAX_SINGLE_REQUEST_BYTES),
    uploadConcurrency.whole,
    sendOne,
  );
  await mapInParallel(
    todo.filter(({ size }) => size > MAX_SINGLE_REQUEST_BYTES),
    uploadConcurrency.parts,
    sendOne,
  );
  return { differing, seconds: (Date.now() - started) / 1000, all: total, sent: todo.length };
}
