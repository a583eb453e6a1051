import { CreateTagsCommand, DescribeVolumesCommand, type EC2Client } from '@aws-sdk/client-ec2';
import { workspaceProviders } from './kinds.ts';

/** The disks with this tag are those that AWS Backup takes snapshots of. A launch cannot give it to one disk alone. */
export const BACKUP_TAG = 'broch:backup';
export const BACKUP_VALUE = 'home';

const homeDevices: readonly string[] = [
  ...new Set(Object.values(workspaceProviders).map(({ homeDevice }) => homeDevice)),
];

/** Names the homes of a project's workspaces to AWS Backup. Returns how many were new. */
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
