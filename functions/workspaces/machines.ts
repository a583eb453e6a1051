import {
  type _InstanceType,
  AttachVolumeCommand,
  CreateSnapshotCommand,
  CreateVolumeCommand,
  DeleteSnapshotCommand,
  DeleteVolumeCommand,
  DescribeInstancesCommand,
  DescribeVolumesCommand,
  DetachVolumeCommand,
  EC2Client,
  type Instance,
  ModifyInstanceAttributeCommand,
  type Snapshot,
  StartInstancesCommand,
  StopInstancesCommand,
  type Tag,
  TerminateInstancesCommand,
  type Volume,
} from '@aws-sdk/client-ec2';
import type { ChangeStep, ObservedDisks, ObservedWorkspace } from './change.ts';
import { hibernateInstance, isHibernated } from './hibernation.ts';
import { workspaceProviders } from './kinds.ts';
import type { ChangingWorkspace } from './life.ts';
import { byWorkspace, homeTags, ignoreAbsent, isOwnersSnapshot, listSnapshots, tagOf } from './snapshots.ts';

const client = new EC2Client({ retryMode: 'adaptive', maxAttempts: 5 });

interface MachineRecords {
  readonly instances: readonly Instance[];
  readonly snapshots: readonly Snapshot[];
}

async function readRecords(id: string): Promise<MachineRecords> {
  const states = ['pending', 'running', 'shutting-down', 'stopping', 'stopped'];
  const { Reservations = [] } = await client.send(
    new DescribeInstancesCommand({ Filters: [byWorkspace(id), { Name: 'instance-state-name', Values: states }] }),
  );
  const instances = Reservations.flatMap(({ Instances = [] }) => Instances);
  return { instances, snapshots: await listSnapshots(client, id) };
}

const machineIdOf = (workspace: ChangingWorkspace): string | undefined =>
  workspace.status === 'deleting' ? workspace.lastInstance : workspace.instanceId;

/**
 * The snapshot that this archive made. An attempt that continues it may find no machine any more, and the home nowhere but in
 * the snapshot of an earlier attempt.
 */
function findArchive(workspace: ChangingWorkspace, snapshots: readonly Snapshot[]): Snapshot | undefined {
  const { attempt } = workspace;
  const first = workspace.status === 'archiving' ? (workspace.firstAttempt ?? attempt) : attempt;
  return snapshots.find(candidate => {
    const maker = Number(tagOf(candidate, 'broch:attempt'));
    return maker >= first && maker <= attempt && candidate.State !== 'error';
  });
}

/** Reads what EC2 has of a workspace. */
export async function observeWorkspace(workspace: ChangingWorkspace): Promise<ObservedWorkspace> {
  const { instances, snapshots } = await readRecords(workspace.id);
  const id = machineIdOf(workspace);
  const machine = instances.find(({ InstanceId }) => InstanceId === id);
  const keptSnapshots = snapshots.filter(isOwnersSnapshot);
  const archiveSnapshots = snapshots.filter(candidate => !isOwnersSnapshot(candidate));
  const snapshot = findArchive(workspace, archiveSnapshots);
  const idsOf = (list: readonly Snapshot[]) => list.flatMap(({ SnapshotId }) => SnapshotId ?? []);
  return {
    machine: machine && {
      state: machine.State?.Name ?? 'unknown',
      type: machine.InstanceType ?? '',
      hibernated: isHibernated(machine),
    },
    strays: instances.flatMap(({ InstanceId, State }) =>
      InstanceId && InstanceId !== id && State?.Name !== 'shutting-down' ? [InstanceId] : [],
    ),
    snapshot: snapshot?.SnapshotId ? { id: snapshot.SnapshotId, complete: snapshot.State === 'completed' } : undefined,
    oldSnapshots: idsOf(archiveSnapshots.filter(candidate => candidate !== snapshot)),
    keptSnapshots: idsOf(keptSnapshots),
    disks: ['restoring', 'deleting'].includes(workspace.status) ? await observeDisks(workspace) : undefined,
  };
}

async function observeDisks({ id, kind, attempt }: ChangingWorkspace): Promise<ObservedDisks> {
  const { Volumes = [] } = await client.send(new DescribeVolumesCommand({ Filters: [byWorkspace(id)] }));
  const { homeDevice } = workspaceProviders[kind];
  const restored = Volumes.find(volume => tagOf(volume, RESTORED_TAG) === String(attempt));
  const attachmentOf = ({ Attachments = [] }: Volume) => Attachments[0];
  const current = Volumes.find(volume => volume !== restored && attachmentOf(volume)?.Device === homeDevice);
  return {
    restored: restored?.VolumeId
      ? {
          id: restored.VolumeId,
          state: restored.State ?? 'unknown',
          attached: attachmentOf(restored)?.State === 'attached',
          endsWithMachine: attachmentOf(restored)?.DeleteOnTermination === true,
        }
      : undefined,
    current: current?.VolumeId ? { id: current.VolumeId, state: attachmentOf(current)?.State ?? 'unknown' } : undefined,
    loose: Volumes.flatMap(volume =>
      volume !== restored && volume.VolumeId && volume.State === 'available' ? [volume.VolumeId] : [],
    ),
  };
}

