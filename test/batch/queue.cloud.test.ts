import { CloudFormationClient, DeleteStackCommand, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ApiClient } from '../../bin/cli/call.ts';
import { AwakeProject } from '../../functions/awake/lease.ts';
import type { ComputeJob } from '../../functions/batch/schemas.ts';
import { rowKey } from '../../functions/keys.ts';
import type { ReadyProject } from '../../functions/projects/schemas.ts';
import { findFreePort } from '../../local/free-port.ts';
import { playedImage as image, pullPlayedImage } from '../../local/registry.ts';
import { playScheduler } from '../../local/scheduler.ts';
import { connectTestCloud } from '../cloud.ts';
import { buildProjectFor } from '../datasets/harness.ts';
import { signInNewPerson } from '../ingest/partner.ts';
import { openTestTable } from '../workspaces/harness.ts';
import { sendNumbers, waitForAnswerThat } from './harness.ts';

const cloud = connectTestCloud();
const root = new S3Client(cloud.configuration);
const stacks = new CloudFormationClient(cloud.configuration);
const params = { project: 'bat-one' };
const queue = { ...params, kind: 'cpu' } as const;
const nodesQueue = { ...params, kind: 'cpu-nodes' } as const;
const reason = 'We train a model.';

let [operator, steward, lead]: ApiClient[] = [];
let project: ReadyProject;
let reclaimLine: string | undefined;
/** Waits for its time limit of a minute while others run. */
let endlessJob: ComputeJob;
const lines: string[] = [];
const playing = new AbortController();
let scheduler: Promise<void>;

const waitFor = <T>(ask: () => Promise<T>, holds: (answer: T) => boolean) =>
  waitForAnswerThat(ask, holds, () => lines.join('\n'));
const readAwake = async () => {
  const row = await (await openTestTable(cloud)).get(rowKey('awake', params.project));
  return row && AwakeProject.parse(row);
};
const waitForQueue = (kind: string, status: string) =>
  waitFor(
    () => operator?.ask('listQueues', { params }) as Promise<{ items: { kind: string; status: string }[] }>,
    ({ items }) => items.some(item => item.kind === kind && item.status === status),
  );
const submit = (change: object) =>
  lead?.ask('submitJob', { params, body: { image, command: ['true'], minutes: 5, ...change } }) as Promise<ComputeJob>;
const showJob = (job: string) => lead?.ask('showJob', { params: { ...params, job } }) as Promise<ComputeJob>;
const waitForJob = ({ id }: ComputeJob, statuses = ['succeeded', 'failed', 'cancelled']) =>
  waitFor(
    () => showJob(id),
    job => statuses.includes(job.status),
  );
const waitForOutputs = (job: ComputeJob) =>
  waitFor(
    () => showJob(job.id),
    answer => 'outputs' in answer && answer.outputs !== undefined,
  ) as Promise<Extract<ComputeJob, { status: 'succeeded' }>>;

async function readFile(key: string | undefined): Promise<string> {
  const { Body } = await root.send(new GetObjectCommand({ Bucket: project.network.bucket, Key: key }));
  return (await Body?.transformToString()) ?? '';
}

/** Deletes the endpoints of the project as a failed creation would, tells so, and waits until they are there again. */
async function loseEndpoints(): Promise<void> {
  const StackName = `broch-local-awake-${params.project}-${(await readAwake())?.generation}`;
  const readStack = () =>
    stacks.send(new DescribeStacksCommand({ StackName })).then(
      ({ Stacks }) => Stacks?.[0],
      () => undefined,
    );
  const lostStack = await waitFor(readStack, stack => stack?.StackStatus === 'CREATE_COMPLETE');
  await stacks.send(new DeleteStackCommand({ StackName }));
  await waitFor(readStack, stack => stack === undefined || stack.StackStatus === 'DELETE_COMPLETE');
  const Detail = JSON.stringify({ 'stack-id': lostStack?.StackId, 'status-details': { status: 'DELETE_COMPLETE' } });
  const entry = { Source: 'aws.cloudformation', DetailType: 'CloudFormation Stack Status Change', Detail };
  await new EventBridgeClient(cloud.configuration).send(new PutEventsCommand({ Entries: [entry] }));
  const newStack = await waitFor(readStack, stack => stack?.StackStatus === 'CREATE_COMPLETE');
  expect(newStack?.StackId).not.toBe(lostStack?.StackId);
}

