import type { AwakeHolder } from '../awake/lease.ts';
import { isOverdueAttempt } from './desk.ts';
import { isChangingWorkspace } from './life.ts';
import type { Workspace } from './schemas.ts';

/** A machine of EC2 that says that it belongs to a workspace. */
export interface WorkspaceMachine {
  readonly id: string;
  readonly workspace: string;
  readonly state: string;
  readonly hibernated?: boolean;
  readonly launchedAt: string;
}

export interface ReconcileLimits {
  /** The timeouts of the two workflows. */
  readonly launchSeconds: number;
  readonly changeSeconds: number;
}

/** What brings the table and EC2 together again. */
export type Repair =
  /** The machine is gone, though nobody ended it through Broch. */
  | { do: 'end'; workspace: string; instance: string }
  /** The workspace is said to run, but its machine is stopped or hibernated. */
  | { do: 'stop'; workspace: string; because: string; memory?: 'keep' }
  /** The workspace is said to be stopped, but its machine is hibernated, or the other way round. */
  | { do: 'settle'; workspace: string; instance: string; hibernated: boolean }
  /** The workspace is said to be stopped, but its machine runs. */
  | { do: 'halt'; workspace: string; instance: string }
  /** A workflow ended before its work. */
  | { do: 'fail'; workspace: string; attempt: number }
  | { do: 'continue'; workspace: string }
  /** No workspace has this machine. */
  | { do: 'terminate'; workspace: string; instance: string }
  /** No row of the table is about this machine: a person must look. */
  | { do: 'report'; workspace: string; instance: string };

/** A machine that is younger may belong to a launch whose row is about to be written. */
const SETTLING_MINUTES = 60;

const restingStatuses: readonly string[] = ['stopped', 'hibernated', 'archived', 'deleted', 'failed'];

/** The workspaces that keep their project awake although they do not run: whoever should have said so was interrupted. */
export const findLostLeases = (holders: readonly AwakeHolder[], workspaces: readonly Workspace[]): string[] =>
  holders.flatMap(({ id, use }) => {
    const status = workspaces.find(workspace => workspace.id === id)?.status ?? 'deleted';
    return use === 'workspace' && restingStatuses.includes(status) ? [id] : [];
  });

/** Compares the table with EC2, in both directions. Each repair may happen twice. */
export function planRepairs(
  workspaces: readonly Workspace[],
  machines: readonly WorkspaceMachine[],
  { launchSeconds, changeSeconds }: ReconcileLimits,
  now: string,
): Repair[] {
  const rows = new Map(workspaces.map(workspace => [workspace.id, workspace]));
  const machineOf = (id: string) => machines.find(machine => machine.id === id);
  return [
    ...workspaces.flatMap(workspace => repairRow(workspace, machineOf, { launchSeconds, changeSeconds }, now)),
    ...machines.flatMap(machine => repairMachine(machine, rows.get(machine.workspace), now)),
  ];
}

function repairRow(
  workspace: Workspace,
  machineOf: (id: string) => WorkspaceMachine | undefined,
  { launchSeconds, changeSeconds }: ReconcileLimits,
  now: string,
): Repair[] {
  const { id, status } = workspace;
  if (status === 'ready' || status === 'stopped' || status === 'hibernated') {
    const machine = machineOf(workspace.instanceId);
    return machine
      ? compareStates(id, status, machine)
      : [{ do: 'end', workspace: id, instance: workspace.instanceId }];
  }
  if (status === 'requested' || status === 'starting')
    return isOverdueAttempt(workspace, launchSeconds, now)
      ? [{ do: 'fail', workspace: id, attempt: workspace.attempt }]
      : [];
  const isStuck =
    isChangingWorkspace(workspace) &&
    (workspace.problem !== undefined || isOverdueAttempt(workspace, changeSeconds, now));
  return isStuck ? [{ do: 'continue', workspace: id }] : [];
}

/** Compares what a workspace is said to be with the state of its machine. */
function compareStates(
  workspace: string,
  status: 'ready' | 'stopped' | 'hibernated',
  { id: instance, state, hibernated: isHibernated = false }: WorkspaceMachine,
): Repair[] {
  const runs = state === 'running' || state === 'pending';
  if (status === 'ready') {
    if (runs) return [];
    return isHibernated
      ? [{ do: 'stop', workspace, because: 'Its machine was hibernated, though not through Broch.', memory: 'keep' }]
      : [{ do: 'stop', workspace, because: 'Its machine was stopped, though not through Broch.' }];
  }
  if (runs) return [{ do: 'halt', workspace, instance }];
  return state === 'stopped' && isHibernated !== (status === 'hibernated')
    ? [{ do: 'settle', workspace, instance, hibernated: isHibernated }]
    : [];
}

function repairMachine(machine: WorkspaceMachine, workspace: Workspace | undefined, now: string): Repair[] {
  if (Date.parse(now) - Date.parse(machine.launchedAt) < SETTLING_MINUTES * 60_000) return [];
  const { id: instance, workspace: name } = machine;
  if (!workspace) return [{ do: 'report', workspace: name, instance }];
  // Its workflow removes the machines of a deletion.
  if (workspace.status === 'deleting' || workspace.status === 'requested') return [];
  const current = 'instanceId' in workspace ? workspace.instanceId : undefined;
  return current === instance ? [] : [{ do: 'terminate', workspace: name, instance }];
}
