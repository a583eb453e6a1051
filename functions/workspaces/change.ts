import { isChangingWorkspace } from './life.ts';
import type { Workspace } from './schemas.ts';

/** What EC2 has of a workspace. */
export interface ObservedWorkspace {
  /** The machine of the row; undefined if it is terminated or was never there. */
  readonly machine?:
    | { readonly state: string; readonly type: string; readonly hibernated?: boolean | undefined }
    | undefined;
  /** Machines of the workspace that the row does not know. */
  readonly strays: readonly string[];
  /** The snapshot of the home that this attempt made. */
  readonly snapshot?: { readonly id: string; readonly complete: boolean } | undefined;
  /** Snapshots of the home that the workspace does not need any more. */
  readonly oldSnapshots: readonly string[];
  /** Snapshots that the owner took. They are deleted only with the workspace. */
  readonly keptSnapshots: readonly string[];
  /** The disks of a workspace that is being restored or deleted. */
  readonly disks?: ObservedDisks | undefined;
}

export interface ObservedDisks {
  /** The disk that this attempt made from the snapshot. */
  readonly restored?:
    | { readonly id: string; readonly state: string; readonly attached: boolean; readonly endsWithMachine: boolean }
    | undefined;
  /** The disk that the machine has as its home, unless it is the restored one. */
  readonly current?: { readonly id: string; readonly state: string } | undefined;
  /** Disks of the workspace that no machine has, except the restored one. */
  readonly loose: readonly string[];
}

/** The next thing to do for a change of a workspace. Each may happen twice. */
export type ChangeStep =
  | { do: 'wait' }
  | { do: 'stop' }
  /** Asks for hibernation. If EC2 refuses, the machine is stopped. */
  | { do: 'hibernate' }
  /** A hibernated machine can only be started. */
  | { do: 'start' }
  | { do: 'modify'; type: string }
  | { do: 'snapshot' }
  | { do: 'createDisk'; snapshot: string }
  | { do: 'detach'; disk: string }
  | { do: 'attach'; disk: string }
  | { do: 'bind'; disk: string }
  | { do: 'terminate' }
  | { do: 'clear'; machines: readonly string[]; snapshots: readonly string[]; disks: readonly string[] }
  | { do: 'finish'; home?: string; hibernated?: boolean }
  | { do: 'lost' };

/** What brings EC2 nearer to what the workspace's status says. `types` are those of its size. */
export function planChange(
  workspace: Workspace,
  observed: ObservedWorkspace,
  types: readonly string[],
): ChangeStep | undefined {
  if (!isChangingWorkspace(workspace)) return undefined;
  switch (workspace.status) {
    case 'stopping':
      return workspace.keepsMemory ? planHibernation(observed) : whenStopped(observed, () => ({ do: 'finish' }));
    case 'resizing':
      return whenStopped(observed, type =>
        types.includes(type) || types[0] === undefined ? { do: 'finish' } : { do: 'modify', type: types[0] },
      );
    case 'restoring':
      return whenStopped(observed, () => planRestore(observed, workspace.snapshot));
    case 'archiving':
      return planArchive(observed);
    case 'deleting':
      return planDeletion(observed);
  }
}

function planHibernation({ machine }: ObservedWorkspace): ChangeStep {
  if (!machine) return { do: 'lost' };
  if (machine.state === 'stopped') return { do: 'finish', hibernated: machine.hibernated === true };
  return { do: machine.state === 'running' ? 'hibernate' : 'wait' };
}

/**
 * A machine must be stopped before its type or its disks can be touched. EC2 ends a hibernation only by a start. It stops no
 * machine that has not run yet.
 */
function whenStopped({ machine }: ObservedWorkspace, next: (type: string) => ChangeStep): ChangeStep {
  if (!machine) return { do: 'lost' };
  if (machine.state === 'stopped') return machine.hibernated ? { do: 'start' } : next(machine.type);
  return { do: machine.state === 'running' ? 'stop' : 'wait' };
}

/** The snapshot is complete before the machine and its disks go. */
function planArchive(observed: ObservedWorkspace): ChangeStep {
  const { machine, snapshot, oldSnapshots } = observed;
  if (!snapshot) return machine ? whenStopped(observed, () => ({ do: 'snapshot' })) : { do: 'lost' };
  if (!snapshot.complete) return { do: 'wait' };
  if (machine) return machine.state === 'shutting-down' ? { do: 'wait' } : { do: 'terminate' };
  if (oldSnapshots.length > 0) return { do: 'clear', machines: [], snapshots: oldSnapshots, disks: [] };
  return { do: 'finish', home: snapshot.id };
}

/** The earlier disk is deleted only after the machine has the restored one. */
function planRestore({ disks }: ObservedWorkspace, snapshot: string): ChangeStep {
  const { restored, current, loose = [] } = disks ?? {};
  if (!restored) return { do: 'createDisk', snapshot };
  if (!restored.attached) {
    if (restored.state !== 'available') return { do: 'wait' };
    if (current) return current.state === 'attached' ? { do: 'detach', disk: current.id } : { do: 'wait' };
    return { do: 'attach', disk: restored.id };
  }
  if (restored.state !== 'in-use') return { do: 'wait' };
  if (!restored.endsWithMachine) return { do: 'bind', disk: restored.id };
  return loose.length > 0 ? { do: 'clear', machines: [], snapshots: [], disks: loose } : { do: 'finish' };
}

function planDeletion(observed: ObservedWorkspace): ChangeStep {
  const { machine, strays, snapshot, oldSnapshots, keptSnapshots, disks: { loose } = { loose: [] } } = observed;
  if (machine) return machine.state === 'shutting-down' ? { do: 'wait' } : { do: 'terminate' };
  const snapshots = [...oldSnapshots, ...keptSnapshots, ...(snapshot ? [snapshot.id] : [])];
  return strays.length + snapshots.length + loose.length > 0
    ? { do: 'clear', machines: strays, snapshots, disks: loose }
    : { do: 'finish' };
}
