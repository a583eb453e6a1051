import { execFile, execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, createReadStream, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import { promisify } from 'node:util';
import * as z from 'zod';
import { createFileCheck } from '../../functions/ingest/file-check.ts';
import { proveObject } from '../../functions/storage/object-proof.ts';
import { hashStream } from '../../functions/storage/object-read.ts';
import { assertHolds } from '../story.ts';
import { median } from './median.ts';
import type { BenchLog } from './scene.ts';

const MEBIBYTE = 1024 ** 2;
const LARGE_FILE_BYTES = 2 * 1024 ** 3;
const ROUNDS = 3;

/** What a fresh process measures of itself: the seconds of the hash alone, and its largest memory. */
const Measured = z.object({ sha256: z.string(), seconds: z.number(), peakMb: z.number() });

/**
 * Serves a file as S3 serves an object, and counts the requests. Below `/stored` it has the SHA-256 of the object, as S3 has it
 * after an upload that named this algorithm. The embedded cloud would keep the file in memory.
 */
export async function serveFile(path: string) {
  let requests = 0;
  let stored = '';
  const server = createServer(({ method, url = '' }, answer) => {
    requests++;
    if (url.includes('/stored/')) {
      answer.setHeader('x-amz-checksum-sha256', Buffer.from(stored, 'hex').toString('base64'));
      answer.setHeader('x-amz-checksum-type', 'FULL_OBJECT');
    }
    answer.writeHead(method === 'GET' ? 200 : 405, {
      'content-length': method === 'GET' ? statSync(path).size : 0,
      'x-amz-version-id': 'v',
    });
    if (method !== 'GET') answer.end();
    else pipeline(createReadStream(path, { highWaterMark: MEBIBYTE }), answer, () => {});
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requestCount: () => requests,
    keepChecksum(sha256: string) {
      stored = sha256;
    },
    close: () => server.close(),
  };
}

/** Hashes the file in a process of its own, with the code of the check: from the disk, or from a server in place of S3. */
export async function hashInProcess(
  source: 'disk' | 'server' | 'stored',
  file: string,
  server?: string,
): Promise<z.infer<typeof Measured>> {
  const env = {
    PATH: process.env.PATH,
    AWS_REGION: 'eu-west-2',
    AWS_ACCESS_KEY_ID: 'bench',
    AWS_SECRET_ACCESS_KEY: 'bench',
    ...(server !== undefined && { AWS_ENDPOINT_URL_S3: server }),
  };
  const { stdout } = await promisify(execFile)(process.execPath, [import.meta.filename, source, file], { env });
  return Measured.parse(JSON.parse(stdout));
}

async function measure(source: string, file: string): Promise<z.infer<typeof Measured>> {
  const check = createFileCheck('large.bin', 'large.bin');
  const { readsAll } = check;
  const observe = (bytes: Uint8Array) => check.take(bytes);
  const started = performance.now();
  const { sha256 } =
    source === 'disk'
      ? await hashStream(createReadStream(file, { highWaterMark: MEBIBYTE }), undefined, observe)
      : await proveObject({ bucket: 'landing', key: `${source}/large.bin`, version: 'v' }, { observe, readsAll });
  const seconds = (performance.now() - started) / 1000;
  return { sha256, seconds, peakMb: process.resourceUsage().maxRSS / 1024 };
}

function writeRandomFile(file: string, bytes: number): void {
  const target = openSync(file, 'w');
  for (let size = 0; size < bytes; size += MEBIBYTE) writeSync(target, randomBytes(Math.min(MEBIBYTE, bytes - size)));
  closeSync(target);
}

/**
 * How fast, and with how much memory, the check of a delivery hashes one large file that is no table, beside `sha256sum` on
 * the same file in turns. Nothing is copied: S3 copies a file of this size in one request, as it does a small one.
 */
export async function measureLargeFile(
  folder: string,
  log: BenchLog,
  { bytes = LARGE_FILE_BYTES, rounds = ROUNDS } = {},
): Promise<Record<string, number>> {
  const file = join(folder, 'large.bin');
  writeRandomFile(file, bytes);
  const server = await serveFile(file);
  const [fromDisk, fromServer, savings, peaks]: [number[], number[], number[], number[]] = [[], [], [], []];
  try {
    for (let round = 1; round <= rounds; round++) {
      log(
        `${(bytes / 1e9).toFixed(1)} GB, hashed by sha256sum, from the disk and from a server, run ${round} of ${rounds}`,
      );
      const started = performance.now();
      const [sha256] = execFileSync('sha256sum', [file], { encoding: 'utf8' }).split(' ');
      const reference = (performance.now() - started) / 1000;
      server.keepChecksum(sha256 ?? '');
      const runs = [
        await hashInProcess('disk', file),
        await hashInProcess('server', file, server.url),
        await hashInProcess('stored', file, server.url),
      ] as const;
      for (const run of runs) assertHolds(run.sha256 === sha256, `${file} has another SHA-256 here than by sha256sum`);
      fromDisk.push(reference / runs[0].seconds);
      fromServer.push(reference / runs[1].seconds);
      savings.push(runs[1].seconds / runs[2].seconds);
      peaks.push(runs[1].peakMb);
    }
  } finally {
    server.close();
    rmSync(file);
  }
  return {
    hash_to_sha256sum_ratio: median(fromDisk),
    // With the bytes received by HTTP on the same processor, which a hash of the disk's bytes does not need.
    download_and_hash_to_sha256sum_ratio: median(fromServer),
    large_file_bytes: bytes,
    // A file that is no table: with a checksum that S3 holds, only its first bytes are read.
    stored_checksum_speedup: median(savings),
    large_file_read_requests: server.requestCount() / rounds / 2,
    large_file_peak_mb: Math.max(...peaks),
  };
}

if (import.meta.main) {
  const [source, file] = process.argv.slice(2);
  if (source !== undefined && file !== undefined) process.stdout.write(JSON.stringify(await measure(source, file)));
}
