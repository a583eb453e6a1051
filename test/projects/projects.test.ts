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

const at = (seconds: number) => new Date(Date.UTC(2026, 0, 1) + seconds * 1000).toISOString();
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
const asked = requestProject({ id: 'asthma', title: 'Asthma in Tayside' }, 'sub-1', at(0));
const held = { ...asked, cidr: '10.64.0.0/22' };
const block = { status: 'leased', cidr: held.cidr, project: 'asthma', leasedAt: at(0) } as const;

const follow = (project: Project, command: ProjectCommand, now = at(9)) => decideProject({ project }, command, now);
const completeProject = (project: Project, now = at(9)) =>
  follow(project, { do: 'recordNetwork', attempt: project.attempt, network }, now).state.project;
const failProject = (project: Project, reason: string, rolledBack: boolean, now = at(9)) =>
  follow(project, { do: 'recordFailure', attempt: project.attempt, reason, rolledBack, quarantineUntil: at(99) }, now)
    .state.project;
const retryProject = (project: Project, now: string) => follow(project, { do: 'retry' }, now).state.project;

describe('an id', () => {
  it.each(['asthma', 'a1b', 'covid-19', 'a-b-c', 'a'.repeat(20)])('%s will do', id =>
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
  ])('%s will not', id => expect(ProjectId.safeParse(id).success).toBe(false));
});

describe('asking', () => {
  it('begins with the first attempt', () => {
    expect(Project.parse(asked)).toEqual(asked);
    expect(asked).toMatchObject({ status: 'provisioning', attempt: 1, requestedBy: 'sub-1' });
  });
  it.each([
    ['the same', {}, {}, 'sub-1', true],
    ['of another person', {}, {}, 'sub-2', false],
    ['with another title', {}, { title: 'Something else' }, 'sub-1', false],
    ['after a retry', { attempt: 2 }, {}, 'sub-1', false],
  ])('again, %s', (_, project, wanted, by, repetition) =>
    expect(
      isRepeatedRequest({ ...asked, ...project }, { id: 'asthma', title: 'Asthma in Tayside', ...wanted }, by),
    ).toBe(repetition),
  );
  it('again when it is ready is no repetition', () =>
    expect(isRepeatedRequest(completeProject(held), { id: 'asthma', title: 'Asthma in Tayside' }, 'sub-1')).toBe(
      false,
    ));
});

describe('retrying', () => {
  it('a failed project is the next attempt', () => {
    const next = retryProject(failProject(held, 'No room.', true, at(60)), at(120));
    expect(next).toEqual({ ...asked, attempt: 2, startedAt: at(120) });
  });
  it('a project that could not be rolled back keeps its block for the next attempt', () =>
    expect(retryProject(failProject(held, 'No room.', false, at(60)), at(120))).toEqual({
      ...held,
      attempt: 2,
      startedAt: at(120),
    }));
  it('one under way starts the same attempt again', () =>
    expect(retryProject(held, at(PROJECT_DEADLINE_SECONDS))).toBe(held));
  it('one past its deadline is the next attempt', () =>
    expect(retryProject(held, at(PROJECT_DEADLINE_SECONDS + 1))).toMatchObject({ attempt: 2, cidr: '10.64.0.0/22' }));
  it('a ready one is refused', () => {
    expect(() => retryProject(completeProject(held), at(10))).toThrow(Refused);
    expect(() => retryProject(completeProject(held), at(10))).toThrow('Project asthma is ready');
  });
});

describe('ending', () => {
  it('ready says where everything is', () =>
    expect(Project.parse(completeProject(held))).toMatchObject({
      status: 'ready',
      cidr: '10.64.0.0/22',
      network,
    }));
  it('ready without a block is a fault', () => expect(() => completeProject(asked)).toThrow('holds no block'));
  it('unwound gives up the block and keeps the reason', () => {
    const failed = failProject(held, 'The VPC limit is reached.', true, at(9));
    expect(Project.parse(failed)).toEqual(failed);
    expect(failed).toMatchObject({ reason: 'The VPC limit is reached.' });
    expect(failed).not.toHaveProperty('cidr');
  });
  it('keeps the block and says so when the rollback is not finished', () => {
    const failed = failProject(held, 'The VPC limit is reached.', false, at(9));
    expect(failed).toMatchObject({ cidr: '10.64.0.0/22', reason: expect.stringContaining('not finished') });
  });
});

