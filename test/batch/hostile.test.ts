import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildDefinition, buildSubmission, JOB_PROGRAM, shareOf } from '../../functions/batch/definition.ts';
import { type ComputeJob, JobRequest } from '../../functions/batch/schemas.ts';
import { createTempDir } from '../../lib/temp-dir.ts';
import { sampleRuns } from '../trials.ts';
import { submitTestJob, testBudget, testImage, testRequest, testSubmission } from './builders.ts';

const place = { environment: 'prod', queueArn: 'q', bucket: 'b', datasets: 'alias' };
const program = join(import.meta.dirname, '../../lib/project/job.sh');
const jobOf = (command: string[]) =>
  submitTestJob({ budget: testBudget(1e9) }, testSubmission(1, { command })).state.job as ComputeJob;

/** Runs job.sh with an AWS CLI that keeps the log of the program as the project's bucket would. */
function runProgram(command: string[], variables: Record<string, string> = {}, syncSeconds = 0) {
  const [folder, keptFolder] = [createTempDir('job'), createTempDir('kept')];
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  const script = `#!/bin/sh
echo "$4 $5" >> '${join(folder, 'bin/calls')}'
case $5 in s3://b/batch/job-1/log/) cp "$4"/* '${keptFolder}'; sleep ${syncSeconds} ;; esac
case $4 in s3://alias/* | s3://b/data/*) mkdir -p "$5"; echo "$4" > "$5/visits.csv" ;; esac
`;
  writeFileSync(join(bin, 'aws'), script, { mode: 0o755 });
  const place = {
    ...{ BROCH_JOB: 'job-1', BROCH_BUCKET: 'b', BROCH_INPUTS_LIST: '', BROCH_DATASETS_LIST: '' },
    BROCH_DATA: join(folder, 'data'),
  };
  const { stdout, stderr } = spawnSync('/bin/sh', [program, ...command], {
    env: { PATH: `${bin}:${process.env.PATH}`, BROCH_WORK: folder, AWS_BATCH_JOB_ATTEMPT: '2', ...place, ...variables },
    encoding: 'utf8',
  });
  const [name = ''] = readdirSync(keptFolder);
  const calls = readFileSync(join(bin, 'calls'), 'utf8').trimEnd().split('\n');
  return { printed: readFileSync(join(keptFolder, name), 'utf8'), machineLog: stdout + stderr, name, folder, calls };
}

