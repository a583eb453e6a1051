import { describe, expect, it } from 'vitest';
import {
  type ChangeStep,
  type ObservedDisks,
  type ObservedWorkspace,
  planChange,
} from '../../functions/workspaces/change.ts';
import type { Workspace } from '../../functions/workspaces/schemas.ts';

const row = (status: string, fields = {}) =>
  ({ id: 'ws-00112233aabb', status, instanceId: 'i-1', attempt: 3, ...fields }) as unknown as Workspace;
const absence: ObservedWorkspace = { strays: [], oldSnapshots: [], keptSnapshots: [] };
const machine = (state: string, type = 't3.large') => ({ ...absence, machine: { state, type } });
const hibernated: ObservedWorkspace = { ...absence, machine: { state: 'stopped', type: 't3.large', hibernated: true } };
const complete = { id: 'snap-3', complete: true };
const types = ['m6i.large', 'm7i.large'];

describe('the next step of a change', () => {
  it.each<[string, ObservedWorkspace, ChangeStep | undefined]>([
    ['ready', machine('running'), undefined],
    ['stopping', machine('running'), { do: 'stop' }],
    // EC2 stops no machine that has not run yet.
    ['stopping', machine('pending'), { do: 'wait' }],
    ['stopping', machine('stopping'), { do: 'wait' }],
    ['stopping', machine('stopped'), { do: 'finish' }],
    ['stopping', absence, { do: 'lost' }],
    ['stopping', hibernated, { do: 'start' }],
    ['resizing', hibernated, { do: 'start' }],
    ['archiving', hibernated, { do: 'start' }],
    ['deleting', hibernated, { do: 'terminate' }],
    ['resizing', machine('running'), { do: 'stop' }],
    ['resizing', machine('stopped'), { do: 'modify', type: 'm6i.large' }],
    ['resizing', machine('stopped', 'm7i.large'), { do: 'finish' }],
    ['archiving', machine('running'), { do: 'stop' }],
    ['archiving', machine('stopped'), { do: 'snapshot' }],
    ['archiving', { ...machine('stopped'), snapshot: { id: 'snap-3', complete: false } }, { do: 'wait' }],
    ['archiving', { ...machine('stopped'), snapshot: complete }, { do: 'terminate' }],
    ['archiving', { ...machine('shutting-down'), snapshot: complete }, { do: 'wait' }],
    [
      'archiving',
      { ...absence, snapshot: complete, oldSnapshots: ['snap-1'] },
      { do: 'clear', machines: [], snapshots: ['snap-1'], disks: [] },
    ],
    ['archiving', { ...absence, snapshot: complete }, { do: 'finish', home: 'snap-3' }],
    ['archiving', absence, { do: 'lost' }],
    ['deleting', machine('running'), { do: 'terminate' }],
    ['deleting', machine('shutting-down'), { do: 'wait' }],
    [
      'deleting',
      { ...absence, strays: ['i-2'], snapshot: complete, oldSnapshots: ['snap-1'], keptSnapshots: ['snap-2'] },
      { do: 'clear', machines: ['i-2'], snapshots: ['snap-1', 'snap-2', 'snap-3'], disks: [] },
    ],
    [
      'deleting',
      { ...absence, disks: { loose: ['vol-1'] } },
      { do: 'clear', machines: [], snapshots: [], disks: ['vol-1'] },
    ],
    ['deleting', absence, { do: 'finish' }],
  ])('%s with %j is %j', (status, observed, step) => expect(planChange(row(status), observed, types)).toEqual(step));

  it.each<[ObservedWorkspace, ChangeStep]>([
    [machine('running'), { do: 'hibernate' }],
    [machine('stopping'), { do: 'wait' }],
    [machine('pending'), { do: 'wait' }],
    [hibernated, { do: 'finish', hibernated: true }],
    // EC2 refused, and the machine was stopped.
    [machine('stopped'), { do: 'finish', hibernated: false }],
    [absence, { do: 'lost' }],
  ])('of a hibernation with %j is %j', (observed, step) =>
    expect(planChange(row('stopping', { keepsMemory: true }), observed, types)).toEqual(step),
  );

  it('terminates nothing before the snapshot of the home is complete', () => {
    for (const state of ['pending', 'running', 'stopping', 'stopped'])
      for (const snapshot of [undefined, { id: 'snap-3', complete: false }])
        expect(planChange(row('archiving'), { ...machine(state), snapshot }, types)?.do).not.toBe('terminate');
  });

  const restored = { id: 'vol-2', state: 'in-use', attached: true, endsWithMachine: true };
  const loose = { ...restored, state: 'available', attached: false, endsWithMachine: false };
  const current = { id: 'vol-1', state: 'attached' };
  it.each<[string, ObservedDisks, ChangeStep]>([
    ['first makes the new disk', { current, loose: [] }, { do: 'createDisk', snapshot: 'snap-1' }],
    ['waits for it', { restored: { ...loose, state: 'creating' }, current, loose: [] }, { do: 'wait' }],
    ['takes the old one off', { restored: loose, current, loose: [] }, { do: 'detach', disk: 'vol-1' }],
    ['waits for that', { restored: loose, current: { ...current, state: 'detaching' }, loose: [] }, { do: 'wait' }],
    ['attaches the new one', { restored: loose, loose: ['vol-1'] }, { do: 'attach', disk: 'vol-2' }],
    [
      'binds it',
      { restored: { ...restored, endsWithMachine: false }, loose: ['vol-1'] },
      { do: 'bind', disk: 'vol-2' },
    ],
    [
      'then deletes the old one',
      { restored, loose: ['vol-1'] },
      { do: 'clear', machines: [], snapshots: [], disks: ['vol-1'] },
    ],
    ['and is done', { restored, loose: [] }, { do: 'finish' }],
  ])('a restore %s', (_, disks, step) =>
    expect(planChange(row('restoring', { snapshot: 'snap-1' }), { ...machine('stopped'), disks }, types)).toEqual(step),
  );

  it('a restore keeps the old home until the machine has the new one', () => {
    for (const disk of [undefined, loose, { ...loose, state: 'creating' }, { ...loose, state: 'error' }])
      for (const home of [undefined, current, { ...current, state: 'detaching' }]) {
        const disks = { restored: disk, current: home, loose: ['vol-1'] };
        const observed = { ...machine('stopped'), disks };
        expect(planChange(row('restoring', { snapshot: 'snap-1' }), observed, types)?.do).not.toBe('clear');
      }
    expect(planChange(row('restoring', { snapshot: 'snap-1' }), machine('running'), types)).toEqual({ do: 'stop' });
    expect(planChange(row('restoring', { snapshot: 'snap-1' }), absence, types)).toEqual({ do: 'lost' });
  });
});
