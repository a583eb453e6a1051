import { isChangingWorkspace } from './life.ts';
import type { Workspace } from './schemas.ts';

/** What EC2 has of a workspace. */
export interface ObservedWorkspace {
  /** The machine of the row; undefined if it is terminated or was never there. */
  readonly machine?: { readonly state: string; readonly type: string } | undefined;
  /** Machines of the workspace that the row does not know. */
  readonly strays: readonly string[];
  /** The snapshot of the home that this attempt made. */
  readonly snapshot?: { readonly id: string; readonly complete: boolean } | undefined;
  /** Snapshots of the home that the workspace does not need any more. */
  readonly oldSnapshots: readonly string[];
}

/** The next thing to do for a change of a workspace. Each may happen twice. */
export type ChangeStep =
  | { do: 'wait' }
  | { do: 'stop' }
  | { do: 'modify'; type: string }
  | { do: 'snapshot' }
  | { do: 'terminate' }
  | { do: 'clear'; machines: readonly string[]; snapshots: readonly string[] }
  | { do: 'finish'; home?: string }
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
      return whenStopped(observed, () => ({ do: 'finish' }));
    case 'resizing':
      return whenStopped(observed, type =>
        types.includes(type) || types[0] === undefined ? { do: 'finish' } : { do: 'modify', type: types[0] },
      );
    case 'archiving':
      return planArchive(observed);
    case 'deleting':
      return planDeletion(observed);
  }
}

/** A machine must be stopped before its type or its disks can be touched. */
function whenStopped({ machine }: ObservedWorkspace, next: (type: string) => ChangeStep): ChangeStep {
  if (!machine) return { do: 'lost' };
  if (machine.state === 'stopped') return next(machine.type);
  return machine.state === 'stopping' ? { do: 'wait' } : { do: 'stop' };
}

/** The snapshot is complete before the machine and its disks go. */
function planArchive(observed: ObservedWorkspace): ChangeStep {
  const { machine, snapshot, oldSnapshots } = observed;
  if (!snapshot) return machine ? whenStopped(observed, () => ({ do: 'snapshot' })) : { do: 'lost' };
  if (!snapshot.complete) return { do: 'wait' };
  if (machine) return machine.state === 'shutting-down' ? { do: 'wait' } : { do: 'terminate' };
  if (oldSnapshots.length > 0) return { do: 'clear', machines: [], snapshots: oldSnapshots };
  return { do: 'finish', home: snapshot.id };
}

function planDeletion({ machine, strays, snapshot, oldSnapshots }: ObservedWorkspace): ChangeStep {
  if (machine) return machine.state === 'shutting-down' ? { do: 'wait' } : { do: 'terminate' };
  const snapshots = [...oldSnapshots, ...(snapshot ? [snapshot.id] : [])];
  return strays.length + snapshots.length > 0 ? { do: 'clear', machines: strays, snapshots } : { do: 'finish' };
}
