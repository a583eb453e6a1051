import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Project } from '../../functions/projects/schemas.ts';
import { Refused } from '../../functions/refused.ts';
import { MAX_WORKSPACES } from '../../functions/workspaces/desk.ts';
import * as schemas from '../../functions/workspaces/schemas.ts';
import * as core from '../../functions/workspaces/workspaces.ts';
import { sampleRuns } from '../trials.ts';

const instant = (seconds: number) => new Date(Date.parse('2026-11-20T09:00:00.000Z') + seconds * 1000).toISOString();
const rana = { id: 'sub-rana', name: 'rana' };
const ivo = { id: 'sub-ivo', name: 'ivo' };
const asthma = {
  status: 'ready',
  id: 'asthma',
  title: 'Asthma in Tayside',
  requestedBy: 'ops',
  requestedAt: instant(0),
  attempt: 1,
  cidr: '10.64.0.0/22',
  readyAt: instant(0),
  network: {
    stackId: 'stack',
    vpcId: 'vpc-1',
    subnetIds: ['subnet-1', 'subnet-2'],
    securityGroupId: 'sg-1',
    endpointSecurityGroupId: 'sg-2',
    bucket: 'broch-prod-asthma',
    keyArn: 'key',
    instanceProfile: 'broch-prod-asthma',
    instanceRole: 'AROA1',
  },
} satisfies Project;
const request = { id: 'ws-00112233aabb', kind: 'desktop', size: 'small' } as const;
const instance = { instanceId: 'i-0123456789abcdef0', address: '10.64.0.9', imageId: 'ami-1' };
const desktop = (seconds = 60) => ({ protocol: 'rdp', password: 'cipher', reportedAt: instant(seconds) }) as const;
const deadline = 4800;
const empty: schemas.Desk = { live: [] };
const ownDesk: schemas.Desk = { live: [request.id] };
const decide = (workspace: schemas.Workspace, command: core.WorkspaceCommand, desk = ownDesk, now = instant(90)) =>
  core.decideWorkspace({ workspace, desk }, command, now);
const follow = (workspace: schemas.Workspace, command: core.WorkspaceCommand, desk = ownDesk, now = instant(90)) =>
  decide(workspace, command, desk, now).state.workspace;
const retry = (person = rana) => ({ do: 'retry', by: person, deadlineSeconds: deadline }) as const;
const launch = (attempt = 1) => ({ do: 'recordLaunch', attempt, instance }) as const;
const wait = { do: 'recordTask', attempt: 1, token: 'token' } as const;
const report = (desktopReport: schemas.Desktop = desktop(), instanceId = instance.instanceId) =>
  ({ do: 'recordReport', instanceId, desktop: desktopReport }) as const;
const complete = { do: 'recordReady', attempt: 1 } as const;
const fail = (reason = 'no room', attempt = 1) => ({ do: 'recordFailure', attempt, reason }) as const;
const isIn = <S extends schemas.Workspace['status']>(status: S, workspace: schemas.Workspace) => {
  if (workspace.status !== status) throw new Error(`it is ${workspace.status}`);
  return workspace as schemas.WorkspaceIn<S>;
};

const requested = core.requestWorkspace(asthma, empty, rana, request, instant(0)).state.workspace;
const starting = isIn('starting', follow(requested, launch()));
const waiting: schemas.Workspace = { ...starting, token: 'token', desktop: desktop() };
const ready = isIn('ready', follow(waiting, complete));
const failed = follow(starting, fail());
const workspaces: schemas.Workspace[] = [requested, starting, ready, failed];

const refusal = (run: () => unknown) => {
  try {
    run();
  } catch (error) {
    if (error instanceof Refused) return { kind: error.kind, message: error.message };
    throw error;
  }
  throw new Error('it was not refused');
};

describe('a request for a workspace', () => {
  it('takes a place on the desk and records who requested what', () => {
    const { workspace, desk } = core.requestWorkspace(asthma, empty, rana, request, instant(0)).state;
    expect(desk.live).toEqual([request.id]);
    expect(workspace).toMatchObject({ status: 'requested', project: 'asthma', owner: 'sub-rana', attempt: 1 });
  });

  it.each([
    [undefined, /project does not exist/],
    [{ ...asthma, status: 'provisioning' as const, startedAt: instant(0) }, /asthma is provisioning/],
    [{ ...asthma, status: 'failed' as const, reason: 'x', failedAt: instant(0) }, /asthma is failed/],
  ])('needs a project that is ready', (project, reason) => {
    expect(
      refusal(() => core.requestWorkspace(project as Project | undefined, { live: [] }, rana, request, instant(0))),
    ).toMatchObject({
      kind: 'conflict',
      message: expect.stringMatching(reason),
    });
  });

  it('is refused at the limit and names the workspaces of the person', () => {
    const live = ['ws-000000000001', 'ws-000000000002', 'ws-000000000003'];
    const reason = refusal(() => core.requestWorkspace(asthma, { live }, rana, request, instant(0)));
    expect(reason.kind).toBe('conflict');
    for (const id of live) expect(reason.message).toContain(id);
  });
});

