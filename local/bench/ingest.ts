import { createCipheriv } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { ListExecutionsCommand } from '@aws-sdk/client-sfn';
import { formatChecksumList, type LocalFile, walkFolder } from '../../bin/cli/folder.ts';
import { openUploadLanding, putLandingObject, sendFile, uploadConcurrency } from '../../bin/cli/upload.ts';
import { mapInParallel } from '../../functions/storage/parallel.ts';
import { pollUntilSettled } from '../story/until.ts';
import { assertHolds } from '../story.ts';
import { measureLargeFile } from './large-file.ts';
import { listCallsBetween, openCapabilityMachine } from './record.ts';
import { type BenchLog, type BenchScene, withBenchScene } from './scene.ts';
import { watchWorkers } from './workers.ts';

type Files = readonly LocalFile[];
const largeBatch = { files: 1000, bytes: 100_000_000 };

/** Files from about 5 KB to 700 KB, small ones being the most, that come to `bytes` in all; the same ones every time. */
async function makeFiles(folder: string, { files: count, bytes }: typeof largeBatch): Promise<Files> {
  const chance = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16));
  const next = (length: number) => chance.update(Buffer.alloc(length));
  const shares = Array.from({ length: count }, () => Math.exp((next(4).readUInt32BE() / 2 ** 32) * 5));
  const total = shares.reduce((sum, share) => sum + share, 0);
  let [share, position] = [0, 0];
  for (const [index, weight] of shares.entries()) {
    share += weight;
    const size = Math.round((share / total) * bytes) - position;
    position += size;
    const target = join(folder, `${index % 20}`);
    mkdirSync(target, { recursive: true });
    writeFileSync(join(target, `${index}.bin`), next(size));
  }
  return (await walkFolder(folder)).files;
}

async function seconds(run: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await run();
  return (performance.now() - started) / 1000;
}

/** Opens a delivery, and gives its id and its place as the partner's own command has them. */
async function open({ stage }: BenchScene) {
  const petra = stage.as('petra');
  const { id } = await petra.ask('openDelivery', { body: { dataset: 'bench' } });
  return { id, landing: await openUploadLanding(petra, () => petra.ask('uploadAccess', { params: { delivery: id } })) };
}

/** The baseline: the same client, bucket, credentials and width, and nothing that makes it a delivery. */
async function upload(scene: BenchScene, files: Files): Promise<number> {
  const { landing } = await open(scene);
  const { s3, bucket, prefix } = landing;
  const time = await seconds(() =>
    mapInParallel(files, uploadConcurrency.whole, ({ path, real }) =>
      s3.send(new PutObjectCommand({ Bucket: bucket, Key: prefix + path, Body: readFileSync(real) })),
    ),
  );
  s3.destroy();
  return time;
}

/** A delivery as `broch deliver` makes it, and how its check went from the last byte on. */
async function deliver(scene: BenchScene, files: Files) {
  const { facts } = scene.stage;
  const { sfn, arn, course } = await openCapabilityMachine(facts, 'Ingest');
  const { id, landing } = await open(scene);
  const sums = await mapInParallel(files, uploadConcurrency.whole, async file => {
    const delivery = await sendFile(landing, file, undefined, () => {});
    assertHolds('sha256' in delivery, `${file.path} changed`);
    return delivery;
  });
  const watch = watchWorkers(facts.endpoint);
  await putLandingObject(landing, 'SHA256SUMS', Buffer.from(formatChecksumList(sums)));
  const last = new Date();
  landing.s3.destroy();
  const execution = await pollUntilSettled(
    async () => {
      const { executions = [] } = await sfn.send(new ListExecutionsCommand({ stateMachineArn: arn }));
      return executions.find(({ name }) => name?.startsWith(id))?.executionArn;
    },
    finding => finding !== undefined,
  );
  const check = await course(execution ?? '');
  const workers = watch.used();
  const calls = await listCallsBetween(facts, last, check.end);
  sfn.destroy();
  const { status } = await scene.stage.as('petra').ask('showDelivery', { params: { delivery: id } });
  assertHolds(status === 'registered', `the delivery is ${status}`);
  const peaks = workers.filter(({ name }) => name.includes('IngestVerify')).map(({ peakMb }) => peakMb);
  return {
    registered: (check.end.getTime() - last.getTime()) / 1000,
    transitions: check.transitions,
    calls: calls.length + check.tasks,
    requests: calls.filter(({ service }) => service === 's3').length,
    taskMs: check.taskMs,
    ...(workers.length > 0 && {
      used: { cpuMs: workers.reduce((sum, { cpuMs }) => sum + cpuMs, 0), verifyMb: Math.max(...peaks) },
    }),
  };
}

/** A thousand files: from the last byte to registered, over the time it takes to upload them and do nothing else. */
export const benchIngest = (log: BenchLog): Promise<Record<string, number>> =>
  withBenchScene(log, { waits: 1 }, async scene => {
    const smallFiles = await makeFiles(join(scene.folder, 'few'), { files: 10, bytes: largeBatch.bytes / 100 });
    const largeFiles = await makeFiles(join(scene.folder, 'many'), largeBatch);
    log('10 files, delivered');
    const small = await deliver(scene, smallFiles);
    log(`${largeBatch.files} files, uploaded and no more`);
    const firstUpload = await upload(scene, largeFiles);
    log(`${largeBatch.files} files, delivered`);
    const large = await deliver(scene, largeFiles);
    log(`${largeBatch.files} files, uploaded and no more, again`);
    // The faster of the two, to be compared with what ran between them.
    const plain = Math.min(firstUpload, await upload(scene, largeFiles));
    const smallest = { files: 10_000, bytes: largeBatch.bytes };
    // Of so many requests the embedded cloud's record keeps only the last, so that only the transitions count.
    log(`${smallest.files} files of as many bytes in all, delivered`);
    const largest = await deliver(scene, await makeFiles(join(scene.folder, 'most'), smallest));
    const ratio = large.registered / plain;
    return {
      ...(await measureLargeFile(scene.folder, log)),
      registered_to_upload_ratio: ratio,
      // The embedded cloud serves one request at a time, where S3 serves them all: there the check's requests cost it as
      // much as the upload's did, one by one.
      registered_to_upload_ratio_per_s3_request: ratio / (large.requests / largeBatch.files),
      upload_seconds: plain,
      registered_seconds: large.registered,
      transitions: large.transitions,
      transitions_10_files: small.transitions,
      transitions_10000_files: largest.transitions,
      s3_requests_per_file: large.requests / largeBatch.files,
      aws_calls_per_file: large.calls / largeBatch.files,
      ...(large.used && {
        lambda_ms_per_file: large.used.cpuMs / largeBatch.files,
        verify_peak_mb: large.used.verifyMb,
      }),
      machine_lambda_ms_per_file: large.taskMs / largeBatch.files,
    };
  });
