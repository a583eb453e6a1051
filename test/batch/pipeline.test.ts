import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildSubmission } from '../../functions/batch/definition.ts';
import { estimatePipeline } from '../../functions/batch/estimate.ts';
import {
  buildHeadRequest,
  buildParameters,
  buildPipelineConfig,
  listImages,
  locateReports,
} from '../../functions/batch/pipeline.ts';
import { type ComputeJob, PipelineRequest } from '../../functions/batch/schemas.ts';
import { sampleRuns } from '../trials.ts';
import { openQueue, submitTestJob, testBudget, testImage, testSubmission } from './builders.ts';

const bare = { pipeline: 'counts', revision: '1.0', image: testImage, taskImage: testImage };
const pipelineOf = (change: object = {}) => PipelineRequest.parse({ ...bare, ...change });
const place = {
  environment: 'prod',
  region: 'eu-west-2',
  bucket: 'b',
  queueArn: 'arn:aws:batch:eu-west-2:111122223333:job-queue/broch-prod-asthma-cpu',
  logGroup: 'g',
};
const headQueue = {
  ...openQueue,
  place: { queueArn: place.queueArn, logGroup: 'g', headQueueArn: 'head', headRole: 'role' },
} as typeof openQueue;
const submissionOf = (pipeline: PipelineRequest) => ({
  ...testSubmission(1),
  request: buildHeadRequest(pipeline),
  pipeline,
});
const submitPipeline = (pipeline: PipelineRequest, context: object = {}) =>
  submitTestJob({ budget: testBudget(1e9) }, submissionOf(pipeline), { queue: headQueue, ...context });
const jobOf = (pipeline: PipelineRequest) => submitPipeline(pipeline).state.job as ComputeJob;

it('Nextflow writes about a run where the answer says that its reports lie', () => {
  const job = jobOf(pipelineOf());
  const config = buildPipelineConfig(job, pipelineOf(), place);
  // The head starts in the folder whose `outputs` becomes that of the job.
  for (const [name, path] of Object.entries(locateReports(job.id)))
    expect(config).toContain(
      `${name} { enabled = true; overwrite = true; file = '${path.replace(`batch/${job.id}/`, '')}' }`,
    );
});

describe('what a person writes into a pipeline', () => {
  it('reaches Nextflow as the same values, as data and not as code', () =>
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.stringMatching(/^p[a-z]{1,8}$/),
          fc.oneof(fc.constantFrom('${HOME}', "';touch x;'", '`id`', '$(id)', '"""', '\\u0024{HOME}'), fc.string()),
        ),
        params => {
          const parse = PipelineRequest.safeParse({ ...bare, params });
          fc.pre(parse.success);
          const pipeline = parse.data as PipelineRequest;
          const job = jobOf(pipeline);
          const text = buildParameters(job, pipeline, { bucket: 'b', alias: undefined });
          expect(JSON.parse(text)).toEqual({ ...pipeline.params, outdir: `s3://b/batch/${job.id}/outputs/` });
          // Nextflow would replace ${NAME} in the text of this file.
          expect(text).not.toContain('$');
          // Nothing of it is in what Nextflow runs as code, or in the words of the command.
          const calm = jobOf(pipelineOf());
          expect(buildPipelineConfig(job, pipeline, place)).toBe(buildPipelineConfig(calm, pipelineOf(), place));
          expect(job.request).toEqual(calm.request);
        },
      ),
      { numRuns: sampleRuns(200) },
    ));

  it.each([
    ['pipeline', '../other'],
    ['pipeline', '-c'],
    ['revision', '$(id)'],
    ['revision', '..'],
    ['profiles', ['a,b']],
    ['profiles', ["x'; System.exit(1)//"]],
    ['input', 'batch/job-1/outputs/a.csv'],
    ['input', 'data/../x'],
    ['input', '/data/../x'],
    ['datasets', ['../x']],
    ['params', { outdir: 's3://other/' }],
    ['params', { input: 's3://other/' }],
    ['params', { 'a.b': 'x' }],
    ['params', { a: { b: 1 } }],
    ['containers', { "A' { }": testImage }],
    ['containers', { A: 'quay/python:latest' }],
    ['resumes', 'job-1'],
  ])('cannot use %s for more than it is: %j', (field, value) =>
    expect(PipelineRequest.safeParse({ ...bare, [field]: value }).success).toBe(false),
  );
});

