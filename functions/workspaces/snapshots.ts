import {
  CreateSnapshotCommand,
  DeleteSnapshotCommand,
  DescribeSnapshotsCommand,
  DescribeVolumesCommand,
  type EC2Client,
  type Snapshot,
  type Tag,
} from '@aws-sdk/client-ec2';
import { Refused } from '../refused.ts';
import { MAX_SNAPSHOTS } from './homes.ts';
import { workspaceProviders } from './kinds.ts';
import type { HomeSnapshot, WorkspaceIn } from './schemas.ts';

interface Tagged {
  readonly Tags?: Tag[] | undefined;
}

export const tagOf = ({ Tags = [] }: Tagged, name: string) => Tags.find(({ Key }) => Key === name)?.Value;
export const byWorkspace = (id: string) => ({ Name: 'tag:broch:workspace', Values: [id] });

/** The tag of a snapshot that the owner took. Its value is the mark of the call. */
const OWNER_TAG = 'broch:snapshot';
/** The tag of a snapshot that AWS Backup took. Only AWS Backup can delete it. */
const BACKUP_TAG = 'aws:backup:source-resource';
/** Tags that belong to one machine, attempt or snapshot, so that nothing inherits them. */
const passingTags = ['broch:attempt', 'broch:restored', OWNER_TAG];

export const isOwnersSnapshot = (snapshot: Snapshot): boolean => tagOf(snapshot, OWNER_TAG) !== undefined;
const isBackup = (snapshot: Snapshot): boolean => tagOf(snapshot, BACKUP_TAG) !== undefined;

/** The tags that a snapshot or a disk inherits, so that AWS bills it to the project and Broch finds it again. */
export const homeTags = ({ Tags = [] }: Tagged): Tag[] =>
  Tags.filter(({ Key = '' }) => !passingTags.includes(Key) && !Key.startsWith('aws:'));

async function readSnapshots(client: EC2Client, workspace: string): Promise<Snapshot[]> {
  const { Snapshots = [] } = await client.send(
    new DescribeSnapshotsCommand({ OwnerIds: ['self'], Filters: [byWorkspace(workspace)] }),
  );
  return Snapshots;
}

/** The snapshots of a workspace's home that Broch made, and therefore may delete. */
export const listSnapshots = async (client: EC2Client, workspace: string): Promise<Snapshot[]> =>
  (await readSnapshots(client, workspace)).filter(snapshot => !isBackup(snapshot));

const toHomeSnapshot = (snapshot: Snapshot): HomeSnapshot => ({
  id: snapshot.SnapshotId ?? '',
  takenAt: (snapshot.StartTime ?? new Date(0)).toISOString(),
  madeBy: isBackup(snapshot) ? 'backup' : isOwnersSnapshot(snapshot) ? 'owner' : 'archive',
  complete: snapshot.State === 'completed',
});

/** A resource that no longer exists counts as deleted. */
export const ignoreAbsent = (error: unknown): void => {
  if (!(error instanceof Error && /\.NotFound$/.test(error.name))) throw error;
};

const byAge = (first: HomeSnapshot, second: HomeSnapshot) => (first.takenAt < second.takenAt ? 1 : -1);

/** All snapshots of a workspace's home, the newest first. */
export const listHomeSnapshots = async (client: EC2Client, workspace: string): Promise<HomeSnapshot[]> =>
  (await readSnapshots(client, workspace)).map(toHomeSnapshot).toSorted(byAge);

/** Takes a snapshot of the home. A repeated call finds the snapshot of the first call by its mark. */
export async function keepHome(
  client: EC2Client,
  { id, kind, instanceId }: WorkspaceIn<'ready' | 'stopped'>,
  mark: string,
): Promise<HomeSnapshot> {
  const snapshots = await listSnapshots(client, id);
  const earlier = mark && snapshots.find(snapshot => tagOf(snapshot, OWNER_TAG) === mark);
  if (earlier) return toHomeSnapshot(earlier);
  const Filters = [byWorkspace(id), { Name: 'attachment.instance-id', Values: [instanceId] }];
  const { Volumes = [] } = await client.send(new DescribeVolumesCommand({ Filters }));
  const { homeDevice } = workspaceProviders[kind];
  const disk = Volumes.find(({ Attachments = [] }) => Attachments.some(({ Device }) => Device === homeDevice));
  if (!disk?.VolumeId) throw new Error(`${id} has no disk ${homeDevice}`);
  const snapshot = await client.send(
    new CreateSnapshotCommand({
      VolumeId: disk.VolumeId,
      Description: `The home of ${id}, kept by its owner`,
      TagSpecifications: [
        { ResourceType: 'snapshot', Tags: [...homeTags(disk), { Key: OWNER_TAG, Value: mark || 'kept' }] },
      ],
    }),
  );
  const ownSnapshots = snapshots.filter(isOwnersSnapshot).map(toHomeSnapshot).toSorted(byAge);
  for (const { id: SnapshotId } of ownSnapshots.slice(MAX_SNAPSHOTS - 1))
    await client.send(new DeleteSnapshotCommand({ SnapshotId })).catch(ignoreAbsent);
  return toHomeSnapshot({ ...snapshot, Tags: [{ Key: OWNER_TAG, Value: mark || 'kept' }] });
}

/** Refuses a snapshot from which the workspace cannot be restored. */
export async function requireSnapshot(client: EC2Client, workspace: string, id: string): Promise<void> {
  const snapshots = await listHomeSnapshots(client, workspace);
  const snapshot = snapshots.find(candidate => candidate.id === id);
  const remedy = 'List the snapshots: broch workspace snapshots';
  if (!snapshot) throw new Refused('missing', `${workspace} has no snapshot ${id}. ${remedy}.`);
  if (!snapshot.complete)
    throw new Refused('conflict', `The snapshot ${id} is not complete yet. Try again later. ${remedy}.`);
}
