import { describe, expect, it } from 'vitest';
import type { Project } from '../../functions/projects/schemas.ts';
import { Refused } from '../../functions/refused.ts';
import type { WorkspaceState } from '../../functions/workspaces/desk.ts';
import {
  decideWorkspace,
  requestWorkspace,
  requireReadyWorkspace,
  type WorkspaceCommand,
} from '../../functions/workspaces/workspaces.ts';

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

  it('remembers which attempt began its archive, as long as others continue it', () => {
    const { attempt } = archiving.workspace;
    const continued = follow(follow(archiving, { do: 'continueChange' }), { do: 'continueChange' });
    expect(continued.workspace).toMatchObject({ attempt: attempt + 2, firstAttempt: attempt });
    expect(follow(continued, finish(continued, 'snap-1')).workspace).not.toHaveProperty('firstAttempt');
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

  it('a resize that is asked for again, because the answer was lost, is the same resize', () => {
    const resizing = follow(ready, resize);
    expect(follow(resizing, resize).workspace).toBe(resizing.workspace);
    expect(refusal(() => follow(resizing, { ...resize, size: 'medium' }))).toContain('resizing');
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
    [instant(0), 'is in the past'],
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

it('no link opens a workspace that does not run', () => {
  for (const { workspace } of [requested, stopping, resting, archiving, archived])
    expect(refusal(() => requireReadyWorkspace(workspace, rana))).toContain(workspace.id);
});
