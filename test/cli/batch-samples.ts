import { requestSamples } from './request-samples.ts';

const { time, sha256, purpose: long } = requestSamples;
const act = { by: { id: 'r-1', name: 'rana' }, at: time };
const image = `quay/biocontainers/samtools@sha256:${sha256}`;
const queue = {
  status: 'open',
  project: 'asthma-tayside',
  kind: 'gpu',
  reason: long,
  requested: act,
  approved: act,
  attempt: 1,
  place: {
    queueArn: 'arn:aws:batch:eu-west-2:111122223333:job-queue/broch-prod-asthma-gpu',
    logGroup: 'group',
    machines: ['g4dn.xlarge', 'g6.xlarge'],
    image: 'ami-0123456789abcdef0',
  },
  openedAt: time,
};
const container = { status: 'approved', project: 'asthma-tayside', image, reason: long, requested: act, approved: act };
const estimate = {
  machine: 'g4dn.xlarge',
  expectedMicros: 300_000,
  mostMicros: 1_800_000,
  spotSavingPercent: 55,
  pricedAt: '2026-11-01',
  pricedFor: 'eu-west-2',
};
const job = {
  status: 'succeeded',
  id: 'job-0011223344556677',
  project: 'asthma-tayside',
  owner: { id: 'r-1', name: 'rana' },
  submittedAt: time,
  request: {
    kind: 'gpu',
    image,
    command: ['python', 'train.py'],
    vcpus: 4,
    memory: 8192,
    gpu: 1,
    minutes: 120,
    attempts: 3,
    tasks: 1,
    nodes: 1,
    after: [],
    inputs: ['data/cohort/'],
    datasets: ['admissions'],
    variables: { SEED: '1' },
  },
  datasets: [
    { dataset: 'admissions', version: sha256, prefix: 'datasets/admissions/', endsAt: '2026-12-31T00:00:00.000Z' },
  ],
  estimate,
  batchId: 'aws-1',
  rank: 1,
  attempts: [{ startedAt: 1, stoppedAt: 2, exitCode: 0, reason: 'ended' }],
  endedAt: time,
  costMicros: 700_000,
  reason: 'Essential container in task exited',
  log: 'batch/job-0011223344556677/log/',
  outputs: {
    folder: 'batch/job-0011223344556677/outputs/',
    crate: 'batch/job-0011223344556677/run/ro-crate-metadata.json',
  },
};

const pipeline = {
  pipeline: 'rnaseq',
  revision: '3.14.0',
  profiles: ['test'],
  input: 'data/cohort/samples.csv',
  params: { genome: 'GRCh38' },
  image,
  taskImage: image,
  containers: { FASTQC: image },
  places: 4,
  taskVcpus: 2,
  taskMemory: 8192,
  taskMinutes: 30,
  minutes: 240,
  resumes: 'job-0011223344556678',
};

const folder = 'batch/job-0011223344556677/outputs/pipeline_info/';
const reports = {
  trace: `${folder}trace.txt`,
  report: `${folder}report.html`,
  timeline: `${folder}timeline.html`,
  dag: `${folder}dag.html`,
};

/** An answer of every route of batch jobs. */
export const batchSamples = {
  requestQueue: { ...queue, status: 'requested' },
  approveQueue: queue,
  closeQueue: queue,
  listQueues: { items: [queue] },
  showBudget: {
    project: 'asthma-tayside',
    limitMicros: 5_000_000,
    reservedMicros: 1_800_000,
    spentMicros: 700_000,
    roomMicros: 2_500_000,
  },
  requestContainer: container,
  approveContainer: container,
  withdrawContainer: container,
  listContainers: { items: [container] },
  estimateJob: estimate,
  submitJob: job,
  listJobs: { items: [job] },
  showJob: job,
  cancelJob: job,
  rerunJob: job,
  runPipeline: { ...job, pipeline, reports },
};