describe('a dataset of a pipeline', () => {
  const version = 'c'.repeat(64);
  const datasets = [
    { dataset: 'visits', version, prefix: `datasets/visits/${version}/data/`, endsAt: '2099-01-01T00:00:00Z' },
  ];
  const [path, bucket] = [`/data/visits/${version.slice(0, 12)}`, 'b'];
  const readParameters = (change: object, alias: string | undefined = 'alias') =>
    JSON.parse(buildParameters({ ...jobOf(pipelineOf()), datasets }, pipelineOf(change), { bucket, alias }));

  it('is read where it lies by the path that desktops have', () =>
    expect(
      readParameters({ input: `${path}/a.csv`, params: { folder: path, genes: `${path}/x/b.gtf` } }),
    ).toMatchObject({
      input: `s3://alias/datasets/visits/${version}/data/a.csv`,
      folder: `s3://alias/datasets/visits/${version}/data/`,
      genes: `s3://alias/datasets/visits/${version}/data/x/b.gtf`,
    }));

  it.each([`/data/other/${'c'.repeat(12)}/a.csv`, `/data/visits/${'d'.repeat(12)}/a.csv`])(
    'that the run does not have is refused: %s',
    input => expect(() => readParameters({ input })).toThrow(/is in no dataset of the run/),
  );

  it('leaves other texts as they are', () =>
    expect(readParameters({ params: { note: `see ${path}/a.csv`, other: '/database/x' } })).toMatchObject({
      note: `see ${path}/a.csv`,
      other: '/database/x',
    }));

  it('is not copied to the head', () => {
    const job = { ...jobOf(pipelineOf()), datasets };
    const submission = buildSubmission(job, 'd', { ...place, datasets: 'alias' }, []);
    expect(submission.containerOverrides?.environment).toContainEqual({ name: 'BROCH_DATASETS_LIST', value: '' });
  });
});

describe('a pipeline', () => {
  const otherImage = `quay/samtools@sha256:${'b'.repeat(64)}`;

  it('runs images that were approved, its own and those of its tasks', () => {
    const pipeline = pipelineOf({ containers: { SORT: otherImage } });
    expect(listImages(pipeline)).toEqual([testImage, otherImage]);
    expect(() => submitPipeline(pipeline, { taskImages: [{ image: otherImage, container: undefined }] })).toThrow(
      new RegExp(`${otherImage} is not approved`),
    );
  });

  it('is refused on a queue that has no place for its head, and without budget for all its places', () => {
    expect(() => submitPipeline(pipelineOf(), { queue: openQueue })).toThrow(/Close it and open it again/);
    expect(() =>
      submitTestJob({ budget: testBudget(1e6) }, submissionOf(pipelineOf({ places: 50 })), { queue: headQueue }),
    ).toThrow(/of the budget of asthma are free/);
  });

  it('is reckoned as if all its places were taken until its time limit', () => {
    const pipeline = pipelineOf({ places: 2, minutes: 50 });
    // A head on m6i.large, and two tasks of 4 vCPUs on m6i.xlarge, for an hour.
    expect(estimatePipeline(buildHeadRequest(pipeline), pipeline, 'us-east-1')).toMatchObject({
      machine: 'm6i.xlarge',
      hourlyMicros: 96_000 + 2 * 192_000,
      mostMicros: 96_000 + 2 * 192_000,
    });
  });

  it('has one queue, definitions that Broch registered, tags and limits in its configuration', () => {
    const pipeline = pipelineOf({ containers: { SORT: otherImage }, places: 3, taskVcpus: 2, taskMinutes: 5 });
    const text = buildPipelineConfig(jobOf(pipeline), pipeline, place);
    expect(text).toContain(`queue = '${place.queueArn}'`);
    expect(text.match(/job-definition:\/\/broch-prod-asthma-task-[0-9a-f]{16}/g)).toHaveLength(2);
    expect(text).toContain("withName: 'SORT' { container = ");
    expect(text).toContain("'broch:project': 'asthma'");
    expect(text).toContain("resourceLimits = [cpus: 2, memory: '8192 MB', time: '5 min']");
    expect(text).toContain('queueSize = 3');
  });

  it('has its head in a queue of its own, where no share is named', () => {
    const job = jobOf(pipelineOf({ resumes: 'job-0011223344556677' }));
    const submission = buildSubmission(job, 'd', { ...place, datasets: undefined }, []);
    expect(submission.shareIdentifier).toBeUndefined();
    expect(submission.containerOverrides?.environment).toContainEqual({
      name: 'BROCH_RESUMES',
      value: 'job-0011223344556677',
    });
  });
});
