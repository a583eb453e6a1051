import { setTimeout as sleep } from 'node:timers/promises';
import {
  BatchClient,
  DescribeJobDefinitionsCommand,
  DescribeJobQueuesCommand,
  DescribeJobsCommand,
  type JobDetail,
  ListJobsCommand,
  ListTagsForResourceCommand,
  TagResourceCommand,
} from '@aws-sdk/client-batch';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { createTempDir } from '../lib/temp-dir.ts';
import type { CloudFacts } from './deployed-cloud.ts';
import { type ProcessEnd, runJobProcess } from './job-process.ts';
import { clientConfigFor, rootCredentialsFor } from './roles.ts';

export interface SchedulerOptions {
  /** The project whose queues are played; without it, all are. */
  readonly project?: string;
  readonly signal: AbortSignal;
  /** The line of output at which AWS takes the machine of a job's first attempt back. */
  readonly reclaimLine?: () => string | undefined;
  /** Whether jobs succeed at once, without a process. */
  readonly skipsPrograms?: () => boolean;
  readonly log?: (line: string) => void;
}

interface AttemptRecord {
  startedAt: number;
  stoppedAt: number;
  statusReason?: string;
  container: { exitCode?: number; reason?: string };
}
/** What a task of an array job, or a node, has of its own. */
interface JobPart {
  readonly variables: Readonly<Record<string, string>>;
  /** Whether its job has ended without it. */
  readonly isEnded?: () => boolean;
}
type TaskEnd = { readonly status: 'SUCCEEDED' | 'FAILED'; readonly attempts: readonly AttemptRecord[] };

const endReasons: Readonly<Record<ProcessEnd['end'], string>> = {
  exit: 'Essential container in task exited',
  timeout: 'Job attempt duration exceeded timeout',
  reclaim: 'Host EC2 (instance i-0123456789abcdef0) terminated.',
  stop: 'Job terminated',
};

function skippedAttempt(): AttemptRecord {
  const now = Date.now();
  return {
    startedAt: now,
    stoppedAt: now,
    statusReason: endReasons.exit,
    container: { exitCode: 0 },
  };
}

/** How many jobs of a queue run at once. Each is a process. */
const PLACES = 12;

/**
 * Stands in for the scheduler and the machines of AWS Batch: runs the command of each job as a real process with the real
 * job.sh, the rights of the job's role and its time limit, tries again when a machine is taken back, and sends the events
 * that AWS sends. Resolves when aborted.
 */