/** The tag of a disk that was made from a snapshot. Its value is the attempt that made it. */
const RESTORED_TAG = 'broch:restored';

async function findMachine(workspace: ChangingWorkspace): Promise<Instance> {
  const { instances } = await readRecords(workspace.id);
  const machine = instances.find(({ InstanceId }) => InstanceId === machineIdOf(workspace));
  if (!machine) throw new Error(`${workspace.id} has no machine`);
  return machine;
}

const attemptTag = ({ attempt }: ChangingWorkspace): Tag => ({ Key: 'broch:attempt', Value: String(attempt) });

/** The snapshot has the tags of its machine, so that it is billed to the project and found again. */
async function createHomeSnapshot(workspace: ChangingWorkspace): Promise<void> {
  const machine = await findMachine(workspace);
  const { homeDevice } = workspaceProviders[workspace.kind];
  const disk = machine.BlockDeviceMappings?.find(({ DeviceName }) => DeviceName === homeDevice);
  if (!disk?.Ebs?.VolumeId) throw new Error(`${workspace.id} has no disk ${homeDevice}`);
  const Tags = [...homeTags(machine), attemptTag(workspace)];
  await client.send(
    new CreateSnapshotCommand({
      VolumeId: disk.Ebs.VolumeId,
      Description: `The home of ${workspace.id}`,
      TagSpecifications: [{ ResourceType: 'snapshot', Tags }],
    }),
  );
}

/** Makes a disk from a snapshot, in the zone of the machine. It has the key of the snapshot, which is the project's. */
async function createDisk(workspace: ChangingWorkspace, snapshot: string): Promise<void> {
  const machine = await findMachine(workspace);
  const restoredTag = { Key: RESTORED_TAG, Value: String(workspace.attempt) };
  await client.send(
    new CreateVolumeCommand({
      ClientToken: `${workspace.id}-${workspace.attempt}`,
      AvailabilityZone: machine.Placement?.AvailabilityZone,
      SnapshotId: snapshot,
      VolumeType: 'gp3',
      TagSpecifications: [{ ResourceType: 'volume', Tags: [...homeTags(machine), attemptTag(workspace), restoredTag] }],
    }),
  );
}

/** Makes EC2 delete the disk with its machine, as it would the disk of the launch. */
const bindDisk = (workspace: ChangingWorkspace, VolumeId: string) =>
  client.send(
    new ModifyInstanceAttributeCommand({
      InstanceId: machineIdOf(workspace),
      BlockDeviceMappings: [
        { DeviceName: workspaceProviders[workspace.kind].homeDevice, Ebs: { VolumeId, DeleteOnTermination: true } },
      ],
    }),
  );

/** Does a step. What is gone already counts as done. */
export async function performChangeStep(workspace: ChangingWorkspace, step: ChangeStep): Promise<void> {
  const id = machineIdOf(workspace) ?? '';
  switch (step.do) {
    case 'stop':
      await client.send(new StopInstancesCommand({ InstanceIds: [id] }));
      return;
    case 'hibernate':
      return hibernateInstance(client, id);
    case 'start':
      await client.send(new StartInstancesCommand({ InstanceIds: [id] }));
      return;
    case 'modify':
      await client.send(
        new ModifyInstanceAttributeCommand({ InstanceId: id, InstanceType: { Value: step.type as _InstanceType } }),
      );
      return;
    case 'snapshot':
      return createHomeSnapshot(workspace);
    case 'createDisk':
      return createDisk(workspace, step.snapshot);
    case 'detach':
      await client.send(new DetachVolumeCommand({ VolumeId: step.disk, InstanceId: id }));
      return;
    case 'attach': {
      const { homeDevice } = workspaceProviders[workspace.kind];
      await client.send(new AttachVolumeCommand({ VolumeId: step.disk, InstanceId: id, Device: homeDevice }));
      return;
    }
    case 'bind':
      await bindDisk(workspace, step.disk);
      return;
    case 'terminate':
      await client.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
      return;
    case 'clear':
      return clear(step);
  }
}

async function clear({ machines, snapshots, disks }: Extract<ChangeStep, { do: 'clear' }>): Promise<void> {
  if (machines.length > 0) await client.send(new TerminateInstancesCommand({ InstanceIds: [...machines] }));
  for (const SnapshotId of snapshots) await client.send(new DeleteSnapshotCommand({ SnapshotId })).catch(ignoreAbsent);
  for (const VolumeId of disks) await client.send(new DeleteVolumeCommand({ VolumeId })).catch(ignoreAbsent);
}
