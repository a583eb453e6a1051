import { describe, expect, it } from 'vitest';
import {
  findLostLeases,
  planRepairs,
  type Repair,
  type WorkspaceMachine,
} from '../../functions/workspaces/reconcile.ts';
import type { Workspace } from '../../functions/workspaces/schemas.ts';

const hour = (count: number) => new Date(Date.parse('2026-11-20T09:00:00.000Z') + count * 3_600_000).toISOString();
const limits = { launchSeconds: 4800, changeSeconds: 25_200 };
const workspace = 'ws-00112233aabb';
const row = (status: string, extra = {}) =>
  ({ id: workspace, status, attempt: 3, attemptedAt: hour(0), ...extra }) as unknown as Workspace;
const machine = (state: string, launchedAt = hour(0), id = 'i-1'): WorkspaceMachine => ({
  id,
  workspace,
  state,
  launchedAt,
});
const fields = { instanceId: 'i-1' };

describe('the table and EC2', () => {
  it.each<[string, Workspace[], WorkspaceMachine[], number, Repair['do'][]]>([
    ['agree', [row('ready', fields)], [machine('running')], 9, []],
    ['agree on a stopped one', [row('stopped', fields)], [machine('stopped')], 9, []],
    ['a machine that is gone', [row('ready', fields)], [], 9, ['end']],
    ['a stopped machine that is gone', [row('stopped', fields)], [], 9, ['end']],
    ['a machine that somebody stopped', [row('ready', fields)], [machine('stopped')], 9, ['stop']],
    ['a machine that somebody started', [row('stopped', fields)], [machine('running')], 9, ['halt']],
    ['a launch in progress', [row('starting', fields)], [machine('running')], 1, []],
    ['a launch past its deadline', [row('requested')], [], 2, ['fail']],
    ['a change in progress', [row('stopping', fields)], [machine('stopping')], 2, []],
    ['a change past its deadline', [row('archiving', fields)], [machine('stopped')], 8, ['continue']],
    ['a change that gave up', [row('stopping', { ...fields, problem: 'x' })], [machine('running')], 1, ['continue']],
    ['a machine of an archived workspace', [row('archived')], [machine('running')], 9, ['terminate']],
    ['a machine of a failed workspace', [row('failed')], [machine('running')], 9, ['terminate']],
    [
      'a second machine',
      [row('ready', fields)],
      [machine('running'), machine('running', hour(0), 'i-2')],
      9,
      ['terminate'],
    ],
    ['a machine of a launch a minute ago', [row('failed')], [machine('running', hour(9))], 9, []],
    ['a machine being deleted', [row('deleting')], [machine('running')], 1, []],
    ['a machine that nobody knows', [], [machine('running')], 9, ['report']],
  ])('%s', (_, workspaces, machines, hours, repairs) =>
    expect(planRepairs(workspaces, machines, limits, hour(hours)).map(plan => plan.do)).toEqual(repairs),
  );
});

it.each([
  ['a workspace that runs', 'ready', 'workspace', []],
  ['a workspace that starts', 'requested', 'workspace', []],
  ['a workspace that is being archived', 'archiving', 'workspace', []],
  ['a workspace that is stopped', 'stopped', 'workspace', [workspace]],
  ['a workspace that failed', 'failed', 'workspace', [workspace]],
  ['a workspace without a row', undefined, 'workspace', [workspace]],
  ['a job, which is no concern of workspaces', undefined, 'job', []],
] as const)('the lease of %s', (_, status, use, lostIds) => {
  const rows = status === undefined ? [] : [row(status, fields)];
  expect(findLostLeases([{ id: workspace, use, hourlyMicros: 0 }], rows)).toEqual(lostIds);
});