export async function playScheduler(
  facts: CloudFacts,
  { signal, project, reclaimLine = () => undefined, skipsPrograms = () => false, log = () => {} }: SchedulerOptions,
): Promise<void> {
  const aws = clientConfigFor(facts, rootCredentialsFor(facts.account));
  const [batch, events, sts] = [new BatchClient(aws), new EventBridgeClient(aws), new STSClient(aws)];
  const startedIds = new Set<string>();
  /** How many jobs of each queue run. */
  const runningCounts = new Map<string, number>();

  const keep = ({ jobArn }: JobDetail, state: object) =>
    batch.send(new TagResourceCommand({ resourceArn: jobArn, tags: { 'played:state': JSON.stringify(state) } }));

  async function send(job: JobDetail, change: object): Promise<void> {
    const { jobArn, jobId, jobName, jobQueue, tags } = job;
    const detail = { jobArn, jobId, jobName, jobQueue, tags, attempts: [], ...change };
    const entry = { Source: 'aws.batch', DetailType: 'Batch Job State Change', Detail: JSON.stringify(detail) };
    await events.send(new PutEventsCommand({ Entries: [entry] }));
  }

  async function readRole({ jobDefinition = '' }: JobDetail) {
    const jobDefinitionName = jobDefinition.split('/').at(-1)?.split(':')[0];
    const { jobDefinitions = [] } = await batch.send(new DescribeJobDefinitionsCommand({ jobDefinitionName }));
    // Nextflow names a definition without its revision, which means the newest.
    const definition = jobDefinitions.find(({ jobDefinitionArn }) => jobDefinitionArn === jobDefinition);
    const { containerProperties, nodeProperties } = definition ?? jobDefinitions.at(-1) ?? {};
    const container = containerProperties ?? nodeProperties?.nodeRangeProperties?.[0]?.container;
    if (!container?.jobRoleArn) throw new Error(`${jobDefinition} has no role`);
    return container.jobRoleArn;
  }

  async function assume(role: string, name: string) {
    const { Credentials } = await sts.send(new AssumeRoleCommand({ RoleArn: role, RoleSessionName: name }));
    const { AccessKeyId = '', SecretAccessKey = '', SessionToken = '' } = Credentials ?? {};
    return { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken };
  }

  const isStopped = async ({ jobArn }: JobDetail): Promise<boolean> => {
    const { tags = {} } = await batch.send(new ListTagsForResourceCommand({ resourceArn: jobArn }));
    return tags['played:terminated'] === 'true';
  };

  /** `part` is what a task of an array job or a node has of its own. */
  async function runAttempt(job: JobDetail, number: number, { variables, isEnded = () => false }: JobPart) {
    if (skipsPrograms()) return { record: skippedAttempt(), end: 'exit' as const };
    const role = await readRole(job);
    const { jobName = '', jobId = '', nodeProperties, timeout } = job;
    const container = nodeProperties?.nodeRangeProperties?.[0]?.container ?? job.container ?? {};
    const pairs = (container.environment ?? []).map(({ name = '', value = '' }) => [name, value]);
    const startedAt = Date.now();
    const { exitCode, end } = await runJobProcess({
      facts,
      credentials: await assume(role, jobId),
      work: createTempDir('job'),
      command: container.command ?? [],
      variables: {
        ...Object.fromEntries(pairs),
        ...variables,
        AWS_BATCH_JOB_ID: jobId,
        AWS_BATCH_JOB_ATTEMPT: String(number),
      },
      seconds: timeout?.attemptDurationSeconds ?? 3600,
      reclaimLine: number === 1 ? reclaimLine() : undefined,
      onLine: line => log(`${jobName}: ${line}`),
      isStopped: async () => isEnded() || isStopped(job),
    });
    const record: AttemptRecord = {
      startedAt,
      stoppedAt: Date.now(),
      statusReason: endReasons[end],
      container: { ...(exitCode !== undefined && { exitCode }) },
    };
    return { record, end };
  }

  /** All attempts of a job, or of one task of it. `report` tells what AWS would tell. */
  async function runAttempts(
    job: JobDetail,
    part: JobPart,
    report: (change: object) => Promise<void>,
  ): Promise<TaskEnd> {
    const attempts: AttemptRecord[] = [];
    const limit = job.retryStrategy?.attempts ?? 1;
    for (let number = 1; ; number += 1) {
      await report({ status: 'RUNNABLE', attempts });
      await report({ status: 'STARTING', attempts });
      await report({ status: 'RUNNING', attempts, startedAt: Date.now() });
      const { record, end } = await runAttempt(job, number, part);
      attempts.push(record);
      if (end === 'reclaim' && number < limit) continue;
      const isSuccess = end === 'exit' && record.container.exitCode === 0;
      return { status: isSuccess ? 'SUCCEEDED' : 'FAILED', attempts };
    }
  }

  async function finish(job: JobDetail, { status, attempts }: TaskEnd): Promise<void> {
    const last = attempts.at(-1);
    const reason = last?.statusReason ?? 'Array Child Job ended';
    for (const attempt of attempts) await keep(job, { attempt });
    const times = { startedAt: attempts[0]?.startedAt, stoppedAt: Date.now() };
    await keep(job, { status, statusReason: reason, ...times, container: last?.container ?? {} });
    await send(job, { status, statusReason: reason, attempts, ...times, container: last?.container ?? {} });
    log(`${job.jobName}: ${status} (${reason})`);
  }

  async function runArray(job: JobDetail, size: number): Promise<void> {
    await send(job, { status: 'PENDING' });
    let failures = 0;
    for (let index = 0; index < size; index += 1) {
      const task = { ...job, jobId: `${job.jobId}:${index}`, jobArn: `${job.jobArn}:${index}` };
      const variables = { AWS_BATCH_JOB_ARRAY_INDEX: String(index) };
      const { status, attempts } = await runAttempts({ ...job }, { variables }, change =>
        send(task, { ...change, arrayProperties: { index } }),
      );
      if (status === 'FAILED') failures += 1;
      const { startedAt, stoppedAt, container } = attempts.at(-1) as AttemptRecord;
      const { exitCode } = container;
      await keep(job, { task: { jobId: task.jobId, status, startedAt, stoppedAt, container: { exitCode } } });
      await send(task, { status, attempts, arrayProperties: { index } });
    }
    await finish(job, { status: failures === 0 ? 'SUCCEEDED' : 'FAILED', attempts: [] });
  }

  /**
   * A process for each node, all on this machine. The main node decides how the job ends, and its end stops the otherNodes. The
   * end of another node changes nothing: https://docs.aws.amazon.com/batch/latest/userguide/job-lifecycle.html
   */
  async function runNodes(job: JobDetail, count: number, report: (change: object) => Promise<void>): Promise<TaskEnd> {
    const main = job.nodeProperties?.mainNode ?? 0;
    let isMainEnded = false;
    const partOf = (index: number): JobPart => ({
      variables: {
        AWS_BATCH_JOB_NODE_INDEX: String(index),
        AWS_BATCH_JOB_MAIN_NODE_INDEX: String(main),
        AWS_BATCH_JOB_NUM_NODES: String(count),
        ...(index !== main && { AWS_BATCH_JOB_MAIN_NODE_PRIVATE_IPV4_ADDRESS: '127.0.0.1' }),
      },
      isEnded: () => index !== main && isMainEnded,
    });
    const sendNode = (index: number, change: object) =>
      send(
        { ...job, jobId: `${job.jobId}#${index}`, jobArn: `${job.jobArn}#${index}` },
        { ...change, nodeDetails: { nodeIndex: index, isMainNode: index === main } },
      );
    const otherNodes: Promise<void>[] = [];
    const startOther = async (index: number): Promise<void> => {
      const end = await runAttempts(job, partOf(index), change => sendNode(index, change));
      await sendNode(index, end);
    };
    const end = await runAttempts(job, partOf(main), async change => {
      await report(change);
      await sendNode(main, change);
      if ((change as { status: string }).status === 'RUNNING')
        for (let index = 0; index < count; index += 1)
          if (index !== main)
            otherNodes.push(startOther(index).catch((error: Error) => log(`${job.jobName}: ${error.message}`)));
    });
    isMainEnded = true;
    await Promise.all(otherNodes);
    await sendNode(main, end);
    return end;
  }

  async function run(job: JobDetail): Promise<void> {
    for (const { jobId } of job.dependsOn ?? []) {
      const status = await waitForEnd(jobId ?? '');
      if (status !== 'SUCCEEDED') return finish(job, { status: 'FAILED', attempts: [] });
    }
    const size = job.arrayProperties?.size;
    if (size !== undefined) return runArray(job, size);
    const report = async (change: object) => {
      await keep(job, { status: (change as { status: string }).status });
      await send(job, change);
    };
    const count = job.nodeProperties?.numNodes;
    return finish(
      job,
      count === undefined ? await runAttempts(job, { variables: {} }, report) : await runNodes(job, count, report),
    );
  }

  async function waitForEnd(jobId: string): Promise<string> {
    while (!signal.aborted) {
      const { jobs = [] } = await batch.send(new DescribeJobsCommand({ jobs: [jobId] }));
      const status = jobs[0]?.status ?? 'FAILED';
      if (status === 'SUCCEEDED' || status === 'FAILED') return status;
      await sleep(300);
    }
    return 'FAILED';
  }

  async function round(): Promise<void> {
    const { jobQueues = [] } = await batch.send(new DescribeJobQueuesCommand({}));
    for (const { jobQueueArn = '' } of jobQueues) {
      if (project !== undefined && !jobQueueArn.includes(`-${project}-`)) continue;
      const count = runningCounts.get(jobQueueArn) ?? 0;
      if (count >= PLACES) continue;
      const { jobSummaryList = [] } = await batch.send(
        new ListJobsCommand({ jobQueue: jobQueueArn, jobStatus: 'SUBMITTED' }),
      );
      // In the order of arrival, so that a job never takes the place of one that it waits for.
      const newIds = jobSummaryList
        .flatMap(({ jobId = '' }) => (startedIds.has(jobId) ? [] : [jobId]))
        .slice(0, PLACES - count);
      if (newIds.length === 0) continue;
      const { jobs = [] } = await batch.send(new DescribeJobsCommand({ jobs: newIds }));
      for (const job of jobs) {
        startedIds.add(job.jobId ?? '');
        const addRunning = (difference: number) =>
          runningCounts.set(jobQueueArn, (runningCounts.get(jobQueueArn) ?? 0) + difference);
        addRunning(1);
        run(job)
          .catch((error: Error) => log(`${job.jobName}: ${error.message}`))
          .finally(() => addRunning(-1));
      }
    }
  }

  while (!signal.aborted) {
    await round().catch((error: Error) => signal.aborted || log(error.message));
    await sleep(300, undefined, { signal }).catch(() => {});
  }
  for (const client of [batch, events, sts]) client.destroy();
}
