import {
  CloudFormationClient,
  CloudFormationServiceException,
  DescribeStacksCommand,
  type Stack,
} from '@aws-sdk/client-cloudformation';

export const cloudFormation = new CloudFormationClient({});

/** The stack, or undefined if it does not exist. */
export async function describeStack(name: string): Promise<Stack | undefined> {
  try {
    const { Stacks } = await cloudFormation.send(new DescribeStacksCommand({ StackName: name }));
    return Stacks?.[0];
  } catch (error) {
    // CloudFormation has no specific error for this.
    if (isCloudFormationError(error, 'ValidationError') && error.message.includes('does not exist')) return undefined;
    throw error;
  }
}

export const isCloudFormationError = (error: unknown, name: string): error is CloudFormationServiceException =>
  error instanceof CloudFormationServiceException && error.name === name;