describe('the events of a project', () => {
  const types = (project: Project, command: ProjectCommand) => follow(project, command).events.map(({ type }) => type);
  const failure = { do: 'recordFailure', attempt: 1, reason: 'x', rolledBack: true, quarantineUntil: at(99) } as const;
  const network1 = { do: 'recordNetwork', attempt: 1, network } as const;

  it('are published once for each end of an attempt, and never by a replaced attempt', () => {
    expect(types(held, network1)).toEqual(['ProjectReady']);
    expect(types(completeProject(held), network1)).toEqual([]);
    expect(types(held, failure)).toEqual(['ProjectFailed']);
    expect(types(failProject(held, 'x', true), failure)).toEqual([]);
    const second = retryProject(failProject(held, 'x', true), at(120));
    for (const command of [network1, failure])
      expect(follow(second, command)).toMatchObject({ superseded: true, events: [], state: { project: second } });
  });
});

describe('the block of a project', () => {
  it('is leased once, and only where it is free', () => {
    const lease = { do: 'leaseBlock', attempt: 1, cidr: held.cidr } as const;
    expect(decideProject({ project: asked }, lease, at(1)).state).toEqual({
      project: held,
      block: { ...block, leasedAt: at(1) },
    });
    expect(decideProject({ project: held, block }, lease, at(1)).state.project).toBe(held);
    const others = { ...block, project: 'sepsis' };
    expect(decideProject({ project: asked, block: others }, lease, at(1)).state.project).toBe(asked);
  });

  it('is in quarantine after a failure that was rolled back, and stays leased otherwise', () => {
    const failure = { do: 'recordFailure', attempt: 1, reason: 'x', quarantineUntil: at(99) } as const;
    expect(decideProject({ project: held, block }, { ...failure, rolledBack: true }, at(9)).state.block).toEqual({
      status: 'resting',
      cidr: held.cidr,
      project: 'asthma',
      until: at(99),
    });
    expect(decideProject({ project: held, block }, { ...failure, rolledBack: false }, at(9)).state.block).toBe(block);
  });
});

/** Attempts' workflows as they might report, late, twice or never, against a person who retries at any time. */
it('only the present attempt changes a project, attempts only grow, and ready is for ever', () => {
  const event = fc.oneof(
    fc.record({ type: fc.constant('retry' as const) }),
    fc.record({ type: fc.constant('lease' as const), attempt: fc.integer({ min: 1, max: 6 }) }),
    fc.record({ type: fc.constant('ready' as const), attempt: fc.integer({ min: 1, max: 6 }) }),
    fc.record({ type: fc.constant('fail' as const), attempt: fc.integer({ min: 1, max: 6 }), unwound: fc.boolean() }),
    fc.record({ type: fc.constant('wait' as const), seconds: fc.integer({ min: 0, max: PROJECT_DEADLINE_SECONDS }) }),
  );
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), events => {
      let project: Project = asked;
      let clock = 0;
      for (const next of events) {
        clock += 1;
        const before: Project = project;
        if (next.type === 'wait') clock += next.seconds;
        else if (next.type === 'retry') {
          try {
            project = retryProject(before, at(clock));
          } catch (error) {
            expect(error).toBeInstanceOf(Refused);
            expect(before.status).toBe('ready');
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
              quarantineUntil: at(clock),
            },
          };
          const command = commands[next.type];
          if (command && !(next.type === 'ready' && before.status === 'provisioning' && before.cidr === undefined))
            project = follow(before, command, at(clock)).state.project;
        }
        expect(Project.parse(project)).toEqual(project);
        expect(project.attempt - before.attempt).toBeOneOf([0, 1]);
        if (before.status === 'ready') expect(project).toBe(before);
        if (project.attempt > before.attempt) expect(project.status).toBe('provisioning');
        if (before.status === 'failed' && project !== before)
          expect([project.status, project.attempt]).toEqual(['provisioning', before.attempt + 1]);
        // A block is only ever let go by an unwound failure.
        if (before.status !== 'ready' && before.cidr !== undefined && project.cidr === undefined)
          expect([next.type, 'unwound' in next && next.unwound]).toEqual(['fail', true]);
      }
    }),
    { numRuns: 500 },
  );
});
