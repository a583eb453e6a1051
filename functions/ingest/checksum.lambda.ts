import { HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { CreateJobCommand, DescribeJobCommand, type JobDescriptor, S3ControlClient } from '@aws-sdk/client-s3-control';
import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { logger, stepHandler } from '../handler.ts';
import { sha256 } from '../hash.ts';
import { Sha256 } from '../identifiers.ts';
import { isGoneObject, type ObjectVersion, readObject } from '../storage/object-read.ts';
import { mapInParallel, OBJECT_PARALLELISM } from '../storage/parallel.ts';
import { s3 } from '../storage/s3.ts';
import { Chunk, type ChunkFile, getScratch, putScratch } from '../storage/scratch-store.ts';
import {
  ChecksumJobFailed,
  ChecksumJobLate,
  ChecksumReport,
  CopyDiffers,
  findChecksums,
  formatJobList,
  parseChecksumRows,
} from './checksum-report.ts';
import { deletedFile, differentFile } from './fault-findings.ts';
import { landingPrefix } from './ingest.ts';
import { DatasetId, lakePrefix } from './schemas.ts';
import { DeliveryCheck, deliveryCheckFolder } from './steps.ts';

export const env = z.object({
  LANDING_BUCKET: z.string(),
  LAKE_BUCKET: z.string(),
  WORK_BUCKET: z.string(),
  /** Where S3 finds the lists of objects, and writes its reports. */
  JOBS_BUCKET: z.string(),
  ACCOUNT: z.string(),
  JOB_ROLE_ARN: z.string(),
});
// The bundle exceeds 450 KB because it needs the clients of S3 and S3 Control.
const { LANDING_BUCKET, LAKE_BUCKET, WORK_BUCKET, JOBS_BUCKET, ACCOUNT, JOB_ROLE_ARN } = env.parse(process.env);
const control = new S3ControlClient({});
/** `aws`, or the name of another partition. */
const PARTITION = JOB_ROLE_ARN.split(':')[1];

/** AWS promises no time. A job that takes longer is given up, and a person looks at it. */
const JOB_HOURS = 24;
/** Seconds between two looks: longer the longer it has taken. */
const pauseAfter = (seconds: number) => Math.min(900, Math.max(30, Math.round(seconds / 4)));

const Job = z.object({ id: z.string(), at: z.iso.datetime() });
const Input = DeliveryCheck.extend({
  dataset: DatasetId,
  version: Sha256,
  /** The key of the list of large files. */
  large: z.string(),
  /** Which of them: those that were uploaded, or their copies. */
  place: z.enum(['landing', 'lake']),
  /** The job that computes; null before it exists. */
  job: Job.nullable().default(null),
});
type Input = z.infer<typeof Input>;
type LargeFile = z.infer<typeof ChunkFile>;

/** The version of a copy. Nothing replaces an object of the lake, so there is one. */
async function findCopy(key: string): Promise<Required<ObjectVersion>> {
  const { VersionId: version = '' } = await s3.send(new HeadObjectCommand({ Bucket: LAKE_BUCKET, Key: key }));
  return { bucket: LAKE_BUCKET, key, version };
}

const listObjectsOf = ({ place, partner, delivery, dataset, version }: Input, files: readonly LargeFile[]) =>
  mapInParallel([...files], OBJECT_PARALLELISM, async file =>
    place === 'lake'
      ? findCopy(`${lakePrefix(dataset, version)}data/${file.target}`)
      : { bucket: LANDING_BUCKET, key: landingPrefix(partner, delivery) + file.path, version: file.version },
  );

/** Starts the job. The token makes a repeated call return the same job. */
async function startJob(input: Input, objects: readonly Required<ObjectVersion>[]): Promise<z.infer<typeof Job>> {
  const name = `${input.check}/${input.place}`;
  const Key = `lists/${name}.csv`;
  const { ETag } = await s3.send(
    new PutObjectCommand({ Bucket: JOBS_BUCKET, Key, Body: formatJobList(objects), ContentType: 'text/csv' }),
  );
  const { JobId: id } = await control.send(
    new CreateJobCommand({
      AccountId: ACCOUNT,
      ClientRequestToken: sha256(name),
      ConfirmationRequired: false,
      Description: `The SHA-256 of large files of ${input.delivery}`,
      Operation: { S3ComputeObjectChecksum: { ChecksumAlgorithm: 'SHA256', ChecksumType: 'FULL_OBJECT' } },
      Manifest: {
        Spec: { Format: 'S3BatchOperations_CSV_20180820', Fields: ['Bucket', 'Key', 'VersionId'] },
        Location: { ObjectArn: `arn:${PARTITION}:s3:::${JOBS_BUCKET}/${Key}`, ETag: ETag?.replaceAll('"', '') },
      },
      Report: {
        Enabled: true,
        Bucket: `arn:${PARTITION}:s3:::${JOBS_BUCKET}`,
        Prefix: `reports/${name}`,
        Format: 'Report_CSV_20180820',
        ReportScope: 'AllTasks',
      },
      Priority: 10,
      RoleArn: JOB_ROLE_ARN,
    }),
  );
  if (id === undefined) throw new Error('the job has no id');
  return { id, at: currentTime() };
}

/** The rows of the job's report; undefined while S3 has not written it. */
async function readReport(input: Input, { id }: z.infer<typeof Job>) {
  const folder = `reports/${input.check}/${input.place}/job-${id}/`;
  let bytes: Uint8Array;
  try {
    bytes = await readObject({ bucket: JOBS_BUCKET, key: `${folder}manifest.json` });
  } catch (error) {
    if (isGoneObject(error)) return undefined;
    throw error;
  }
  const { Results: results } = ChecksumReport.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
  const rows = [];
  for (const { Key: key } of results) {
    if (!key.startsWith(folder)) throw new Error(`the report names ${key}, which is not of this job`);
    rows.push(...parseChecksumRows(await readObject({ bucket: JOBS_BUCKET, key })));
  }
  return rows;
}

const failureOf = ({ Status: status, FailureReasons: reasons = [] }: JobDescriptor): string =>
  [status, ...reasons.map(({ FailureCode: code, FailureReason: reason }) => `${code}: ${reason}`)].join(' ');

const isOver = ({ Status: status }: JobDescriptor) => status === 'Failed' || status === 'Cancelled';

/**
 * Has S3 compute the SHA-256 of files that are too large to be read in the time of a function, and compares it with the
 * manifest. Returns how many seconds to wait while S3 computes.
 */
export const handler = stepHandler(Input, async input => {
  const largeFiles = Chunk.parse(JSON.parse(await getScratch(WORK_BUCKET, input.large)));
  // The tag files of a bag are not copied.
  const files = largeFiles.filter(({ target }) => input.place === 'landing' || target !== undefined);
  if (files.length === 0) return { outcome: 'proven' };
  const objects = await listObjectsOf(input, files);
  const now = currentTime();
  const { job } = input;
  if (!job) return { outcome: 'waiting', job: await startJob(input, objects), seconds: pauseAfter(0) };
  const { Job: state = {} } = await control.send(new DescribeJobCommand({ AccountId: ACCOUNT, JobId: job.id }));
  if (isOver(state)) throw new ChecksumJobFailed(failureOf(state));
  const rows = state.Status === 'Complete' ? await readReport(input, job) : undefined;
  if (!rows) {
    const seconds = (Date.parse(now) - Date.parse(job.at)) / 1000;
    if (seconds > JOB_HOURS * 3600) throw new ChecksumJobLate(`the job ${job.id} is ${state.Status} after a day`);
    return { outcome: 'waiting', job, seconds: pauseAfter(seconds) };
  }
  const findings = findChecksums(objects, rows).flatMap((hash, index) => {
    const file = files[index] as LargeFile;
    if (hash === file.sha256) return [];
    if (input.place === 'lake') throw new CopyDiffers(`${file.path} is ${hash} in the lake`);
    return [hash === 'gone' ? deletedFile(file.path) : differentFile(file.path, hash, file.sha256)];
  });
  logger.info('S3 computed the checksums of large files', { job: job.id, files: files.length });
  if (findings.length === 0) return { outcome: 'proven' };
  return {
    outcome: 'differs',
    findings: [await putScratch(WORK_BUCKET, deliveryCheckFolder(input), JSON.stringify(findings))],
  };
});
