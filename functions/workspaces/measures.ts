import { CloudWatchClient, GetMetricStatisticsCommand } from '@aws-sdk/client-cloudwatch';
import { DescribeInstancesCommand, EC2Client, type Instance } from '@aws-sdk/client-ec2';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { ProjectNetwork } from '../projects/schemas.ts';
import { Refused } from '../refused.ts';
import { type ActivityReport, activityKey, parseActivity } from './activity.ts';
import { isHibernated } from './hibernation.ts';
import type { WorkspaceMachine } from './reconcile.ts';
import { MAX_REPORT_BYTES } from './reports.ts';

const [machines, metrics, objects] = [new EC2Client({}), new CloudWatchClient({}), new S3Client({})];

const toMachine = (instance: Instance): WorkspaceMachine => ({
  id: instance.InstanceId ?? '',
  workspace: instance.Tags?.find(({ Key }) => Key === 'broch:workspace')?.Value ?? '',
  state: instance.State?.Name ?? 'unknown',
  hibernated: isHibernated(instance),
  launchedAt: (instance.LaunchTime ?? new Date(0)).toISOString(),
});

/** The machines of a project's workspaces that are not terminated or terminating. */
export async function listMachines(environment: string, project: string): Promise<WorkspaceMachine[]> {
  const list: WorkspaceMachine[] = [];
  for (let next: string | undefined, page = 0; page < 50; page++) {
    const { Reservations = [], NextToken } = await machines.send(
      new DescribeInstancesCommand({
        Filters: [
          { Name: 'tag:broch:environment', Values: [environment] },
          { Name: 'tag:broch:project', Values: [project] },
          { Name: 'tag-key', Values: ['broch:workspace'] },
          { Name: 'instance-state-name', Values: ['pending', 'running', 'stopping', 'stopped'] },
        ],
        MaxResults: 500,
        NextToken: next,
      }),
    );
    list.push(...Reservations.flatMap(({ Instances = [] }) => Instances.map(toMachine)));
    if (!NextToken) break;
    next = NextToken;
  }
  return list.filter(({ workspace }) => workspace !== '');
}

/** The last report of a machine's agent; undefined if there is none that can be read. */
export async function readActivity(
  { bucket, instanceRole }: ProjectNetwork,
  instance: string,
): Promise<ActivityReport | undefined> {
  try {
    const { Body, ContentLength = 0 } = await objects.send(
      new GetObjectCommand({ Bucket: bucket, Key: activityKey(instanceRole, instance) }),
    );
    if (!Body || ContentLength > MAX_REPORT_BYTES) return undefined;
    return parseActivity(await Body.transformToString());
  } catch (error) {
    // People on the desktop could have made it malformed. It counts as none.
    if (error instanceof Refused) return undefined;
    // Without the right to list a bucket, S3 answers 403 for an object that is not there.
    if (error instanceof Error && ['NoSuchKey', 'AccessDenied'].includes(error.name)) return undefined;
    throw error;
  }
}

/** The load of a machine's processors in the last hour, as the hypervisor measured it; undefined without a measurement. */
export async function readCpuPercent(instance: string, now: string): Promise<number | undefined> {
  const { Datapoints = [] } = await metrics.send(
    new GetMetricStatisticsCommand({
      Namespace: 'AWS/EC2',
      MetricName: 'CPUUtilization',
      Dimensions: [{ Name: 'InstanceId', Value: instance }],
      StartTime: new Date(Date.parse(now) - 3_600_000),
      EndTime: new Date(now),
      Period: 300,
      Statistics: ['Average'],
    }),
  );
  const values = Datapoints.flatMap(({ Average }) => Average ?? []);
  return values.length > 0 ? Math.max(...values) : undefined;
}
