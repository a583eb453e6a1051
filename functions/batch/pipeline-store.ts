import {
  type BatchClient,
  DescribeJobsCommand,
  type JobStatus,
  ListJobsCommand,
  TerminateJobCommand,
} from '@aws-sdk/client-batch';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { s3 } from '../storage/s3.ts';
import { runFolder } from './definition.ts';
import {
  buildParameters,
  buildPipelineConfig,
  type ParameterPlace,
  type PipelinePlace,
  pipelineFiles,
} from './pipeline.ts';
import type { ComputeJob, PipelineRequest } from './schemas.ts';

/** Writes what Nextflow reads at its start to a place that nobody in the project can change. */
export async function writePipelineFiles(
  job: ComputeJob,
  pipeline: PipelineRequest,
  place: PipelinePlace & ParameterPlace,
): Promise<void> {
  const texts = [
    [pipelineFiles.config, buildPipelineConfig(job, pipeline, place)],
    [pipelineFiles.parameters, buildParameters(job, pipeline, place)],
  ] as const;
  for (const [name, text] of texts)
    await s3.send(new PutObjectCommand({ Bucket: place.bucket, Key: `${runFolder(job.id)}${name}`, Body: text }));
}

const liveStatuses: readonly JobStatus[] = ['SUBMITTED', 'PENDING', 'RUNNABLE', 'STARTING', 'RUNNING'];

/**
 * Ends the tasks of pipelines whose head does not live, because they would cost money without anybody waiting for them. A
 * task without the name of its head was submitted past Nextflow.
 */
export async function endTasks(
  batch: BatchClient,
  queueArn: string,
  isLiveHead: (head: string) => Promise<boolean>,
): Promise<void> {
  for (const jobStatus of liveStatuses) {
    let nextToken: string | undefined;
    do {
      const page = await batch.send(new ListJobsCommand({ jobQueue: queueArn, jobStatus, nextToken }));
      const ids = page.jobSummaryList?.flatMap(({ jobId = '' }) => jobId) ?? [];
      const { jobs = [] } = ids.length > 0 ? await batch.send(new DescribeJobsCommand({ jobs: ids })) : {};
      for (const { jobId, jobDefinition = '', tags } of jobs)
        if (/-task-[0-9a-f]{16}(?::\d+)?$/.test(jobDefinition) && !(await isLiveHead(tags?.['broch:run'] ?? '')))
          await batch.send(new TerminateJobCommand({ jobId, reason: 'The head of its pipeline has ended.' }));
      nextToken = page.nextToken;
    } while (nextToken !== undefined);
  }
}
