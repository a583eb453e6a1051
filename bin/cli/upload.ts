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
  const there = new Map<string, { etag: string; size: number }>();
  for (let token: string | undefined; ; ) {
    const page = await s3.send(
      new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ...(token && { ContinuationToken: token }) }),
    );
    for (const { Key = '', ETag = '', Size = 0 } of page.Contents ?? [])
      there.set(Key.slice(prefix.length), { etag: ETag, size: Size });
    token = page.IsTruncated ? page.NextContinuationToken : undefined;
    if (!token) return there;
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
  moved: (bytes: number) => void,
) {
  const hash = createHash('sha256');
  let read = 0;
  const hashing = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      read += chunk.length;
      done(null, chunk);
    },
  });
  // The upload reports a read error of the file as an error of its body.
  pipeline(body, hashing, () => {});
  let before = 0;
  const upload = new Upload({
    client: landing.s3,
    queueSize: uploadConcurrency.perFile,
    partSize: Math.max(MAX_SINGLE_REQUEST_BYTES, Math.ceil(size / 10_000)),
    params: { Bucket: landing.bucket, Key: landing.prefix + file.path, Body: hashing, ChecksumAlgorithm: 'SHA256' },
  });
  upload.on('httpUploadProgress', ({ loaded = 0 }) => {
    moved(loaded - before);
    before = loaded;
  });
  const { ETag = '' } = await upload.done();
  return { path: file.path, size: read, sha256: hash.digest('hex'), etag: ETag };
}

/** Sends one file. `promised` is its checksum in the manifest: a small file that differs is not sent. */
export async function sendFile(
  landing: UploadLanding,
  file: LocalFile,
  promised: string | undefined,
  moved: (bytes: number) => void,
): Promise<SentFile | { differs: string }> {
  await using handle = await openLocalFile(file);
  const { size, mtimeMs: mtime } = await handle.stat();
  let sent: Omit<SentFile, 'mtime'>;
  if (size <= MAX_SINGLE_REQUEST_BYTES) {
    const body = await handle.readFile();
    const digest = sha256(body);
    if (promised !== undefined && promised !== digest) return { differs: digest };
    sent = await putLandingObject(landing, file.path, body);
    moved(body.length);
  } else {
    const body = createReadStream('', { fd: handle.fd, autoClose: false, start: 0 });
    sent = await putParts(landing, file, size, body, moved);
    if (promised !== undefined && promised !== sent.sha256) return { differs: sent.sha256 };
  }
  const after = await handle.stat();
  if (after.mtimeMs !== mtime || sent.size !== size)
    throw new ExitError(
      'fault',
      `${file.path} changed while it was being read. Wait until it no longer changes, then run this again.`,
    );
  return { ...sent, mtime };
}

/** Uploads new and changed files. Returns the totals, and the files that differ from the manifest. */
export async function sendFiles(
  landing: UploadLanding,
  ledger: UploadLedger,
  files: readonly LocalFile[],
  sums: ReadonlyMap<string, string>,
  live: ProgressLine,
) {
  const there =
    ledger.paths.length > 0 ? await listLandedFiles(landing) : new Map<string, { etag: string; size: number }>();
  const isThere = ({ path, size, mtime }: LocalFile) => {
    const [sent, has] = [ledger.get(path), there.get(path)];
    return (
      sent?.size === size &&
      sent.mtime === mtime &&
      has?.etag === sent.etag &&
      has.size === size &&
      sent.sha256 === (sums.get(path) ?? sent.sha256)
    );
  };
  const todo = files.filter(file => !isThere(file));
  const weigh = (some: readonly LocalFile[]) => ({
    files: some.length,
    bytes: some.reduce((sum, { size }) => sum + size, 0),
  });
  const [all, left] = [weigh(files), weigh(todo)];
  const done = { files: all.files - left.files, bytes: all.bytes - left.bytes };
  const started = Date.now();
  let moved = 0;
  const differing: Finding[] = [];
  const draw = () =>
    live.figures(
      formatTransferProgress({ ...done, bytes: done.bytes + moved }, all, moved, (Date.now() - started) / 1000),
    );
  const sendOne = async (file: LocalFile) => {
    const sent = await sendFile(landing, file, sums.get(file.path), count => {
      moved += count;
      draw();
    });
    if ('differs' in sent)
      differing.push(
        pathFinding(
          file.path,
          `Its SHA-256 is ${sent.differs}, but the manifest says ${sums.get(file.path)}. Correct one of them.`,
        ),
      );
    else ledger.add(sent);
    done.files += 1;
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
  return { differing, seconds: (Date.now() - started) / 1000, all, sent: todo.length };
}
