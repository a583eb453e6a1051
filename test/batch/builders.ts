import type { Submission, SubmissionContext } from '../../functions/batch/admission.ts';
import type { JobState } from '../../functions/batch/batch.ts';
import { createJobId, decideJob } from '../../functions/batch/batch.ts';
import type { BatchJobState } from '../../functions/batch/events.ts';
import { type ComputeQueue, type ContainerImage, type JobBudget, JobRequest } from '../../functions/batch/schemas.ts';

export const submissionTime = '2026-11-28T12:00:00.000Z';
export const jobOwner = { id: 'u-rana', name: 'rana' };
export const testImage = `quay/python@sha256:${'a'.repeat(64)}`;
const act = { by: { id: 'u-olga', name: 'olga' }, at: submissionTime };

export const openQueue: Extract<ComputeQueue, { status: 'open' }> = {
  status: 'open',
  project: 'asthma',
  kind: 'cpu',
  reason: 'Models.',
  requested: { by: jobOwner, at: submissionTime },
  approved: act,
  attempt: 1,
  place: { queueArn: 'arn:aws:batch:eu-west-2:111122223333:job-queue/broch-prod-asthma-cpu', logGroup: 'g' },
  openedAt: submissionTime,
};
export const approvedImage: ContainerImage = {
  status: 'approved',
  project: 'asthma',
  image: testImage,
  reason: 'Models.',
  requested: { by: jobOwner, at: submissionTime },
  approved: act,
};
const testContext: SubmissionContext = {
  queue: openQueue,
  container: approvedImage,
  predecessors: [],
  region: 'us-east-1',
  mostNodes: 8,
};
export const testBudget = (limitMicros: number): JobBudget => ({
  project: 'asthma',
  limitMicros,
  reservedMicros: 0,
  spentMicros: 0,
  roomMicros: limitMicros,
});

export const testRequest = (change: Partial<JobRequest> = {}): JobRequest =>
  JobRequest.parse({ image: testImage, command: ['python', 'train.py'], ...change });

export const testSubmission = (index: number, change: Partial<JobRequest> = {}): Submission => ({
  id: createJobId(submissionTime, index),
  project: 'asthma',
  request: testRequest(change),
  datasets: [],
});

export const submitTestJob = (
  { budget }: Pick<JobState, 'budget'>,
  submission = testSubmission(1),
  context: Partial<SubmissionContext> = {},
) =>
  decideJob(
    { job: undefined, budget },
    { do: 'submit', submission, by: jobOwner, context: { ...testContext, ...context } },
    submissionTime,
  );

export const testReport = (change: Partial<BatchJobState>): BatchJobState => ({
  jobId: 'aws-1',
  jobName: 'job-1',
  jobQueue: 'q',
  status: 'RUNNABLE',
  attempts: [],
  tags: {},
  container: undefined,
  ...change,
});
