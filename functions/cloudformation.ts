import {
  CloudFormationClient,
  CloudFormationServiceException,
  CreateStackCommand,
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

/** A stack of one project, from a template that is deployed with Broch. */
interface ProjectStack {
  readonly name: string;
  readonly environment: string;
  readonly project: string;
  readonly templateUrl: string;
  /** The role with which CloudFormation builds the stack. */
  readonly serviceRole: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** What creates or updates the stack. The tags reach all that it creates. */
export const describeProjectStack = (stack: ProjectStack) => ({
  StackName: stack.name,
  TemplateURL: stack.templateUrl,
  RoleARN: stack.serviceRole,
  Parameters: Object.entries(stack.parameters).map(([ParameterKey, ParameterValue]) => ({
    ParameterKey,
    ParameterValue,
  })),
  Tags: [
    { Key: 'broch:environment', Value: stack.environment },
    { Key: 'broch:project', Value: stack.project },
  ],
});

/** Starts to create a stack that stays as long as its project or queue. `token` is the same for the same attempt. */
export async function createProjectStack(stack: ProjectStack, token: string): Promise<void> {
  try {
    await cloudFormation.send(
      new CreateStackCommand({
        ...describeProjectStack(stack),
        ClientRequestToken: token,
        Capabilities: ['CAPABILITY_NAMED_IAM'],
        // Shorter than the workflows' timeouts, so that CloudFormation itself rolls back a stack that it cannot finish,
        // including buckets and keys (RetainExceptOnCreate).
        TimeoutInMinutes: 25,
        OnFailure: 'ROLLBACK',
      }),
    );
  } catch (error) {
    // An earlier call created it, but its answer was lost.
    if (!isCloudFormationError(error, 'AlreadyExistsException')) throw error;
  }
}
