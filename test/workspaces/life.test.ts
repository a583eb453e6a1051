import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Project } from '../../functions/projects/schemas.ts';
import { Refused } from '../../functions/refused.ts';
import { MAX_WORKSPACES, type WorkspaceState } from '../../functions/workspaces/desk.ts';
import { isChangingWorkspace } from '../../functions/workspaces/life.ts';
import { Workspace, type WorkspaceIn } from '../../functions/workspaces/schemas.ts';
import {
  decideWorkspace,
  requestWorkspace,
  requireReadyWorkspace,
  type WorkspaceCommand,
} from '../../functions/workspaces/workspaces.ts';
import { sampleRuns } from '../trials.ts';

const instant = (seconds: number) => new Date(Date.parse('2026-11-20T09:00:00.000Z') + seconds * 1000).toISOString();
const rana = { id: 'sub-rana', name: 'rana' };
const ivo = { id: 'sub-ivo', name: 'ivo' };
const asthma = { status: 'ready', id: 'asthma', network: {} } as Project;
const id = 'ws-00112233aabb';
const instance = { instanceId: 'i-0123456789abcdef0', address: '10.64.0.9', imageId: 'ami-1' };
const deadlineSeconds = 4800;
const start = { do: 'start', by: rana, deadlineSeconds } as const;
const stop = { do: 'stop', by: rana } as const;
const archive = { do: 'archive', by: rana } as const;
const remove = { do: 'delete', by: rana } as const;
const restore = { do: 'restore', by: rana, snapshot: 'snap-00112233' } as const;
const resize = { do: 'resize', by: rana, size: 'large' } as const;

/** The state after the commands, one second apart. */
function follow(state: WorkspaceState, ...commands: WorkspaceCommand[]): WorkspaceState {
  return commands.reduce(
    (current, command, index) => decideWorkspace(current, command, instant(60 + index)).state,
    state,
  );
}
const launch = ({ workspace: { attempt } }: WorkspaceState, seconds = 60): WorkspaceCommand[] => [
  { do: 'recordLaunch', attempt, instance },
  {
    do: 'recordReport',
    instanceId: instance.instanceId,
    desktop: { protocol: 'rdp', password: 'c', reportedAt: instant(seconds) },
  },
  { do: 'recordReady', attempt },
];
const finish = ({ workspace: { attempt } }: WorkspaceState, home?: string): WorkspaceCommand => ({
  do: 'finishChange',
  attempt,
  ...(home !== undefined && { home }),
});
const ask = (fields = {}) =>
  requestWorkspace(asthma, { live: [] }, rana, { id, kind: 'desktop', size: 'small', ...fields }, instant(0)).state;
const requested = ask();
const ready = follow(requested, ...launch(requested));
const stopping = follow(ready, stop);
const resting = follow(stopping, finish(stopping));
const archiving = follow(resting, archive);
const archived = follow(archiving, finish(archiving, 'snap-1'));
const refusal = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (error instanceof Refused) return error.message;
    throw error;
  }
  throw new Error('it was not refused');
};

describe('a workspace that was left', () => {
  it('is stopped with its machine and its place, and comes back on the same machine', () => {
    expect(resting.workspace).toMatchObject({ status: 'stopped', ...instance });
    expect(resting.desk.live).toEqual([id]);
    const back = follow(resting, start);
    expect(back.workspace).toMatchObject({ status: 'requested', attempt: 3, earlierInstance: instance });
    expect(follow(back, ...launch(back)).workspace).toMatchObject({ status: 'ready', ...instance });
  });

  it('does not come back with the password of its earlier start', () => {
    const back = decideWorkspace(resting, start, instant(500)).state;
    const starting = decideWorkspace(back, { do: 'recordLaunch', attempt: 3, instance }, instant(501)).state;
    const old = { protocol: 'rdp', password: 'old', reportedAt: instant(60) } as const;
    const decision = decideWorkspace(
      starting,
      { do: 'recordReport', instanceId: instance.instanceId, desktop: old },
      instant(502),
    );
    expect(decision.state.workspace).toBe(starting.workspace);
  });

  it('that cannot start stays stopped with its disks, and says why', () => {
    const back = follow(resting, start);
    const failed = follow(back, { do: 'recordFailure', attempt: 3, reason: 'no capacity' }).workspace;
    expect(failed).toMatchObject({ status: 'stopped', ...instance, problem: 'no capacity' });
  });

  it('gives its place up when it is archived, and comes back from its snapshot', () => {
    expect(archived.workspace).toMatchObject({ status: 'archived', home: 'snap-1' });
    expect(archived.desk.live).toEqual([]);
    const back = follow(archived, start);
    expect(back.workspace).toMatchObject({ status: 'requested', home: 'snap-1' });
    expect(back.workspace).not.toHaveProperty('earlierInstance');
    expect(back.desk.live).toEqual([id]);
  });

  it('is not archived without a snapshot of its home', () =>
    expect(() => follow(archiving, finish(archiving))).toThrow('no snapshot'));
});

