import { CreateTagsCommand, DescribeVolumesCommand, type EC2Client } from '@aws-sdk/client-ec2';
import { workspaceProviders } from './kinds.ts';

/** AWS Backup takes snapshots of the disks with this tag. A launch cannot tag only one of its disks, so the sweep does. */
export const BACKUP_TAG = 'broch:backup';
export const BACKUP_VALUE = 'home';

const homeDevices: readonly string[] = [
  ...new Set(Object.values(workspaceProviders).map(({ homeDevice }) => homeDevice)),
];

/** Gives the homes of a project's workspaces the tag for AWS Backup. Returns how many did not have it. */
export async function nameHomes(client: EC2Client, environment: string, project: string): Promise<number> {
  const homes: string[] = [];
  for (let next: string | undefined, page = 0; page < 50; page++) {
    const { Volumes = [], NextToken } = await client.send(
      new DescribeVolumesCommand({
        Filters: [
          { Name: 'tag:broch:environment', Values: [environment] },
          { Name: 'tag:broch:project', Values: [project] },
          { Name: 'attachment.device', Values: [...homeDevices] },
        ],
        MaxResults: 500,
        NextToken: next,
      }),
    );
    const fresh = Volumes.filter(({ Tags = [] }) => !Tags.some(({ Key }) => Key === BACKUP_TAG));
    homes.push(...fresh.flatMap(({ VolumeId }) => VolumeId ?? []));
    if (!NextToken) break;
    next = NextToken;
  }
  // EC2 tags at most 1000 resources in a call.
  for (let first = 0; first < homes.length; first += 500)
    await client.send(
      new CreateTagsCommand({
        Resources: homes.slice(first, first + 500),
        Tags: [{ Key: BACKUP_TAG, Value: BACKUP_VALUE }],
      }),
    );
  return homes.length;
}