describe('opening a workspace', () => {
  it('is allowed to the owner when it is ready', () => expect(core.requireReadyWorkspace(ready, rana)).toBe(ready));

  it.each(workspaces)('is refused to everybody else, whatever its status ($status)', workspace => {
    expect(refusal(() => core.requireReadyWorkspace(workspace, ivo)).kind).toBe('forbidden');
  });

  it('is refused with the reason of the failure', () => {
    expect(refusal(() => core.requireReadyWorkspace(failed, rana)).message).toContain('no room');
  });

  it.each([requested, starting])('is not yet possible while $status', workspace => {
    expect(refusal(() => core.requireReadyWorkspace(workspace, rana)).kind).toBe('conflict');
  });
});

describe('a retry', () => {
  it('makes a new attempt of a failed workspace, with a place on the desk', () => {
    const { workspace, desk } = decide(failed, retry(), empty, instant(200)).state;
    expect(workspace).toMatchObject({
      status: 'requested',
      attempt: 2,
      attemptedAt: instant(200),
      requestedAt: instant(0),
    });
    expect(workspace).not.toHaveProperty('instanceId');
    expect(desk.live).toEqual([request.id]);
  });

  it('needs a free place', () => {
    const live = ['ws-000000000001', 'ws-000000000002', 'ws-000000000003'];
    expect(refusal(() => decide(failed, retry(), { live }, instant(200))).kind).toBe('conflict');
  });

  it('keeps the attempt of a workspace that never started', () => {
    expect(follow(requested, retry(), ownDesk, instant(200))).toBe(requested);
  });

  it('leaves an attempt in progress alone, and replaces one past its deadline', () => {
    expect(refusal(() => decide(starting, retry(), ownDesk, instant(deadline))).kind).toBe('conflict');
    const late = decide(starting, retry(), ownDesk, instant(deadline + 1)).state;
    expect(late.workspace.attempt).toBe(2);
    expect(late.desk.live).toEqual([request.id]);
  });

  it.each(workspaces)('is refused to anybody but the owner ($status)', workspace => {
    expect(refusal(() => decide(workspace, retry(ivo), empty, instant(9999))).kind).toBe('forbidden');
  });
});

describe('a step of a replaced attempt', () => {
  const second = follow(follow(failed, retry(), empty, instant(200)), {
    ...launch(2),
    instance: { ...instance, instanceId: 'i-0fedcba9876543210' },
  });

  it('changes nothing', () => {
    for (const command of [launch(), wait, complete])
      expect(refusal(() => decide(second, command)).message).toContain('Attempt 1');
    expect(refusal(() => core.requireLaunchable(second, 1)).message).toContain('Attempt 1');
    expect(decide(second, fail('late'))).toMatchObject({ superseded: true, events: [], state: { workspace: second } });
  });

  it('ignores the report of its instance', () => {
    expect(follow(second, report())).toBe(second);
  });
});

describe('the handshake', () => {
  it('completes the task once the task and the report are there, in either order', () => {
    const first = decide(starting, wait);
    expect(first.wake).toBeUndefined();
    expect(decide(first.state.workspace, report()).wake).toBe('token');
    const second = decide(starting, report());
    expect(second.wake).toBeUndefined();
    expect(decide(second.state.workspace, wait).wake).toBe('token');
  });

  it('takes a new password from a desktop that reports again, and never an older one', () => {
    const decision = decide(ready, report({ ...desktop(500), password: 'new' }));
    expect(decision.state.workspace).toMatchObject({
      status: 'ready',
      readyAt: ready.readyAt,
      desktop: { password: 'new' },
    });
    expect(decision.wake).toBeUndefined();
    expect(follow(ready, report({ ...desktop(10), password: 'old' }))).toBe(ready);
  });

  it('ignores other instances, and every report on a workspace that failed or was not launched', () => {
    for (const workspace of workspaces)
      expect(follow(workspace, report(desktop(), 'i-0fedcba9876543210'))).toBe(workspace);
    for (const workspace of [failed, requested]) expect(follow(workspace, report())).toBe(workspace);
  });

  it('is not ready before the desktop has reported', () => {
    expect(refusal(() => decide({ ...starting, token: 'token' }, complete)).message).toContain('not reported');
  });
});

