import type { EC2Client } from '@aws-sdk/client-ec2';
import { describe, expect, it } from 'vitest';
import { Refused } from '../../functions/refused.ts';
import { describeHibernation, hibernateInstance, isHibernated } from '../../functions/workspaces/hibernation.ts';
import { requireHome } from '../../functions/workspaces/homes.ts';
import { workspaceProviders } from '../../functions/workspaces/kinds.ts';
import { planRepairs } from '../../functions/workspaces/reconcile.ts';
import { Workspace, type WorkspaceIn } from '../../functions/workspaces/schemas.ts';
import { decideWorkspace, type WorkspaceCommand } from '../../functions/workspaces/workspaces.ts';

const day = (count: number) => new Date(Date.parse('2026-11-20T09:00:00.000Z') + count * 86_400_000).toISOString();
const rana = { id: 'sub-rana', name: 'rana' };
const id = 'ws-00112233aabb';
const machine = { instanceId: 'i-0123456789abcdef0', address: '10.64.0.9', imageId: 'ami-1' };
const capableMachine = { ...machine, hibernation: 'possible' as const };
const row = (fields: object): Workspace =>
  Workspace.parse({
    ...{ id, project: 'asthma', owner: rana.id, ownerName: rana.name, kind: 'windows', size: 'small' },
    ...{ requestedAt: day(0), attempt: 2, attemptedAt: day(0), reason: 'asked', ...capableMachine },
    ...fields,
  });
const desktop = { protocol: 'rdp', password: 'c', reportedAt: day(0) };
const ready = (fields = {}) => row({ status: 'ready', readyAt: day(0), desktop, ...fields });
const hibernated = row({ status: 'hibernated', hibernatedAt: day(1) });
const decide = (workspace: Workspace, command: WorkspaceCommand, now = day(2)) =>
  decideWorkspace({ workspace, desk: { live: [id] } }, command, now);
const follow = (workspace: Workspace, ...commands: WorkspaceCommand[]) =>
  commands.reduce((current, command) => decide(current, command).state.workspace, workspace);
const hibernate = { do: 'stop', by: rana, memory: 'keep' } as const;
const endPrograms = { do: 'stop', by: rana, memory: 'end' } as const;
const start = { do: 'start', by: rana, deadlineSeconds: 4800 } as const;
const finish = (isHibernated: boolean) => ({ do: 'finishChange', attempt: 3, hibernated: isHibernated }) as const;

describe('a workspace that hibernates', () => {
  it('keeps its machine and its place, and is started again on that machine', () => {
    const stopping = decide(ready(), hibernate).state.workspace;
    expect(stopping).toMatchObject({ status: 'stopping', keepsMemory: true });
    const { state, events } = decide(stopping, finish(true));
    expect(state.workspace).toMatchObject({ status: 'hibernated', hibernatedAt: day(2), ...capableMachine });
    expect(state.workspace).not.toHaveProperty('keepsMemory');
    expect([state.desk.live, events.map(({ type }) => type)]).toEqual([[id], ['WorkspaceHibernated']]);
    expect(follow(hibernated, start)).toMatchObject({
      status: 'requested',
      earlierInstance: { ...capableMachine, hibernatedAt: day(1) },
    });
  });

  it('is stopped if EC2 does not hibernate it, and says that its programs ended', () => {
    const { state, events } = decide(follow(ready(), hibernate), finish(false));
    expect(state.workspace).toMatchObject({
      status: 'stopped',
      problem: expect.stringMatching(/did not hibernate the machine, so it was stopped/),
    });
    expect(events.map(({ type }) => type)).toEqual(['WorkspaceStopped']);
  });

  it('stays hibernated if it cannot be started, and is stopped if it started and did not report', () => {
    const requested = follow(hibernated, start);
    const failure = { do: 'recordFailure', attempt: 3, reason: 'no capacity' } as const;
    expect(follow(requested, failure)).toMatchObject({
      ...{ status: 'hibernated', hibernatedAt: day(1), problem: 'no capacity', ...capableMachine },
    });
    const launch = { do: 'recordLaunch', attempt: 3, instance: capableMachine } as const;
    expect(follow(requested, launch, failure)).toMatchObject({ status: 'stopped', problem: 'no capacity' });
  });

  it('is not resized, restored, archived or kept as a snapshot before its programs ended', () => {
    const commands: WorkspaceCommand[] = [
      { do: 'resize', by: rana, size: 'large' },
      { do: 'archive', by: rana },
      { do: 'restore', by: rana, snapshot: 'snap-00112233' },
    ];
    for (const command of commands) expect(() => decide(hibernated, command)).toThrow(/Start it first .* --cold/);
    expect(() => requireHome(hibernated, rana)).toThrow(/Start it first .* --cold/);
    const stopping = follow(hibernated, endPrograms);
    expect(stopping).toMatchObject({ status: 'stopping', hibernatedAt: day(1) });
    expect(stopping).not.toHaveProperty('keepsMemory');
    // Nobody has used it since it was hibernated, so the warnings about unused workspaces count from then.
    const endedWorkspace = follow(stopping, finish(false));
    expect(endedWorkspace).toMatchObject({ status: 'stopped', stoppedAt: day(1) });
    expect(endedWorkspace).not.toHaveProperty('problem');
  });

  it('is deleted, and a second stop changes nothing', () => {
    expect(follow(hibernated, { do: 'delete', by: rana })).toMatchObject({
      status: 'deleting',
      lastInstance: machine.instanceId,
    });
    for (const command of [{ do: 'stop', by: rana } as const, hibernate])
      expect(decide(hibernated, command).state.workspace).toBe(hibernated);
  });
});

