import { DeleteStackCommand } from '@aws-sdk/client-cloudformation';
import * as z from 'zod';
import { cloudFormation, describeStack } from '../cloudformation.ts';
import { stepHandler } from '../handler.ts';
import { projectStackName } from '../names.ts';
import { classifyStackStatus } from '../stack-state.ts';
import { isCurrentAttempt } from './projects.ts';
import { ProjectId } from './schemas.ts';
import { readProject } from './store.ts';

export const env = z.object({ TABLE_NAME: z.string(), ENVIRONMENT: z.string() });
const { TABLE_NAME, ENVIRONMENT } = env.parse(process.env);

const Input = z.object({ project: ProjectId, attempt: z.number().int() });

/** Deletes the project's stack step by step; returns `gone` when nothing is left. */
export const handler = stepHandler(Input, async ({ project, attempt }): Promise<{ status: string }> => {
  // The stack of a ready project, or of a later attempt, must not be deleted by this one.
  const row = await readProject(TABLE_NAME, project);
  if (row?.status === 'ready' && row.attempt === attempt) return { status: 'ready' };
  if (!isCurrentAttempt(row, attempt)) return { status: 'overtaken' };
  const StackName = projectStackName(ENVIRONMENT, project);
  const stage = classifyStackStatus((await describeStack(StackName))?.StackStatus);
  if (stage === 'none') return { status: 'gone' };
  if (stage !== 'leaving') await cloudFormation.send(new DeleteStackCommand({ StackName }));
  return { status: 'leaving' };
});