beforeAll(async () => {
  [operator, steward, lead] = await Promise.all(
    (['operator', 'steward', 'researcher'] as const).map(group => signInNewPerson(cloud, `bat-${group}`, group)),
  );
  project = await buildProjectFor(operator as ApiClient, lead as ApiClient, params.project);
  scheduler = playScheduler(cloud, {
    project: params.project,
    signal: playing.signal,
    reclaimLine: () => reclaimLine,
    log: line => lines.push(line),
  });
});
afterAll(async () => {
  playing.abort();
  await scheduler;
});

describe('a queue', () => {
  it('takes no job before it is open', () => expect(submit({})).rejects.toThrow(/has no cpu queue/));

  it('is requested by a lead, approved by an operator, and built', async () => {
    expect(await lead?.ask('requestQueue', { params: queue, body: { reason } })).toMatchObject({ status: 'requested' });
    await expect(lead?.ask('approveQueue', { params: queue, body: { dollars: 1 } })).rejects.toThrow(/Only operators/);
    await operator?.ask('approveQueue', { params: queue, body: { dollars: 5 } });
    const { items } = await waitFor(
      () => operator?.ask('listQueues', { params }) as Promise<{ items: { status: string }[] }>,
      answer => answer.items[0]?.status !== 'opening',
    );
    expect(items).toMatchObject([
      { status: 'open', kind: 'cpu', place: { machines: expect.arrayContaining(['m6i.large']) } },
    ]);
  });

  it('runs no image that nobody outside the project approved', async () => {
    await expect(submit({})).rejects.toThrow(/not approved/);
    await lead?.ask('requestContainer', { params, body: { image, reason } });
    await expect(submit({})).rejects.toThrow(/not approved/);
    await pullPlayedImage(cloud.configuration);
    await expect(submit({})).rejects.toThrow(/not approved/);
    // It holds only what was pulled: neither of a repository that it does not have, nor of one that it has.
    for (const repository of ['quay/nobody/pulled', 'quay/python']) {
      const unheldImage = `${repository}@sha256:${'a'.repeat(64)}`;
      await lead?.ask('requestContainer', { params, body: { image: unheldImage, reason } });
      await expect(steward?.ask('approveContainer', { params, body: { image: unheldImage } })).rejects.toThrow(
        new RegExp(
          `The registry does not hold ${unheldImage}.*docker pull \\d{12}\\.dkr\\.ecr\\.[a-z0-9-]+\\.amazonaws\\.com/broch-local-jobs/${repository}:<tag>`,
          's',
        ),
      );
    }
    expect(await steward?.ask('approveContainer', { params, body: { image } })).toMatchObject({ status: 'approved' });
  });

  it('takes no job that may cost more than the budget has', async () =>
    await expect(submit({ minutes: 6000 })).rejects.toThrow(/of the budget of bat-one are free/));
});