describe('hibernation is refused with a remedy', () => {
  it.each<[string, object, RegExp]>([
    ['for a Linux kind', { kind: 'desktop' }, /AWS cannot hibernate the image of desktop workspaces. Stop it without/],
    ['for a machine with too much memory', { hibernation: 'large' }, /more memory than AWS saves. Choose a smaller/],
    ['for an older machine', { hibernation: undefined }, /was not started so that it can hibernate.*archive/],
    ['for a workspace that stops for good', { ephemeral: true }, /is deleted when it stops/],
    ['for a stranger', { owner: 'sub-ivo' }, /Only the owner/],
  ])('%s', (_, fields, reason) => {
    expect(() => decide(ready(fields), hibernate)).toThrow(Refused);
    expect(() => decide(ready(fields), hibernate)).toThrow(reason);
  });

  it('but Broch itself stops what cannot hibernate', () => {
    const wish = { do: 'stop', because: 'Nobody used it.', memory: 'keep' } as const;
    expect(decide(ready(), wish).state.workspace).toMatchObject({ status: 'stopping', keepsMemory: true });
    for (const hibernation of ['large', undefined]) {
      const { workspace } = decide(ready({ hibernation }), wish).state;
      expect(workspace.status).toBe('stopping');
      expect(workspace).not.toHaveProperty('keepsMemory');
    }
  });
});

