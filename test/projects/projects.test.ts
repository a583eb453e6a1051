import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decideProject,
  isRepeatedRequest,
  PROJECT_DEADLINE_SECONDS,
  type ProjectCommand,
  requestProject,
} from '../../functions/projects/projects.ts';
import { Project, ProjectId, type ProjectNetwork } from '../../functions/projects/schemas.ts';
import { Refused } from '../../functions/refused.ts';
import { sampleRuns } from '../trials.ts';

const instant = (seconds: number) => new Date(Date.UTC(2026, 0, 1) + seconds * 1000).toISOString();
const network: ProjectNetwork = {
  stackId: 'arn:aws:cloudformation:eu-west-2:111122223333:stack/x/y',
  vpcId: 'vpc-1',
  subnetIds: ['subnet-1', 'subnet-2'],
  securityGroupId: 'sg-1',
  endpointSecurityGroupId: 'sg-2',
  bucket: 'broch-prod-111122223333-asthma',
  keyArn: 'arn:aws:kms:eu-west-2:111122223333:key/k',
  instanceProfile: 'broch-prod-asthma-instance',
  instanceRole: 'AROA1',
};
const request = requestProject({ id: 'asthma', title: 'Asthma in Tayside' }, { id: 'sub-1', name: 'olga' }, instant(0));
const projectWithBlock = { ...request, cidr: '10.64.0.0/22' };
const block = { status: 'leased', cidr: projectWithBlock.cidr, project: 'asthma', leasedAt: instant(0) } as const;

const follow = (project: Project, command: ProjectCommand, now = instant(9)) =>
  decideProject({ project }, command, now);
const completeProject = (project: Project, now = instant(9)) =>
  follow(project, { do: 'recordNetwork', attempt: project.attempt, network }, now).state.project;
const failProject = (project: Project, reason: string, rolledBack: boolean, now = instant(9)) =>
  follow(
    project,
    { do: 'recordFailure', attempt: project.attempt, reason, rolledBack, quarantineUntil: instant(99) },
    now,
  ).state.project;
const retryProject = (project: Project, now: string) => follow(project, { do: 'retry' }, now).state.project;

describe('an id', () => {
  it.each(['asthma', 'a1b', 'covid-19', 'a-b-c', 'a'.repeat(20)])('%s is accepted', id =>
    expect(ProjectId.safeParse(id).success).toBe(true),
  );
  it.each([
    'ab',
    'Asthma',
    '1abc',
    'a--b',
    'a-',
    '-ab',
    'a_b',
    'a.b',
    'a b',
    'a/b',
    'a#b',
    'a'.repeat(21),
    '../x',
    'ä-b',
  ])('%s is refused', id => expect(ProjectId.safeParse(id).success).toBe(false));
});

describe('a request for a project', () => {
  it('starts the first attempt', () => {
    expect(Project.parse(request)).toEqual(request);
    expect(request).toMatchObject({
      status: 'provisioning',
      attempt: 1,
      requestedBy: 'sub-1',
      requestedByName: 'olga',
    });
  });
  it.each([
    ['the same', {}, {}, 'sub-1', true],
    ['of another person', {}, {}, 'sub-2', false],
    ['with another title', {}, { title: 'Something else' }, 'sub-1', false],
    ['after a retry', { attempt: 2 }, {}, 'sub-1', false],
  ])('again, %s', (_, project, repeated, requester, repetition) =>
    expect(
      isRepeatedRequest(
        { ...request, ...project },
        { id: 'asthma', title: 'Asthma in Tayside', ...repeated },
        requester,
      ),
    ).toBe(repetition),
  );
  it('a request for a ready project is not a repetition', () =>
    expect(
      isRepeatedRequest(completeProject(projectWithBlock), { id: 'asthma', title: 'Asthma in Tayside' }, 'sub-1'),
    ).toBe(false));
});

describe('retrying', () => {
  it('a failed project starts the next attempt', () => {
    const next = retryProject(failProject(projectWithBlock, 'No room.', true, instant(60)), instant(120));
    expect(next).toEqual({ ...request, attempt: 2, startedAt: instant(120) });
  });
  it('a project that could not be rolled back keeps its block for the next attempt', () =>
    expect(retryProject(failProject(projectWithBlock, 'No room.', false, instant(60)), instant(120))).toEqual({
      ...projectWithBlock,
      attempt: 2,
      startedAt: instant(120),
    }));
  it('an attempt in progress is kept', () =>
    expect(retryProject(projectWithBlock, instant(PROJECT_DEADLINE_SECONDS))).toBe(projectWithBlock));
  it('an attempt past its deadline is replaced by the next', () =>
    expect(retryProject(projectWithBlock, instant(PROJECT_DEADLINE_SECONDS + 1))).toMatchObject({
      attempt: 2,
      cidr: '10.64.0.0/22',
    }));
  it('a ready project is refused', () => {
    expect(() => retryProject(completeProject(projectWithBlock), instant(10))).toThrow(Refused);
    expect(() => retryProject(completeProject(projectWithBlock), instant(10))).toThrow('Project asthma is ready');
  });
});

