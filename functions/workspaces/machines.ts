import {
  type _InstanceType,
  CreateSnapshotCommand,
  DeleteSnapshotCommand,
  DescribeInstancesCommand,
  DescribeSnapshotsCommand,
  EC2Client,
  type Instance,
  ModifyInstanceAttributeCommand,
  type Snapshot,
  StopInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import type { ChangeStep, ObservedWorkspace } from './change.ts';
import { workspaceProviders } from './kinds.ts';
import type { ChangingWorkspace } from './life.ts';

const client = new EC2Client({ retryMode: 'adaptive', maxAttempts: 5 });

const tagOf = ({ Tags = [] }: Instance | Snapshot, name: string) => Tags.find(({ Key }) => Key === name)?.Value;
const byWorkspace = (id: string) => ({ Name: 'tag:broch:workspace', Values: [id] });

interface MachineRecords {
  readonly instances: readonly Instance[];
  readonly snapshots: readonly Snapshot[];
}

async function readRecords(id: string): Promise<MachineRecords> {
  const states = ['pending', 'running', 'shutting-down', 'stopping', 'stopped'];
  const { Reservations = [] } = await client.send(
    new DescribeInstancesCommand({ Filters: [byWorkspace(id), { Name: 'instance-state-name', Values: states }] }),
  );
  const { Snapshots = [] } = await client.send(
    new DescribeSnapshotsCommand({ OwnerIds: ['self'], Filters: [byWorkspace(id)] }),
  );
  return { instances: Reservations.flatMap(({ Instances = [] }) => Instances), snapshots: Snapshots };
}

const machineIdOf = (workspace: ChangingWorkspace): string | undefined =>
  workspace.status === 'deleting' ? workspace.lastInstance : workspace.instanceId;

/** Reads what EC2 has of a workspace. */
export async function observeWorkspace(workspace: ChangingWorkspace): Promise<ObservedWorkspace> {
  const { instances, snapshots } = await readRecords(workspace.id);
  const id = machineIdOf(workspace);
  const machine = instances.find(({ InstanceId }) => InstanceId === id);
  const snapshot = snapshots.find(candidate => tagOf(candidate, 'broch:attempt') === String(workspace.attempt));
  const idsOf = (list: readonly Snapshot[]) => list.flatMap(({ SnapshotId }) => SnapshotId ?? []);
  return {
    machine: machine && { state: machine.State?.Name ?? 'unknown', type: machine.InstanceType ?? '' },
    strays: instances.flatMap(({ InstanceId, State }) =>
      InstanceId && InstanceId !== id && State?.Name !== 'shutting-down' ? [InstanceId] : [],
    ),
    snapshot: snapshot?.SnapshotId ? { id: snapshot.SnapshotId, complete: snapshot.State === 'completed' } : undefined,
    oldSnapshots: idsOf(snapshots.filter(candidate => candidate !== snapshot)),
  };
}

/** The snapshot has the tags of its machine, so that it is billed to the project and found again. */
async function createHomeSnapshot(workspace: ChangingWorkspace): Promise<void> {
  const { instances } = await readRecords(workspace.id);
  const machine = instances.find(({ InstanceId }) => InstanceId === machineIdOf(workspace));
  const { homeDevice } = workspaceProviders[workspace.kind];
  const disk = machine?.BlockDeviceMappings?.find(({ DeviceName }) => DeviceName === homeDevice);
  if (!disk?.Ebs?.VolumeId) throw new Error(`${workspace.id} has no disk ${homeDevice}`);
  const machineTags = (machine?.Tags ?? []).filter(
    ({ Key = '' }) => Key !== 'broch:attempt' && !Key.startsWith('aws:'),
  );
  const Tags = [...machineTags, { Key: 'broch:attempt', Value: String(workspace.attempt) }];
  await client.send(
    new CreateSnapshotCommand({
      VolumeId: disk.Ebs.VolumeId,
      Description: `The home of ${workspace.id}`,
      TagSpecifications: [{ ResourceType: 'snapshot', Tags }],
    }),
  );
}

const isAbsent = (error: unknown): boolean => error instanceof Error && /\.NotFound$/.test(error.name);

/** Does a step. What is gone already counts as done. */
export async function performChangeStep(workspace: ChangingWorkspace, step: ChangeStep): Promise<void> {
  const id = machineIdOf(workspace) ?? '';
  switch (step.do) {
    case 'stop':
      await client.send(new StopInstancesCommand({ InstanceIds: [id] }));
      return;
    case 'modify':
      await client.send(
        new ModifyInstanceAttributeCommand({ InstanceId: id, InstanceType: { Value: step.type as _InstanceType } }),
      );
      return;
    case 'snapshot':
      return createHomeSnapshot(workspace);
    case 'terminate':
      await client.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
      return;
    case 'clear':
      if (step.machines.length > 0)
        await client.send(new TerminateInstancesCommand({ InstanceIds: [...step.machines] }));
      for (const SnapshotId of step.snapshots)
        await client.send(new DeleteSnapshotCommand({ SnapshotId })).catch(error => {
          if (!isAbsent(error)) throw error;
        });
  }
}