describe('stop, resize and delete', () => {
  it('a running workspace that is resized starts again, a stopped one stays stopped', () => {
    const running = follow(ready, resize);
    expect(follow(running, finish(running)).workspace).toMatchObject({
      status: 'requested',
      size: 'large',
      earlierInstance: instance,
    });
    const idle = follow(resting, resize);
    expect(follow(idle, finish(idle)).workspace).toMatchObject({ status: 'stopped', size: 'large' });
  });

  it('during a start: a stop waits for it, a deletion replaces its attempt', () => {
    const starting = follow(requested, { do: 'recordLaunch', attempt: 1, instance });
    expect(refusal(() => follow(starting, stop))).toContain('only a workspace that is ready');
    const deleting = follow(starting, remove);
    expect(deleting.workspace).toMatchObject({ status: 'deleting', lastInstance: instance.instanceId, attempt: 2 });
    expect(refusal(() => follow(deleting, { do: 'recordReady', attempt: 1 }))).toContain('Attempt 1');
  });

  it('a resize during a stop, and a start during any change, are refused', () => {
    expect(refusal(() => follow(stopping, resize))).toContain('stopping');
    for (const state of [stopping, archiving, follow(ready, remove), follow(resting, resize)])
      expect(refusal(() => follow(state, start))).toMatch(/Look in a minute/);
  });

  it('an ephemeral workspace is deleted when it stops', () => {
    const request = ask({ ephemeral: true });
    const running = follow(request, ...launch(request));
    expect(follow(running, { do: 'stop', because: 'idle' }).workspace).toMatchObject({ status: 'deleting' });
  });

  it('a deleted workspace leaves nothing and never comes back', () => {
    const deleting = follow(ready, remove);
    const grave = follow(deleting, finish(deleting));
    expect(grave).toMatchObject({ workspace: { status: 'deleted' }, desk: { live: [] } });
    expect(refusal(() => follow(grave, start))).toContain('was deleted');
  });

  it.each([start, stop, archive, remove, resize, restore])('only the owner may $do', command => {
    expect(refusal(() => follow(ready, { ...command, by: ivo } as WorkspaceCommand))).toContain('Only the owner');
  });
});

describe('keeping awake', () => {
  const keep = (deadline: string) => ({ do: 'keepAwake', by: rana, until: deadline }) as const;
  it('holds until the time, and ends with a stop', () => {
    const awake = follow(ready, keep(instant(3600)));
    expect(awake.workspace).toMatchObject({ awakeUntil: instant(3600) });
    expect(follow(awake, stop).workspace).not.toHaveProperty('awakeUntil');
  });
  it.each([
    [instant(0), 'is over'],
    [instant(15 * 86_400), 'at most 14 days'],
  ])('refuses %s', (deadline, message) => expect(refusal(() => follow(ready, keep(deadline)))).toContain(message));
});

describe('a timetable', () => {
  const timetable = { days: ['mon' as const], start: '08:00', stop: '18:00', zone: 'Europe/London' };
  const set = { do: 'setTimetable', by: rana, timetable } as const;

  it('stays over a stop and a start, and goes when the owner sets none', () => {
    const resting = follow(follow(ready, set), stop);
    const restarted = follow(follow(resting, finish(resting)), start);
    expect(restarted.workspace).toMatchObject({ status: 'requested', timetable });
    expect(follow(restarted, { do: 'setTimetable', by: rana }).workspace).not.toHaveProperty('timetable');
  });

  it('is only the owner’s to set', () => {
    expect(refusal(() => follow(ready, { ...set, by: ivo }))).toContain('Only the owner');
  });
});

/** The verbs of a person, of the workflows and of EC2, in any order and repeated. */
const verbs = ['ask', 'start', 'stop', 'resize', 'restore', 'archive', 'delete', 'keepAwake', 'retry'] as const;
const steps = [
  'recordLaunch',
  'recordReport',
  'recordReady',
  'recordFailure',
  'finishChange',
  'recordProblem',
] as const;

