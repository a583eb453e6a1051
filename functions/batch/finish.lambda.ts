import { BatchClient } from '@aws-sdk/client-batch';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import * as z from 'zod';
import { currentTime } from '../clock.ts';
import { eventHandler } from '../handler.ts';
import { hashObject, isGoneObject, listObjects, readObject } from '../storage/object-read.ts';
import { mapInParallel } from '../storage/parallel.ts';
import { s3 } from '../storage/s3.ts';
import { decideJob, isLiveJob } from './batch.ts';
import { buildRunCrate, formatHashes } from './crate.ts';
import { outputsFolder, runFolder } from './definition.ts';
import { endpointEnvironment, sleepAfterJobs } from './endpoints.ts';
import { JobEnded } from './events.ts';
import { PIPELINE_REPORTS } from './pipeline.ts';
import { endTasks } from './pipeline-store.ts';
import { JobId, type JobOutputs } from './schemas.ts';
import { changeJob, findJob, readJob, readQueue, requireReadyProject } from './store.ts';

/** `BUCKETS` is what the names of all projects' buckets begin with. */
export const env = z.object({ ...endpointEnvironment, BUCKETS: z.string() });
const values = env.parse(process.env);
const { TABLE_NAME, BUCKETS } = values;
const batch = new BatchClient({});
const PARALLELISM = 8;

const hashesKey = (id: string): string => `${runFolder(id)}outputs.sha256`;

/** Whether a repetition left the same files. Undefined if the job that it repeats has no list of its files. */
async function compareWith(original: string, bucket: string, hashes: string): Promise<JobOutputs['repetition']> {
  try {
    const list = Buffer.from(await readObject({ bucket, key: hashesKey(original) })).toString();
    return list === hashes ? 'equal' : 'different';
  } catch (error) {
    if (isGoneObject(error)) return undefined;
    throw error;
  }
}

/**
 * Lets the project sleep after its last job. Then it describes the run: it hashes the outputs and writes the description
 * where nobody in the project can change it.
 */
export const handler = eventHandler(JobEnded, async ({ project, job: id }) => {
  const job = await readJob(TABLE_NAME, project, id);
  const queue = job.pipeline ? await readQueue(TABLE_NAME, project, job.request.kind) : undefined;
  if (queue && 'place' in queue && queue.place)
    await endTasks(batch, queue.place.queueArn, async head => {
      const run = JobId.safeParse(head).success ? await findJob(TABLE_NAME, project, head) : undefined;
      return run !== undefined && isLiveJob(run);
    });
  await sleepAfterJobs(values, project);
  if ((job.status !== 'succeeded' && job.status !== 'failed') || job.outputs) return;
  const { bucket } = (await requireReadyProject(TABLE_NAME, project)).network;
  if (!bucket.startsWith(BUCKETS)) throw new Error(`the bucket of ${project} is not a project's`);
  const folder = outputsFolder(id);
  const objects = await listObjects(bucket, folder);
  if (!objects) throw new Error(`${id} left too many files`);
  const files = await mapInParallel(objects, PARALLELISM, async ({ path, version, size }) => {
    const { sha256 } = await hashObject({ bucket, key: `${folder}${path}`, version });
    return { path, bytes: size, sha256 };
  });
  const crate = `${runFolder(id)}ro-crate-metadata.json`;
  // What Nextflow writes about a run has the run's times in it.
  const hashes = formatHashes(files.filter(({ path }) => !(job.pipeline && path.startsWith(PIPELINE_REPORTS))));
  const description = JSON.stringify(buildRunCrate(job, files), null, 2);
  const put = (key: string, text: string, type: string) =>
    s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: text, ContentType: type }));
  await put(hashesKey(id), hashes, 'text/plain; charset=utf-8');
  await put(crate, description, 'application/ld+json');
  const repetition = job.repeats === undefined ? undefined : await compareWith(job.repeats, bucket, hashes);
  const outputs = { folder, crate, ...(repetition && { repetition }) };
  const now = currentTime();
  await changeJob(TABLE_NAME, { project, id }, read => decideJob(read, { do: 'recordOutputs', outputs }, now), now);
});