describe('what a person writes into a job', () => {
  it.each([
    ['latest', 'quay/python:latest'],
    ['a tag beside the digest', `quay/python:3@sha256:${'a'.repeat(64)}`],
    ['another registry', `evil.example/python@sha256:${'a'.repeat(64)}`.replace('evil.example', 'evil.example:443')],
    ['a path upwards', `quay/../python@sha256:${'a'.repeat(64)}`],
    ['a short digest', 'quay/python@sha256:abc'],
  ])('cannot name an image by %s', (_, image) =>
    expect(JobRequest.safeParse({ image, command: ['x'] }).success).toBe(false),
  );

  it.each([
    ['inputs', { inputs: ['data/../secret/'] }],
    ['inputs', { inputs: ['batch/other/outputs/'] }],
    ['inputs', { inputs: ['data/a\nb/'] }],
    ['variables', { variables: { AWS_ENDPOINT_URL: 'x' } }],
    ['variables', { variables: { BROCH_BUCKET: 'x' } }],
    ['variables', { variables: { LD_PRELOAD: 'x' } }],
    ['variables', { variables: { 'A=B': 'x' } }],
    ['code', { code: { repository: '$(id)', commit: 'a'.repeat(40) } }],
    ['command', { command: ['a\u0000b'] }],
    ['after', { after: ['job-1; rm'] }],
  ])('cannot use %s for more than they are', (_, change) =>
    expect(JobRequest.safeParse({ image: testImage, command: ['x'], ...change }).success).toBe(false),
  );

  it('reaches the program word for word, and no shell before it', () => {
    const folder = createTempDir('marks');
    const words = [
      '$(touch MARK)',
      '`touch MARK`',
      '; touch MARK',
      '&& touch MARK',
      '| tee MARK',
      '> MARK',
      "'",
      '"',
      '-n',
      '*',
      '~',
      '\n',
    ];
    const hostileWords = words.map(word => word.replace('MARK', join(folder, 'mark')));
    const { printed } = runProgram(['printf', '%s\\0', ...hostileWords]);
    expect(printed.split('\0').slice(0, -1)).toEqual(hostileWords);
    expect(existsSync(join(folder, 'mark'))).toBe(false);
  });

  it('is passed to AWS as the words that they are', () =>
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 40 }), { minLength: 1, maxLength: 10 }), words => {
        const { containerOverrides } = buildSubmission(jobOf(words), 'd', place, []);
        expect(containerOverrides?.command).toEqual([JOB_PROGRAM, ...words]);
      }),
      { numRuns: sampleRuns(200) },
    ));

  it('prints into the project, and nothing of it into the log of the machine', () => {
    const { printed, machineLog, name } = runProgram(['sh', '-c', 'echo patient 1; echo patient 2 >&2; exit 3']);
    expect(name).toBe('task-0-attempt-2.log');
    expect(printed).toBe('patient 1\npatient 2\n');
    expect(machineLog.split('\n').filter(line => !line.startsWith('job.sh: '))).toEqual(['']);
    expect(machineLog).toContain('exit code 3');
  });

  it('loses no last line, also if it ends while what it had printed before is being kept', () => {
    const { printed } = runProgram(
      ['sh', '-c', 'echo first; sleep 3; echo last'],
      { BROCH_CHECKPOINT_SECONDS: '1' },
      3,
    );
    expect(printed).toBe('first\nlast\n');
  });

  it('keeps its log when it has printed, and no folder that is empty', () => {
    const { calls } = runProgram(['sh', '-c', 'echo first; sleep 4'], { BROCH_CHECKPOINT_SECONDS: '1' });
    expect(calls).toEqual([
      expect.stringMatching(/^s3:\/\/b\/batch\/job-1\/checkpoint\/0\/ .*\/checkpoint$/),
      expect.stringMatching(/\/log s3:\/\/b\/batch\/job-1\/log\/$/),
    ]);
    const { calls: firstCalls } = runProgram(
      ['sh', '-c', 'echo 1 > "$BROCH_CHECKPOINT/a"; echo 2 > "$BROCH_OUTPUTS/b"'],
      { AWS_BATCH_JOB_ATTEMPT: '1' },
    );
    expect(firstCalls.map(call => call.split(' ')[1])).toEqual(
      ['checkpoint/0/', 'log/', 'outputs/'].map(path => `s3://b/batch/job-1/${path}`),
    );
  });

  it('finds its folders and its datasets where desktops show them, and cannot change a dataset', () => {
    const data = createTempDir('data');
    const submission = buildSubmission(
      {
        ...jobOf(['x']),
        datasets: [
          {
            dataset: 'visits',
            version: 'c'.repeat(64),
            prefix: `datasets/visits/${'c'.repeat(64)}/data/`,
            endsAt: '2099-01-01T00:00:00Z',
          },
        ],
      },
      'd',
      place,
      [],
    );
    const { environment = [] } = submission.containerOverrides ?? {};
    const list = environment.find(({ name }) => name === 'BROCH_DATASETS_LIST')?.value ?? '';
    const script = `cat "$BROCH_DATA/cohort/2026/visits.csv" "$BROCH_DATA/visits/cccccccccccc/visits.csv"
stat -L -c '%A' "$BROCH_DATA/visits/cccccccccccc/visits.csv" "$BROCH_DATA/visits/cccccccccccc"
cmp "$BROCH_DATA/visits/cccccccccccc/visits.csv" "$BROCH_INPUTS/visits/cccccccccccc/visits.csv" && echo same`;
    const { printed, folder } = runProgram(['sh', '-c', script], {
      BROCH_DATA: data,
      BROCH_INPUTS_LIST: 'data/cohort/2026/',
      BROCH_DATASETS_LIST: list,
    });
    expect(printed.split('\n')).toEqual([
      's3://b/data/cohort/2026/',
      `s3://alias/datasets/visits/${'c'.repeat(64)}/data/`,
      '-r--r--r--',
      'dr-xr-xr-x',
      'same',
      '',
    ]);
    expect(readdirSync(folder)).toEqual(['bin']);
  });

  it('ends with the use of its dataset, whatever the program makes of it, and keeps what it has reached', () => {
    const script = 'trap "" TERM; echo 1 > "$BROCH_OUTPUTS/a"; i=0; while [ $i -lt 60 ]; do sleep 1; i=$((i+1)); done';
    const end = String(Math.floor(Date.now() / 1000) + 2);
    const started = Date.now();
    const { machineLog, calls } = runProgram(['sh', '-c', script], {
      BROCH_CHECKPOINT_SECONDS: '1',
      BROCH_DATA_UNTIL: end,
    });
    expect(Date.now() - started).toBeLessThan(40_000);
    expect(machineLog).toContain('job.sh: the use of a dataset has ended, and so does the job');
    expect(machineLog).toContain('exit code 143');
    expect(calls.at(-1)).toMatch(/\/outputs s3:\/\/b\/batch\/job-1\/outputs\/$/);
  });

  it('gets the end of the first use that ends', () => {
    const datasets = ['2026-12-02T00:00:00Z', '2026-12-01T00:00:00Z'].map((endsAt, index) => ({
      ...{ dataset: `visits-${index}`, version: 'c'.repeat(64), prefix: 'p', endsAt },
    }));
    const variablesOf = (job: ComputeJob) => buildSubmission(job, 'd', place, []).containerOverrides?.environment;
    const end = String(Date.parse('2026-12-01T00:00:00Z') / 1000);
    expect(variablesOf({ ...jobOf(['x']), datasets })).toContainEqual({ name: 'BROCH_DATA_UNTIL', value: end });
    expect(variablesOf(jobOf(['x']))).toContainEqual({ name: 'BROCH_DATA_UNTIL', value: '' });
  });

  it('leaves nothing behind on the machine', () => {
    const { folder } = runProgram(['sh', '-c', 'echo x > "$BROCH_OUTPUTS/a"; echo y > "$TMPDIR/b"']);
    expect(readdirSync(folder)).toEqual(['bin']);
  });
});

