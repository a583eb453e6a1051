import { DeleteStackCommand } from '@aws-sdk/client-cloudformation';
import * as z from 'zod';
import { step } from '../handler.ts';
import { client, describeStack, stackName } from './cloudformation.ts';
import { isCurrent, ProjectId } from './projects.ts';
import { standing } from './stack.ts';
import { readProject } from './store.ts';

export const env = z.object({ TABLE_NAME: z.string(), ENVIRONMENT: z.string() });
const { TABLE_NAME, ENVIRONMENT } = env.parse(process.env);

const Input = z.object({ project: ProjectId, attempt: z.number().int() });

/** Takes the project's stack down, a step at a time; `gone` when nothing is left of it. */
export const handler = step(Input, async ({ project, attempt }): Promise<{ status: string }> => {
  // What is ready, or a later attempt is building, is not this one's to take down.
  const row = await readProject(TABLE_NAME, project);
  if (row?.status === 'ready' && row.attempt === attempt) return { status: 'ready' };
  if (!isCurrent(row, attempt)) return { status: 'overtaken' };
  const StackName = stackName(ENVIRONMENT, project);
  const stands = standing((await describeStack(StackName))?.StackStatus);
  if (stands === 'none') return { status: 'gone' };
  if (stands !== 'leaving') await client.send(new DeleteStackCommand({ StackName }));
  return { status: 'leaving' };
});