describe('ending', () => {
  it('a ready project names its network', () =>
    expect(Project.parse(completeProject(projectWithBlock))).toMatchObject({
      status: 'ready',
      cidr: '10.64.0.0/22',
      network,
    }));
  it('a network without a block is an internal error', () =>
    expect(() => completeProject(request)).toThrow('holds no block'));
  it('a failure that was rolled back returns the block and keeps the reason', () => {
    const failed = failProject(projectWithBlock, 'The VPC limit is reached.', true, instant(9));
    expect(Project.parse(failed)).toEqual(failed);
    expect(failed).toMatchObject({ reason: 'The VPC limit is reached.' });
    expect(failed).not.toHaveProperty('cidr');
  });
  it('keeps the block and says so when the rollback is not finished', () => {
    const failed = failProject(projectWithBlock, 'The VPC limit is reached.', false, instant(9));
    expect(failed).toMatchObject({ cidr: '10.64.0.0/22', reason: expect.stringContaining('not finished') });
  });
});

describe('the events of a project', () => {
  const types = (project: Project, command: ProjectCommand) => follow(project, command).events.map(({ type }) => type);
  const failure = {
    do: 'recordFailure',
    attempt: 1,
    reason: 'x',
    rolledBack: true,
    quarantineUntil: instant(99),
  } as const;
  const network1 = { do: 'recordNetwork', attempt: 1, network } as const;

  it('are published once for each end of an attempt, and never by a replaced attempt', () => {
    expect(types(projectWithBlock, network1)).toEqual(['ProjectReady']);
    expect(types(completeProject(projectWithBlock), network1)).toEqual([]);
    expect(types(projectWithBlock, failure)).toEqual(['ProjectFailed']);
    expect(types(failProject(projectWithBlock, 'x', true), failure)).toEqual([]);
    const second = retryProject(failProject(projectWithBlock, 'x', true), instant(120));
    for (const command of [network1, failure])
      expect(follow(second, command)).toMatchObject({ superseded: true, events: [], state: { project: second } });
  });
});

describe('the block of a project', () => {
  it('is leased once, and only where it is free', () => {
    const lease = { do: 'leaseBlock', attempt: 1, cidr: projectWithBlock.cidr } as const;
    expect(decideProject({ project: request }, lease, instant(1)).state).toEqual({
      project: projectWithBlock,
      block: { ...block, leasedAt: instant(1) },
    });
    expect(decideProject({ project: projectWithBlock, block }, lease, instant(1)).state.project).toBe(projectWithBlock);
    const otherBlock = { ...block, project: 'sepsis' };
    expect(decideProject({ project: request, block: otherBlock }, lease, instant(1)).state.project).toBe(request);
  });

  it('is in quarantine after a failure that was rolled back, and stays leased otherwise', () => {
    const failure = { do: 'recordFailure', attempt: 1, reason: 'x', quarantineUntil: instant(99) } as const;
    expect(
      decideProject({ project: projectWithBlock, block }, { ...failure, rolledBack: true }, instant(9)).state.block,
    ).toEqual({
      status: 'resting',
      cidr: projectWithBlock.cidr,
      project: 'asthma',
      until: instant(99),
    });
    expect(
      decideProject({ project: projectWithBlock, block }, { ...failure, rolledBack: false }, instant(9)).state.block,
    ).toBe(block);
  });
});

/** Attempts' workflows as they might report, late, twice or never, against a person who retries at any time. */
it('only the current attempt changes a project, attempts only grow, and a ready project stays ready', () => {
  const event = fc.oneof(
    fc.record({ type: fc.constant('retry' as const) }),
    fc.record({ type: fc.constant('lease' as const), attempt: fc.integer({ min: 1, max: 6 }) }),
    fc.record({ type: fc.constant('ready' as const), attempt: fc.integer({ min: 1, max: 6 }) }),
    fc.record({ type: fc.constant('fail' as const), attempt: fc.integer({ min: 1, max: 6 }), unwound: fc.boolean() }),
    fc.record({ type: fc.constant('wait' as const), seconds: fc.integer({ min: 0, max: PROJECT_DEADLINE_SECONDS }) }),
  );
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), events => {
      let project: Project = request;
      let clock = 0;
      for (const next of events) {
        clock += 1;
        const initial: Project = project;
        if (next.type === 'wait') clock += next.seconds;
        else if (next.type === 'retry') {
          try {
            project = retryProject(initial, instant(clock));
          } catch (error) {
            expect(error).toBeInstanceOf(Refused);
            expect(initial.status).toBe('ready');
          }
        } else {
          const { attempt } = next;
          const commands: Record<string, ProjectCommand> = {
            lease: { do: 'leaseBlock', attempt, cidr: '10.64.0.0/22' },
            ready: { do: 'recordNetwork', attempt, network },
            fail: {
              do: 'recordFailure',
              attempt,
              reason: 'It broke.',
              rolledBack: next.type === 'fail' && next.unwound,
              quarantineUntil: instant(clock),
            },
          };
          const command = commands[next.type];
          if (command && !(next.type === 'ready' && initial.status === 'provisioning' && initial.cidr === undefined))
            project = follow(initial, command, instant(clock)).state.project;
        }
        expect(Project.parse(project)).toEqual(project);
        expect(project.attempt - initial.attempt).toBeOneOf([0, 1]);
        if (initial.status === 'ready') expect(project).toBe(initial);
        if (project.attempt > initial.attempt) expect(project.status).toBe('provisioning');
        if (initial.status === 'failed' && project !== initial)
          expect([project.status, project.attempt]).toEqual(['provisioning', initial.attempt + 1]);
        // A block is only ever let go by an unwound failure.
        if (initial.status !== 'ready' && initial.cidr !== undefined && project.cidr === undefined)
          expect([next.type, 'unwound' in next && next.unwound]).toEqual(['fail', true]);
      }
    }),
    { numRuns: sampleRuns(500) },
  );
});
