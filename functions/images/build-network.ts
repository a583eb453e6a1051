import { BatchGetBuildsCommand, CodeBuildClient, ListBuildsForProjectCommand } from '@aws-sdk/client-codebuild';
import {
  DeleteRouteCommand,
  DescribeInstancesCommand,
  DescribeRouteTablesCommand,
  EC2Client,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import * as z from 'zod';

/** Where images are built. Between builds no machine is in the subnet, and its route table has no way out. */
export const BuildNetwork = z.object({
  /** The name of the CodeBuild project. */
  project: z.string(),
  routes: z.string(),
  subnet: z.string(),
});
export type BuildNetwork = z.infer<typeof BuildNetwork>;

/** The way out of the subnet, as lib/image-builder.ts makes it for a build. */
const EVERYWHERE = '0.0.0.0/0';
/** The tag of everything that a build makes: amis/shared/variables.pkr.hcl. */
const RECIPE_TAG = 'broch:recipe';

const builds = new CodeBuildClient({});
const client = new EC2Client({ retryMode: 'adaptive', maxAttempts: 5 });

/** Whether a build runs or waits. One project runs one build at a time, so those that have not ended are the newest. */
async function isBuilding({ project: projectName }: BuildNetwork): Promise<boolean> {
  const { ids = [] } = await builds.send(new ListBuildsForProjectCommand({ projectName, sortOrder: 'DESCENDING' }));
  if (ids.length === 0) return false;
  const { builds: newest = [] } = await builds.send(new BatchGetBuildsCommand({ ids }));
  return newest.some(({ buildStatus: status }) => status === 'IN_PROGRESS');
}

async function closeWayOut({ routes }: BuildNetwork): Promise<string[]> {
  const { RouteTables = [] } = await client.send(new DescribeRouteTablesCommand({ RouteTableIds: [routes] }));
  const isOpen = RouteTables.some(({ Routes = [] }) =>
    Routes.some(({ DestinationCidrBlock: block }) => block === EVERYWHERE),
  );
  if (!isOpen) return [];
  await client.send(new DeleteRouteCommand({ RouteTableId: routes, DestinationCidrBlock: EVERYWHERE }));
  return [`${routes} ${EVERYWHERE}`];
}

async function endMachines({ subnet }: BuildNetwork): Promise<string[]> {
  const { Reservations = [] } = await client.send(
    new DescribeInstancesCommand({
      Filters: [
        { Name: 'subnet-id', Values: [subnet] },
        { Name: 'tag-key', Values: [RECIPE_TAG] },
        { Name: 'instance-state-name', Values: ['pending', 'running', 'stopping', 'stopped'] },
      ],
    }),
  );
  const InstanceIds = Reservations.flatMap(({ Instances = [] }) =>
    Instances.flatMap(({ InstanceId: id, SubnetId: place }) => (id && place === subnet ? [id] : [])),
  );
  if (InstanceIds.length > 0) await client.send(new TerminateInstancesCommand({ InstanceIds }));
  return InstanceIds;
}

/**
 * Removes what a build left that was stopped or ran out of time: its way out, and its machine. Leaves everything alone
 * while a build runs. A build that starts meanwhile makes its way out a minute later, so it loses nothing. Resolves with
 * what was removed.
 */
export async function clearBuildNetwork(network: BuildNetwork): Promise<string[]> {
  if (await isBuilding(network)) return [];
  return [...(await closeWayOut(network)), ...(await endMachines(network))];
}