describe('EC2', () => {
  const prepared = { HibernationOptions: { Configured: true }, InstanceType: 't3.xlarge' } as const;
  it.each([
    ['a machine that was prepared', prepared, 'windows', 'possible'],
    ['a machine that was prepared and grew', { ...prepared, InstanceType: 'm6i.2xlarge' as const }, 'windows', 'large'],
    ['a machine of another kind', prepared, 'desktop', 'large'],
    ['a machine that was not prepared', { InstanceType: 't3.xlarge' as const }, 'windows', undefined],
  ] as const)('says of %s whether it can hibernate', (_, instance, kind, hibernation) =>
    expect(describeHibernation(instance, { kind })).toBe(hibernation),
  );

  it('tells a hibernated machine from a stopped one by the reason of its state', () => {
    const reason = (Code: string) => ({ State: { Name: 'stopped' as const }, StateReason: { Code } });
    expect(isHibernated(reason('Client.UserInitiatedHibernate'))).toBe(true);
    expect(isHibernated(reason('Client.UserInitiatedShutdown'))).toBe(false);
    expect(isHibernated({ ...reason('Client.UserInitiatedHibernate'), State: { Name: 'stopping' } })).toBe(false);
  });

  /** EC2 that answers the first call with this error, and the calls. */
  function refuseFirst(name: string) {
    const inputs: unknown[] = [];
    const client = {
      send: async ({ input }: { input: unknown }) => {
        inputs.push(input);
        if (inputs.length === 1) throw Object.assign(new Error('refused'), { name });
      },
    } as unknown as EC2Client;
    return { client, inputs };
  }

  it.each(['UnsupportedHibernationConfiguration', 'UnsupportedOperation'])(
    'that refuses to hibernate with %s gets a request to stop',
    async error => {
      const { client, inputs } = refuseFirst(error);
      await hibernateInstance(client, 'i-1');
      expect(inputs).toEqual([{ InstanceIds: ['i-1'], Hibernate: true }, { InstanceIds: ['i-1'] }]);
    },
  );

  it('that throttles is asked again by the workflow', async () => {
    const { client, inputs } = refuseFirst('RequestLimitExceeded');
    await expect(hibernateInstance(client, 'i-1')).rejects.toThrow('refused');
    expect(inputs).toHaveLength(1);
  });
});

describe('the sweeper', () => {
  const foundMachine = (state: string, isHibernated: boolean) => ({
    ...{ id: machine.instanceId, workspace: id, state, hibernated: isHibernated, launchedAt: day(0) },
  });
  const limits = { launchSeconds: 4800, changeSeconds: 25_200 };
  const stoppedWorkspace = row({ status: 'stopped', stoppedAt: day(1), warnedDays: 60 });

  it.each<[string, Workspace, string, boolean, object[]]>([
    ['agrees with a hibernated machine', hibernated, 'stopped', true, []],
    ['stops a hibernated machine that somebody started', hibernated, 'running', false, [{ do: 'halt' }]],
    ['finds a memory that is gone', hibernated, 'stopped', false, [{ do: 'settle', hibernated: false }]],
    ['finds a memory that nobody knew of', stoppedWorkspace, 'stopped', true, [{ do: 'settle', hibernated: true }]],
    ['keeps what somebody hibernated in the console', ready(), 'stopped', true, [{ do: 'stop', memory: 'keep' }]],
    ['waits for a hibernation to end', hibernated, 'stopping', false, []],
  ])('%s', (_, workspace, state, isHibernated, repairs) =>
    expect(planRepairs([workspace], [foundMachine(state, isHibernated)], limits, day(2))).toMatchObject(repairs),
  );

  it('records what it found, of the machine that the workspace has', () => {
    const record = (workspace: Workspace, isHibernated: boolean, instanceId = machine.instanceId) =>
      follow(workspace, { do: 'recordRest', instanceId, isHibernated });
    expect(record(hibernated, false)).toMatchObject({
      status: 'stopped',
      stoppedAt: day(1),
      problem: expect.stringMatching(/programs ended/),
    });
    const thawed = record(stoppedWorkspace, true) as WorkspaceIn<'hibernated'>;
    expect(thawed).toMatchObject({ status: 'hibernated', hibernatedAt: day(1) });
    expect(Workspace.parse(thawed)).toEqual(thawed);
    for (const workspace of [hibernated, stoppedWorkspace, ready()]) {
      expect(record(workspace, workspace === hibernated)).toBe(workspace);
      expect(record(workspace, true, 'i-2')).toBe(workspace);
    }
  });
});

it('the Windows kind names types with at most 16 GiB, of families that AWS hibernates', () => {
  const { hibernates = expect.fail() } = workspaceProviders.windows;
  for (const type of ['t3.xlarge', 't3a.large', 'm6i.xlarge', 'm7i.large', 'c6i.2xlarge', 'r7i.large'])
    expect(type).toMatch(hibernates);
  for (const type of ['t3.2xlarge', 'm6i.2xlarge', 'r7i.xlarge', 'c6i.4xlarge', 'c5a.xlarge', 'r6i.large', 'm5.metal'])
    expect(type).not.toMatch(hibernates);
});
