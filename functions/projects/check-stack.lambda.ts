import { DescribeEventsCommand, DescribeStackEventsCommand, type Stack } from '@aws-sdk/client-cloudformation';
import * as z from 'zod';
import { stepHandler } from '../handler.ts';
import { cloudFormation, describeStack } from './cloudformation.ts';
import { projectStackName } from './names.ts';
import { ProjectId, ProjectNetwork } from './schemas.ts';
import { classifyStackStatus, findFirstFailure, type StackEvent } from './stack.ts';

export const env = z.object({ ENVIRONMENT: z.string() });
const { ENVIRONMENT } = env.parse(process.env);

const Input = z.object({ project: ProjectId });
type Outcome =
  | { status: 'building' }
  | { status: 'built'; network: ProjectNetwork }
  | { status: 'failed'; reason: string };

/** Says how far the project's stack is, and what it put out or why it failed. */
export const handler = stepHandler(Input, async ({ project }): Promise<Outcome> => {
  const name = projectStackName(ENVIRONMENT, project);
  const stack = await describeStack(name);
  switch (classifyStackStatus(stack?.StackStatus)) {
    case 'building':
      return { status: 'building' };
    case 'built':
      return { status: 'built', network: networkOf(stack) };
    case 'none':
      return { status: 'failed', reason: `The stack ${name} is gone: somebody deleted it while it was made.` };
    default: {
      const reason = findFirstFailure(await eventsOf(name)) ?? (await invalid(name));
      return {
        status: 'failed',
        reason: reason ?? `The stack ${name} failed: ${stack?.StackStatusReason ?? 'no reason'}`,
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
  });
}

/** All events, newest first. A stack of this template has a hundred or two; what is beyond that says nothing new. */
async function eventsOf(name: string): Promise<StackEvent[]> {
  const events: StackEvent[] = [];
  let next: string | undefined;
  for (let page = 0; page < 10; page += 1) {
    const { StackEvents = [], NextToken } = await cloudFormation.send(
      new DescribeStackEventsCommand({ StackName: name, NextToken: next }),
    );
    for (const of of StackEvents)
      events.push({
        resource: of.LogicalResourceId ?? '',
        type: of.ResourceType ?? '',
        status: of.ResourceStatus ?? '',
        reason: of.ResourceStatusReason,
      });
    if (!NextToken) break;
    next = NextToken;
  }
  return events;
}

/** What CloudFormation found before it made anything, such as a name that is taken: not among the stack's events. */
async function invalid(name: string): Promise<string | undefined> {
  const { OperationEvents = [] } = await cloudFormation.send(
    new DescribeEventsCommand({ StackName: name, Filters: { FailedEvents: true } }),
  );
  const found = OperationEvents.find(({ ValidationStatusReason }) => ValidationStatusReason);
  return found && `${found.LogicalResourceId} (${found.ResourceType}) can't be made: ${found.ValidationStatusReason}`;
}