describe('what AWS Batch is asked', () => {
  const request = testRequest();
  const definition = buildDefinition(
    { environment: 'prod', registry: 'r', role: 'role', logGroup: 'g', region: 'eu-west-2' },
    'asthma',
    request,
  );
  it('is a container without root, privilege or a file system of its own', () =>
    expect(definition.containerProperties).toMatchObject({
      user: '1000:1000',
      privileged: false,
      readonlyRootFilesystem: true,
      jobRoleArn: 'role',
      image: `r/broch-prod-jobs/${testImage}`,
      linuxParameters: { tmpfs: [{ containerPath: '/data', size: 1 }] },
    }));
  it('is the same container on each node of a multi-node job, in one attempt on the machine of the estimate', () => {
    const { containerProperties: _, ...multiNode } = buildDefinition(
      { environment: 'prod', registry: 'r', role: 'role', logGroup: 'g', region: 'eu-west-2' },
      'asthma',
      testRequest({ nodes: 3 }),
    );
    expect(multiNode).toMatchObject({
      type: 'multinode',
      nodeProperties: {
        mainNode: 0,
        nodeRangeProperties: [{ targetNodes: '0:', container: definition.containerProperties }],
      },
    });
    expect(multiNode.jobDefinitionName).toContain('-cpu-nodes-');
    const job = jobOf(['mpirun']);
    const { containerOverrides, nodeOverrides, retryStrategy } = buildSubmission(
      { ...job, request: { ...job.request, nodes: 3 } },
      'd',
      place,
      [],
    );
    expect([containerOverrides, retryStrategy.attempts, nodeOverrides]).toMatchObject([
      undefined,
      1,
      {
        numNodes: 3,
        nodePropertyOverrides: [
          {
            targetNodes: '0:',
            containerOverrides: { command: [JOB_PROGRAM, 'mpirun'], instanceType: job.estimate.machine },
          },
        ],
      },
    ]);
  });
  it('repeats only what lost its machine: the last rule ends all other failures', () =>
    expect(buildSubmission(jobOf(['x']), 'd', place, []).retryStrategy.evaluateOnExit).toEqual([
      { onStatusReason: 'Host EC2*', action: 'RETRY' },
      { onReason: '*', action: 'EXIT' },
    ]));
  it('names a share of letters and digits only for every person', () =>
    expect(shareOf('3f786850-e387-5500-fdab-836ed7e6dc88')).toMatch(/^[a-z0-9]{32}$/));
  it('carries the tags on, so that the bill names the project', () =>
    expect(buildSubmission(jobOf(['x']), 'd', place, [])).toMatchObject({
      propagateTags: true,
      tags: { 'broch:project': 'asthma' },
    }));
  it('uses the program that every machine is given', () =>
    expect(readFileSync(program, 'utf8')).toMatch(/^"\$@" >"\$home\/log\/\$number.log" 2>&1 &$/m));
});
