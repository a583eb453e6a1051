import { describe, expect, it } from 'vitest';
import { PROJECT_DEADLINE_SECONDS } from '../../functions/projects/projects.ts';
import {
  breakStateFunction,
  findProjectStack,
  makeForeignStack,
  makeRequestedProject,
  readBlockRow,
  readProjectRow,
  runProjectWorkflow,
  signInProjectPerson,
} from './harness.ts';

/** Each test has a project of its own, asked for but not started. */
const requestWorkflow = async (project: string, change = {}) => {
  await makeRequestedProject(project, change);
  return { project, attempt: 1 };
};

describe('the workflow of projects', () => {
  it('to the end', async () => {
    const { end, entered: stateNames } = await runProjectWorkflow(await requestWorkflow('wf-ready'));
    expect(end).toBe('Ready');
    expect(stateNames).not.toContain('RollBack');
    expect(await readProjectRow('wf-ready')).toMatchObject({ status: 'ready', attempt: 1 });
  });

  it('a repeated run of a finished attempt changes nothing', async () => {
    const input = await requestWorkflow('wf-twice');
    await runProjectWorkflow(input);
    const earlier = await readProjectRow('wf-twice');
    expect(await runProjectWorkflow(input)).toMatchObject({ status: 'SUCCEEDED', end: 'Overtaken' });
    expect(await readProjectRow('wf-twice')).toEqual(earlier);
  });

  it('a replaced attempt changes nothing', async () => {
    const input = await requestWorkflow('wf-old', { attempt: 2 });
    expect(await runProjectWorkflow(input)).toMatchObject({
      status: 'SUCCEEDED',
      end: 'Overtaken',
      entered: ['Lease', 'Leased?', 'Overtaken'],
    });
    expect(await readProjectRow('wf-old')).toMatchObject({ status: 'provisioning', attempt: 2 });
    expect(await readProjectRow('wf-old')).not.toHaveProperty('cidr');
  });

  it.each(['Lease', 'Create', 'CheckStack', 'Record'])(
    '%s breaks: everything is rolled back, and the execution fails for the alarm',
    async name => {
      const project = `wf-no-${name.toLowerCase()}`;
      const {
        status,
        end,
        entered: stateNames,
      } = await runProjectWorkflow(await requestWorkflow(project), breakStateFunction(name));
      expect({ status, end }).toEqual({ status: 'FAILED', end: 'Broken' });
      expect(stateNames).toEqual(expect.arrayContaining(['RollBack', 'DeleteBucket', 'RecordFailure']));
      const failed = await readProjectRow(project);
      expect(failed).toMatchObject({ status: 'failed', attempt: 1, reason: expect.stringMatching(/function/i) });
      expect(failed).not.toHaveProperty('cidr');
      expect(await findProjectStack(project)).toBeUndefined();
    },
  );

  it('a failed project can be retried on the same block', async () => {
    const input = await requestWorkflow('wf-again');
    let cidr = '';
    await runProjectWorkflow(input, states => {
      breakStateFunction('CheckStack')(states);
    });
    const failed = await readProjectRow('wf-again');
    expect(failed?.status).toBe('failed');
    const operator = await signInProjectPerson('wf-operator', 'operator');
    await operator.ask('retryProject', { params: { project: 'wf-again' } });
    await expect
      .poll(async () => (await readProjectRow('wf-again'))?.status, { timeout: 300_000, interval: 300 })
      .toBe('ready');
    const ready = await readProjectRow('wf-again');
    cidr = ready?.status === 'ready' ? ready.cidr : '';
    expect(ready?.attempt).toBe(2);
    expect(await readBlockRow(cidr)).toMatchObject({ status: 'leased', project: 'wf-again' });
  });

  it('without prefix lists nothing is built', async () => {
    const { end } = await runProjectWorkflow(await requestWorkflow('wf-no-lists'), states => {
      const state = states.FindPrefixLists;
      if (state) state.Resource = 'arn:aws:states:::aws-sdk:ec2:noSuchAction';
    });
    expect(end).toBe('Broken');
    expect(await findProjectStack('wf-no-lists')).toBeUndefined();
  });

  it('without a free block nothing is built, and the project says why', async () => {
    const {
      status,
      end,
      entered: stateNames,
    } = await runProjectWorkflow(await requestWorkflow('wf-full'), states => {
      Object.assign(states.Lease ?? {}, { Output: { status: 'refused', reason: 'All networks are in use.' } });
    });
    expect({ status, end }).toEqual({ status: 'SUCCEEDED', end: 'Failed' });
    expect(stateNames).toEqual(['Lease', 'Leased?', 'RecordFailure', 'Why?', 'Failed']);
    expect(await readProjectRow('wf-full')).toMatchObject({ status: 'failed', reason: 'All networks are in use.' });
  });

  it('a refusal of CloudFormation becomes the reason of the project', async () => {
    const { end } = await runProjectWorkflow(await requestWorkflow('wf-refused'), states => {
      Object.assign(states.FindPrefixLists ?? {}, { Assign: { prefixLists: { s3: 'none' } } });
    });
    expect(end).toBe('Failed');
    expect(await readProjectRow('wf-refused')).toMatchObject({ reason: expect.stringContaining('PrefixList') });
  });

  it('an earlier stack with another block is deleted first', async () => {
    await makeForeignStack('wf-way');
    const { end, entered: stateNames } = await runProjectWorkflow(await requestWorkflow('wf-way'));
    expect(end).toBe('Ready');
    expect(stateNames).toContain('WaitForClearing');
  });

  it('a rollback that does not end fails the project, which keeps its block, and a retry continues', async () => {
    const { end } = await runProjectWorkflow(await requestWorkflow('wf-stuck'), states => {
      breakStateFunction('CheckStack')(states);
      breakStateFunction('RollBack')(states);
    });
    expect(end).toBe('Broken');
    const failed = await readProjectRow('wf-stuck');
    expect(failed).toMatchObject({ status: 'failed', reason: expect.stringContaining('not finished') });
    const cidr = failed?.status === 'failed' ? (failed.cidr ?? '') : '';
    expect(await readBlockRow(cidr)).toMatchObject({ status: 'leased', project: 'wf-stuck' });
    const operator = await signInProjectPerson('wf-operator-2', 'operator');
    await operator.ask('retryProject', { params: { project: 'wf-stuck' } });
    await expect
      .poll(async () => (await readProjectRow('wf-stuck'))?.status, { timeout: 300_000, interval: 300 })
      .toBe('ready');
    expect(await readProjectRow('wf-stuck')).toMatchObject({ attempt: 2, cidr });
  });

  it('a stack that is built too slowly is rolled back', async () => {
    const { end, entered: stateNames } = await runProjectWorkflow(await requestWorkflow('wf-slow'), states => {
      // The same answer as from a stack that never gets anywhere.
      const choice = states['StackChecked?']?.Choices?.[0];
      if (choice) choice.Condition = '{% false %}';
    });
    expect(end).toBe('Failed');
    expect(stateNames).toContain('RollBack');
    expect(await readProjectRow('wf-slow')).toMatchObject({ reason: 'The network was not ready in time.' });
  });

  it('a fault after the project is ready leaves it ready and fails the execution, which raises an alarm', async () => {
    const { status, error } = await runProjectWorkflow(await requestWorkflow('wf-mute'), breakStateFunction('Protect'));
    expect({ status, error }).toEqual({ status: 'FAILED', error: 'Unprotected' });
    expect((await readProjectRow('wf-mute'))?.status).toBe('ready');
  });

  it('is retried after the deadline when even its failure could not be recorded', async () => {
    const long = new Date(Date.now() - (PROJECT_DEADLINE_SECONDS + 60) * 1000).toISOString();
    const { status, error } = await runProjectWorkflow(
      await requestWorkflow('wf-lost', { startedAt: long }),
      states => {
        breakStateFunction('Create')(states);
        breakStateFunction('RecordFailure')(states);
      },
    );
    expect({ status, error }).toEqual({ status: 'FAILED', error: 'Unrecorded' });
    expect((await readProjectRow('wf-lost'))?.status).toBe('provisioning');
    const operator = await signInProjectPerson('wf-operator-3', 'operator');
    expect(await operator.ask('retryProject', { params: { project: 'wf-lost' } })).toMatchObject({ attempt: 2 });
    await expect
      .poll(async () => (await readProjectRow('wf-lost'))?.status, { timeout: 300_000, interval: 300 })
      .toBe('ready');
  });

  it('a project that was requested but never started starts the same attempt on a retry', async () => {
    await requestWorkflow('wf-unstarted');
    const operator = await signInProjectPerson('wf-operator-4', 'operator');
    expect(await operator.ask('retryProject', { params: { project: 'wf-unstarted' } })).toMatchObject({ attempt: 1 });
    await expect
      .poll(async () => (await readProjectRow('wf-unstarted'))?.status, { timeout: 300_000, interval: 300 })
      .toBe('ready');
  });
});
