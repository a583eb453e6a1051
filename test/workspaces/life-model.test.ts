import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Project } from '../../functions/projects/schemas.ts';
import { Refused } from '../../functions/refused.ts';
import { MAX_WORKSPACES } from '../../functions/workspaces/desk.ts';
import { isChangingWorkspace } from '../../functions/workspaces/life.ts';
import { Workspace, type WorkspaceIn } from '../../functions/workspaces/schemas.ts';
import { decideWorkspace, requestWorkspace, type WorkspaceCommand } from '../../functions/workspaces/workspaces.ts';
import { sampleRuns } from '../trials.ts';

const instant = (seconds: number) => new Date(Date.parse('2026-11-20T09:00:00.000Z') + seconds * 1000).toISOString();
const rana = { id: 'sub-rana', name: 'rana' };
const ivo = { id: 'sub-ivo', name: 'ivo' };
const asthma = { status: 'ready', id: 'asthma', network: {} } as Project;
const instance = { instanceId: 'i-0123456789abcdef0', address: '10.64.0.9', imageId: 'ami-1' };
const deadlineSeconds = 4800;

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
    verb: fc.oneof(
      { weight: 2, arbitrary: fc.constantFrom(...verbs, ...steps, 'recordEnd' as const, 'recordRest' as const) },
      { weight: 3, arbitrary: fc.constant('advance' as const) },
    ),
    target: fc.constantFrom(...ids, ids[0] ?? ''),
    actor: fc.constantFrom(rana, rana, rana, ivo),
    age: fc.constantFrom(0, 0, 0, 1),
    memory: fc.constantFrom('keep' as const, 'keep' as const, 'end' as const, undefined),
    hibernated: fc.boolean(),
    size: fc.constantFrom('small' as const, 'large' as const),
    seconds: fc.constantFrom(1, 60, 3 * 3600),
  });

  it('keeps places, machines, homes and memories: none is lost, and none is counted twice', () => {
    const seenStatuses = new Set<string>();
    fc.assert(
      fc.property(fc.array(move, { minLength: 40, maxLength: 80 }), moves => {
        const rows = new Map<string, Workspace>();
        let desk = { live: [] as string[] };
        let clock = 0;
        for (const { verb: choice, target, actor, age, size, seconds, memory, hibernated: isHibernated } of moves) {
          clock += seconds;
          const now = instant(clock);
          const seats = new Set(desk.live);
          const row = rows.get(target);
          const verb = choice === 'advance' ? nextStep(row) : choice;
          const attempt = Math.max(1, (row?.attempt ?? 1) - (choice === 'advance' ? 0 : age));
          const machine = {
            ...{ ...instance, instanceId: `i-${target.slice(-8)}${row?.attempt ?? 0}` },
            ...(row?.kind === 'windows' && {
              hibernation: size === 'small' ? ('possible' as const) : ('large' as const),
            }),
          };
          const commands: Record<Exclude<typeof verb, 'ask'>, WorkspaceCommand> = {
            start: { do: 'start', by: actor, deadlineSeconds },
            stop: { do: 'stop', by: actor, ...(memory && { memory }) },
            resize: { do: 'resize', by: actor, size },
            restore: { do: 'restore', by: actor, snapshot: 'snap-00112233' },
            archive: { do: 'archive', by: actor },
            delete: { do: 'delete', by: actor },
            keepAwake: { do: 'keepAwake', by: actor, until: instant(clock + 60) },
            retry: { do: 'retry', by: actor, deadlineSeconds },
            recordLaunch: { do: 'recordLaunch', attempt, instance: row ? launchOf(row, machine) : machine },
            recordReport: {
              do: 'recordReport',
              instanceId: row && 'instanceId' in row ? row.instanceId : 'i-0',
              desktop: { protocol: 'rdp', password: 'c', reportedAt: now },
            },
            recordReady: { do: 'recordReady', attempt },
            recordFailure: { do: 'recordFailure', attempt, reason: 'broke' },
            finishChange: { do: 'finishChange', attempt, home: `snap-${attempt}`, hibernated: isHibernated },
            recordProblem: { do: 'recordProblem', attempt, problem: 'slow' },
            recordEnd: { do: 'recordEnd', reason: 'gone' },
            recordRest: {
              ...{ do: 'recordRest', isHibernated },
              instanceId: row && 'instanceId' in row ? row.instanceId : 'i-0',
            },
          };
          try {
            if (verb === 'ask') {
              if (row || actor !== rana) continue;
              const kind = target.endsWith('3') ? ('desktop' as const) : ('windows' as const);
              const wish = { id: target, kind, size };
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
              checkMemory(row, state.workspace);
              seenStatuses.add(state.workspace.status);
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
      { numRuns: sampleRuns(400) },
    );
    // The lives reach every status, hibernation too.
    expect([...seenStatuses]).toEqual(
      expect.arrayContaining(['hibernated', 'stopped', 'archived', 'deleted', 'restoring']),
    );
  });

  /** What the workflow of the status does next. Moves at random alone would hardly ever come to a workspace that runs. */
  function nextStep(row: Workspace | undefined) {
    if (!row) return 'ask';
    if (row.status === 'requested') return 'recordLaunch';
    if (row.status === 'starting') return row.desktop ? 'recordReady' : 'recordReport';
    return isChangingWorkspace(row) ? 'finishChange' : 'stop';
  }

  /** A home ends only with a deletion, or with the loss of its machine. */
  function checkHome(previous: Workspace, next: Workspace, verb: string): void {
    const machineOf = (workspace: Workspace) =>
      'instanceId' in workspace ? workspace.instanceId : workspace.earlierInstance?.instanceId;
    if (next.status === 'deleting' || next.status === 'deleted' || verb === 'recordEnd') return;
    if (previous.home !== undefined) expect(next.home).toBeDefined();
    if (['stopped', 'hibernated'].includes(previous.status) || isChangingWorkspace(previous))
      expect(machineOf(next) ?? (next as WorkspaceIn<'archived'>).home).toBeDefined();
  }

  /** Only a machine that can hibernate does, and a memory ends only with a start or because somebody wants its end. */
  function checkMemory(previous: Workspace, next: Workspace): void {
    if (next.status === 'stopping' && next.keepsMemory) {
      expect(next).toMatchObject({ kind: 'windows', hibernation: 'possible' });
      expect(next).not.toHaveProperty('hibernatedAt');
    }
    if (previous.status !== 'hibernated' || next === previous) return;
    expect(['requested', 'stopping', 'stopped', 'deleting', 'failed', 'hibernated']).toContain(next.status);
    if (next.status === 'requested') expect(next.earlierInstance?.hibernatedAt).toBe(previous.hibernatedAt);
    if (next.status === 'stopping') expect(next.hibernatedAt).toBe(previous.hibernatedAt);
  }

  /** The machine of a start: the one that the workspace has, without the time since which it is hibernated. */
  function launchOf({ earlierInstance }: Workspace, machine: typeof instance) {
    if (!earlierInstance) return machine;
    const { hibernatedAt: _, ...earlierMachine } = earlierInstance;
    return earlierMachine;
  }
});
