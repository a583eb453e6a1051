import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Project } from '../../functions/projects/schemas.ts';
import { Refused } from '../../functions/refused.ts';
import * as schemas from '../../functions/workspaces/schemas.ts';
import * as core from '../../functions/workspaces/workspaces.ts';

const at = (seconds: number) => new Date(Date.parse('2026-11-20T09:00:00.000Z') + seconds * 1000).toISOString();
const rana = { id: 'sub-rana', name: 'rana' };
const ivo = { id: 'sub-ivo', name: 'ivo' };
const asthma = {
  status: 'ready',
  id: 'asthma',
  title: 'Asthma in Tayside',
  requestedBy: 'ops',
  requestedAt: at(0),
  attempt: 1,
  cidr: '10.64.0.0/22',
  readyAt: at(0),
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
const wanted = { id: 'ws-00112233aabb', kind: 'linux', size: 'small' } as const;
const instance = { instanceId: 'i-0123456789abcdef0', address: '10.64.0.9', imageId: 'ami-1' };
const desktop = (seconds = 60) => ({ protocol: 'rdp', password: 'cipher', reportedAt: at(seconds) }) as const;
const deadline = 4800;
const requested = core.requestWorkspace(asthma, { live: [] }, rana, wanted, at(0)).workspace;
const starting = core.recordLaunch(requested, 1, instance);
const ready = core.markWorkspaceReady({ ...starting, token: 'token', desktop: desktop() }, 1, at(90));
const failed = core.failWorkspace(starting, { live: [wanted.id] }, 1, 'no room', at(90))
  ?.workspace as schemas.Workspace;
const all: schemas.Workspace[] = [requested, starting, ready, failed];

const refusal = (run: () => unknown) => {
  try {
    run();
  } catch (error) {
    if (error instanceof Refused) return { kind: error.kind, message: error.message };
    throw error;
  }
  throw new Error('it was not refused');
};

describe('asking', () => {
  it('takes a seat and says who asked for what', () => {
    const { workspace, desk } = core.requestWorkspace(asthma, { live: [] }, rana, wanted, at(0));
    expect(desk.live).toEqual([wanted.id]);
    expect(workspace).toMatchObject({ status: 'requested', project: 'asthma', owner: 'sub-rana', attempt: 1 });
  });

  it.each([
    [undefined, /no such project/],
    [{ ...asthma, status: 'provisioning' as const, startedAt: at(0) }, /asthma is provisioning/],
    [{ ...asthma, status: 'failed' as const, reason: 'x', failedAt: at(0) }, /asthma is failed/],
  ])('needs a project that is ready', (project, reason) => {
    expect(
      refusal(() => core.requestWorkspace(project as Project | undefined, { live: [] }, rana, wanted, at(0))),
    ).toMatchObject({
      kind: 'conflict',
      message: expect.stringMatching(reason),
    });
  });

  it('is refused at the limit, naming what the person has', () => {
    const live = ['ws-000000000001', 'ws-000000000002', 'ws-000000000003'];
    const refused = refusal(() => core.requestWorkspace(asthma, { live }, rana, wanted, at(0)));
    expect(refused.kind).toBe('conflict');
    for (const id of live) expect(refused.message).toContain(id);
  });
});

describe('opening', () => {
  it('is for the owner of one that is ready', () => expect(core.requireReadyWorkspace(ready, rana)).toBe(ready));

  it.each(all)("is nobody else's, whatever its status ($status)", workspace => {
    expect(refusal(() => core.requireReadyWorkspace(workspace, ivo)).kind).toBe('forbidden');
  });

  it('is refused with the reason of the failure', () => {
    expect(refusal(() => core.requireReadyWorkspace(failed, rana)).message).toContain('no room');
  });

  it.each([requested, starting])('is not yet possible while $status', workspace => {
    expect(refusal(() => core.requireReadyWorkspace(workspace, rana)).kind).toBe('conflict');
  });
});

describe('trying again', () => {
  it('makes a new attempt of a failed one, with a seat', () => {
    const again = core.retryWorkspace(failed, { live: [] }, rana, deadline, at(200));
    expect(again.workspace).toMatchObject({
      status: 'requested',
      attempt: 2,
      attemptedAt: at(200),
      requestedAt: at(0),
    });
    expect(again.workspace).not.toHaveProperty('instanceId');
    expect(again.desk.live).toEqual([wanted.id]);
  });

  it('needs a free seat', () => {
    const live = ['ws-000000000001', 'ws-000000000002', 'ws-000000000003'];
    expect(refusal(() => core.retryWorkspace(failed, { live }, rana, deadline, at(200))).kind).toBe('conflict');
  });

  it('starts one that was never started under the same name', () => {
    expect(core.retryWorkspace(requested, { live: [wanted.id] }, rana, deadline, at(200)).workspace).toBe(requested);
  });

  it('leaves alone what is under way, and takes over what is past its deadline', () => {
    expect(refusal(() => core.retryWorkspace(starting, { live: [wanted.id] }, rana, deadline, at(deadline))).kind).toBe(
      'conflict',
    );
    const late = core.retryWorkspace(starting, { live: [wanted.id] }, rana, deadline, at(deadline + 1));
    expect(late.workspace.attempt).toBe(2);
    expect(late.desk.live).toEqual([wanted.id]);
  });

  it.each(all)("is the owner's alone ($status)", workspace => {
    expect(refusal(() => core.retryWorkspace(workspace, { live: [] }, ivo, deadline, at(9999))).kind).toBe('forbidden');
  });
});

describe('a step of an overtaken attempt', () => {
  const second = core.recordLaunch(core.retryWorkspace(failed, { live: [] }, rana, deadline, at(200)).workspace, 2, {
    ...instance,
    instanceId: 'i-0fedcba9876543210',
  });

  it('changes nothing', () => {
    for (const run of [
      () => core.requireLaunchable(second, 1),
      () => core.recordLaunch(second, 1, instance),
      () => core.recordWaitingTask(second, 1, 'token'),
      () => core.markWorkspaceReady(second, 1, at(300)),
    ])
      expect(refusal(run).message).toContain('Attempt 1');
    expect(core.failWorkspace(second, { live: [wanted.id] }, 1, 'late', at(300))).toBeUndefined();
  });

  it("is not helped by its instance's report", () => {
    expect(core.recordDesktopReport(second, instance.instanceId, desktop())).toBeUndefined();
  });
});

describe('the handshake', () => {
  it('answers once both halves are there, in either order', () => {
    const asked = core.recordWaitingTask(starting, 1, 'token');
    expect(asked.answer).toBeUndefined();
    expect(core.recordDesktopReport(asked.workspace, instance.instanceId, desktop())?.answer).toBe('token');
    const heard = core.recordDesktopReport(starting, instance.instanceId, desktop());
    expect(heard?.answer).toBeUndefined();
    expect(core.recordWaitingTask(heard?.workspace as schemas.Workspace, 1, 'token').answer).toBe('token');
  });

  it('takes a new password from a desktop that reports again, and never an older one', () => {
    const heard = core.recordDesktopReport(ready, instance.instanceId, { ...desktop(500), password: 'new' });
    expect(heard).toMatchObject({
      workspace: { status: 'ready', readyAt: ready.readyAt, desktop: { password: 'new' } },
    });
    expect(heard?.answer).toBeUndefined();
    expect(core.recordDesktopReport(ready, instance.instanceId, { ...desktop(10), password: 'old' })).toBeUndefined();
  });

  it('hears no other instance, and nothing for a workspace that failed or was not launched', () => {
    for (const workspace of all)
      expect(core.recordDesktopReport(workspace, 'i-0fedcba9876543210', desktop())).toBeUndefined();
    expect(core.recordDesktopReport(failed, instance.instanceId, desktop())).toBeUndefined();
    expect(core.recordDesktopReport(requested, instance.instanceId, desktop())).toBeUndefined();
  });

  it('is not ready before the desktop has reported', () => {
    expect(refusal(() => core.markWorkspaceReady({ ...starting, token: 'token' }, 1, at(90))).message).toContain(
      'not reported',
    );
  });
});

it('nothing that opens a desktop is in what the API answers', () => {
  const token = { ...starting, token: 'secret-token', desktop: { ...desktop(), password: 'secret-password' } };
  const open = { ...ready, link: { sha256: 'secret-hash', expires: at(1) } };
  for (const kept of [token, open]) {
    const shown = schemas.WorkspaceView.parse(kept);
    expect(JSON.stringify(shown)).not.toMatch(/secret|cipher/);
    expect(shown).not.toHaveProperty('desktop');
  }
});

describe('whatever happens, in whatever order and however often', () => {
  const ids = ['ws-000000000001', 'ws-000000000002', 'ws-000000000003', 'ws-000000000004', 'ws-000000000005'];
  const event = fc.record({
    verb: fc.constantFrom('ask', 'again', 'launched', 'awaited', 'reported', 'readied', 'failed', 'opened'),
    id: fc.constantFrom(...ids),
    who: fc.constantFrom(rana, ivo),
    attempt: fc.integer({ min: 1, max: 3 }),
    machine: fc.integer({ min: 0, max: 2 }),
    hours: fc.integer({ min: 0, max: 3 }),
  });

  it('seats are what is live, nobody has more than the limit, attempts only grow, and ready means reported', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 80 }), events => {
        const rows = new Map<string, schemas.Workspace>();
        const desks = new Map<string, schemas.Desk>();
        let clock = 0;
        for (const { verb, id, who, attempt, machine, hours } of events) {
          clock += hours * 3600 + 1;
          const row = rows.get(id);
          const desk = desks.get(row?.owner ?? who.id) ?? { live: [] };
          const before = row?.attempt ?? 0;
          const save = (next?: { workspace: schemas.Workspace; desk?: schemas.Desk }) => {
            if (!next) return;
            rows.set(id, next.workspace);
            if (next.desk) desks.set(next.workspace.owner, next.desk);
          };
          const mine = { ...instance, instanceId: `i-${id.slice(-8)}${machine}` };
          try {
            if (verb === 'ask') {
              if (!row) save(core.requestWorkspace(asthma, desk, who, { ...wanted, id }, at(clock)));
            } else if (row) {
              if (verb === 'again') save(core.retryWorkspace(row, desk, who, deadline, at(clock)));
              if (verb === 'launched') save({ workspace: core.recordLaunch(row, attempt, mine) });
              if (verb === 'awaited') save(core.recordWaitingTask(row, attempt, 'token'));
              if (verb === 'reported') save(core.recordDesktopReport(row, mine.instanceId, desktop(clock)));
              if (verb === 'readied') save({ workspace: core.markWorkspaceReady(row, attempt, at(clock)) });
              if (verb === 'failed') save(core.failWorkspace(row, desk, attempt, 'it broke', at(clock)));
              if (verb === 'opened') expect(core.requireReadyWorkspace(row, who).owner).toBe(who.id);
            }
          } catch (error) {
            if (!(error instanceof Refused)) throw error;
          }
          const after = rows.get(id);
          if (after) {
            expect(after.attempt).toBeGreaterThanOrEqual(before);
            expect(schemas.Workspace.parse(after)).toEqual(after);
            if (row) expect(after.owner).toBe(row.owner);
          }
          for (const person of [rana, ivo]) {
            const live = [...rows.values()].filter(({ owner, status }) => owner === person.id && status !== 'failed');
            expect(live.length).toBeLessThanOrEqual(core.MAX_WORKSPACES);
            expect((desks.get(person.id)?.live ?? []).toSorted()).toEqual(live.map(({ id }) => id).toSorted());
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});
