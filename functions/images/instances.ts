import { DescribeInstancesCommand, EC2Client } from '@aws-sdk/client-ec2';

const client = new EC2Client({ retryMode: 'adaptive', maxAttempts: 5 });

/** The machines that started from an image and are not terminated, stopped ones included. */
export async function findInstances(ami: string): Promise<string[]> {
  const ids: string[] = [];
  let next: string | undefined;
  do {
    const { Reservations = [], NextToken } = await client.send(
      new DescribeInstancesCommand({
        Filters: [
          { Name: 'image-id', Values: [ami] },
          { Name: 'instance-state-name', Values: ['pending', 'running', 'stopping', 'stopped'] },
        ],
        NextToken: next,
      }),
    );
    ids.push(...Reservations.flatMap(({ Instances = [] }) => Instances.flatMap(({ InstanceId }) => InstanceId ?? [])));
    next = NextToken;
  } while (next);
  return ids;
}
