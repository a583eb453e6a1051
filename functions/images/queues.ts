import { BatchClient, DescribeComputeEnvironmentsCommand } from '@aws-sdk/client-batch';

const client = new BatchClient({ retryMode: 'adaptive', maxAttempts: 5 });

/** The compute environments of job queues that start their machines from an image, also while they have no machine. */
export async function findQueues(ami: string): Promise<string[]> {
  const names: string[] = [];
  let next: string | undefined;
  do {
    const { computeEnvironments = [], nextToken } = await client.send(
      new DescribeComputeEnvironmentsCommand({ nextToken: next }),
    );
    for (const { computeEnvironmentName = '', computeResources } of computeEnvironments)
      if (computeResources?.ec2Configuration?.some(({ imageIdOverride }) => imageIdOverride === ami))
        names.push(computeEnvironmentName);
    next = nextToken;
  } while (next);
  return names;
}
