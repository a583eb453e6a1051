import { DeleteStackCommand } from '@aws-sdk/client-cloudformation';
import * as z from 'zod';
import { cloudFormation, createProjectStack, describeStack, isCloudFormationError } from '../cloudformation.ts';
import { stepHandler } from '../handler.ts';
import { projectStackName } from '../names.ts';
import { classifyStackStatus } from '../stack-state.ts';
import { ProjectId } from './schemas.ts';

export const env = z.object({
  ENVIRONMENT: z.string(),
  TEMPLATE_URL: z.string(),
  SERVICE_ROLE: z.string(),
  ACCESS_LOGS: z.string(),
  LAKE: z.string(),
  LAKE_KEY: z.string(),
});
const { ENVIRONMENT, TEMPLATE_URL, SERVICE_ROLE, ACCESS_LOGS, LAKE, LAKE_KEY } = env.parse(process.env);

const Input = z.object({
  project: ProjectId,
  attempt: z.number().int(),
  cidr: z.string(),
  subnets: z.tuple([z.string(), z.string()]),
  /** The prefix list of the gateway endpoint. CloudFormation cannot look it up. */
  prefixLists: z.object({ s3: z.string() }),
  /** The zones of the two subnets. */
  zones: z.tuple([z.string(), z.string()]),
});
type Outcome = { status: 'building' | 'clearing' } | { status: 'refused'; reason: string };

/** CloudFormation errors that a retry cannot fix. */
const refusals = ['ValidationError', 'LimitExceededException', 'InsufficientCapabilitiesException'];

/**
 * Creates the project's stack, or continues with one that an earlier attempt built for the same block. Other remains of
 * earlier attempts are deleted first (`clearing`: the workflow calls again).
 */
export const handler = stepHandler(
  Input,
  async ({
    project,
    attempt,
    cidr,
    subnets: [blockA, blockB],
    prefixLists,
    zones: [zoneA, zoneB],
  }): Promise<Outcome> => {
    const name = projectStackName(ENVIRONMENT, project);
    const parameters = {
      Project: project,
      Attempt: String(attempt),
      Cidr: cidr,
      BlockA: blockA,
      BlockB: blockB,
      ZoneA: zoneA,
      ZoneB: zoneB,
      S3PrefixList: prefixLists.s3,
      AccessLogs: ACCESS_LOGS,
      Lake: LAKE,
      LakeKey: LAKE_KEY,
    };
    const stack = await describeStack(name);
    const stage = classifyStackStatus(stack?.StackStatus);
    if (stage === 'leaving') return { status: 'clearing' };
    const hasBlock = stack?.Parameters?.find(({ ParameterKey }) => ParameterKey === 'Cidr')?.ParameterValue === cidr;
    if (hasBlock && (stage === 'building' || stage === 'built')) return { status: 'building' };
    if (stage !== 'none') {
      await cloudFormation.send(new DeleteStackCommand({ StackName: name }));
      return { status: 'clearing' };
    }
    const place = { environment: ENVIRONMENT, project, templateUrl: TEMPLATE_URL, serviceRole: SERVICE_ROLE };
    try {
      await createProjectStack({ name, ...place, parameters }, `${project}-${attempt}`);
    } catch (error) {
      if (refusals.some(refusal => isCloudFormationError(error, refusal)))
        return { status: 'refused', reason: (error as Error).message };
      throw error;
    }
    return { status: 'building' };
  },
);
