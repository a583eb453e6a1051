import {
  CloudFormationClient,
  CloudFormationServiceException,
  DescribeStacksCommand,
  type Stack,
} from '@aws-sdk/client-cloudformation';

export const client = new CloudFormationClient({});

/** The stack, or undefined where there is none (any more). */
export async function describeStack(name: string): Promise<Stack | undefined> {
  try {
    const { Stacks } = await client.send(new DescribeStacksCommand({ StackName: name }));
    return Stacks?.[0];
  } catch (error) {
    // CloudFormation has no error of its own for this.
    if (isError(error, 'ValidationError') && error.message.includes('does not exist')) return undefined;
    throw error;
  }
}

export const isError = (error: unknown, name: string): error is CloudFormationServiceException =>
  error instanceof CloudFormationServiceException && error.name === name;

/** One network stack for each project of an environment. */
export const stackName = (environment: string, project: string): string =>
  `broch-${environment}-project-${project}-network`;
