import { CreateStackCommand, DeleteStackCommand } from '@aws-sdk/client-cloudformation';
import * as z from 'zod';
import { stepHandler } from '../handler.ts';
import { cloudFormation, describeStack, isCloudFormationError } from './cloudformation.ts';
import { projectStackName } from './names.ts';
import { ProjectId } from './schemas.ts';
import { classifyStackStatus } from './stack.ts';

export const env = z.object({
  ENVIRONMENT: z.string(),
  TEMPLATE_URL: z.string(),
  SERVICE_ROLE: z.string(),
  ACCESS_LOGS: z.string(),
});
const { ENVIRONMENT, TEMPLATE_URL, SERVICE_ROLE, ACCESS_LOGS } = env.parse(process.env);

const Input = z.object({
  project: ProjectId,
  attempt: z.number().int(),
  cidr: z.string(),
  subnets: z.tuple([z.string(), z.string()]),
  /** The prefix list of the gateway endpoint. CloudFormation cannot look it up. */
  prefixLists: z.object({ s3: z.string() }),
});
type Outcome = { status: 'building' | 'clearing' } | { status: 'refused'; reason: string };

/** What CloudFormation says when trying again would not help. */
const refusals = ['ValidationError', 'LimitExceededException', 'InsufficientCapabilitiesException'];

/**
 * Finds or begins the project's stack. What an earlier attempt left in the way is deleted first (`clearing`: ask again);
 * what it built of the same block is taken over.
 */
export const handler = stepHandler(
  Input,
  async ({ project, attempt, cidr, subnets: [blockA, blockB], prefixLists }): Promise<Outcome> => {
    const name = projectStackName(ENVIRONMENT, project);
    const wanted = {
      Project: project,
      Cidr: cidr,
      BlockA: blockA,
      BlockB: blockB,
      S3PrefixList: prefixLists.s3,
      AccessLogs: ACCESS_LOGS,
    };
    const found = await describeStack(name);
    const stands = classifyStackStatus(found?.StackStatus);
    if (stands === 'leaving') return { status: 'clearing' };
    const same = found?.Parameters?.find(({ ParameterKey }) => ParameterKey === 'Cidr')?.ParameterValue === cidr;
    if (same && (stands === 'building' || stands === 'built')) return { status: 'building' };
    if (stands !== 'none') {
      await cloudFormation.send(new DeleteStackCommand({ StackName: name }));
      return { status: 'clearing' };
    }
    try {
      await cloudFormation.send(
        new CreateStackCommand({
          StackName: name,
          ClientRequestToken: `${project}-${attempt}`,
          TemplateURL: TEMPLATE_URL,
          RoleARN: SERVICE_ROLE,
          Capabilities: ['CAPABILITY_NAMED_IAM'],
          Parameters: Object.entries(wanted).map(([ParameterKey, ParameterValue]) => ({
            ParameterKey,
            ParameterValue,
          })),
          Tags: [
            { Key: 'broch:environment', Value: ENVIRONMENT },
            { Key: 'broch:project', Value: project },
          ],
          // Below the workflow's own patience, so that CloudFormation takes down by itself what it can't finish, and the
          // bucket and the key (RetainExceptOnCreate) with it.
          TimeoutInMinutes: 25,
          OnFailure: 'ROLLBACK',
        }),
      );
    } catch (error) {
      // Begun by a call before this one, of which nobody heard.
      if (isCloudFormationError(error, 'AlreadyExistsException')) return { status: 'building' };
      if (refusals.some(refusal => isCloudFormationError(error, refusal)))
        return { status: 'refused', reason: (error as Error).message };
      throw error;
    }
    return { status: 'building' };
  },
);