describe('any life', () => {
  const ids = ['ws-000000000001', 'ws-000000000002', 'ws-000000000003', 'ws-000000000004'];
  const move = fc.record({
    verb: fc.constantFrom(...verbs, ...steps, ...steps, 'recordEnd' as const),
    target: fc.constantFrom(...ids),
    actor: fc.constantFrom(rana, rana, rana, ivo),
    age: fc.constantFrom(0, 0, 0, 1),
    size: fc.constantFrom('small' as const, 'large' as const),
    seconds: fc.constantFrom(1, 60, 3 * 3600),
  });

  it('keeps places, machines and homes: none is lost, and none is counted twice', () => {
    fc.assert(
      fc.property(fc.array(move, { maxLength: 60 }), moves => {
        const rows = new Map<string, Workspace>();
        let desk = { live: [] as string[] };
        let clock = 0;
        for (const { verb, target, actor, age, size, seconds } of moves) {
          clock += seconds;
          const now = instant(clock);
          const seats = new Set(desk.live);
          const row = rows.get(target);
          const attempt = Math.max(1, (row?.attempt ?? 1) - age);
          const machine = { ...instance, instanceId: `i-${target.slice(-8)}${row?.attempt ?? 0}` };
          const commands: Record<Exclude<typeof verb, 'ask'>, WorkspaceCommand> = {
            start: { do: 'start', by: actor, deadlineSeconds },
            stop: { do: 'stop', by: actor },
            resize: { do: 'resize', by: actor, size },
            restore: { do: 'restore', by: actor, snapshot: 'snap-00112233' },
            archive: { do: 'archive', by: actor },
            delete: { do: 'delete', by: actor },
            keepAwake: { do: 'keepAwake', by: actor, until: instant(clock + 60) },
            retry: { do: 'retry', by: actor, deadlineSeconds },
            recordLaunch: { do: 'recordLaunch', attempt, instance: row?.earlierInstance ?? machine },
            recordReport: {
              do: 'recordReport',
              instanceId: row && 'instanceId' in row ? row.instanceId : 'i-0',
              desktop: { protocol: 'rdp', password: 'c', reportedAt: now },
            },
            recordReady: { do: 'recordReady', attempt },
            recordFailure: { do: 'recordFailure', attempt, reason: 'broke' },
            finishChange: { do: 'finishChange', attempt, home: `snap-${attempt}` },
            recordProblem: { do: 'recordProblem', attempt, problem: 'slow' },
            recordEnd: { do: 'recordEnd', reason: 'gone' },
          };
          try {
            if (verb === 'ask') {
              if (row || actor !== rana) continue;
              const wish = { id: target, kind: 'desktop' as const, size };
              const { state } = requestWorkspace(asthma, desk, rana, wish, now);
              rows.set(target, state.workspace);
              desk = state.desk;
            } else if (row) {
              const { state, events } = decideWorkspace({ workspace: row, desk }, commands[verb], now);
              expect(Workspace.parse(state.workspace)).toEqual(state.workspace);
              expect(state.workspace.attempt).toBeGreaterThanOrEqual(row.attempt);
              if (events.length > 0) expect(state.workspace.status).not.toBe(row.status);
              if (actor !== rana && verbs.some(name => name === verb)) expect(state.workspace).toBe(row);
              checkHome(row, state.workspace, verb);
              rows.set(target, state.workspace);
              desk = state.desk;
            }
          } catch (error) {
            if (!(error instanceof Refused)) throw error;
          }
          const away = ['failed', 'archived', 'deleted'];
          // One that had no place, because it failed or was archived, takes none while it is deleted.
          const live = [...rows.values()]
            .filter(({ id, status }) => (status === 'deleting' ? seats.has(id) : !away.includes(status)))
            .map(workspace => workspace.id);
          expect(desk.live.toSorted()).toEqual(live.toSorted());
          expect(live.length).toBeLessThanOrEqual(MAX_WORKSPACES);
        }
      }),
      { numRuns: sampleRuns(200) },
    );
  });

  /** A home ends only with a deletion, or with the loss of its machine. */
  function checkHome(previous: Workspace, next: Workspace, verb: string): void {
    const machineOf = (workspace: Workspace) =>
      'instanceId' in workspace ? workspace.instanceId : workspace.earlierInstance?.instanceId;
    if (next.status === 'deleting' || next.status === 'deleted' || verb === 'recordEnd') return;
    if (previous.home !== undefined) expect(next.home).toBeDefined();
    if (previous.status === 'stopped' || isChangingWorkspace(previous))
      expect(machineOf(next) ?? (next as WorkspaceIn<'archived'>).home).toBeDefined();
  }

  it('no link opens a workspace that does not run', () => {
    for (const { workspace } of [requested, stopping, resting, archiving, archived])
      expect(refusal(() => requireReadyWorkspace(workspace, rana))).toContain(workspace.id);
  });
});