describe('events', () => {
  const names = (decision: ReturnType<typeof decide>) => decision.events.map(({ source, type }) => `${source} ${type}`);

  it('are published once when a workspace is ready, and when it fails', () => {
    expect(names(decide(waiting, complete))).toEqual(['broch.workspaces WorkspaceReady']);
    expect(names(decide(ready, complete))).toEqual([]);
    expect(names(decide(starting, fail()))).toEqual(['broch.workspaces WorkspaceFailed']);
    expect(names(decide(failed, fail()))).toEqual([]);
  });

  it('hold no token and no password', () => {
    const secret = { ...waiting, token: 'secret-token', desktop: { ...desktop(), password: 'secret-password' } };
    for (const command of [complete, fail()])
      expect(JSON.stringify(decide(secret, command).events)).not.toContain('secret');
  });
});

it('no answer of the API holds a password, token or link of a desktop', () => {
  const token = { ...starting, token: 'secret-token', desktop: { ...desktop(), password: 'secret-password' } };
  const open = { ...ready, link: { sha256: 'secret-hash', expires: instant(1) } };
  for (const workspace of [token, open]) {
    const view = schemas.WorkspaceView.parse(workspace);
    expect(JSON.stringify(view)).not.toMatch(/secret|cipher/);
    expect(view).not.toHaveProperty('desktop');
  }
});

describe('any sequence of commands', () => {
  const ids = ['ws-000000000001', 'ws-000000000002', 'ws-000000000003', 'ws-000000000004', 'ws-000000000005'];
  const event = fc.record({
    verb: fc.constantFrom('ask', 'again', 'launched', 'awaited', 'reported', 'readied', 'failed', 'opened'),
    id: fc.constantFrom(...ids),
    who: fc.constantFrom(rana, ivo),
    attempt: fc.integer({ min: 1, max: 3 }),
    machine: fc.integer({ min: 0, max: 2 }),
    hours: fc.integer({ min: 0, max: 3 }),
  });

  it('keeps the desk equal to the live workspaces, within the limit, with growing attempts, and ready only after a report', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 80 }), events => {
        const rows = new Map<string, schemas.Workspace>();
        const desks = new Map<string, schemas.Desk>();
        let clock = 0;
        for (const { verb, id, who: actor, attempt, machine, hours } of events) {
          clock += hours * 3600 + 1;
          const row = rows.get(id);
          const desk = desks.get(row?.owner ?? actor.id) ?? { live: [] };
          const earlierAttempt = row?.attempt ?? 0;
          const save = ({ state }: ReturnType<typeof core.decideWorkspace>) => {
            rows.set(id, state.workspace);
            desks.set(state.workspace.owner, state.desk);
          };
          const ownInstance = { ...instance, instanceId: `i-${id.slice(-8)}${machine}` };
          const commands: Record<string, core.WorkspaceCommand> = {
            again: retry(actor),
            launched: { do: 'recordLaunch', attempt, instance: ownInstance },
            awaited: { do: 'recordTask', attempt, token: 'token' },
            reported: report(desktop(clock), ownInstance.instanceId),
            readied: { do: 'recordReady', attempt },
            failed: fail('it broke', attempt),
          };
          const command = commands[verb];
          try {
            if (verb === 'ask' && !row)
              save(core.requestWorkspace(asthma, desk, actor, { ...request, id }, instant(clock)));
            if (row && command) save(core.decideWorkspace({ workspace: row, desk }, command, instant(clock)));
            if (row && verb === 'opened') expect(core.requireReadyWorkspace(row, actor).owner).toBe(actor.id);
          } catch (error) {
            if (!(error instanceof Refused)) throw error;
          }
          const current = rows.get(id);
          if (current) {
            expect(current.attempt).toBeGreaterThanOrEqual(earlierAttempt);
            expect(schemas.Workspace.parse(current)).toEqual(current);
            if (row) expect(current.owner).toBe(row.owner);
          }
          for (const person of [rana, ivo]) {
            const live = [...rows.values()].filter(({ owner, status }) => owner === person.id && status !== 'failed');
            expect(live.length).toBeLessThanOrEqual(MAX_WORKSPACES);
            expect((desks.get(person.id)?.live ?? []).toSorted()).toEqual(live.map(({ id }) => id).toSorted());
          }
        }
      }),
      { numRuns: sampleRuns(300) },
    );
  });
});