describe('a job', () => {
  it('runs as a real process, and what it leaves is described', async () => {
    const script =
      'import os; open(os.environ["BROCH_OUTPUTS"] + "/sum.txt", "w").write(str(sum(range(10)))); print("done")';
    const job = await submit({ command: ['python', '-c', script] });
    const end = await waitForJob(job);
    expect(end, lines.join('\n')).toMatchObject({ status: 'succeeded', attempts: [{ exitCode: 0 }] });
    const { outputs } = await waitForOutputs(job);
    expect(outputs?.folder).toBe(`batch/${job.id}/outputs/`);
    const crate = JSON.parse(await readFile(outputs?.crate));
    expect(JSON.stringify(crate)).toContain('https://w3id.org/ro/wfrun/process/0.5');
    expect(await readFile(`batch/${job.id}/run/outputs.sha256`)).toMatch(/^[0-9a-f]{64} {2}sum\.txt\n$/);
    // What it printed stays in the project.
    expect(await readFile(`batch/${job.id}/log/task-0-attempt-1.log`)).toBe('done\n');
    expect(await showJob(job.id)).toMatchObject({ log: `batch/${job.id}/log/` });
    // The same again leaves the same.
    const repetition = (await lead?.ask('rerunJob', { params: { ...params, job: job.id } })) as ComputeJob;
    expect((await waitForOutputs(repetition)).outputs?.repetition).toBe('equal');
    const budget = await lead?.ask('showBudget', { params });
    expect(budget).toMatchObject({ limitMicros: 5_000_000, reservedMicros: 0 });
    expect(budget?.spentMicros).toBeGreaterThan(0);
  });

  it('of an array runs each task with its number', async () => {
    const command = ['sh', '-c', 'echo $AWS_BATCH_JOB_ARRAY_INDEX > "$BROCH_OUTPUTS/$AWS_BATCH_JOB_ARRAY_INDEX.txt"'];
    endlessJob = await submit({ minutes: 1, attempts: 1, command: ['sleep', '1000'] });
    const job = await submit({ tasks: 2, command });
    expect(await waitForJob(job), lines.join('\n')).toMatchObject({ status: 'succeeded' });
    await waitForOutputs(job);
    for (const task of [0, 1]) {
      expect(await readFile(`batch/${job.id}/outputs/${task}.txt`)).toBe(`${task}\n`);
      expect(await readFile(`batch/${job.id}/log/task-${task}-attempt-1.log`)).toBe('');
    }
  });

  it('continues from its checkpoint when AWS takes its machine back', async () => {
    reclaimLine = 'step 1 is kept';
    const script =
      'f="$BROCH_CHECKPOINT/step"; if [ -e "$f" ]; then echo "continues" > "$BROCH_OUTPUTS/end.txt"; else echo 1 > "$f"; echo "step 1 is kept"; sleep 60; fi';
    const job = await submit({ command: ['sh', '-c', script] });
    const end = await waitForJob(job);
    reclaimLine = undefined;
    expect(end, lines.join('\n')).toMatchObject({
      status: 'succeeded',
      attempts: [{ reason: expect.stringContaining('Host EC2') }, { exitCode: 0 }],
    });
  });

  it('that fails says so, with its exit code, and is tried once', async () => {
    const job = await submit({ command: ['sh', '-c', 'exit 3'] });
    expect(await waitForJob(job)).toMatchObject({ status: 'failed', reason: expect.stringContaining('exit code 3') });
  });

  it('is ended at its time limit, so that it costs no more than was reserved', async () => {
    const end = await waitForJob(endlessJob);
    expect(end).toMatchObject({ status: 'failed', reason: expect.stringContaining('Job attempt duration exceeded') });
    const cost = 'costMicros' in end ? end.costMicros : Number.NaN;
    expect(cost).toBeGreaterThan(0);
    expect(cost).toBeLessThanOrEqual(endlessJob.estimate.mostMicros);
  });

  it('ends when it is cancelled', async () => {
    const job = await submit({ command: ['sleep', '60'] });
    await waitForJob(job, ['running']);
    // While it lives, the project has the endpoints that machines of AWS Batch need.
    expect(await readAwake()).toMatchObject({ holders: [{ id: 'jobs', use: 'job' }] });
    expect((await readAwake())?.services).toEqual(expect.arrayContaining(['ecr.dkr', 'ecs-agent', 'logs']));
    await loseEndpoints();
    await lead?.ask('cancelJob', { params: { ...params, job: job.id }, body: { reason: 'Wrong input.' } });
    expect(await waitForJob(job)).toMatchObject({ status: 'cancelled', reason: 'Wrong input.' });
    await waitFor(readAwake, answer => answer?.holders.length === 0);
  });

  it('with nodes runs on each, and its main node decides how it ends', async () => {
    await expect(submit({ nodes: 3 })).rejects.toThrow(/has no cpu-nodes queue/);
    await lead?.ask('requestQueue', { params: nodesQueue, body: { reason } });
    await operator?.ask('approveQueue', { params: nodesQueue, body: { dollars: 5 } });
    await waitForQueue(nodesQueue.kind, 'open');
    await expect(submit({ nodes: 9 })).rejects.toThrow(/at most 8 nodes/);
    const port = String(await findFreePort());
    const job = await submit({ nodes: 3, command: ['python', '-c', sendNumbers, port] });
    expect(await waitForJob(job), lines.join('\n')).toMatchObject({ status: 'succeeded', attempts: [{ exitCode: 0 }] });
    await waitForOutputs(job);
    expect(await readFile(`batch/${job.id}/outputs/numbers.txt`)).toBe('1 2');
    expect(await readFile(`batch/${job.id}/log/task-2-attempt-1.log`)).toBe('sent to 127.0.0.1\n');
    const failing = ['sh', '-c', '[ "$AWS_BATCH_JOB_NODE_INDEX" != 0 ] || exit 3; sleep 100'];
    const failure = await waitForJob(await submit({ nodes: 2, command: failing }));
    expect(failure).toMatchObject({ status: 'failed', reason: expect.stringContaining('exit code 3') });
  });

  it('has the rights of a member of the project: it reaches no other project, and changes, submits and passes nothing', async () => {
    const [bucket, role] = [project.network.bucket, project.network.datasets?.role ?? ''];
    const definition = { jobDefinitionName: 'broch-local-any', type: 'container', containerProperties: { image: 'x' } };
    const name = role.split('/').at(-1);
    const deeds = [
      ['s3', 'list_objects_v2', { Bucket: bucket, Prefix: 'data/' }],
      ['s3', 'put_object', { Bucket: bucket, Key: 'batch/job-1/run/ro-crate-metadata.json', Body: 'x' }],
      ['s3', 'put_object', { Bucket: bucket, Key: 'airlock/any', Body: 'x' }],
      ['s3', 'list_objects_v2', { Bucket: bucket.replace('bat-one', 'bat-two'), Prefix: 'data/' }],
      ['batch', 'submit_job', { jobName: 'x', jobQueue: 'broch-local-bat-one-cpu', jobDefinition: 'x' }],
      ['batch', 'register_job_definition', definition],
      ['batch', 'terminate_job', { jobId: 'x', reason: 'x' }],
      ['iam', 'put_role_policy', { RoleName: name, PolicyName: 'x', PolicyDocument: '{}' }],
      ['iam', 'delete_role_permissions_boundary', { RoleName: name }],
      ['sts', 'assume_role', { RoleArn: role.replace('bat-one', 'bat-two'), RoleSessionName: 'session' }],
      [
        'lambda',
        'create_function',
        { FunctionName: 'x', Role: role, Code: { ZipFile: 'x' }, Handler: 'x.x', Runtime: 'python3.12' },
      ],
      ['dynamodb', 'scan', { TableName: 'broch-local' }],
    ];
    const script = `
import boto3, json, os, sys
from botocore.exceptions import ClientError
def attempt(service, name, values):
    try:
        getattr(boto3.client(service), name)(**values)
        return "done"
    except Exception as error:
        code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
        return "denied" if "AccessDenied" in code else str(error)
answers = {f"{deed[0]} {deed[1]} {number}": attempt(*deed) for number, deed in enumerate(json.loads(sys.argv[1]))}
json.dump(answers, open(os.environ["BROCH_OUTPUTS"] + "/deeds.json", "w"))`;
    const job = await submit({ command: ['python', '-c', script, JSON.stringify(deeds)] });
    await waitForOutputs(job);
    const answers = JSON.parse(await readFile(`batch/${job.id}/outputs/deeds.json`));
    const denials = Object.values(answers).filter(answer => answer === 'denied').length;
    console.log(`a batch job: ${denials} of ${deeds.length - 1} deeds beyond its rights were denied`);
    expect(answers).toEqual(
      Object.fromEntries(
        deeds.map(([service, deed], index) => [`${service} ${deed} ${index}`, index === 0 ? 'done' : 'denied']),
      ),
    );
  });
});

it('a queue that is closed leaves nothing', async () => {
  for (const place of [queue, nodesQueue]) await lead?.ask('closeQueue', { params: place });
  for (const { kind } of [queue, nodesQueue]) {
    await waitForQueue(kind, 'closed');
    const name = `broch-local-project-${params.project}-batch-${kind}`;
    await expect(stacks.send(new DescribeStacksCommand({ StackName: name }))).rejects.toThrow(/does not exist/);
  }
  await expect(submit({})).rejects.toThrow(/is closed/);
});
