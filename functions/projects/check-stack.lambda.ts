import { DescribeEventsCommand, DescribeStackEventsCommand, type Stack } from '@aws-sdk/client-cloudformation';
import * as z from 'zod';
import { cloudFormation, describeStack } from '../cloudformation.ts';
import { stepHandler } from '../handler.ts';
import { projectStackName } from '../names.ts';
import { classifyStackStatus, findFirstFailure, type StackEvent } from '../stack-state.ts';
import { ProjectId, ProjectNetwork } from './schemas.ts';

export const env = z.object({ ENVIRONMENT: z.string() });
const { ENVIRONMENT } = env.parse(process.env);

const Input = z.object({ project: ProjectId });
type Outcome =
  | { status: 'building' }
  | { status: 'built'; network: ProjectNetwork }
  | { status: 'failed'; reason: string };

/** Reports the state of the project's stack, with its outputs or the reason of its failure. */
export const handler = stepHandler(Input, async ({ project }): Promise<Outcome> => {
  const name = projectStackName(ENVIRONMENT, project);
  const stack = await describeStack(name);
  switch (classifyStackStatus(stack?.StackStatus)) {
    case 'building':
      return { status: 'building' };
    case 'built':
      return { status: 'built', network: networkOf(stack) };
    case 'none':
      return {
        status: 'failed',
        reason: `The stack ${name} was deleted while it was being created. Retry the project.`,
      };
    default: {
      const reason = findFirstFailure(await eventsOf(name)) ?? (await explainValidation(name));
      return {
        status: 'failed',
        reason: reason ?? `The stack ${name} failed: ${stack?.StackStatusReason ?? 'CloudFormation gave no reason'}`,
      };
    }
  }
});

function networkOf(stack: Stack | undefined): ProjectNetwork {
  const output = (key: string) => stack?.Outputs?.find(({ OutputKey }) => OutputKey === key)?.OutputValue;
  return ProjectNetwork.parse({
    stackId: stack?.StackId,
    vpcId: output('VpcId'),
    subnetIds: output('SubnetIds')?.split(','),
    securityGroupId: output('SecurityGroupId'),
    endpointSecurityGroupId: output('EndpointSecurityGroupId'),
    bucket: output('Bucket'),
    keyArn: output('KeyArn'),
    instanceProfile: output('InstanceProfile'),
    instanceRole: output('InstanceRole'),
    datasets: {
      accessPoint: output('AccessPoint'),
      alias: output('AccessPointAlias'),
      role: output('InstanceRoleArn'),
    },
  });
}

/** The events, newest first. A stack of this template has at most about two hundred; later pages add nothing. */
async function eventsOf(name: string): Promise<StackEvent[]> {
  const events: StackEvent[] = [];
  let next: string | undefined;
  for (let page = 0; page < 10; page += 1) {
    const { StackEvents = [], NextToken } = await cloudFormation.send(
      new DescribeStackEventsCommand({ StackName: name, NextToken: next }),
    );
    for (const event of StackEvents)
      events.push({
        resource: event.LogicalResourceId ?? '',
        type: event.ResourceType ?? '',
        status: event.ResourceStatus ?? '',
        reason: event.ResourceStatusReason,
      });
    if (!NextToken) break;
    next = NextToken;
  }
  return events;
}

/** The error that CloudFormation found before creating anything, such as a name in use. The stack's events lack it. */
async function explainValidation(name: string): Promise<string | undefined> {
  const { OperationEvents = [] } = await cloudFormation.send(
    new DescribeEventsCommand({ StackName: name, Filters: { FailedEvents: true } }),
  );
  const failure = OperationEvents.find(({ ValidationStatusReason }) => ValidationStatusReason);
  return (
    failure &&
    `${failure.LogicalResourceId} (${failure.ResourceType}) cannot be created: ${failure.ValidationStatusReason}`
  );
}
